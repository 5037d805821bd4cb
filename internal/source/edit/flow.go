package edit

import (
	"slices"
	"strings"
)

// flowStyleOf is how a collection in {} or [] is written, for what is added to it.
func (e *editor) flowStyleOf(n *node) flowStyle {
	f := flowStyle{quoted: e.json, colon: ": ", comma: ", ", newline: e.lineBreak(lineAt(e.lines, n.start))}
	for m := n; m != nil && (m.flow || e.json); m = m.parent {
		if m.kind == mappingNode && len(m.kids) > 0 {
			f.quoted = e.json || m.kids[0].style == doubleQuoted
			value := m.kids[1]
			if value.mark >= 0 && value.start == value.mark+1 && value.start < value.end {
				f.colon = ":"
			}
			if e.text[m.body] == '{' && e.text[m.body+1] == ' ' {
				f.pad = " "
			}
			break
		}
	}
	for m := n; m != nil && (m.flow || e.json); m = m.parent {
		if step := m.step(); len(m.kids) > step {
			if comma := skipSpace(e.text, m.kids[step-1].end); comma+1 == m.kids[step].start {
				f.comma = ","
			}
			break
		}
	}
	if f.quoted {
		f.margin, f.indent = e.flowIndent(n)
		f.short = f.indent != "" && e.hasShortLists()
	}
	return f
}

// step is how many nodes an element of a collection is.
func (n *node) step() int {
	if n.kind == mappingNode {
		return 2
	}
	return 1
}

// flowIndent is the indentation of the elements of a collection on several lines,
// and what each level adds; both are empty for one on a single line.
func (e *editor) flowIndent(n *node) (margin, indent string) {
	for m := n; m != nil && m.flow; m = m.parent {
		if len(m.kids) == 0 {
			continue
		}
		if !e.startsLine(m.kids[0].start) {
			return "", ""
		}
		inner := e.margin(m.kids[0].start)
		outer := e.margin(m.body)
		if indent = strings.TrimPrefix(inner, outer); indent == inner && outer != "" {
			return "", ""
		}
		if m == n {
			return inner, indent
		}
		return e.margin(n.body), indent
	}
	return "", ""
}

// startsLine reports whether only white space precedes an offset on its line.
func (e *editor) startsLine(at int) bool {
	return strings.Trim(e.text[e.lines[lineAt(e.lines, at)].start:at], " \t") == ""
}

// margin is the white space with which the line of an offset begins.
func (e *editor) margin(at int) string {
	l := e.lines[lineAt(e.lines, at)]
	text := e.text[l.start:l.end]
	return text[:len(text)-len(strings.TrimLeft(text, " \t"))]
}

// hasShortLists reports whether a list of scalars stands on one line somewhere,
// in a document where collections take several.
func (e *editor) hasShortLists() bool {
	if e.shortLists == nil {
		found := e.findShortList(e.root)
		e.shortLists = &found
	}
	return *e.shortLists
}

func (e *editor) findShortList(n *node) bool {
	if n.kind == sequenceNode && n.flow && len(n.kids) > 0 && n.kids[0].kind == scalarNode {
		return !e.startsLine(n.kids[0].start)
	}
	return slices.ContainsFunc(n.kids, e.findShortList)
}

// pairs writes the keys that are added to a mapping.
func (f flowStyle) pairs(fresh map[string]any) []string {
	s := plain
	if f.quoted {
		s = doubleQuoted
	}
	var out []string
	for _, name := range ordered(fresh, nil) {
		out = append(out, text(name, s, true)+f.colon+f.write(fresh[name]))
	}
	return out
}

// replaceInFlow puts another value in the place of one within {} or [].
func (e *editor) replaceInFlow(n *node, want any) error {
	p := n.parent
	if p != nil && p.flow && e.text[p.body] != '{' && e.text[p.body] != '[' {
		return e.refuse(n) // a pair without braces in a list
	}
	model := n
	if target := n.target(); target.flow && len(target.kids) > 0 {
		model = target
	} else if p != nil && e.inFlow(n) {
		model = p
	}
	f := e.flowStyleOf(model)
	if model == n {
		f.margin = e.margin(n.start)
	}
	out := f.write(want)
	if _, isString := want.(string); isString && n.kind == scalarNode && !f.quoted && n.style != literal && n.style != folded {
		out = scalarText(want, n.style, true)
	}
	if n.body == n.end {
		if n.mark < 0 {
			out = ":" + " " + out
		} else {
			out = " " + out
		}
	}
	e.replaceBytes(n.body, n.end, out)
	return nil
}

// elementEnd is where the value of an element ends.
func (n *node) elementEnd(i int) int {
	step := n.step()
	return max(n.kids[i*step].end, n.kids[i*step+step-1].end)
}

// comma is the offset of the comma behind an element, or -1.
func (e *editor) comma(n *node, i int) int {
	if at := skipSpace(e.text, n.elementEnd(i)); at < len(e.text) && e.text[at] == ',' {
		return at
	}
	return -1
}

// changePairsInFlow takes keys out of a mapping, which keeps some, and adds others:
// in the place of the last one, if that goes.
func (e *editor) changePairsInFlow(n *node, removed []bool, fresh map[string]any) error {
	last := len(removed) - 1
	if parts := e.flowStyleOf(n).pairs(fresh); len(parts) > 0 && removed[last] {
		removed[last] = false
		start := n.kids[2*last].start
		e.replaceBytes(start, n.elementEnd(last), strings.Join(parts, e.separator(n, start)))
	} else if len(parts) > 0 {
		if err := e.addBehind(n, last, parts); err != nil {
			return err
		}
	}
	return e.removeFromFlow(n, removed, 2)
}

// separator is what stands between an element that starts at an offset and the next.
func (e *editor) separator(n *node, start int) string {
	f := e.flowStyleOf(n)
	if e.startsLine(start) {
		return "," + f.newline + e.margin(start)
	}
	return f.comma
}

func (e *editor) addBehind(n *node, i int, parts []string) error {
	if e.text[n.body] != '{' && e.text[n.body] != '[' {
		return e.refuse(n)
	}
	f := e.flowStyleOf(n)
	end := n.elementEnd(i)
	comma := e.comma(n, i)
	start := n.kids[i*n.step()].start
	l := lineAt(e.lines, end)
	if !e.startsLine(start) || lineAt(e.lines, n.end) == l {
		e.insert(end, f.comma+strings.Join(parts, f.comma))
		return nil
	}
	// One element a line: a comment behind the last one stays there.
	inner := f.newline + e.margin(start)
	switch last := i == len(n.kids)/n.step()-1; {
	case comma < 0:
		e.insert(end, ",")
		e.insert(e.lines[l].end, inner+strings.Join(parts, ","+inner))
	case lineAt(e.lines, comma) != l || !last:
		e.insert(end, ","+inner+strings.Join(parts, ","+inner))
	default:
		e.insert(e.lines[l].end, inner+strings.Join(parts, ","+inner)+",")
	}
	return nil
}

func (e *editor) addItemsToFlow(n *node, kept []bool, previous int, items []any) error {
	f, s := e.flowStyleOf(n), e.quotesOf(n)
	var parts []string
	for _, item := range items {
		if str, ok := item.(string); ok && !f.quoted {
			parts = append(parts, scalarText(str, s, true))
			continue
		}
		parts = append(parts, f.write(item))
	}
	if previous >= 0 {
		return e.addBehind(n, previous, parts)
	}
	separator := e.separator(n, n.kids[0].start)
	first := 0
	for first < len(kept) && !kept[first] {
		first++
	}
	e.insert(n.kids[first].start, strings.Join(parts, separator)+separator)
	return nil
}

// removeFromFlow takes out elements; some stay.
func (e *editor) removeFromFlow(n *node, removed []bool, step int) error {
	if e.text[n.body] != '{' && e.text[n.body] != '[' {
		for _, r := range removed {
			if r {
				return e.refuse(n)
			}
		}
		return nil
	}
	last := len(removed) - 1
	for last >= 0 && removed[last] {
		last--
	}
	for i, r := range removed {
		if !r {
			continue
		}
		start := n.kids[i*step].start
		if i < last {
			e.removeBefore(n, i, start, n.kids[(i+1)*step].start)
			continue
		}
		e.removeBehind(n, i, i == len(removed)-1)
	}
	return nil
}

// removeBehind takes out an element that none follow that stay, with the comma
// before it. A comma behind the last one of all goes instead.
func (e *editor) removeBehind(n *node, i int, isLast bool) {
	previous, end := e.comma(n, i-1), n.elementEnd(i)
	start := n.kids[i*n.step()].start
	if trailing := e.comma(n, i); isLast && trailing >= 0 {
		end = trailing + 1
	} else {
		e.replaceBytes(previous, previous+1, "")
	}
	from := previous + 1
	if e.startsLine(start) {
		// A comment behind the element before stays.
		from = max(from, e.lines[lineAt(e.lines, start)-1].end)
		if l := e.lines[lineAt(e.lines, end)]; l.end < n.end {
			end = l.end
		}
	}
	e.replaceBytes(from, end, "")
}

// removeBefore takes out an element that others follow: with its line, where it
// has one of its own.
func (e *editor) removeBefore(n *node, i, start, next int) {
	comma := e.comma(n, i)
	l := lineAt(e.lines, comma)
	if e.startsLine(start) && lineAt(e.lines, next) > l {
		e.removeLines(lineAt(e.lines, start), l)
		return
	}
	e.replaceBytes(start, next, "")
}
