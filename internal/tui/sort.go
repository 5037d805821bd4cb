package tui

import (
	"cmp"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"
)

// sorting is the order of namespaces and workloads, and of findings in one list.
type sorting int

const (
	byDanger sorting = iota
	nameFirst
	mostFirst
	changedFirst
)

var (
	sortNames = [...]string{"worst", "name", "most", "changed"} // as remembered
	sortWords = [...]string{"worst first", "by name", "most first", "last changed first"}
)

// compare orders entries; what is equal stays as it is, worst first.
func (s sorting) compare(a, b *entry) int {
	switch s {
	case nameFirst:
		return cmp.Compare(a.name, b.name)
	case mostFirst:
		return cmp.Compare(b.counts.failures(), a.counts.failures())
	case changedFirst:
		return cmp.Compare(b.gen, a.gen)
	default:
		return 0
	}
}

// sorted are the orders of namespaces and of objects. Namespaces of the system
// stay last, and by name the objects of a namespace stay together.
func (b *builder) sorted() {
	for s := range sortNames {
		by := sorting(s)
		b.spaceOrders[s] = orderOf(b.spaces, func(x, y *entry) int {
			return cmp.Or(boolCompare(x.system, y.system), by.compare(x, y))
		})
		b.objectOrders[s] = orderOf(b.objects, func(x, y *entry) int {
			if by == nameFirst {
				return cmp.Or(cmp.Compare(b.spaces[x.space].name, b.spaces[y.space].name), by.compare(x, y))
			}
			return by.compare(x, y)
		})
	}
}

func orderOf(items []entry, compare func(a, b *entry) int) []int32 {
	order := make([]int32, len(items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return compare(&items[a], &items[b]) })
	return order
}

// rowOrder is an order of findings that was made when it was needed first.
type rowOrder struct {
	x     *index
	group grouping
	sort  sorting
	items []int32
}

// order is the order of the findings by grouping and sorting. Beside the panes of
// namespaces and workloads only the groups of objects follow the sorting.
func (m *Model) order() []int32 {
	b := &m.browse
	if b.sort == byDanger || !b.flat && b.group != byObject {
		return m.x.orders[b.group]
	}
	if o := &b.order; o.x != m.x || o.group != b.group || o.sort != b.sort {
		*o = rowOrder{m.x, b.group, b.sort, m.x.sortRows(b.group, b.sort)}
	}
	return b.order.items
}

func (x *index) sortRows(g grouping, s sorting) []int32 {
	at := make([]int32, len(x.objects))
	for i, o := range x.objectOrders[s] {
		at[o] = int32(i)
	}
	place := func(r *row) int32 { return at[r.object] }
	switch {
	case g == byFixer:
		return x.sortedBy(fixerOf, place, rankOf)
	case g == bySeverity && s == changedFirst:
		return x.sortedBy(x.age(), rankOf, place)
	default:
		return x.sortedBy(place, rankOf, fixerOf)
	}
}

// age tells how many snapshots that changed a row are younger than the one that
// changed this row.
func (x *index) age() func(*row) int32 {
	gens := map[int]int32{}
	for i := range x.rows {
		gens[x.rows[i].gen] = 0
	}
	for i, gen := range slices.Backward(slices.Sorted(maps.Keys(gens))) {
		gens[gen] = int32(len(gens) - 1 - i)
	}
	return func(r *row) int32 { return gens[r.gen] }
}

func (m *Model) resort() tea.Cmd {
	return m.sortBy((m.browse.sort + 1) % sorting(len(sortNames)))
}

func (m *Model) sortBy(s sorting) tea.Cmd {
	m.browse.sort = s
	m.refresh(false)
	return m.say("namespaces and workloads " + sortWords[s])
}
