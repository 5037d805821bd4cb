package harden

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Fixer knows one hardening: how to see that it is missing, and the changes
// that bring it. Its functions are pure: they read what they are given.
type Fixer struct {
	ID       string // kebab-case, stable, at most 45 characters
	Title    string // what is wrong, as a sentence fragment
	Area     Area
	Severity Severity // base; a finding may move it and says why
	Subject  Subject
	Kinds    []schema.GroupKind // what a fixer of SubjectObject judges
	// Off says that the rule is left out unless the settings name it: what it says is advice that many do not want.
	Off bool
	// Doc is markdown: fields, allowed values, why it matters, traps. It feeds
	// `explain` and docs/rules/.
	Doc  string
	Refs []Reference
	// Check reports what is wrong with the subject. It runs on everything, so it is
	// cheap. Nil for SubjectFinding.
	Check func(*Pass)
	// Reads are what Check looks up besides its subject; nil: anything, which is
	// always true and costs a call for every change.
	Reads *Reads
	// Fix proposes ways to repair one finding of Check, best first. It is called
	// only when somebody looks at the finding or plans it. Nil: detection only.
	Fix func(*Pass, *Finding) []Fix
}

// Subject is what one Check call sees.
type Subject int

// Subjects.
const (
	// SubjectPod calls Check once per PodView: for the template of every
	// workload and for the injected parts of its live pods.
	SubjectPod Subject = iota
	// SubjectWorkload calls Check once per workload, with the view of its template.
	SubjectWorkload
	// SubjectNamespace calls Check once per namespace in scope; Pass.Namespace
	// is nil when the Namespace object may not be read or is not in the files.
	SubjectNamespace
	// SubjectServiceAccount calls Check once per ServiceAccount.
	SubjectServiceAccount
	// SubjectNetworkPolicy calls Check once per NetworkPolicy.
	SubjectNetworkPolicy
	// SubjectObject calls Check once per object of the fixer's Kinds. Those without
	// a namespace are judged only where the inventory is Clusterwide.
	SubjectObject
	// SubjectCluster calls Check once for a live cluster, if the inventory is
	// Clusterwide. What it is about is ClusterRef.
	SubjectCluster
	// SubjectFinding is for rules about what became of other findings: their own are
	// reported when a result is settled, and Check is nil. Fix gets the Object and
	// the Workload of its finding.
	SubjectFinding
)

// ClusterRef stands for the cluster as a whole in findings.
func ClusterRef(c Cluster) Ref { return Ref{Kind: "Cluster", Name: cmp.Or(c.Context, "cluster")} }

// A Reference points to a standard or to another tool's rule for the same thing.
type Reference struct {
	Standard string // PSS, CIS, NSA, ATT&CK, Trivy, Kubescape, Kubernetes
	ID       string // such as "restricted: running as non-root", "5.2.7", "T1611", "KSV-0012"
	URL      string // optional
}

// A Pass is one call of a fixer on one subject.
type Pass struct {
	Inventory *Inventory
	Fixer     *Fixer
	Settings  Settings
	Workload  *Workload // for SubjectPod and SubjectWorkload
	Pod       *PodView  // for SubjectPod and SubjectWorkload

	NamespaceName  string            // for SubjectNamespace
	Namespace      *corev1.Namespace // for SubjectNamespace; may be nil
	ServiceAccount *corev1.ServiceAccount
	NetworkPolicy  *networkingv1.NetworkPolicy // for SubjectNetworkPolicy
	Item           *Object                     // for SubjectObject
	Object         Ref                         // what is judged

	Findings      []*Finding
	notApplicable bool
	clock         clock
}

// Report adds a finding; Fixer, Object, Lens and Base are filled in where they
// are zero, and Severity is the fixer's own unless SeverityWhy says why it moved.
func (p *Pass) Report(f Finding) {
	f.Fixer = p.Fixer
	f.Base = p.Fixer.Severity
	if f.SeverityWhy == "" {
		f.Severity = f.Base
	}
	if f.Object == (Ref{}) {
		f.Object = p.Object
	}
	if p.Pod != nil {
		f.Lens = p.Pod.Lens
		f.Workload = p.Workload
	}
	p.Findings = append(p.Findings, &f)
}

// Unknown reports that the subject could not be judged, and why.
func (p *Pass) Unknown(why string) {
	p.Report(Finding{Status: StatusUnknown, Reason: "could not be checked", Detail: why})
}

// Needs reports whether all the kinds could be read in the namespace ("" for what
// has none); where one could not, it reports the subject as unknown.
func (p *Pass) Needs(namespace string, kinds ...schema.GroupKind) bool {
	for _, kind := range kinds {
		known, ok := ObjectKindOf(kind)
		if !ok {
			continue
		}
		if why := p.Inventory.Unreadable(known.Resource(), namespace); why != "" {
			p.Unknown(known.Resource() + " could not be read: " + why)
			return false
		}
	}
	return true
}

// NotApplicable says that the rule has nothing to say about this subject.
func (p *Pass) NotApplicable() { p.notApplicable = true }

// IsNotApplicable reports whether NotApplicable was called.
func (p *Pass) IsNotApplicable() bool { return p.notApplicable }
