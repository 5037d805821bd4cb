package edit

import (
	"fmt"
	"slices"
	"strings"
)

// replace puts another value in the place of a node. The keys of a mapping are
// written in the given order, as far as it names them.
func (e *editor) replace(n *node, want any, order []string) error {
	if n.tagEnd > 0 {
		e.replaceBytes(n.tagAt, e.skipBlanks(n.tagEnd), "")
	}
	isBlock := len(n.kids) > 0 && !n.flow
	target := n.target()
	staysFlow := target.flow && len(target.kids) > 0 && !isInline(want) && isList(want) == (target.kind == sequenceNode)
	switch {
	case e.inFlow(n), staysFlow, n.parent == nil && n.flow && !e.alone(n):
		return e.replaceInFlow(n, want)
	case isInline(want) && isBlock:
		return e.shrink(n, scalarText(want, plain, false))
	case isInline(want):
		e.replaceScalar(n, want)
		return nil
	case isBlock:
		return e.replaceBlock(n, want, order)
	}
	return e.grow(n, want, order)
}

// alone reports whether nothing but the node stands on its line.
func (e *editor) alone(n *node) bool {
	l := e.lines[lineAt(e.lines, n.start)]
	return l.start == n.start && n.end <= l.end && strings.TrimSpace(e.text[n.end:l.end]) == ""
}

func (e *editor) skipBlanks(at int) int {
	for at < len(e.text) && (e.text[at] == ' ' || e.text[at] == '\t') {
		at++
	}
	return at
}

// replaceScalar writes a scalar or an empty collection where one stood.
func (e *editor) replaceScalar(n *node, want any) {
	str, isString := want.(string)
	if n.kind == scalarNode && (n.style == literal || n.style == folded) && isString && !e.quoteTexts && fitsLiteral(str) {
		if l := lineAt(e.lines, n.body); lineAt(e.lines, n.end) > l {
			column := e.lines[l+1].indent(e.text)
			for _, inner := range e.lines[l+1:] {
				if column = inner.indent(e.text); inner.start+column < inner.end {
					break
				}
			}
			nl := e.lineBreak(l)
			e.replaceBytes(n.body, n.end, "|"+chomp(str)+e.headerComment(n)+nl+strings.Join(literalLines(str, column), nl))
			return
		}
	}
	s := plain
	if n.kind == scalarNode && (n.style == singleQuoted || n.style == doubleQuoted) {
		s = n.style
	}
	out := scalarText(want, s, false)
	if n.body == n.end {
		out = " " + out
	}
	e.replaceBytes(n.body, n.end, out+e.headerComment(n))
}

// headerComment is the comment behind the | or > of a block of text, with the
// space before it.
func (e *editor) headerComment(n *node) string {
	if n.kind != scalarNode || n.style != literal && n.style != folded {
		return ""
	}
	header := e.text[n.body:e.lines[lineAt(e.lines, n.body)].end]
	at := strings.IndexByte(header, '#')
	if at < 0 {
		return ""
	}
	return header[len(strings.TrimRight(header[:at], " \t")):]
}

// head is where the value of a key or an item may begin: behind the colon or the
// dash, and behind an anchor.
func (n *node) head() int {
	if n.props > n.start {
		return n.props
	}
	return n.mark + 1
}

// shrink puts text in the place of a block.
func (e *editor) shrink(n *node, text string) error {
	first, last := lineAt(e.lines, n.body), lineAt(e.lines, n.end)
	if n.parent != nil && lineAt(e.lines, n.head()) < first {
		e.insert(n.head(), " "+text)
		e.removeLines(first, last)
		return nil
	}
	if !e.isFirst(n.body) && n.parent == nil || n.parent != nil && n.mark < 0 {
		return e.refuse(n)
	}
	e.replaceBytes(n.body, n.end, text)
	return nil
}

// isFirst reports whether only spaces precede an offset on its line.
func (e *editor) isFirst(at int) bool {
	return strings.Trim(e.text[e.lines[lineAt(e.lines, at)].start:at], " ") == ""
}

func (e *editor) refuse(n *node) error {
	return fmt.Errorf("%s: this form of YAML cannot be edited (line %d), please make the change by hand", n.path(), lineAt(e.lines, n.start)+1)
}

// below is the column of the keys or dashes of a block that becomes the value of
// a node.
func (e *editor) below(n *node, want any) int {
	p := n.parent
	switch {
	case p == nil:
		return 0
	case p.kind == sequenceNode:
		return p.column + e.indentAt(p).item
	case isList(want):
		return p.column + e.indentAt(p).dash
	}
	return p.column + e.indentAt(p).step
}

// replaceBlock puts a block in the place of another.
func (e *editor) replaceBlock(n *node, want any, order []string) error {
	column := n.column
	if isList(want) != (n.kind == sequenceNode) {
		column = e.below(n, want)
	}
	l := lineAt(e.lines, n.body)
	nl := e.lineBreak(l)
	if e.isFirst(n.body) {
		lines := e.indentAt(n).block(want, column, order)
		e.replaceBytes(e.lines[l].start, e.lines[lineAt(e.lines, n.end)].end, strings.Join(lines, nl))
		return nil
	}
	if n.parent == nil || n.parent.kind != sequenceNode {
		return e.refuse(n)
	}
	lines := e.indentAt(n).block(want, n.column, order)
	lines[0] = strings.TrimLeft(lines[0], " ")
	e.replaceBytes(n.body, e.lines[lineAt(e.lines, n.end)].end, strings.Join(lines, nl))
	return nil
}

// grow puts a block in the place of what stood on the line of its key or dash.
func (e *editor) grow(n *node, want any, order []string) error {
	in := e.indentAt(n.parent)
	if n.parent == nil {
		nl := e.lineBreak(0)
		e.replaceBytes(n.start, n.end, strings.Join(in.block(want, 0, order), nl))
		return nil
	}
	if n.mark < 0 {
		return e.refuse(n)
	}
	lines := in.block(want, e.below(n, want), order)
	head, last := n.head(), lineAt(e.lines, n.end)
	l := lineAt(e.lines, head)
	comment := e.headerComment(n)
	rest := strings.TrimSpace(e.text[n.end:e.lines[last].end] + comment)
	if first := lineAt(e.lines, n.body); first > l {
		// The value stands on lines of its own.
		if rest != "" {
			lines = slices.Insert(lines, 0, e.margin(n.body)+rest)
		}
		e.replaceBytes(e.lines[first].start, e.lines[last].end, strings.Join(lines, e.lineBreak(l)))
		return nil
	}
	if n.parent.kind == sequenceNode && rest == "" && head == n.mark+1 {
		lines[0] = strings.Repeat(" ", in.item-1) + strings.TrimLeft(lines[0], " ")
		e.replaceBytes(head, e.lines[last].end, strings.Join(lines, e.lineBreak(l)))
		return nil
	}
	if rest == "" {
		e.replaceBytes(head, e.lines[last].end, "")
	} else {
		e.replaceBytes(head, n.end, comment)
	}
	e.insertLines(last, lines)
	return nil
}

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
	lines := e.indentAt(n).block(fresh, n.column, nil)
	e.insertLines(e.behind(n.kids[len(n.kids)-1], n.column), lines)
	return nil
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
