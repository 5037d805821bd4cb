package edit

import (
	"slices"
	"strings"
)

// insertLines puts lines behind the line with the index.
func (e *editor) insertLines(after int, lines []string) {
	if closed, ok := e.closed[after]; ok {
		after = closed
	}
	nl := e.lineBreak(after)
	text := strings.Join(lines, nl)
	if after+1 < len(e.lines) {
		e.insert(e.lines[after+1].start, text+nl)
		return
	}
	if e.endRemoved {
		e.endRemoved = false
		e.insert(len(e.text), text)
		return
	}
	if !e.endMoved {
		e.endMoved = true
		e.keepEnd()
	}
	e.insert(len(e.text), nl+text)
}

// keepEnd lets the text with which the document ends go on ending without a line
// end, when something comes behind it.
func (e *editor) keepEnd() {
	n := e.root
	for n != nil && len(n.kids) > 0 {
		n = n.kids[len(n.kids)-1]
	}
	if n == nil || n.kind != scalarNode || n.style != literal && n.style != folded || n.end < len(e.text) {
		return
	}
	header := chomping.FindString(e.text[n.body+1:])
	e.replaceBytes(n.body, n.body+1+len(header), e.text[n.body:n.body+1]+strings.Trim(header, "+-")+"-")
}

// lineBreak is how a line ends, or where it does not how the others do.
func (e *editor) lineBreak(l int) string {
	for _, i := range []int{l, l - 1, 0} {
		if i >= 0 && i+1 < len(e.lines) {
			return e.text[e.lines[i].end:e.lines[i+1].start]
		}
	}
	return "\n"
}

// removeLines takes out whole lines.
func (e *editor) removeLines(first, last int) {
	above := first - 1
	for above > 0 && strings.TrimSpace(e.text[e.lines[above].start:e.lines[above].end]) == "" && !e.isTextEnd(above) {
		above--
	}
	if t, ok := e.texts[above]; ok {
		closed := e.closeText(t, last)
		e.closed[last] = closed
		last = closed
		e.texts[last] = t
	}
	end := len(e.text)
	if last+1 < len(e.lines) {
		end = e.lines[last+1].start
	} else {
		e.endRemoved = true
	}
	e.replaceBytes(e.lines[first].start, end, "")
}

func (e *editor) isTextEnd(l int) bool {
	_, ok := e.texts[l]
	return ok
}

// closeText keeps a text from taking what follows a line for its own, when the
// lines up to that are taken out: blank lines go too, a comment is set in less.
// It returns the last line that goes.
func (e *editor) closeText(t textEnd, last int) int {
	for last+1 < len(e.lines) && e.lines[last+1].start < len(e.text) {
		l := e.lines[last+1]
		spaces := l.indent(e.text)
		if l.start+spaces < l.end {
			if spaces >= t.indent && e.text[l.start+spaces] == '#' {
				e.replaceBytes(l.start+t.indent-1, l.start+spaces, "")
			}
			break
		}
		if spaces <= t.indent && !t.keep {
			break
		}
		last++
	}
	return last
}

// behind is the index of the line after which a block whose last value is given
// goes on: comments that are set in like the block belong to it, if something
// less deep follows.
func (e *editor) behind(last *node, column int) int {
	at := lineAt(e.lines, last.end)
	sure := at
	for i := at + 1; i < len(e.lines); i++ {
		l := e.lines[i]
		indent := l.indent(e.text)
		if l.start+indent == l.end {
			if column > 0 {
				sure = i - 1
			}
			break
		}
		if e.text[l.start+indent] != '#' || indent < column {
			if indent < column {
				sure = i - 1
			}
			break
		}
		if indent > column {
			sure = i
		}
	}
	return sure
}

// changePairs takes keys out of a mapping, which keeps some, and adds others.
func (e *editor) changePairs(n *node, removed []bool, fresh map[string]any) error {
	if n.flow {
		return e.changePairsInFlow(n, removed, fresh)
	}
	if err := e.removePairs(n, removed); err != nil || len(fresh) == 0 {
		return err
	}
	in, after := e.indentAt(n), e.behind(n.kids[len(n.kids)-1], n.column)
	spaced := e.isSpaced(n) && !e.isTextEnd(after)
	for _, name := range ordered(fresh, nil) {
		lines := in.block(map[string]any{name: fresh[name]}, n.column, nil)
		if spaced {
			lines = slices.Insert(lines, 0, "")
		}
		e.insertLines(after, lines)
	}
	return nil
}

// isSpaced reports whether a blank line precedes the last of several keys at the
// top of a document: one belongs before the next then.
func (e *editor) isSpaced(n *node) bool {
	if n.column > 0 || len(n.kids) < 4 {
		return false
	}
	l := lineAt(e.lines, n.kids[len(n.kids)-2].start)
	l -= e.comments(l, n.column) + 1
	return l >= 0 && strings.TrimSpace(e.text[e.lines[l].start:e.lines[l].end]) == ""
}

func (e *editor) removePairs(n *node, removed []bool) error {
	for i := 0; i < len(removed); i++ {
		if !removed[i] {
			continue
		}
		key, value := n.kids[2*i], n.kids[2*i+1]
		if e.isFirst(key.start) {
			e.removeBlock(key.start, max(key.end, value.end), e.about(n, 2*i, key.start))
			continue
		}
		end := i + 1
		for end < len(removed) && removed[end] {
			end++
		}
		if err := e.removeFirst(n, key.start, n.kids[2*end-1], n.kids[2*end].start); err != nil {
			return err
		}
		i = end - 1
	}
	return nil
}

// removeFirst takes out what stands behind the dash of an item, up to a node.
// What follows moves behind the dash, unless there are comments between.
func (e *editor) removeFirst(n *node, start int, last *node, next int) error {
	if n.parent == nil || n.parent.kind != sequenceNode || n.mark < 0 {
		return e.refuse(n)
	}
	end := lineAt(e.lines, last.end)
	if lineAt(e.lines, next) == end+1 {
		e.replaceBytes(start, next, "")
		return nil
	}
	e.replaceBytes(n.head(), e.lines[end].end, "")
	return nil
}

// removeBlock takes out the lines of a key or an item, with comments above it.
func (e *editor) removeBlock(start, end, comments int) {
	e.removeLines(lineAt(e.lines, start)-comments, lineAt(e.lines, end))
}

// removeItems takes items out of a list that keeps some.
func (e *editor) removeItems(n *node, kept []bool) error {
	removed := make([]bool, len(kept))
	for i := range kept {
		removed[i] = !kept[i]
	}
	if n.flow {
		return e.removeFromFlow(n, removed, 1)
	}
	for i := 0; i < len(removed); i++ {
		if !removed[i] {
			continue
		}
		kid := n.kids[i]
		if e.isFirst(kid.mark) {
			e.removeBlock(kid.mark, kid.end, e.about(n, i, kid.mark))
			continue
		}
		end := i + 1
		for end < len(removed) && removed[end] {
			end++
		}
		if end == len(removed) {
			return e.refuse(kid) // an item before it would be kept then
		}
		if err := e.removeFirst(n, kid.mark, n.kids[end-1], n.kids[end].mark); err != nil {
			return err
		}
		i = end - 1
	}
	return nil
}

// addItems adds items behind the one with the index, or before all for -1.
func (e *editor) addItems(n *node, kept []bool, previous int, items []any) error {
	if n.flow {
		return e.addItemsToFlow(n, kept, previous, items)
	}
	in, s := e.indentAt(n), e.quotesOf(n)
	var lines []string
	for _, item := range items {
		lines = append(lines, in.listItem(item, n.column, s)...)
	}
	if previous >= 0 {
		e.insertLines(e.behind(n.kids[previous], n.column), lines)
		return nil
	}
	first := n.kids[0]
	l := lineAt(e.lines, first.mark)
	nl := e.lineBreak(l)
	if e.isFirst(first.mark) {
		l -= e.comments(l, n.column)
		e.insert(e.lines[l].start, strings.Join(lines, nl)+nl)
		return nil
	}
	e.insert(first.mark, strings.TrimLeft(strings.Join(lines, nl), " ")+nl+strings.Repeat(" ", n.column))
	return nil
}

// quotesOf is the style that all strings of a list have.
func (e *editor) quotesOf(n *node) style {
	s, found := plain, false
	for _, kid := range n.kids {
		if _, ok := kid.says.(string); !ok || kid.kind != scalarNode {
			continue
		}
		if found && kid.style != s || kid.style == literal || kid.style == folded {
			return plain
		}
		s, found = kid.style, true
	}
	return s
}
