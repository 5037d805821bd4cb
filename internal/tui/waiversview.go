package tui

import (
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// soon is how many days before its end a waiver is marked.
const soon = 14

// daysLeft is how many days a waiver still holds after today; less than 0 when
// it is over.
func daysLeft(until, now time.Time) int {
	return int(dayOf(until).Sub(dayOf(now)).Hours() / 24)
}

func leftWord(until, now time.Time) string {
	if until.IsZero() || now.IsZero() {
		return ""
	}
	switch days := daysLeft(until, now); {
	case days < 0:
		return plural(-days, "day ago", "days ago")
	case days == 0:
		return "last day"
	default:
		return plural(days, "day", "days")
	}
}

// endsSoon reports whether a waiver that holds does so for few days only.
func (m *Model) endsSoon(v *harden.WaiverView) bool {
	return v.State == harden.WaiverHolds && !m.now().IsZero() && daysLeft(v.Until, m.now()) <= soon
}

// waiverRank orders waivers by what a person looks at first.
func (m *Model) waiverRank(v *harden.WaiverView) int {
	if m.endsSoon(v) {
		return 2
	}
	switch v.State {
	case harden.WaiverInvalid:
		return 0
	case harden.WaiverExpired:
		return 1
	case harden.WaiverUnused:
		return 3
	case harden.WaiverHolds:
		return 4
	}
	return 5
}

const waiverStateCells = 12

func (m *Model) waiverSign(st *styles, v *harden.WaiverView) (string, pen) {
	if m.endsSoon(v) {
		return "! ends soon", st.warn
	}
	switch v.State {
	case harden.WaiverInvalid:
		return "✗ invalid", st.bad
	case harden.WaiverExpired:
		return "✗ expired", st.bad
	case harden.WaiverUnused:
		return "– unused", st.warn
	case harden.WaiverHolds:
		return "✓ holds", st.good
	}
	return "? " + string(v.State), st.dim
}

// placeWord is the object or the file that a waiver is written on.
func placeWord(v *harden.WaiverView) string {
	if inConfiguration(*v) {
		return v.Source
	}
	if v.Object.Namespace == "" {
		return short(v.Object)
	}
	return v.Object.Namespace + "/" + short(v.Object)
}

// mostlyList places a list that needs room and the text about its row, below some
// lines of its screen.
func (m *Model) mostlyList(zoom bool, rows, above int) (list, text rect) {
	body := m.body()
	body.y += above
	body.h -= above
	switch {
	case zoom:
		return rect{}, body
	case m.width >= threePanes:
		w := m.width * 58 / 100
		return rect{0, body.y, w, body.h}, rect{w, body.y, m.width - w, body.h}
	}
	h := min(max(rows+2, 4), max(4, body.h*55/100))
	return rect{0, body.y, m.width, h}, rect{0, body.y + h, m.width, body.h - h}
}

func (m *Model) waiversView() []string {
	w := &m.waivers
	if len(w.all) == 0 {
		st := &m.theme.styles
		if w.busy {
			return m.notice("Waivers", []string{st.accent.Render(m.spinGlyph()) + " " + st.text.Render("Reading the waivers "+ellipsis)})
		}
		p := &page{st: st, w: max(1, m.width-6)}
		p.para(st.text, 0, "Nothing is waived: no annotation and no line of the configuration says so.")
		p.gap()
		p.lead(st.key, "w ", st.text, "on a finding waives it until a day, with a reason")
		p.lead(st.key, "esc ", st.text, "back")
		return m.notice("Waivers", p.lines)
	}
	l, d := m.places()
	if w.zoom {
		return m.docBox(d, m.waiverTitle(), &w.page, true)
	}
	return m.arrange(l, m.waiverList(l), m.docBox(d, m.waiverTitle(), &w.page, false))
}

func (m *Model) waiverTitle() string {
	if v := m.waiver(); v != nil {
		return v.Rule
	}
	return "Waiver"
}

// waiverColumns are the cells of a row: days left, findings, rule, place, reason.
func waiverColumns(inner int) (left, n, rule, place, reason int) {
	room := inner - 2 - waiverStateCells
	left, n = 12, 5
	if room < 50 {
		left, n = 0, 0
	}
	room -= left + n
	rule = min(26, max(12, room*45/100))
	place = room - rule
	if place > 40 {
		place = max(28, place*45/100)
		reason = room - rule - place
	}
	return left, n, rule, place, reason
}

func (m *Model) waiverList(r rect) []string {
	w := &m.waivers
	inner := r.w - 2
	left, n, rule, place, reason := waiverColumns(inner)
	var lines []string
	for i := w.list.top; i < min(w.list.top+r.h-2, len(w.rows)); i++ {
		v := w.rows[i]
		st, glyph := m.rowStyles(i == w.list.at, true)
		mark := " "
		if w.marks[v.ID()] {
			mark = "✓"
		}
		state, style := m.waiverSign(st, v)
		end := st.dim
		if m.endsSoon(v) {
			end = st.warn
		}
		lines = append(lines, st.accent.Render(glyph+mark)+style.Render(fit(state, waiverStateCells))+
			end.Render(fit(leftWord(v.Until, m.now()), left))+st.text.Render(fitRight(itoa(len(v.Findings)), max(0, n-1))+strings.Repeat(" ", min(n, 1)))+
			st.text.Render(fit(v.Rule, rule))+st.dim.Render(" "+fitEnd(placeWord(v), place-1))+st.dim.Render(fit(" "+v.Reason, reason)))
	}
	if len(lines) == 0 {
		lines = m.note(inner, "No waivers", w.filter.text, "match the filter; esc clears it")
	}
	foot := position(w.list.at, len(w.rows))
	if k := len(w.marks); k > 0 {
		foot = itoa(k) + " marked · " + foot
	}
	head := ""
	if left > 0 {
		head = " by " + waiverOrderNames[w.order] + " "
	}
	return m.box(r, "Waivers", head, foot, true, lines)
}

func (m *Model) buildWaiverPage() {
	w := &m.waivers
	v := m.waiver()
	_, r := m.places()
	if v == nil || r.h == 0 {
		w.page.lines, w.drawn = nil, drawn{}
		return
	}
	now := drawn{id: v.ID(), w: r.w - 4, theme: m.theme, x: m.x, extra: w.version}
	if now != w.drawn {
		if now.id != w.drawn.id {
			w.page.top = 0
		}
		w.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		m.writeWaiver(p, v)
		w.page.lines = p.lines
	}
	w.page.scroll(0, r.h-2)
}

var waiverStateWords = map[harden.WaiverState]string{
	harden.WaiverHolds:   "it excuses what is below",
	harden.WaiverExpired: "its last day is over: what is below counts again",
	harden.WaiverUnused:  "it excuses nothing: what it was for is gone, or has other facts now",
	harden.WaiverInvalid: "it is not written as it must be, and excuses nothing",
}

func (m *Model) writeWaiver(p *page, v *harden.WaiverView) {
	sign, style := m.waiverSign(p.st, v)
	p.lead(style, sign+"  ", p.st.text, or(v.Why, waiverStateWords[v.State]))
	p.gap()
	field := func(name, text string) {
		if text != "" {
			p.lead(p.st.dim, fit(name, 11), p.st.text, text)
		}
	}
	field("rule", v.Rule)
	field("reason", v.Reason)
	if !v.Until.IsZero() {
		until := v.Until.Format(dateForm)
		if word := leftWord(v.Until, m.now()); word != "" {
			until += "  (" + word + ")"
		}
		field("until", until)
	}
	field("who", v.By)
	field("ticket", v.Ticket)
	if inConfiguration(*v) {
		field("written in", v.Source)
	} else {
		field("written on", v.Object.Long())
		field("", v.Annotation)
	}
	const most = 200
	note := itoa(len(v.Findings))
	p.head("Findings", note)
	if len(v.Findings) == 0 {
		p.para(p.st.dim, 0, "none")
	}
	for i, f := range v.Findings {
		if i == most {
			p.para(p.st.dim, 0, ellipsis+" and "+itoa(len(v.Findings)-most)+" more")
			break
		}
		sign, style := p.st.signOf(f)
		p.lead(style, sign.glyph+" ", p.st.text, f.Fixer.ID+"  "+where(f))
		p.para(p.st.dim, 2, f.Reason)
	}
}
