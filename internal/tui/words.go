package tui

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// celebration is the line over an all-green namespace.
const celebration = "·  ✦  ·  ✧  ·  ✦  ·  all green  ·  ✦  ·  ✧  ·  ✦  ·"

// inSight is what the selection holds, for the words about it.
type inSight struct {
	workloads, unknown, excused int
	unread                      []harden.Unread
}

// sight sums up the selected namespaces or the selected workload.
func (m *Model) sight() inSight {
	space, object := m.selectedSpace(), m.selectedObject()
	var s inSight
	inside := over(len(m.x.spaces), func(i int) bool { return m.inSpace(space, int32(i)) })
	for i := range m.x.objects {
		o := &m.x.objects[i]
		if object != rowAll && int32(i) != object || !inside[o.space] {
			continue
		}
		if o.workload {
			s.workloads++
		}
		s.unknown += o.counts.unknown
		s.excused += o.counts.other
	}
	for _, u := range m.unread() {
		if space < 0 || u.Namespace == "" || u.Namespace == m.x.spaces[space].name {
			s.unread = append(s.unread, u)
		}
	}
	return s
}

// nothingRead reports whether not a single object could be read.
func (m *Model) nothingRead() bool {
	inv := m.x.snap.Inventory
	return inv != nil && inv.Objects == 0 && len(inv.Workloads) == 0 && len(inv.Unread) > 0
}

// noFindingsNote says why the list of findings is empty. It never calls green
// what was not read or not judged.
func (m *Model) noFindingsNote(inner int) []string {
	p := &page{st: &m.theme.styles, w: max(1, inner-2)}
	m.writeNoFindings(p)
	return append([]string{""}, padded(p.lines)...)
}

func (m *Model) writeNoFindings(p *page) {
	s := m.sight()
	object := m.selectedObject() != rowAll && m.browse.objectRows.Len() > 1
	kinds := plural(len(harden.GatherUnread(s.unread)), "kind", "kinds")
	switch {
	case m.filter.text != "" && m.filter.class && m.class.busy:
		p.para(p.st.dim, 0, "Looking at the fixes of all findings "+ellipsis)
	case m.filter.text != "":
		if m.filter.err != "" {
			p.lead(p.st.warn, "! ", p.st.text, "The filter cannot match: "+m.filter.err)
		} else {
			p.para(p.st.text, 0, "No findings match the filter.")
		}
		p.para(p.st.dim, 0, plural(len(m.x.rows), "finding is", "findings are")+" filtered away; esc clears the filter.")
	case m.nothingRead():
		p.lead(p.st.bad, "✗ ", p.st.strong, "Nothing could be read here.")
		p.para(p.st.text, 2, "You may not list "+kinds+" in this scope. Nothing was judged, so nothing is known: neither good nor bad.")
		p.para(p.st.dim, 2, "r says which and why; s chooses other namespaces, c another context.")
	case !object && s.workloads == 0 && len(s.unread) > 0:
		p.lead(p.st.warn, "? ", p.st.strong, "No workloads were seen here.")
		p.para(p.st.text, 2, kinds+" could not be read, so there may be some. r says which and why.")
	case !object && s.workloads == 0:
		p.para(p.st.text, 0, "There is nothing to look at here: no workloads in this scope.")
		if m.live() {
			p.para(p.st.dim, 0, "s chooses other namespaces, c another context.")
		}
	case s.unknown > 0:
		p.lead(p.st.warn, "? ", p.st.text, "Nothing fails here, but "+plural(s.unknown, "check", "checks")+" could not be judged.")
	case len(s.unread) > 0:
		p.lead(p.st.good, "✓ ", p.st.text, "Nothing is wrong here in what could be read.")
		p.para(p.st.warn, 2, kinds+" could not: r says which and why.")
	case object:
		p.lead(p.st.good, "✓ ", p.st.text, "Nothing is wrong here by the rules of this program.")
	default:
		m.writeCelebration(p, s)
	}
	if s.excused > 0 && m.browse.noExcused {
		p.gap()
		p.para(p.st.dim, 0, plural(s.excused, "finding is", "findings are")+" waived or expected; z shows them.")
	}
}

const onlySystem = "Only namespaces of the system are in this scope: whoever ships them fixes them. s chooses others."

func (m *Model) writeCelebration(p *page, s inSight) {
	line := celebration
	for len([]rune(line)) > p.w && strings.Contains(line, "  ·  ") {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "  ·"), "·  ")
		line = strings.Trim(line, "✦✧ ")
	}
	pad := max(0, (p.w-len([]rune(line)))/2)
	p.lines = append(p.lines, p.st.good.Render(fit(strings.Repeat(" ", pad)+line, p.w)), "")
	text := plural(s.workloads, "workload", "workloads") + ", and nothing is wrong by the rules of this program."
	p.para(p.st.text, 0, text)
	if s.excused > 0 && !m.browse.noExcused {
		return
	}
	if m.live() {
		p.para(p.st.dim, 0, "This list stays up to date: leave it open.")
	}
}

// restNote is a word under the rows where what they say is easily misread: that
// nothing fails, or that all of it belongs to the system.
func (m *Model) restNote(inner int) []string {
	if m.browse.findRows.failed > 0 || m.filter.text != "" {
		return nil
	}
	s := m.sight()
	p := &page{st: &m.theme.styles, w: max(1, inner-2)}
	switch {
	case s.unknown > 0:
		p.lead(p.st.warn, "? ", p.st.text, "Nothing fails here, but "+plural(s.unknown, "check", "checks")+" could not be judged: that is not green.")
	case s.excused > 0:
		p.lead(p.st.good, "✓ ", p.st.text, "Nothing is left to fix here: what there is was waived or is expected.")
	default:
		return nil
	}
	return append([]string{""}, padded(p.lines)...)
}
