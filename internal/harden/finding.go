package harden

import (
	"cmp"
	"strings"
	"time"
)

// A Finding is one thing that is wrong (or could not be judged) on one object.
// It is identified by fixer, object, container and discriminator, never by a
// list index.
type Finding struct {
	Fixer     *Fixer
	Object    Ref
	Workload  *Workload // the workload that the object belongs to; nil for others
	Container ContainerRef
	// Discriminator tells findings of one fixer on one container apart: volume
	// and path, port, env name, grant. Empty when there can be only one.
	Discriminator string
	Field         string // path for people, such as spec.template.spec.containers[web].securityContext.runAsNonRoot
	Lens          Lens
	Status        Status // StatusFail, StatusUnknown, StatusWaived or StatusExpected
	Severity      Severity
	Base          Severity // severity of the fixer
	SeverityWhy   string   // why Severity differs from Base
	Verdict       string   // sub-verdict of the rule, such as contradiction or lowercase; optional
	Reason        string   // short: fits a row
	Detail        string   // long: names values and what they mean
	BlockedBy     string   // id of the fixer that must go first
	Excuse        *Excuse  // why Status is StatusWaived or StatusExpected; nil for others
}

// An Excuse tells why a finding does not count: somebody waived it, or it is
// known that such a workload needs what it has.
type Excuse struct {
	Reason string
	Until  time.Time // the last day on which it holds; zero for what is expected
	By     string    // who decided; optional
	Ticket string    // optional
	Source string    // where it is written: FILE:LINE, an annotation of OBJECT, or the entry of the catalogue
}

// ID is stable across runs on the same cluster (or file name).
func (f *Finding) ID() string {
	gk := f.Object.GroupVersionKind().GroupKind()
	src := ""
	if !f.Object.Source.IsZero() {
		src = f.Object.Source.File
	}
	return strings.Join([]string{f.Fixer.ID, src, gk.String(), f.Object.Namespace, f.Object.Name, f.Container.String(), f.Discriminator}, "|")
}

// WorkloadsOf are the workloads that the findings are about, each once, in
// their order. Nil stays nil, which stands for all where workloads are asked for.
func WorkloadsOf(findings []*Finding) []*Workload {
	if findings == nil {
		return nil
	}
	workloads := []*Workload{}
	seen := map[Key]bool{}
	for _, f := range findings {
		if f.Workload != nil && !seen[f.Workload.Ref.Key()] {
			seen[f.Workload.Ref.Key()] = true
			workloads = append(workloads, f.Workload)
		}
	}
	return workloads
}

// CompareFindings orders findings for people: worst first within one workload
// is left to the views; this is the stable order of output: namespace, kind,
// name, source, severity (worst first), fixer, container, discriminator.
func CompareFindings(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(a.Object.Namespace, b.Object.Namespace),
		cmp.Compare(a.Object.Kind, b.Object.Kind),
		cmp.Compare(a.Object.Name, b.Object.Name),
		cmp.Compare(a.Object.Source.File, b.Object.Source.File),
		cmp.Compare(a.Object.Source.Line, b.Object.Source.Line),
		cmp.Compare(a.Object.Source.Document, b.Object.Source.Document),
		cmp.Compare(a.Object.Source.Item, b.Object.Source.Item),
		cmp.Compare(a.Object.GroupVersionKind().Group, b.Object.GroupVersionKind().Group),
		-cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Fixer.ID, b.Fixer.ID),
		cmp.Compare(a.Container.Kind, b.Container.Kind),
		cmp.Compare(a.Container.Name, b.Container.Name),
		cmp.Compare(a.Discriminator, b.Discriminator),
	)
}

// Result is what a run of the suite over an inventory says.
type Result struct {
	Inventory *Inventory
	Findings  []*Finding        // in the order of CompareFindings
	Counts    map[string]Counts // by fixer id
	Took      time.Duration
}

// Counts are the verdicts of one fixer over all subjects.
type Counts struct {
	Pass, Fail, Unknown, NotApplicable, Waived, Expected int
}

// A Claim is one piece of evidence for or against a fix.
type Claim struct {
	Code   string // as in the catalogue of evidence: E-SPEC, E-LIVE, E-IMG-CONFIG …
	State  ClaimState
	Text   string    // what was looked at and what it showed, or what is missing
	Limits string    // what it does not prove
	Time   time.Time // when it was seen; zero when missing
}

// ClaimState says what a claim does for its fix.
type ClaimState int

// Claim states.
const (
	Holds   ClaimState = iota // speaks for the fix
	Missing                   // nobody looked yet
	Refutes                   // speaks against the fix
)

var claimStateNames = []string{"holds", "missing", "refutes"}

func (s ClaimState) String() string { return name(claimStateNames, int(s)) }

// MarshalText writes the name.
func (s ClaimState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ClassOf is best when every claim holds and Review otherwise: what nobody
// looked at is never called safe.
func ClassOf(best Class, claims ...Claim) Class {
	for _, c := range claims {
		if c.State != Holds {
			return Review
		}
	}
	return best
}
