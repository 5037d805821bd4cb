package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// A cell in pixels. The proportions are those of common terminal fonts; textLength makes every font fit.
const (
	cellWidth  = 8.4
	cellHeight = 18
	baseline   = 13.5
	fontSize   = 14
	margin     = 12
)

// boxes holds the line drawing characters that are drawn, not written: fonts leave gaps between rows. A character
// reaches from the middle of its cell to the sides named here.
var boxes = map[string]string{
	horizontal: "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru", "┼": "lrud",
	"╭": "rd", "╮": "ld", "╰": "ru", "╯": "lu", "╴": "l", "╵": "u", "╶": "r", "╷": "d",
	"━": "LR", "┃": "UD", "┏": "RD", "┓": "LD", "┗": "RU", "┛": "LU",
}

// horizontal is the one line drawing character of which a row is drawn as one line.
const horizontal = "─"

// A picture is written in passes, so that each look is said once: backgrounds, lines by their look, then text.
type picture struct {
	out     io.Writer
	classes map[string]string // attributes of text -> name of their class
	names   []string          // attributes in the order of their classes
	lines   map[string]*strings.Builder
	looks   []string // of lines, in order
}

func draw(out io.Writer, s screen, title string) {
	p := &picture{out: out, classes: map[string]string{}, lines: map[string]*strings.Builder{}}
	width, height := float64(s.width)*cellWidth+2*margin, float64(s.height)*cellHeight+2*margin
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img">`+"\n",
		number(width), number(height))
	if title != "" {
		fmt.Fprintf(out, "<title>%s</title>\n", escape(title))
	}
	for _, row := range s.rows {
		for _, r := range row {
			if sides := sidesOf(r.text); sides != "" {
				continue
			}
			if css := rules(r.style); p.classes[css] == "" && strings.Trim(r.text, " ") != "" {
				p.classes[css] = className(len(p.names))
				p.names = append(p.names, css)
			}
		}
	}
	fmt.Fprint(out, "<style>\n")
	for _, css := range p.names {
		fmt.Fprintf(out, ".%s{%s}\n", p.classes[css], css)
	}
	fmt.Fprint(out, "</style>\n")
	fmt.Fprintf(out, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	fmt.Fprintf(out, `<g font-family="ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" `+
		`xml:space="preserve">`+"\n", fontSize)
	for y, row := range s.rows {
		p.backgrounds(row, y)
	}
	for y, row := range s.rows {
		for _, r := range row {
			if sides := sidesOf(r.text); sides != "" {
				p.line(r, y, sides)
			}
		}
	}
	for _, look := range p.looks {
		fmt.Fprintf(out, `<path d="%s" fill="none" stroke-linecap="square" %s/>`+"\n", p.lines[look].String(), look)
	}
	for y, row := range s.rows {
		for _, r := range row {
			if sidesOf(r.text) == "" {
				p.text(r, y)
			}
		}
	}
	fmt.Fprint(out, "</g>\n</svg>\n")
}

// backgrounds draws those of a row; neighbours of one colour are one rectangle.
func (p *picture) backgrounds(row []run, y int) {
	for i := 0; i < len(row); i++ {
		r := row[i]
		for i+1 < len(row) && row[i+1].style.bg == r.style.bg {
			i++
			r.columns += row[i].columns
		}
		if r.style.bg != background {
			fmt.Fprintf(p.out, `<rect x="%s" y="%s" width="%s" height="%d" fill="%s"/>`+"\n",
				number(left(r)), number(top(y)), number(float64(r.columns)*cellWidth), cellHeight, r.style.bg)
		}
	}
}

func (p *picture) text(r run, y int) {
	// Blanks at both ends have no shape; cutting them halves the file.
	text := strings.TrimLeft(r.text, " ")
	r.column += len(r.text) - len(text)
	r.columns -= len(r.text) - len(text)
	blanks := len(text) - len(strings.TrimRight(text, " "))
	r.columns -= blanks
	text = text[:len(text)-blanks]
	if text == "" {
		return
	}
	fmt.Fprintf(p.out, `<text x="%s" y="%s" textLength="%s" class="%s">%s</text>`+"\n",
		number(left(r)), number(top(y)+baseline), number(float64(r.columns)*cellWidth), p.classes[rules(r.style)], escape(text))
}

// className is a, b … z, aa, ab …
func className(n int) string {
	const letters = 26
	name := string(rune('a' + n%letters))
	for n /= letters; n > 0; n /= letters {
		name = string(rune('a'+(n-1)%letters)) + name
		n--
	}
	return name
}

func sidesOf(text string) string {
	if strings.HasPrefix(text, horizontal) {
		return boxes[horizontal]
	}
	return boxes[text]
}

// line adds what a line drawing character consists of to the lines of its look.
func (p *picture) line(r run, y int, sides string) {
	width := 1
	if sides != strings.ToLower(sides) {
		width = 2
	}
	look := fmt.Sprintf(`stroke="%s" stroke-width="%d"%s`, r.style.fg, width, opacity(r.style))
	path := p.lines[look]
	if path == nil {
		path = &strings.Builder{}
		p.lines[look] = path
		p.looks = append(p.looks, look)
	}
	x1, y1 := left(r), top(y)
	x2 := x1 + float64(r.columns)*cellWidth
	x, y2 := (x1+x2)/2, y1+cellHeight/2.0
	lower := strings.ToLower(sides)
	ends := map[rune][2]float64{'l': {x1, y2}, 'r': {x2, y2}, 'u': {x, y1}, 'd': {x, y1 + cellHeight}}
	if strings.Contains("╭╮╰╯", r.text) {
		from, to := ends[rune(sides[0])], ends[rune(sides[1])]
		fmt.Fprintf(path, "M%s %sQ%s %s %s %s", number(from[0]), number(from[1]), number(x), number(y2), number(to[0]), number(to[1]))
		return
	}
	switch {
	case strings.Contains(lower, "l") && strings.Contains(lower, "r"):
		fmt.Fprintf(path, "M%s %sH%s", number(x1), number(y2), number(x2))
		lower = strings.NewReplacer("l", "", "r", "").Replace(lower)
	case strings.Contains(lower, "u") && strings.Contains(lower, "d"):
		fmt.Fprintf(path, "M%s %sV%s", number(x), number(y1), number(y1+cellHeight))
		lower = strings.NewReplacer("u", "", "d", "").Replace(lower)
	}
	for _, side := range lower {
		fmt.Fprintf(path, "M%s %sL%s %s", number(x), number(y2), number(ends[side][0]), number(ends[side][1]))
	}
}

// rules are the CSS of text in a style.
func rules(s style) string {
	css := "fill:" + s.fg
	if s.bold {
		css += ";font-weight:bold"
	}
	if s.italic {
		css += ";font-style:italic"
	}
	switch {
	case s.underline && s.strikes:
		css += ";text-decoration:underline line-through"
	case s.underline:
		css += ";text-decoration:underline"
	case s.strikes:
		css += ";text-decoration:line-through"
	}
	if s.faint {
		css += ";opacity:.6"
	}
	return css
}

func opacity(s style) string {
	if s.faint {
		return ` opacity="0.6"`
	}
	return ""
}

func left(r run) float64 { return margin + float64(r.column)*cellWidth }

func top(y int) float64 { return margin + float64(y)*cellHeight }

func number(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", f), "0"), ".")
}

func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) //nolint:errcheck // a strings.Builder does not fail
	return b.String()
}
