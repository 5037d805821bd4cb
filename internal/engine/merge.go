package engine

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// keep puts findings of before in the places of those that say the same, so that
// who holds one sees that nothing changed. Both lists are in order.
func keep(before, after []*harden.Finding) {
	used := make(map[*harden.Finding]bool, len(after))
	for i, f := range after {
		for len(before) > 0 && harden.CompareFindings(before[0], f) < 0 {
			before = before[1:]
		}
		for _, old := range before {
			if harden.CompareFindings(old, f) != 0 {
				break
			}
			if !used[old] && (old == f || sameFinding(old, f)) {
				after[i], used[old] = old, true
				break
			}
		}
	}
}

func sameFinding(a, b *harden.Finding) bool {
	x, y := *a, *b
	if x.Excuse != nil && y.Excuse != nil && *x.Excuse == *y.Excuse {
		x.Excuse, y.Excuse = nil, nil
	}
	return x == y
}

// exchanged is an ordered list without what is gone and with what has come, in no
// order. What is in both stays.
func exchanged(list, gone, come []*harden.Finding) []*harden.Finding {
	stays := make(map[*harden.Finding]bool, len(gone))
	for _, f := range gone {
		stays[f] = false
	}
	come = slices.DeleteFunc(come, func(f *harden.Finding) bool {
		_, both := stays[f]
		if both {
			stays[f] = true
		}
		return both
	})
	gone = slices.DeleteFunc(gone, func(f *harden.Finding) bool { return stays[f] })
	if len(gone)+len(come) == 0 {
		return list
	}
	places := make([]int, 0, len(gone))
	for _, f := range gone {
		i, _ := slices.BinarySearchFunc(list, f, harden.CompareFindings)
		for list[i] != f {
			i++
		}
		places = append(places, i)
	}
	slices.Sort(places)
	left := make([]*harden.Finding, 0, len(list)+len(come))
	from := 0
	for _, i := range places {
		left = append(left, list[from:i]...)
		from = i + 1
	}
	return inserted(append(left, list[from:]...), come)
}

// inserted is an ordered list with more, which is in no order.
func inserted(list, more []*harden.Finding) []*harden.Finding {
	if len(more) == 0 {
		return list
	}
	slices.SortFunc(more, harden.CompareFindings)
	if len(list) == 0 {
		return more
	}
	out := make([]*harden.Finding, 0, len(list)+len(more))
	for _, f := range more {
		i, _ := slices.BinarySearchFunc(list, f, harden.CompareFindings)
		for i < len(list) && harden.CompareFindings(list[i], f) == 0 {
			i++
		}
		out = append(append(out, list[:i]...), f)
		list = list[i:]
	}
	return append(out, list...)
}

// settled puts findings in order again. Before is the ordered list that Settle
// got a copy of; most of it is still there.
func settled(before, after []*harden.Finding) []*harden.Finding {
	ordered := len(after) >= len(before)
	for i := 0; ordered && i < len(before); i++ {
		ordered = after[i] == before[i] || harden.CompareFindings(before[i], after[i]) == 0
	}
	if !ordered {
		slices.SortStableFunc(after, harden.CompareFindings)
		return after
	}
	return inserted(after[:len(before)], slices.Clone(after[len(before):]))
}
