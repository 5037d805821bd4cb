package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// entry is a namespace, or an object with findings.
type entry struct {
	id       string
	name     string
	ref      harden.Ref // of objects
	space    int32      // of objects: the namespace
	system   bool       // of namespaces
	counts   counts
	changed  bool // since the snapshot before
	gen      int  // of the snapshot that changed it last; 0: the first
	workload bool // of objects
}

// row is one finding. What lists and counts ask of every row stands in it: a look
// into fifty thousand findings takes longer than a frame may.
type row struct {
	*harden.Finding
	id                       string
	space, object, fixer, at int32
	weight                   weight
	changed                  bool
	gen                      int // of the snapshot that changed it last; 0: the first
}

// index is a snapshot made ready for drawing: built off the update loop, never
// changed afterwards.
type index struct {
	snap    *harden.Snapshot
	spaces  []entry // worst first, those of the system last
	objects []entry // worst first
	rows    []row
	orders  [3][]int32 // rows by grouping
	// spaceOrders and objectOrders are by sorting.
	spaceOrders, objectOrders [len(sortNames)][]int32
	fixers                    []*harden.Fixer
	places                    []string // container names that occur
	byID                      map[string]int32
	total                     counts // without namespaces of the system
	uses                      []*harden.ImageUse
	onlyOne                   bool // one namespace in the scope
	widestSpace               int  // cells of the longest name of a namespace
}

// grouping is how the findings are ordered.
type grouping int

const (
	bySeverity grouping = iota
	byFixer
	byObject
)

var groupingNames = [3]string{"severity", "fixer", "object"}

const clusterSpace = "(cluster)"

func spaceName(r harden.Ref, live bool) string {
	switch {
	case r.Kind == "Namespace" && r.Namespace == "":
		return r.Name
	case r.Namespace != "":
		return r.Namespace
	case live:
		return clusterSpace
	default:
		return "(none)"
	}
}

type builder struct {
	*index
	live     bool
	spaceAt  map[string]int32
	objectAt map[harden.Key]int32
	fixerAt  map[*harden.Fixer]int32
	placeAt  map[string]int32

	prev *index  // what was shown before; nil: nothing
	next int     // the row of prev at which the next finding is looked for
	was  []int32 // by row, the row of prev with the very same finding, or -1
	went []int32 // by object of prev, the object that it is now, or -1 while that was not asked
}

// newIndex reads a snapshot; prev, which may be nil, is what was shown before.
func newIndex(snap *harden.Snapshot, prev *index) *index {
	if snap.Result == nil {
		copied := *snap
		copied.Result = &harden.Result{}
		if prev != nil {
			copied.Result = prev.snap.Result
		}
		snap = &copied
	}
	b := &builder{
		index: &index{snap: snap, byID: make(map[string]int32, len(snap.Findings))}, prev: prev,
		spaceAt: map[string]int32{}, objectAt: map[harden.Key]int32{}, fixerAt: map[*harden.Fixer]int32{}, placeAt: map[string]int32{},
	}
	if inv := snap.Inventory; inv != nil {
		b.live = inv.Live()
		for _, n := range inv.Scope {
			b.spaceOf(n)
		}
		for _, w := range inv.Workloads {
			b.objects[b.objectOf(w.Ref)].workload = true
		}
		b.uses = inv.ImageUses()
	}
	b.rows, b.was = make([]row, 0, len(snap.Findings)), make([]int32, 0, len(snap.Findings))
	if prev != nil {
		b.went = slices.Repeat([]int32{-1}, len(prev.objects))
	}
	for _, f := range snap.Findings {
		b.finding(f)
	}
	b.sort()
	b.mark()
	b.sorted()
	return b.index
}

func (b *builder) spaceOf(name string) int32 {
	i, ok := b.spaceAt[name]
	if !ok {
		i = int32(len(b.spaces))
		b.spaceAt[name] = i
		b.spaces = append(b.spaces, entry{id: "ns:" + name, name: name, system: harden.IsSystemNamespace(name)})
		b.widestSpace = max(b.widestSpace, widthOf(clean(name)))
	}
	return i
}

// objectID is the identity of an object among those of an index.
func objectID(r harden.Ref) string {
	k := r.Key()
	return strings.Join([]string{k.Group, k.Kind, k.Namespace, k.Name, r.Source.String()}, "|")
}

func (b *builder) objectOf(r harden.Ref) int32 {
	k := r.Key()
	i, ok := b.objectAt[k]
	if !ok {
		i = int32(len(b.objects))
		b.objectAt[k] = i
		b.objects = append(b.objects, entry{
			id:   objectID(r),
			name: short(r), ref: r, space: b.spaceOf(spaceName(r, b.live)),
		})
	}
	return i
}

// before finds the row of the index before that holds the very same finding, or
// -1: a snapshot shares what did not change, mostly in the same order. id is that
// of the finding.
func (b *builder) before(f *harden.Finding) (at int32, id string) {
	if b.prev == nil {
		return -1, f.ID()
	}
	if b.next < len(b.prev.rows) && b.prev.rows[b.next].Finding == f {
		at := int32(b.next)
		b.next++
		return at, b.prev.rows[at].id
	}
	id = f.ID()
	at, ok := b.prev.byID[id]
	if !ok {
		return -1, id
	}
	b.next = int(at) + 1
	if b.prev.rows[at].Finding != f {
		return -1, id
	}
	return at, id
}

func (b *builder) finding(f *harden.Finding) {
	at, id := b.before(f)
	b.was = append(b.was, at)
	object := int32(-1)
	if at >= 0 {
		object = b.went[b.prev.rows[at].object]
	}
	if object < 0 {
		ref := f.Object
		if f.Workload != nil {
			ref = f.Workload.Ref
		}
		object = b.objectOf(ref)
	}
	if at >= 0 {
		b.went[b.prev.rows[at].object] = object
	}
	fixer, ok := b.fixerAt[f.Fixer]
	if !ok {
		fixer = int32(len(b.fixers))
		b.fixerAt[f.Fixer] = fixer
		b.fixers = append(b.fixers, f.Fixer)
	}
	place, ok := b.placeAt[f.Container.Name]
	if !ok {
		place = int32(len(b.places))
		b.placeAt[f.Container.Name] = place
		b.places = append(b.places, f.Container.Name)
	}
	r := row{Finding: f, id: id, object: object, space: b.objects[object].space, fixer: fixer, at: place, weight: weightOf(f)}
	b.byID[r.id] = int32(len(b.rows))
	b.rows = append(b.rows, r)
	b.objects[object].counts.add(r.weight)
	b.spaces[r.space].counts.add(r.weight)
	if !b.spaces[r.space].system {
		b.total.add(r.weight)
	}
}

// sort puts namespaces, objects and the three orders of rows in place.
func (b *builder) sort() {
	spaces := permute(b.spaces, func(x, y *entry) int {
		if x.system != y.system {
			if x.system {
				return 1
			}
			return -1
		}
		return cmp.Or(worse(&x.counts, &y.counts), cmp.Compare(x.name, y.name))
	})
	for i := range b.objects {
		b.objects[i].space = spaces[b.objects[i].space]
	}
	objects := permute(b.objects, func(x, y *entry) int {
		return cmp.Or(worse(&x.counts, &y.counts), cmp.Compare(x.space, y.space), cmp.Compare(x.ref.Kind, y.ref.Kind), cmp.Compare(x.id, y.id))
	})
	fixers := permute(b.fixers, func(x, y **harden.Fixer) int {
		return cmp.Or(-cmp.Compare((*x).Severity, (*y).Severity), cmp.Compare((*x).ID, (*y).ID))
	})
	for i := range b.rows {
		r := &b.rows[i]
		r.space, r.object, r.fixer = spaces[r.space], objects[r.object], fixers[r.fixer]
	}
	b.onlyOne = len(b.spaces) == 1
	for g := range b.orders {
		b.orders[g] = b.order(grouping(g))
	}
}

// order sorts the rows by one grouping.
func (b *builder) order(g grouping) []int32 {
	switch g {
	case bySeverity:
		return b.sortedBy(rankOf, fixerOf, ownerOf)
	case byFixer:
		return b.sortedBy(fixerOf, rankOf, ownerOf)
	default:
		return b.sortedBy(ownerOf, rankOf, fixerOf)
	}
}

func rankOf(r *row) int32  { return r.weight.rank() }
func fixerOf(r *row) int32 { return r.fixer }
func ownerOf(r *row) int32 { return r.object }

// sortedBy are the rows by small numbers, the first of them first. These are
// counted: comparing fifty thousand rows takes ten times as long.
func (x *index) sortedBy(keys ...func(*row) int32) []int32 {
	order, next, of := make([]int32, len(x.rows)), make([]int32, len(x.rows)), make([]int32, len(x.rows))
	for i := range order {
		order[i] = int32(i)
	}
	for _, key := range slices.Backward(keys) {
		most := int32(0)
		for i := range x.rows {
			of[i] = key(&x.rows[i])
			most = max(most, of[i])
		}
		places := make([]int32, most+2)
		for _, k := range of {
			places[k+1]++
		}
		for k := range most {
			places[k+1] += places[k]
		}
		for _, at := range order {
			next[places[of[at]]] = at
			places[of[at]]++
		}
		order, next = next, order
	}
	return order
}

// permute sorts items in place and tells where each went.
func permute[T any](items []T, less func(a, b *T) int) []int32 {
	order := make([]int32, len(items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return less(&items[a], &items[b]) })
	sorted := make([]T, len(items))
	went := make([]int32, len(items))
	for to, from := range order {
		sorted[to] = items[from]
		went[from] = int32(to)
	}
	copy(items, sorted)
	return went
}

// mark finds what is different from the index before.
func (b *builder) mark() {
	prev := b.prev
	if prev == nil {
		return
	}
	same := prev.snap.Result == b.snap.Result
	for i := range b.rows {
		r := &b.rows[i]
		if at := b.was[i]; at >= 0 {
			r.gen = prev.rows[at].gen
			continue
		}
		j, ok := prev.byID[r.id]
		r.changed = !ok
		if ok {
			old := &prev.rows[j]
			r.gen = old.gen
			r.changed = !same && (old.Severity != r.Severity || old.Status != r.Status || old.Reason != r.Reason)
		}
		if r.changed {
			r.gen = b.snap.Generation
			b.objects[r.object].changed = true
		}
	}
	before := make(map[string]*entry, len(prev.objects)+len(prev.spaces))
	for _, entries := range [][]entry{prev.objects, prev.spaces} {
		for i := range entries {
			before[entries[i].id] = &entries[i]
		}
	}
	for i := range b.objects {
		o := &b.objects[i]
		old, ok := before[o.id]
		o.changed = o.changed || !ok || old.counts != o.counts
		o.dated(old, b.snap.Generation)
		if o.changed {
			b.spaces[o.space].changed = true
		}
	}
	for i := range b.spaces {
		b.spaces[i].dated(before[b.spaces[i].id], b.snap.Generation)
	}
}

// dated notes which snapshot changed an entry last.
func (e *entry) dated(before *entry, generation int) {
	switch {
	case e.changed:
		e.gen = generation
	case before != nil:
		e.gen = before.gen
	}
}
