package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// markable tells why a finding cannot be marked, or "".
func (m *Model) markable(f *harden.Finding, id string) string {
	switch {
	case f.Status != harden.StatusFail:
		return "this finding is " + f.Status.String() + ": there is nothing to fix"
	case f.Fixer.Fix == nil:
		return f.Fixer.ID + " only detects: no fix is offered"
	case m.classOf(id) == "none":
		return "no fix is offered for this finding"
	}
	return ""
}

func (m *Model) toggleMark() tea.Cmd {
	m.flip(m.current().id)
	if m.browse.focus == levelFinds {
		return m.step(1)
	}
	return nil
}

// markAll marks what may be trusted of the findings in view. Classes that are
// not known yet are asked for first.
func (m *Model) markAll() tea.Cmd {
	var all, ids []string
	var findings []*harden.Finding
	for _, at := range m.browse.findRows.items {
		if at < 0 {
			continue
		}
		r := &m.x.rows[at]
		if r.Status != harden.StatusFail || r.Fixer.Fix == nil {
			continue
		}
		all = append(all, r.id)
		if m.classOf(r.id) == "" {
			findings, ids = append(findings, r.Finding), append(ids, r.id)
		}
	}
	if len(ids) == 0 {
		return m.markTrusted(all)
	}
	m.class.marking = true
	return m.classify(findings, ids, all, false)
}

func (m *Model) markTrusted(ids []string) tea.Cmd {
	marked, review := 0, 0
	for _, id := range ids {
		switch m.classOf(id) {
		case harden.Safe.String(), harden.Evidence.String():
			m.marks[id] = true
			marked++
		case harden.Review.String():
			review++
		}
	}
	switch {
	case marked == 0 && review > 0:
		return m.say("nothing here is safe to fix unseen: " + plural(review, "fix needs", "fixes need") + " your review (space marks one)")
	case marked == 0:
		return m.say("nothing here has a fix")
	case review > 0:
		return m.say(plural(marked, "fix", "fixes") + " marked; " + itoa(review) + " more need your review (space marks one)")
	default:
		return m.say(plural(marked, "fix", "fixes") + " marked")
	}
}

func (m *Model) markNone() tea.Cmd {
	clear(m.marks)
	return nil
}

// marked are the marked findings that are still there, in stable order.
func (m *Model) marked() []*harden.Finding {
	if m.x == nil || len(m.marks) == 0 {
		return nil
	}
	at := make([]int32, 0, len(m.marks))
	for id := range m.marks {
		if i, ok := m.x.byID[id]; ok && m.x.rows[i].Status == harden.StatusFail {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	out := make([]*harden.Finding, len(at))
	for i, k := range at {
		out[i] = m.x.rows[k].Finding
	}
	return out
}
