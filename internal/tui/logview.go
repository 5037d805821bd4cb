package tui

import "strings"

// logPlaces are the list and the line under the cursor below it.
func (m *Model) logPlaces() (list, text rect) {
	body := m.body()
	if m.log.zoom {
		return rect{}, body
	}
	few := min(8, max(4, body.h*30/100))
	return rect{0, body.y, m.width, body.h - few}, rect{0, body.y + body.h - few, m.width, few}
}

func (m *Model) logView() []string {
	g := &m.log
	if len(g.lines) == 0 {
		p := &page{st: &m.theme.styles, w: max(1, m.width-6)}
		p.para(p.st.text, 0, "Nothing was said so far.")
		p.para(p.st.dim, 0, "Warnings of the API server, and what client-go, image scanners and credential plugins write, come here instead of onto the screen.")
		return m.notice("Log", p.lines)
	}
	l, d := m.logPlaces()
	title := "Line"
	if e := m.logLine(); e != nil {
		title = e.From + "  " + e.Time.Format("2006-01-02 15:04:05")
	}
	if g.zoom {
		return m.docBox(d, title, &g.page, true)
	}
	return append(m.logList(l), m.docBox(d, title, &g.page, false)...)
}

func (m *Model) logList(r rect) []string {
	g := &m.log
	inner := r.w - 2
	who := 0
	for _, e := range g.rows {
		who = max(who, len(e.From)+1)
	}
	who = min(who, 18, inner/4)
	const timeCells = 9
	var lines []string
	for i := g.list.top; i < min(g.list.top+r.h-2, len(g.rows)); i++ {
		e := g.rows[i]
		st, glyph := m.rowStyles(i == g.list.at, true)
		mark, style := " ", st.text
		if isWarning(e.LogLine) {
			mark, style = "!", st.warn
		}
		lines = append(lines, st.accent.Render(glyph)+style.Render(mark)+st.dim.Render(fit(e.Time.Format("15:04:05"), timeCells)+fit(e.From, who-1)+" ")+
			style.Render(fit(e.Text, inner-2-timeCells-who)))
	}
	if len(lines) == 0 {
		lines = m.note(inner, "No lines", g.filter.text, "match the filter; esc clears it")
	}
	foot := position(g.list.at, len(g.rows))
	if len(g.rows) > 0 && g.list.at == len(g.rows)-1 {
		foot = "follows the end · " + foot
	}
	note := ""
	if g.next > logLines {
		note = " the last " + itoa(logLines) + " of " + itoa(g.next) + " lines "
	}
	return m.box(r, "Log", note, foot, true, lines)
}

func (m *Model) buildLogPage() {
	g := &m.log
	e := m.logLine()
	_, r := m.logPlaces()
	if e == nil || r.h == 0 {
		g.page.lines, g.drawn = nil, drawn{}
		return
	}
	now := drawn{id: e.id, w: r.w - 4, theme: m.theme}
	if now != g.drawn {
		if now.id != g.drawn.id {
			g.page.top = 0
		}
		g.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		p.para(p.st.text, 0, strings.TrimRight(e.Text, "\n"))
		g.page.lines = p.lines
	}
	g.page.scroll(0, r.h-2)
}

// logText is lines for a chat or an issue.
func logText(rows []*logEntry) string {
	var b strings.Builder
	for _, e := range rows {
		b.WriteString(e.Time.Format("2006-01-02T15:04:05Z07:00") + " " + clean(e.From+": "+e.Text) + "\n")
	}
	return b.String()
}
