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

func draw(out io.Writer, s screen, title string) {
	width, height := float64(s.width)*cellWidth+2*margin, float64(s.height)*cellHeight+2*margin
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img">`+"\n",
		number(width), number(height))
	if title != "" {
		fmt.Fprintf(out, "<title>%s</title>\n", escape(title))
	}
	fmt.Fprintf(out, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	fmt.Fprintf(out, `<g font-family="ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" `+
		`xml:space="preserve">`+"\n", fontSize)
	for y, row := range s.rows {
		// Backgrounds first: they must not cover a neighbour's letters.
		for _, r := range row {
			if r.style.bg != background {
				fmt.Fprintf(out, `<rect x="%s" y="%s" width="%s" height="%d" fill="%s"/>`+"\n",
					number(left(r)), number(top(y)), number(float64(r.columns)*cellWidth), cellHeight, r.style.bg)
			}
		}
		for _, r := range row {
			if sides := sidesOf(r.text); sides != "" {
				drawBox(out, r, y, sides)
			} else {
				drawText(out, r, y)
			}
		}
	}
	fmt.Fprint(out, "</g>\n</svg>\n")
}

func drawText(out io.Writer, r run, y int) {
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
	fmt.Fprintf(out, `<text x="%s" y="%s" textLength="%s" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n",
		number(left(r)), number(top(y)+baseline), number(float64(r.columns)*cellWidth), r.style.fg, attributes(r.style), escape(text))
}

func sidesOf(text string) string {
	if strings.HasPrefix(text, horizontal) {
		return boxes[horizontal]
	}
	return boxes[text]
}

func drawBox(out io.Writer, r run, y int, sides string) {
	x1, y1 := left(r), top(y)
	x2 := x1 + float64(r.columns)*cellWidth
	x, y2 := (x1+x2)/2, y1+cellHeight/2.0
	ends := map[rune][2]float64{'l': {x1, y2}, 'r': {x2, y2}, 'u': {x, y1}, 'd': {x, y1 + cellHeight}}
	var path strings.Builder
	if strings.Contains("╭╮╰╯", r.text) {
		from, to := ends[rune(sides[0])], ends[rune(sides[1])]
		fmt.Fprintf(&path, "M%s %sQ%s %s %s %s", number(from[0]), number(from[1]), number(x), number(y2), number(to[0]), number(to[1]))
	} else {
		for _, side := range strings.ToLower(sides) {
			fmt.Fprintf(&path, "M%s %sL%s %s", number(x), number(y2), number(ends[side][0]), number(ends[side][1]))
		}
	}
	width := 1
	if sides != strings.ToLower(sides) {
		width = 2
	}
	fmt.Fprintf(out, `<path d="%s" stroke="%s" stroke-width="%d" fill="none" stroke-linecap="square"%s/>`+"\n", path.String(), r.style.fg, width, opacity(r.style))
}

func attributes(s style) string {
	var b strings.Builder
	if s.bold {
		b.WriteString(` font-weight="bold"`)
	}
	if s.italic {
		b.WriteString(` font-style="italic"`)
	}
	switch {
	case s.underline && s.strikes:
		b.WriteString(` text-decoration="underline line-through"`)
	case s.underline:
		b.WriteString(` text-decoration="underline"`)
	case s.strikes:
		b.WriteString(` text-decoration="line-through"`)
	}
	b.WriteString(opacity(s))
	return b.String()
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
