// Package engine runs fixers over an inventory. It is pure: the same inventory
// gives the same findings in the same order, whatever the order of its parts.
package engine

import (
	"runtime"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Engine is a suite of fixers with the settings they run under.
type Engine struct {
	Suite    []*harden.Fixer
	Settings harden.Settings
	// Settle decides what becomes of the findings of a run, such as that somebody
	// waived them. It is pure, and may change, add and take away findings and
	// counts. Nil: they stay as they are.
	Settle func(*harden.Result)
}

// Run checks every subject of the inventory with every fixer. Took is left to
// the caller, who has a clock.
func (e *Engine) Run(inv *harden.Inventory) *harden.Result {
	inv = inv.Fresh() // what fixers derive from it is kept with the result
	subjects := e.subjects(inv)
	suite := e.bySubject()
	workers := min(runtime.GOMAXPROCS(0), max(1, len(subjects)))
	parts := make([]part, workers)
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			parts[n].counts = make([]harden.Counts, len(e.Suite))
			// Striding spreads neighbours, which tend to be alike, over the workers.
			for i := n; i < len(subjects); i += workers {
				e.check(inv, subjects[i], suite.of(subjects[i]), &parts[n])
			}
		})
	}
	wg.Wait()

	res := &harden.Result{Inventory: inv, Counts: make(map[string]harden.Counts, len(e.Suite))}
	for _, p := range parts {
		res.Findings = append(res.Findings, p.findings...)
		for i, f := range e.Suite {
			res.Counts[f.ID] = add(res.Counts[f.ID], p.counts[i])
		}
	}
	slices.SortFunc(res.Findings, harden.CompareFindings)
	e.countUnread(inv, res)
	if e.Settle != nil {
		e.Settle(res)
		slices.SortStableFunc(res.Findings, harden.CompareFindings)
	}
	return res
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
		gk := s.item.Ref.GroupVersionKind().GroupKind()
		if gk.Group == harden.ConstraintGroup {
			gk = harden.KindConstraint
		}
		return x.kinds[gk]
	case s.of == harden.SubjectPod && s.view.Lens == harden.Declared:
		return x.pods
	}
	return x.subjects[s.of]
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

type part struct {
	findings []*harden.Finding
	counts   []harden.Counts
}

// check calls the fixers, which are indexes into the suite.
func (e *Engine) check(inv *harden.Inventory, s subject, fixers []int, out *part) {
	all := s.pass(e, inv, nil)
	p := &harden.Pass{} // one for all fixers: none keeps it
	first := len(out.findings)
	for _, i := range fixers {
		f := e.Suite[i]
		found := p.Findings[:0]
		*p = *all
		p.Fixer, p.Findings = f, found
		f.Check(p)
		n := &out.counts[i]
		kept := 0
		for _, finding := range p.Findings {
			if s.view != nil && !s.view.PodLevel && finding.Container.IsZero() {
				continue // the pod itself was judged under the declared lens
			}
			kept++
			out.findings = append(out.findings, finding)
			count(n, finding.Status)
		}
		switch {
		case kept > 0:
		case p.IsNotApplicable():
			n.NotApplicable++
		default:
			n.Pass++
		}
	}
	if s.workload == nil {
		return
	}
	mine := out.findings[first:]
	for _, f := range e.admitted(inv, s, fixers, mine) {
		out.findings = append(out.findings, f)
		count(&out.counts[e.index(f.Fixer)], f.Status)
	}
	if len(out.findings) > first {
		in := settingOf(inv, s.workload)
		for _, f := range out.findings[first:] {
			in.place(f)
		}
	}
}

func (e *Engine) index(f *harden.Fixer) int { return slices.Index(e.Suite, f) }

func count(n *harden.Counts, s harden.Status) {
	switch s {
	case harden.StatusFail:
		n.Fail++
	case harden.StatusPass:
		n.Pass++
	case harden.StatusUnknown:
		n.Unknown++
	case harden.StatusNotApplicable:
		n.NotApplicable++
	case harden.StatusWaived:
		n.Waived++
	case harden.StatusExpected:
		n.Expected++
	}
}

func add(a, b harden.Counts) harden.Counts {
	return harden.Counts{
		Pass: a.Pass + b.Pass, Fail: a.Fail + b.Fail, Unknown: a.Unknown + b.Unknown,
		NotApplicable: a.NotApplicable + b.NotApplicable, Waived: a.Waived + b.Waived, Expected: a.Expected + b.Expected,
	}
}
