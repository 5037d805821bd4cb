package harden

import (
	"fmt"
	"strings"
)

// Severity says how much a finding matters, see Severities for the order.
type Severity int

// Severities, from advice to takeover in one step.
const (
	Info     Severity = iota // advice
	Low                      // hygiene or availability
	Medium                   // removes a layer of defence
	High                     // one more bug away from takeover
	Critical                 // takeover of node or cluster in one step
)

var severityNames = []string{"info", "low", "medium", "high", "critical"}

// Severities lists all severities, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info} }

func (s Severity) String() string { return name(severityNames, int(s)) }

// MarshalText writes the lower-case name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name as ParseSeverity does.
func (s *Severity) UnmarshalText(text []byte) error {
	var err error
	*s, err = ParseSeverity(string(text))
	return err
}

// ParseSeverity reads a name as String writes it; letter case does not matter.
func ParseSeverity(s string) (Severity, error) {
	i, err := parse(severityNames, "severity", s)
	return Severity(i), err
}

// Status is the verdict on one subject.
type Status int

// Statuses. StatusUnknown is never folded into StatusPass: it names what could not be read.
const (
	StatusFail Status = iota
	StatusPass
	StatusUnknown
	StatusNotApplicable
	StatusWaived
	StatusExpected
)

var statusNames = []string{"fail", "pass", "unknown", "notApplicable", "waived", "expected"}

func (s Status) String() string { return name(statusNames, int(s)) }

// MarshalText writes the name.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Lens says which form of a pod a finding was seen on.
type Lens int

// Lenses.
const (
	Declared  Lens = iota // the pod template of the workload, or the manifest
	Effective             // the live Pod, after defaulting and admission
	Injected              // a part of the live Pod that no template declares: a sidecar or an ephemeral container
)

var lensNames = []string{"declared", "effective", "injected"}

func (l Lens) String() string { return name(lensNames, int(l)) }

// MarshalText writes the name.
func (l Lens) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Class says how far a fix may be trusted.
type Class int

// Classes.
const (
	Safe     Class = iota // cannot change what any running or future process may do
	Evidence              // safe, given evidence that was gathered and is shown
	Review                // a person decides; the tool drafts
)

var classNames = []string{"safe", "evidence", "review"}

// Classes lists all classes, most trusted first.
func Classes() []Class { return []Class{Safe, Evidence, Review} }

func (c Class) String() string { return name(classNames, int(c)) }

// MarshalText writes the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ParseClass reads a name as String writes it.
func ParseClass(s string) (Class, error) {
	i, err := parse(classNames, "class", s)
	return Class(i), err
}

// Area groups fixers; each area is a folder under internal/fixers.
type Area string

// Areas.
const (
	AreaPod          Area = "pod"
	AreaImage        Area = "image"
	AreaNetwork      Area = "network"
	AreaIdentity     Area = "identity"
	AreaSecret       Area = "secret"
	AreaExposure     Area = "exposure"
	AreaCloud        Area = "cloud"
	AreaResilience   Area = "resilience"
	AreaNamespace    Area = "namespace"
	AreaControlPlane Area = "controlplane"
	AreaWaiver       Area = "waiver" // in internal/waivers, which reports their findings
	AreaCustom       Area = "custom" // rules of a configuration
)

// Delivery says how a change reaches the object.
type Delivery int

// Deliveries.
const (
	DeliverLive   Delivery = iota // a server-side apply (or create) on the cluster
	DeliverSource                 // a patch for the manifests in Git, Helm or kustomize: a live one would be undone or would hurt its owner
	DeliverManual                 // text only: a person has to do it
)

var deliveryNames = []string{"live", "source", "manual"}

func (d Delivery) String() string { return name(deliveryNames, int(d)) }

// MarshalText writes the name.
func (d Delivery) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("invalid(%d)", i)
	}
	return names[i]
}

func parse(names []string, what, s string) (int, error) {
	for i, n := range names {
		if strings.EqualFold(n, s) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: use one of %s", what, s, strings.Join(names, ", "))
}
