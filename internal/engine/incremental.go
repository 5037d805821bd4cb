package engine

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Incremental runs an Engine over one inventory after the other. It keeps what
// the last run found and asks a rule again only where something that it reads is
// another; what it returns is what Engine.Run would. It is safe for use by several
// goroutines. Findings that it returned are shared with later results.
type Incremental struct {
	*Engine
	mu   sync.Mutex
	last memory
}

// Run is Engine.Run at the cost of what differs from the inventory of the last Run.
func (i *Incremental) Run(inv *harden.Inventory) *harden.Result {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.Engine.run(inv, &i.last)
}

// A memory is what is kept of a run.
type memory struct {
	inv        *harden.Inventory // nil: there was no run
	suite      *suiteIndex
	index      map[*harden.Fixer]int
	workloads  []*cell // as in the inventory
	namespaces map[string]*cell
	accounts   map[types.NamespacedName]*cell
	policies   map[string][]*cell           // by namespace, as in the inventory
	others     map[schema.GroupKind][]*cell // as in the inventory, without those that are no subjects
	cluster    *cell
	counts     []harden.Counts   // by fixer
	findings   []*harden.Finding // before Settle; the list is not changed, but replaced
	tick       time.Time         // from when on some rule may say something else; zero: never
}

func newMemory(e *Engine) memory {
	m := memory{
		suite: e.bySubject(), index: map[*harden.Fixer]int{}, namespaces: map[string]*cell{}, accounts: map[types.NamespacedName]*cell{},
		policies: map[string][]*cell{}, others: map[schema.GroupKind][]*cell{}, counts: make([]harden.Counts, len(e.Suite)),
	}
	for i, f := range e.Suite {
		m.index[f] = i
	}
	return m
}

func (e *Engine) run(inv *harden.Inventory, m *memory) *harden.Result {
	inv = inv.Fresh() // what fixers derive from it is kept with the result
	r := &run{engine: e, inv: inv, memory: m, changed: between(m.inv, inv)}
	if r.changed.all {
		*m = newMemory(e)
	} else {
		inv.Inherit(m.inv, r.changed.any)
		r.readClock()
		r.affected()
	}
	m.inv = inv
	r.plan()
	r.work()
	return r.result()
}

// result makes a result of the memory, whose list it does not share.
func (r *run) result() *harden.Result {
	m := r.memory
	res := &harden.Result{Inventory: r.inv, Findings: slices.Clone(m.findings), Counts: make(map[string]harden.Counts, len(r.engine.Suite))}
	for i, f := range r.engine.Suite {
		res.Counts[f.ID] = m.counts[i]
	}
	r.engine.countUnread(r.inv, res)
	if r.engine.Settle == nil {
		return res
	}
	r.engine.Settle(res)
	res.Findings = settled(m.findings, res.Findings)
	return res
}
