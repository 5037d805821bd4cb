package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A union is the accepted fixes, merged by object.
type union struct {
	objects  map[harden.Key]*merged
	accepted []*candidate // in the order in which they were accepted
}

// assemble accepts the candidates one by one, most severe first, and leaves out
// what contradicts those before it. When the objects as they will be hold a
// combination that a server refuses, the fix that brings it is left out and the
// rest is put together anew; so it is when another fix of the same finding can
// take the place of one that was not accepted.
func (b *builder) assemble(candidates []*candidate) *union {
	for {
		u := b.unite(candidates)
		again := false
		for _, m := range u.sorted() {
			if c, why := b.culprit(u, m); c != nil && b.reasons[c] == "" {
				b.reasons[c] = why
				again = true
			}
		}
		if again || b.replace(u, candidates) {
			continue
		}
		for _, c := range candidates {
			if !slices.Contains(u.accepted, c) {
				b.leaveOut(c, b.whyNot(u, c))
			}
		}
		return u
	}
}

// replace puts the next best fix of its finding in the place of the first that
// was not accepted. What waits for another finding goes on waiting.
func (b *builder) replace(u *union, candidates []*candidate) bool {
	for i, c := range candidates {
		waits := c.finding.BlockedBy != "" && !u.unblocks(c, candidates)
		if len(c.others) == 0 || waits || slices.Contains(u.accepted, c) {
			continue
		}
		if next := b.next(c, b.whyNot(u, c)); next != nil {
			candidates[i] = next
			return true
		}
		c.others = nil
	}
	return false
}

func (b *builder) unite(candidates []*candidate) *union {
	u := &union{objects: map[harden.Key]*merged{}}
	open := slices.DeleteFunc(slices.Clone(candidates), func(c *candidate) bool { return b.reasons[c] != "" })
	for {
		waiting := open[:0:0]
		before := len(u.accepted)
		for _, c := range open {
			if c.finding.BlockedBy != "" && !u.unblocks(c, candidates) {
				waiting = append(waiting, c)
				continue
			}
			if next, err := b.accept(u, c); err == nil {
				u.accepted = append(u.accepted, c)
				for key, m := range next {
					u.objects[key] = m
				}
			}
		}
		if open = waiting; len(u.accepted) == before || len(open) == 0 {
			return u
		}
	}
}

// accept is the objects of the fix with its changes, or why it does not fit.
// A fix is taken whole or not at all.
func (b *builder) accept(u *union, c *candidate) (map[harden.Key]*merged, error) {
	next := map[harden.Key]*merged{}
	for _, change := range c.changes {
		key := change.Target.Key()
		m := next[key]
		if m == nil {
			m = u.objects[key]
		}
		if m == nil {
			m = &merged{ref: change.Target}
		}
		with, err := m.with(c, change, b.conv)
		if contra := (*contradiction)(nil); errors.As(err, &contra) {
			if who := m.whoTouches(contra.path); who != "" {
				return nil, fmt.Errorf("contradicts %s, which is in the plan: %w", who, err)
			}
			return nil, fmt.Errorf("contradicts itself: %w", err)
		}
		if err != nil {
			return nil, err
		}
		next[key] = with
	}
	return next, nil
}

// unblocks reports whether the fixes that must go before the candidate are in
// the plan: those of the blocking fixer on the same object, for the same
// container unless one of both is about the whole pod.
func (u *union) unblocks(c *candidate, all []*candidate) bool {
	blocks := func(other *candidate) bool { return blocks(other.finding, c.finding) }
	return slices.ContainsFunc(u.accepted, blocks) && !slices.ContainsFunc(all, func(other *candidate) bool {
		return blocks(other) && !slices.Contains(u.accepted, other)
	})
}

func blocks(blocker, f *harden.Finding) bool {
	if blocker.Fixer.ID != f.BlockedBy || blocker.Object.Key() != f.Object.Key() {
		return false
	}
	return blocker.Container == f.Container || blocker.Container.IsZero() || f.Container.IsZero()
}

// whyNot is the reason why the candidate is not among the accepted ones.
func (b *builder) whyNot(u *union, c *candidate) string {
	if why := b.reasons[c]; why != "" {
		return why
	}
	if by := c.finding.BlockedBy; by != "" && !slices.ContainsFunc(u.accepted, func(other *candidate) bool { return blocks(other.finding, c.finding) }) {
		return "blocked by " + by
	}
	if _, err := b.accept(u, c); err != nil {
		return err.Error()
	}
	return "blocked by " + c.finding.BlockedBy
}

// culprit is the accepted fix that brings a combination that would be refused:
// the least severe one without which the combination is gone.
func (b *builder) culprit(u *union, m *merged) (*candidate, string) {
	before := b.object(m.ref).before
	if before == nil {
		return nil, ""
	}
	after, err := Project(before, m.set, m.remove, b.conv)
	if err != nil {
		return m.fixes[len(m.fixes)-1], err.Error()
	}
	old := refusals(before)
	for _, r := range refusals(after) {
		if isAmong(r, old) {
			continue
		}
		var blamed []*candidate
		for _, c := range slices.Backward(m.fixes) {
			if slices.ContainsFunc(r.paths, func(p harden.Path) bool { return touchesAny(c.paths, p) }) {
				blamed = append(blamed, c)
			}
		}
		for _, c := range blamed {
			if !b.refusedWithout(u, c, m.ref, r) {
				return c, r.why
			}
		}
		if len(blamed) > 0 {
			return blamed[0], r.why
		}
	}
	return nil, ""
}

func isAmong(r refusal, all []refusal) bool {
	return slices.ContainsFunc(all, func(other refusal) bool { return other.why == r.why })
}

// refusedWithout reports whether the refusal stays when the fix is left out.
func (b *builder) refusedWithout(u *union, c *candidate, ref harden.Ref, r refusal) bool {
	rest := b.unite(slices.DeleteFunc(slices.Clone(u.accepted), func(other *candidate) bool { return other == c }))
	m := rest.objects[ref.Key()]
	if m == nil {
		return false
	}
	after, err := Project(b.object(ref).before, m.set, m.remove, b.conv)
	return err == nil && isAmong(r, refusals(after))
}

func (u *union) sorted() []*merged {
	var all []*merged
	for _, m := range u.objects {
		all = append(all, m)
	}
	slices.SortFunc(all, func(x, y *merged) int { return compareRefs(x.ref, y.ref) })
	return all
}
