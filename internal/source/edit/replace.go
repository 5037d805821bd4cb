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
	return fmt.Errorf("line %d of the document: this form of YAML cannot be edited, please make the change of %q by hand", lineAt(e.lines, n.start)+1, n.path())
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
