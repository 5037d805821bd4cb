package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// page writes text into styled lines of a given width.
type page struct {
	st    *styles
	w     int
	lines []string
}

func (p *page) gap() {
	if n := len(p.lines); n > 0 && p.lines[n-1] != "" {
		p.lines = append(p.lines, "")
	}
}

// head starts a section.
func (p *page) head(text, note string) {
	p.gap()
	line := p.st.strong.Render(clean(text))
	if note != "" {
		line += "  " + p.st.dim.Render(clean(note))
	}
	p.lines = append(p.lines, ansi.Truncate(line, p.w, ellipsis))
}

// para writes wrapped text, all of it indented.
func (p *page) para(style pen, indent int, text string) {
	p.item(style, strings.Repeat(" ", indent), text)
}

// item writes wrapped text after a lead of plain cells, which the lines after
// the first leave empty.
func (p *page) item(style pen, lead, text string) {
	p.lead(style, lead, style, text)
}

// lead is item with a style for the lead.
func (p *page) lead(leadStyle pen, lead string, style pen, text string) {
	n := widthOf(lead)
	for i, line := range wrap(text, p.w-n) {
		if i == 1 {
			lead = strings.Repeat(" ", n)
		}
		p.lines = append(p.lines, leadStyle.Render(lead)+style.Render(line))
	}
}

// spans writes one line of several styles; what has no room is cut.
func (p *page) spans(spans ...span) {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.style.Render(clean(s.text)))
	}
	p.lines = append(p.lines, ansi.Truncate(b.String(), p.w, ellipsis))
}

// diff writes a unified diff: the sign stays, colour is on top of it. Headers
// are left out, the indentation that a hunk has in common too, and long lines
// continue under themselves.
func (p *page) diff(text string) {
	var hunk []string
	first := true
	flush := func() {
		if len(hunk) > 0 && !first {
			p.lines = append(p.lines, p.st.border.Render("  ⋯"))
		}
		first = first && len(hunk) == 0
		indent := common(hunk)
		for _, line := range hunk {
			p.diffLine(line[:1], line[min(len(line), 1+indent):])
		}
		hunk = nil
	}
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "@@"):
			flush()
		case line == "", strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"), strings.HasPrefix(line, `\`):
		default:
			hunk = append(hunk, line)
		}
	}
	flush()
}

// common is how many blanks all lines have after their sign.
func common(lines []string) int {
	n := -1
	for _, l := range lines {
		body := l[1:]
		blanks := len(body) - len(strings.TrimLeft(body, " "))
		if blanks < len(body) && (n < 0 || blanks < n) {
			n = blanks
		}
	}
	return max(n, 0)
}

func (p *page) diffLine(sign, body string) {
	style := p.st.dim
	switch sign {
	case "+":
		style = p.st.added
	case "-":
		style = p.st.removed
	default:
		sign = " "
	}
	body = clean(body)
	pad := ""
	for {
		part := ansi.Truncate(body, max(1, p.w-2-len(pad)), "")
		if part == "" {
			part = body
		}
		p.lines = append(p.lines, style.Render(sign+" "+pad+part))
		body = body[len(part):]
		if body == "" {
			return
		}
		pad = "  "
	}
}

// markdown writes the little of it that documentation of fixers uses, plainly.
func (p *page) markdown(text string) {
	var para []string
	lead := ""
	flush := func() {
		if len(para) > 0 {
			p.item(p.st.text, lead, strings.Join(para, " "))
		}
		para, lead = nil, ""
	}
	code := false
	for _, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			flush()
			code = !code
		case code:
			p.para(p.st.code, 2, strings.TrimRight(line, " "))
		case trimmed == "":
			flush()
			p.gap()
		case strings.HasPrefix(trimmed, "#"):
			flush()
			p.gap()
			p.para(p.st.accent, 0, plain(strings.TrimLeft(trimmed, "# ")))
		case lead == "" && len(para) == 0 && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")):
			p.para(p.st.code, 2, trimmed)
		case len(para) == 0 && strings.HasPrefix(trimmed, "**") && strings.Contains(trimmed, ".** "):
			head, rest, _ := strings.Cut(trimmed[2:], ".** ")
			p.para(p.st.accent, 0, plain(head))
			para = append(para, plain(rest))
		case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "* "):
			flush()
			lead = strings.Repeat(" ", min(4, len(line)-len(strings.TrimLeft(line, " ")))) + "• "
			para = append(para, plain(trimmed[2:]))
		default:
			para = append(para, plain(trimmed))
		}
	}
	flush()
}

// plain drops emphasis and code marks and shows a link as its text.
func plain(s string) string {
	s = strings.NewReplacer("**", "", "__", "", "`", "").Replace(s)
	for {
		open := strings.Index(s, "](")
		if open < 0 {
			return s
		}
		start := strings.LastIndex(s[:open], "[")
		end := strings.Index(s[open:], ")")
		if start < 0 || end < 0 {
			return s
		}
		s = s[:start] + s[start+1:open] + s[open+end+1:]
	}
}
