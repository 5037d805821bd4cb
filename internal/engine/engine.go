// Package engine runs fixers over an inventory. It is pure: the same inventory
// gives the same findings in the same order, whatever the order of its parts.
package engine

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Engine is a suite of fixers with the settings they run under.
type Engine struct {
	Suite    []*harden.Fixer
	Settings harden.Settings
	// Mark decides what becomes of findings by themselves, whatever else is found:
	// such as that they are expected of their workload. It changes the findings of a
	// Result, which are those of one subject. Nil: they stay as they are.
	Mark func(*harden.Result)
	// Settle decides what becomes of the findings of a whole run, such as that
	// somebody waived them. It is pure, and may add and take away findings, put
	// changed copies in their places, and change counts. Nil: they stay as they are.
	Settle func(*harden.Result)
}

// Run checks every subject of the inventory with every fixer. Took is left to
// the caller, who has a clock.
func (e *Engine) Run(inv *harden.Inventory) *harden.Result {
	return e.run(inv, &memory{})
}

// countUnread counts the rules whose objects could not be read: an empty list
// would pass for a clean one.
func (e *Engine) countUnread(inv *harden.Inventory, res *harden.Result) {
	if len(inv.Unread) == 0 {
		return
	}
	unread := map[string]bool{}
	for _, u := range inv.Unread {
		unread[u.Resource] = true
	}
	for _, f := range e.Suite {
		for _, kind := range f.Kinds {
			if k, ok := harden.ObjectKindOf(kind); ok && unread[k.Resource()] {
				n := res.Counts[f.ID]
				n.Unknown++
				res.Counts[f.ID] = n
				break
			}
		}
	}
}

// A suiteIndex tells which fixers of the suite, by index, look at which subjects.
type suiteIndex struct {
	subjects map[harden.Subject][]int
	kinds    map[schema.GroupKind][]int
	pods     []int // those of SubjectPod, and those of SubjectWorkload beside them
}

func (e *Engine) bySubject() *suiteIndex {
	x := &suiteIndex{subjects: map[harden.Subject][]int{}, kinds: map[schema.GroupKind][]int{}}
	for i, f := range e.Suite {
		switch f.Subject {
		case harden.SubjectFinding:
			continue
		case harden.SubjectObject:
			for _, kind := range f.Kinds {
				x.kinds[kind] = append(x.kinds[kind], i)
			}
			continue
		case harden.SubjectPod, harden.SubjectWorkload:
			x.pods = append(x.pods, i)
		}
		x.subjects[f.Subject] = append(x.subjects[f.Subject], i)
	}
	return x
}

func (x *suiteIndex) of(s subject) []int {
	switch {
	case s.of == harden.SubjectObject:
		return x.ofKind(s.item.Ref.GroupVersionKind().GroupKind())
	case s.of == harden.SubjectPod && s.view.Lens == harden.Declared:
		return x.pods
	}
	return x.subjects[s.of]
}

func (x *suiteIndex) ofKind(kind schema.GroupKind) []int {
	if kind.Group == harden.ConstraintGroup {
		kind = harden.KindConstraint
	}
	return x.kinds[kind]
}

// Fixes proposes ways to repair a finding of Run on the same inventory, best first.
func (e *Engine) Fixes(inv *harden.Inventory, f *harden.Finding) []harden.Fix {
	if f.Fixer.Fix == nil || f.Lens == harden.Effective {
		return nil // what admission did no patch of the workload changes
	}
	if f.Fixer.Subject == harden.SubjectFinding {
		return f.Fixer.Fix(subject{object: f.Object, workload: f.Workload}.pass(e, inv, f.Fixer), f)
	}
	for _, s := range harden.Derive(inv, newAsked).subjects(e, inv, f) {
		if s.object.Key() == f.Object.Key() && s.of == f.Fixer.Subject {
			p := s.pass(e, inv, f.Fixer)
			return f.Fixer.Fix(p, f)
		}
	}
	return nil
}

// A subject is one thing that is judged, with what the fixers of its kind need.
type subject struct {
	of       harden.Subject
	object   harden.Ref
	workload *harden.Workload
	view     *harden.PodView
	nsName   string
	ns       *corev1.Namespace
	sa       *corev1.ServiceAccount
	policy   *networkingv1.NetworkPolicy
	item     *harden.Object
}

func (s subject) pass(e *Engine, inv *harden.Inventory, f *harden.Fixer) *harden.Pass {
	return &harden.Pass{
		Inventory: inv, Settings: e.Settings, Fixer: f, Object: s.object,
		Workload: s.workload, Pod: s.view, NamespaceName: s.nsName, Namespace: s.ns, ServiceAccount: s.sa, NetworkPolicy: s.policy, Item: s.item,
	}
}

// count adds by, which may be negative, to the counter of a status.
func count(n *harden.Counts, s harden.Status, by int) {
	switch s {
	case harden.StatusFail:
		n.Fail += by
	case harden.StatusPass:
		n.Pass += by
	case harden.StatusUnknown:
		n.Unknown += by
	case harden.StatusNotApplicable:
		n.NotApplicable += by
	case harden.StatusWaived:
		n.Waived += by
	case harden.StatusExpected:
		n.Expected += by
	}
}
