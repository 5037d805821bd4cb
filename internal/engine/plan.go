package engine

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A run brings a memory up to date.
type run struct {
	engine  *Engine
	inv     *harden.Inventory
	memory  *memory
	changed *changes
	late    bool // a rule may say something else because of the time
	back    bool // the clock was set back

	// Fixers, by index, that have to be asked again: anywhere, and in some namespaces.
	anywhere []bool
	within   map[string][]bool
	hit      map[*int]bool // whether anywhere has some of a list of fixers, by the start of the list

	tasks []task
	gone  []*cell
}

// A task makes a cell, perhaps of the old one, which is nil for a new subject.
type task struct {
	old  *cell
	make func(*worker) *cell
	put  func(*cell)
	made *cell
}

// readClock finds out whether the time alone may change something.
func (r *run) readClock() {
	before, now := r.memory.inv.Now, r.inv.Now
	r.back = now.Before(before)
	r.late = r.back || now.After(before) && !r.memory.tick.IsZero() && !now.Before(r.memory.tick)
}

// affected finds the fixers whose parts have changed.
func (r *run) affected() {
	suite := r.engine.Suite
	r.anywhere, r.within, r.hit = make([]bool, len(suite)), map[string][]bool{}, map[*int]bool{}
	for i, f := range suite {
		if f.Reads == nil {
			r.anywhere[i] = len(r.changed.parts) > 0
			continue
		}
		r.anywhere[i] = slices.ContainsFunc(f.Reads.Cluster, r.changed.any) ||
			slices.ContainsFunc(f.Reads.Namespace, func(part schema.GroupKind) bool { return r.changed.parts[part][""] })
	}
	for ns := range r.changed.namespaces() {
		own := slices.Clone(r.anywhere)
		for i, f := range suite {
			own[i] = own[i] || f.Reads != nil && slices.ContainsFunc(f.Reads.Namespace, func(part schema.GroupKind) bool { return r.changed.parts[part][ns] })
		}
		r.within[ns] = own
	}
}

// due are the fixers that have to be asked again about a subject in the namespace,
// and whether they are some of its fixers.
func (r *run) due(namespace string, fixers []int) (only []bool, some bool) {
	if len(fixers) == 0 {
		return nil, false
	}
	if own, ok := r.within[namespace]; ok {
		return own, slices.ContainsFunc(fixers, func(i int) bool { return own[i] })
	}
	some, known := r.hit[&fixers[0]]
	if !known {
		some = slices.ContainsFunc(fixers, func(i int) bool { return r.anywhere[i] })
		r.hit[&fixers[0]] = some
	}
	return r.anywhere, some
}

// plan lists the cells that have to be made.
func (r *run) plan() {
	r.planWorkloads()
	r.planNamespaces()
	r.planAccounts()
	r.planPolicies()
	for kind := range r.memory.others {
		if _, listed := r.inv.Others[kind]; !listed {
			r.gone = append(r.gone, r.memory.others[kind]...)
			delete(r.memory.others, kind)
		}
	}
	for kind, list := range r.inv.Others {
		r.planKind(kind, list)
	}
	r.planCluster()
}

// anew plans a cell that is new, or whose subject is another.
func (r *run) anew(old *cell, subjects func() []subject, put func(*cell)) {
	r.tasks = append(r.tasks, task{old: old, put: put, make: func(w *worker) *cell { return w.whole(subjects()) }})
}

// rests reports whether nothing is to be done for a cell whose subject is as it was.
// Moved says that a workload may stand in another place.
func (r *run) rests(old *cell, namespace string, moved bool) bool {
	_, some := r.due(namespace, old.judged[0].fixers)
	return !some && !moved && (!r.late || len(old.clocks) == 0)
}

// again plans what is to be done for a cell whose subject is as it was.
func (r *run) again(old *cell, namespace string, moved bool, put func(*cell)) {
	if r.rests(old, namespace, moved) {
		return
	}
	only, _ := r.due(namespace, old.judged[0].fixers)
	r.tasks = append(r.tasks, task{old: old, put: put, make: func(w *worker) *cell { return w.again(old, old.subjects(), only, moved) }})
}

func (r *run) planWorkloads() {
	m := r.memory
	moved := slices.ContainsFunc(settingParts, r.changed.any)
	if !r.changed.all && !r.changed.any(harden.PodStatus) { // not one is another
		for i, c := range m.workloads {
			if !r.rests(c, c.workload().Ref.Namespace, moved) {
				r.again(c, c.workload().Ref.Namespace, moved, func(c *cell) { m.workloads[i] = c })
			}
		}
		return
	}
	before, after := m.workloads, r.inv.Workloads
	m.workloads = make([]*cell, len(after))
	for i, now := range after {
		for len(before) > 0 && before[0].workload() != now && harden.CompareWorkloads(before[0].workload(), now) < 0 {
			r.gone, before = append(r.gone, before[0]), before[1:]
		}
		put := func(c *cell) { m.workloads[i] = c }
		subjects := func() []subject { return podSubjects(r.inv, now) }
		if len(before) == 0 || before[0].workload() != now && harden.CompareWorkloads(before[0].workload(), now) != 0 {
			r.anew(nil, subjects, put)
			continue
		}
		old := before[0]
		before = before[1:]
		switch aspects := r.changed.aspects[now]; {
		case old.workload() == now:
			put(old)
			r.again(old, now.Ref.Namespace, moved, put)
		case slices.Contains(aspects, harden.Templates), slices.Contains(aspects, harden.Pods):
			r.anew(old, subjects, put)
		default:
			r.replaced(old, now, moved, put)
		}
	}
	r.gone = append(r.gone, before...)
}

// replaced plans the cell of a workload of whose pods only the status is another.
func (r *run) replaced(old *cell, now *harden.Workload, moved bool, put func(*cell)) {
	only, _ := r.due(now.Ref.Namespace, old.judged[0].fixers)
	only = slices.Clone(only)
	for i, f := range r.engine.Suite {
		only[i] = only[i] || f.Reads == nil || slices.Contains(f.Reads.Own, harden.PodStatus)
	}
	r.tasks = append(r.tasks, task{old: old, put: put, make: func(w *worker) *cell { return w.again(old, podSubjects(r.inv, now), only, moved) }})
}

func (r *run) planNamespaces() {
	m := r.memory
	names := namespaces(r.inv)
	left := maps.Clone(m.namespaces)
	for _, name := range names {
		old := m.namespaces[name]
		delete(left, name)
		put := func(c *cell) { m.namespaces[name] = c }
		if old == nil || old.judged[0].ns != r.inv.Namespaces[name] {
			r.anew(old, func() []subject { return []subject{namespaceSubject(r.inv, name)} }, put)
			continue
		}
		r.again(old, name, false, put)
	}
	for name, old := range left {
		r.gone = append(r.gone, old)
		delete(m.namespaces, name)
	}
}

func (r *run) planAccounts() {
	m := r.memory
	if !r.changed.all && !r.changed.any(harden.KindServiceAccount) {
		for key, c := range m.accounts {
			if !r.rests(c, key.Namespace, false) {
				r.again(c, key.Namespace, false, func(c *cell) { m.accounts[key] = c })
			}
		}
		return
	}
	left := maps.Clone(m.accounts)
	for ns, accounts := range r.inv.ServiceAccounts {
		for name, sa := range accounts {
			key := types.NamespacedName{Namespace: ns, Name: name}
			old := m.accounts[key]
			delete(left, key)
			put := func(c *cell) { m.accounts[key] = c }
			if old == nil || old.judged[0].sa != sa {
				r.anew(old, func() []subject { return []subject{serviceAccountSubject(r.inv, sa)} }, put)
				continue
			}
			r.again(old, ns, false, put)
		}
	}
	for key, old := range left {
		r.gone = append(r.gone, old)
		delete(m.accounts, key)
	}
}

func (r *run) planPolicies() {
	m := r.memory
	for ns, cells := range m.policies {
		if !r.changed.in(harden.KindNetworkPolicy, ns) {
			for i, c := range cells {
				r.again(c, ns, false, func(c *cell) { cells[i] = c })
			}
			continue
		}
		r.gone = append(r.gone, cells...)
		delete(m.policies, ns)
	}
	for ns, list := range r.inv.NetworkPolicies {
		if m.policies[ns] != nil || len(list) == 0 {
			continue
		}
		cells := make([]*cell, len(list))
		m.policies[ns] = cells
		for i, policy := range list {
			r.anew(nil, func() []subject { return []subject{networkPolicySubject(r.inv, policy)} }, func(c *cell) { cells[i] = c })
		}
	}
}

func (r *run) planKind(kind schema.GroupKind, list []*harden.Object) {
	m := r.memory
	before := m.others[kind]
	if !r.changed.all && !r.changed.any(kind) {
		for i, c := range before {
			if !r.rests(c, c.judged[0].object.Namespace, false) {
				r.again(c, c.judged[0].object.Namespace, false, func(c *cell) { before[i] = c })
			}
		}
		return
	}
	if len(m.suite.ofKind(kind)) == 0 {
		return
	}
	var cells []*cell
	for _, o := range list {
		if o.Ref.Namespace == "" && !r.inv.Clusterwide && isCluster(o.Ref) {
			continue
		}
		for len(before) > 0 && harden.CompareObjects(before[0].judged[0].item, o) < 0 {
			r.gone, before = append(r.gone, before[0]), before[1:]
		}
		i := len(cells)
		cells = append(cells, nil)
		put := func(c *cell) { m.others[kind][i] = c }
		var old *cell
		if len(before) > 0 && harden.CompareObjects(before[0].judged[0].item, o) == 0 {
			old, before = before[0], before[1:]
		}
		if old == nil || !sameObject(old.judged[0].item, o) {
			r.anew(old, func() []subject { return []subject{objectSubject(o)} }, put)
			continue
		}
		cells[i] = old
		r.again(old, o.Ref.Namespace, false, put)
	}
	r.gone = append(r.gone, before...)
	m.others[kind] = cells
}

func (r *run) planCluster() {
	m := r.memory
	put := func(c *cell) { m.cluster = c }
	switch is := r.inv.Live() && r.inv.Clusterwide; {
	case is && m.cluster == nil:
		r.anew(nil, func() []subject {
			return []subject{{of: harden.SubjectCluster, object: harden.ClusterRef(r.inv.Cluster)}}
		}, put)
	case is:
		r.again(m.cluster, "", false, put)
	}
}

// work does the tasks and brings counts, findings and the tick up to date.
func (r *run) work() {
	workers := min(runtime.GOMAXPROCS(0), len(r.tasks))
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			w := &worker{run: r}
			w.scratch.Counts = map[string]harden.Counts{}
			// Striding spreads neighbours, which tend to be alike, over the workers.
			for i := n; i < len(r.tasks); i += workers {
				t := &r.tasks[i]
				t.made = t.make(w)
				if t.old != nil && t.made != t.old {
					keep(t.old.findings, t.made.findings)
				}
			}
		})
	}
	wg.Wait()
	m := r.memory
	var gone, come []*harden.Finding
	leave := func(c *cell) {
		c.tally(m.counts, m.index, -1)
		gone = append(gone, c.findings...)
	}
	for _, c := range r.gone {
		leave(c)
	}
	for i := range r.tasks {
		t := &r.tasks[i]
		if t.made == t.old {
			continue
		}
		if t.old != nil {
			leave(t.old)
		}
		t.made.tally(m.counts, m.index, 1)
		come = append(come, t.made.findings...)
		t.put(t.made)
	}
	m.findings = exchanged(m.findings, gone, come)
	r.nextTick()
}

// nextTick finds out when a rule may say something else next.
func (r *run) nextTick() {
	m := r.memory
	if r.changed.all || r.late {
		m.tick = time.Time{}
		m.each(func(c *cell) { m.note(c) })
		return
	}
	for i := range r.tasks {
		m.note(r.tasks[i].made)
	}
}

func (m *memory) note(c *cell) {
	for _, k := range c.clocks {
		if !k.until.IsZero() && (m.tick.IsZero() || k.until.Before(m.tick)) {
			m.tick = k.until
		}
	}
}

func (m *memory) each(visit func(*cell)) {
	for _, lists := range [][][]*cell{{m.workloads}, slices.Collect(maps.Values(m.policies)), slices.Collect(maps.Values(m.others))} {
		for _, list := range lists {
			for _, c := range list {
				visit(c)
			}
		}
	}
	for _, c := range m.namespaces {
		visit(c)
	}
	for _, c := range m.accounts {
		visit(c)
	}
	if m.cluster != nil {
		visit(m.cluster)
	}
}
