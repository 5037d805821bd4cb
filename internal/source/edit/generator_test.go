package edit

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

var commentMark = regexp.MustCompile(`#c[0-9]+!`)

// A generator writes documents in many ways.
type generator struct {
	r        *rand.Rand
	b        strings.Builder
	step     int
	dash     int
	comments int
	keys     int
	anchors  []string // of mappings
	scalars  []string // anchors of scalars
}

func (g *generator) one(n int) bool { return g.r.IntN(n) == 0 }

func (g *generator) document() string {
	g.step, g.dash = 1+g.r.IntN(4), g.r.IntN(3)
	if g.one(4) {
		g.b.WriteString([]string{"---\n", "--- #c0!\n", "%YAML 1.1\n---\n", "\n# head #c0!\n\n"}[g.r.IntN(4)])
	}
	switch {
	case g.one(12):
		g.b.WriteString(g.flow(3, 0) + "\n")
	case g.one(12):
		g.list(0, 3)
	default:
		g.mapping(0, 4)
	}
	if g.one(6) {
		g.b.WriteString([]string{"...\n", "\n\n", "# the end #c999!\n", "  # deep end #c999!\n"}[g.r.IntN(4)])
	}
	text := g.b.String()
	if g.one(8) {
		text = strings.TrimSuffix(text, "\n")
	}
	if g.one(6) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if g.one(10) {
		text = utf8BOM + text
	}
	return text
}

func (g *generator) comment() string {
	g.comments++
	return fmt.Sprintf("# about #c%d!", g.comments)
}

// between writes what may stand above a key or an item.
func (g *generator) between(column int) {
	if g.one(8) {
		g.b.WriteString([]string{"\n", "  \n", "\n\n"}[g.r.IntN(3)])
	}
	for range max(0, g.r.IntN(6)-3) {
		at := column
		if g.one(6) {
			at = g.r.IntN(column + 3)
		}
		g.b.WriteString(strings.Repeat(" ", at) + g.comment() + "\n")
	}
}

func (g *generator) endLine() {
	if g.one(8) {
		g.b.WriteString("  ")
	}
	if g.one(6) {
		g.b.WriteString(" " + g.comment())
	}
	g.b.WriteString("\n")
}

func (g *generator) mapping(column, depth int) {
	if len(g.anchors) > 0 && g.one(5) {
		name := g.anchors[g.r.IntN(len(g.anchors))]
		g.b.WriteString(strings.Repeat(" ", column) + []string{"<<: *" + name, "<<: [*" + name + "]"}[g.r.IntN(2)] + "\n")
	}
	for i := range 1 + g.r.IntN(4) {
		if i > 0 {
			g.between(column)
		}
		g.b.WriteString(strings.Repeat(" ", column))
		g.pair(column, depth)
	}
}

func (g *generator) key() string {
	g.keys++
	k := fmt.Sprintf("%s%d", []string{"name", "image", "k", "ключ"}[g.r.IntN(4)], g.keys)
	return []string{k, k, k, k, `"` + k + `"`, "'" + k + "'"}[g.r.IntN(6)]
}

func (g *generator) pair(column, depth int) {
	g.b.WriteString(g.key() + ":")
	g.value(column, depth, false)
}

// value writes what is behind a colon or a dash.
func (g *generator) value(column, depth int, item bool) {
	anchor := ""
	if g.one(8) {
		anchor = fmt.Sprintf(" &a%d", g.keys)
		g.keys++
	}
	n := g.r.IntN(14)
	switch {
	case depth > 0 && n < 4 && item && anchor == "":
		at := column + 2 + g.r.IntN(2)*2
		g.b.WriteString(strings.Repeat(" ", at-column-1))
		g.pair(at, depth-1)
		for range g.r.IntN(3) {
			g.between(at)
			g.b.WriteString(strings.Repeat(" ", at))
			g.pair(at, depth-1)
		}
	case depth > 0 && n < 4:
		g.b.WriteString(anchor)
		g.endLine()
		step := g.step
		if g.one(6) {
			step = 1 + g.r.IntN(4)
		}
		if g.one(6) {
			g.between(column + step)
		}
		g.mapping(column+step, depth-1)
		g.remember(anchor)
	case depth > 0 && n < 7 && !item:
		g.b.WriteString(anchor)
		g.endLine()
		dash := g.dash
		if g.one(6) {
			dash = g.r.IntN(3)
		}
		g.list(column+dash, depth-1)
	case depth > 0 && n < 7 && anchor == "":
		g.b.WriteString(" - x\n" + strings.Repeat(" ", column+2) + "- z")
		g.endLine()
	case n == 7:
		text, ok := g.flow(2, column+1), anchor != ""
		g.b.WriteString(anchor + " " + text)
		if ok && strings.HasPrefix(text, "{") {
			g.remember(anchor)
		}
		g.endLine()
	case n == 8:
		g.literal(column)
	case n == 9 && len(g.anchors) > 0:
		g.b.WriteString(" *" + g.anchors[g.r.IntN(len(g.anchors))])
		g.endLine()
	case n == 10 && len(g.scalars) > 0:
		g.b.WriteString(" *" + g.scalars[g.r.IntN(len(g.scalars))])
		g.endLine()
	case n == 11:
		g.b.WriteString([]string{"", " ~", " null", " {}", " []", anchor}[g.r.IntN(6)])
		g.endLine()
	case n == 12:
		margin := strings.Repeat(" ", column+1+g.r.IntN(3))
		g.b.WriteString(strings.ReplaceAll([]string{" plain\n>on two", " \"double\n>\n>quoted \\\" \\\n>x\"", " 'single\n> it''s'", "\n>below"}[g.r.IntN(4)], ">", margin))
		g.endLine()
	default:
		g.b.WriteString(anchor + strings.Repeat(" ", 1+g.r.IntN(8)/7) + g.scalar(false))
		if anchor != "" {
			g.scalars = append(g.scalars, anchor[2:])
		}
		g.endLine()
	}
}

func (g *generator) remember(anchor string) {
	if anchor != "" {
		g.anchors = append(g.anchors, anchor[2:])
	}
}

func (g *generator) list(column, depth int) {
	for i := range 1 + g.r.IntN(3) {
		if i > 0 {
			g.between(column)
		}
		g.b.WriteString(strings.Repeat(" ", column) + "-")
		g.value(column, depth, true)
	}
}

func (g *generator) literal(column int) {
	margin := strings.Repeat(" ", column+1+g.r.IntN(3))
	header := []string{"|", ">", "|-", ">-", "|+", ">+"}[g.r.IntN(6)]
	g.b.WriteString(" " + header + []string{"", "", "", " " + g.comment()}[g.r.IntN(4)] + "\n")
	for range 1 + g.r.IntN(3) {
		g.b.WriteString(margin + []string{"text", "# not a comment", "- x", "a: b", "  deeper"}[g.r.IntN(4)] + "\n")
		if g.one(4) {
			g.b.WriteString("\n")
		}
	}
}

func (g *generator) scalar(flow bool) string {
	plain := []string{"x", "word", "1", "0644", "true", "no", "1.5", "a-b", "nginx:1", "x.y/z", "1e3", "2026-11-28", "100m", "é", "a b", "-1", "a#b"}
	quoted := []string{`"x"`, `'x'`, `"on"`, `'it''s'`, `"\u00e9\n"`, `"a: b"`, `'#'`, `"{"`, `""`, `''`, `"1"`, "!!str 1", "!t x"}
	if g.one(3) {
		return quoted[g.r.IntN(len(quoted))]
	}
	return plain[g.r.IntN(len(plain))]
}

// flow writes a collection in {} or [], on one line or on several.
func (g *generator) flow(depth, column int) string {
	open, shut, separator := "{", "}", ", "
	isMap := g.one(2)
	if !isMap {
		open, shut = "[", "]"
	}
	n := g.r.IntN(4)
	var parts []string
	for range n {
		v := g.scalar(true)
		if depth > 0 && g.one(3) {
			v = g.flow(depth-1, column+2)
		}
		if isMap {
			v = g.key() + ": " + v
		}
		parts = append(parts, v)
	}
	switch g.r.IntN(5) {
	case 0:
		open, shut = open+" ", " "+shut
	case 1:
		separator = ","
	case 2:
		margin := strings.Repeat(" ", column+1)
		for i := range parts {
			comma := ","
			if i == n-1 && g.one(2) {
				comma = ""
			}
			if parts[i] += comma; g.one(4) {
				parts[i] += " " + g.comment()
			}
			if g.one(6) {
				parts[i] = g.comment() + "\n" + margin + parts[i]
			}
			parts[i] = margin + parts[i]
		}
		return open + "\n" + strings.Join(append(parts, strings.Repeat(" ", column)+shut), "\n")
	case 3:
		if n > 0 {
			shut = "," + shut
		}
	}
	return open + strings.Join(parts, separator) + shut
}
