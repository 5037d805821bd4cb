package files

import (
	"strings"
	"unicode/utf8"
)

// A simpleReader reads the part of YAML that nearly all manifests keep to,
// several times as fast as the library and without copying text. Whatever it
// does not know for certain (anchors, tags, folded text, scalars and flow
// collections over several lines, tabs, and everything that is wrong) it leaves
// to the library; what it reads, it reads exactly as the library does, places
// included. FuzzSimple holds it to that.
type simpleReader struct {
	text  string
	pos   int
	first int // where the current line starts
	line  int // of the current line in the file
	// indent is the column of the content that comes next, from 0; -1 at the end.
	indent int
	depth  int
	ascii  bool // columns, which count characters, are bytes
	*arena
}

// An arena holds the nodes of one tree at a time.
type arena struct {
	all, free []node
	open      []node // the collections that are being read, each with its kids behind it
}

func (a *arena) reset() {
	a.free = a.all
	a.open = a.open[:0]
}

// shut makes kids of the open nodes from the index on.
func (a *arena) shut(from int) []node {
	n := len(a.open) - from
	if n > len(a.free) {
		a.all = make([]node, max(2*len(a.all), n, 128))
		a.free = a.all
	}
	kids := a.free[:n:n]
	a.free = a.free[n:]
	copy(kids, a.open[from:])
	a.open = a.open[:from]
	return kids
}

const (
	maxSimpleDepth = 100  // well below maxDepth
	maxSimpleKey   = 1000 // the library looks 1024 characters ahead for the colon
)

// parseSimple reads a document into a tree that is valid until the arena is
// reset. It is not ok where the library must be asked.
func parseSimple(text string, line int, a *arena) (root *node, ok bool) {
	a.reset()
	r := &simpleReader{text: text, line: line, arena: a}
	if !r.plainText() {
		return nil, false
	}
	if rest, ok := strings.CutPrefix(text, "---"); ok {
		if strings.TrimLeft(rest[:lineLen(rest)], " ") != "" {
			return nil, false
		}
		r.endLine()
	}
	r.content()
	if r.indent < 0 || r.dash() || !r.mapping() || r.indent >= 0 {
		return nil, false
	}
	return &r.open[0], true
}

// plainText reports whether the text has no characters but those that can be
// nothing else than content: no tabs, no other line ends than \n.
func (r *simpleReader) plainText() bool {
	r.ascii = true
	for i := range len(r.text) {
		switch c := r.text[i]; {
		case c >= utf8.RuneSelf:
			r.ascii = false
		case c < ' ' && c != '\n' || c == 0x7f:
			return false
		}
	}
	if r.ascii {
		return true
	}
	for _, c := range r.text {
		if c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' || c == '\ufeff' || c >= 0xfffe && c <= 0xffff || c == utf8.RuneError {
			return false
		}
	}
	return true
}

// lineLen is the length of the first line, without its end.
func lineLen(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// endLine goes to the start of the next line.
func (r *simpleReader) endLine() {
	r.pos += lineLen(r.text[r.pos:])
	if r.pos < len(r.text) {
		r.pos++
		r.line++
	}
	r.first = r.pos
}

// content goes from the start of a line to the next thing that is neither white
// space nor a comment.
func (r *simpleReader) content() {
	for {
		at := r.pos
		for at < len(r.text) && r.text[at] == ' ' {
			at++
		}
		if at == len(r.text) {
			r.pos, r.indent = at, -1
			return
		}
		if c := r.text[at]; c != '\n' && c != '#' {
			r.indent = at - r.first
			r.pos = at
			return
		}
		r.endLine()
	}
}

// rest passes over white space and a comment to the next content; it is not ok
// when there is anything else on the line.
func (r *simpleReader) rest() bool {
	at := r.pos
	for at < len(r.text) && r.text[at] == ' ' {
		at++
	}
	if at < len(r.text) && r.text[at] != '\n' && (r.text[at] != '#' || at == r.pos) {
		return false
	}
	r.endLine()
	r.content()
	return true
}

// ends reports whether white space or the end is at the offset.
func (r *simpleReader) ends(at int) bool {
	return at >= len(r.text) || r.text[at] == ' ' || r.text[at] == '\n'
}

func (r *simpleReader) dash() bool { return r.text[r.pos] == '-' && r.ends(r.pos+1) }

// here is a node at this place.
func (r *simpleReader) here(kind nodeKind) node {
	n := node{kind: kind, line: int32(r.line), col: int32(r.pos - r.first + 1)}
	if !r.ascii {
		n.col = int32(utf8.RuneCountInString(r.text[r.first:r.pos]) + 1)
	}
	return n
}

// The methods below put what they read behind the open nodes. They are not ok
// where the library must be asked.

// begin opens a collection whose kids are the nodes put behind it.
func (r *simpleReader) begin(kind nodeKind) (at int, ok bool) {
	r.open = append(r.open, r.here(kind))
	r.depth++
	return len(r.open) - 1, r.depth <= maxSimpleDepth
}

func (r *simpleReader) end(at int) {
	r.open[at].kids = r.shut(at + 1)
	r.depth--
}

// mapping reads the block mapping that starts here.
func (r *simpleReader) mapping() bool {
	indent := r.indent
	at, ok := r.begin(mappingNode)
	for ok && r.indent == indent && !r.dash() {
		ok = r.key() && r.value(indent, true)
	}
	if !ok {
		return false
	}
	r.end(at)
	return r.indent < indent
}

// sequence reads the block sequence that starts here. Below a key it may stand
// in the column of the key, which then ends it.
func (r *simpleReader) sequence(belowKey bool) bool {
	indent := r.indent
	at, ok := r.begin(sequenceNode)
	for ok && r.indent == indent && r.dash() {
		r.pos++
		ok = r.item(indent)
	}
	if !ok {
		return false
	}
	r.end(at)
	return r.indent < indent || belowKey && r.indent == indent
}

// item reads what stands behind a dash.
func (r *simpleReader) item(indent int) bool {
	at := r.pos
	for r.pos < len(r.text) && r.text[r.pos] == ' ' {
		r.pos++
	}
	if r.pos < len(r.text) && r.text[r.pos] != '\n' && r.text[r.pos] != '#' {
		if r.dash() {
			r.indent = r.pos - r.first
			return r.sequence(false)
		}
		if _, _, ok := r.keyAhead(); ok {
			r.indent = r.pos - r.first
			return r.mapping()
		}
	}
	r.pos = at
	return r.value(indent, false)
}

// value reads what stands behind the colon of a key or a dash, in a block of
// the given indentation.
func (r *simpleReader) value(indent int, ofKey bool) bool {
	null := r.here(scalarNode)
	if r.rest() {
		switch {
		case r.indent > indent && r.dash():
			return r.sequence(false)
		case r.indent > indent:
			return r.mapping()
		case r.indent == indent && ofKey && r.dash():
			return r.sequence(true)
		}
		null.plain = true
		r.open = append(r.open, null)
		return true
	}
	for r.text[r.pos] == ' ' {
		r.pos++
	}
	ok := false
	switch r.text[r.pos] {
	case '|':
		return r.literal(indent)
	case '"', '\'':
		ok = r.quoted()
	case '[', '{':
		ok = r.flow()
	default:
		ok = r.plain(r.plainEnd())
	}
	// A line that is indented more would go on with the scalar.
	return ok && r.rest() && r.indent <= indent
}

// plain takes the text up to the offset for a scalar; -1 if it is none.
func (r *simpleReader) plain(end int) bool {
	if end < 0 {
		return false
	}
	n := r.here(scalarNode)
	n.value, n.plain = r.text[r.pos:end], true
	r.open = append(r.open, n)
	r.pos = end
	return true
}

// key reads a key and its colon.
func (r *simpleReader) key() bool {
	n := r.here(scalarNode)
	ok := false
	n.value, n.plain, ok = r.keyAhead()
	if !ok || !isKey(&n) || r.pos == r.first && isMarker(r.text[r.pos:], "...") {
		return false
	}
	r.open = append(r.open, n)
	// keyAhead finds no quoted keys whose text differs from what is written.
	r.pos += len(n.value) + 1
	if !n.plain {
		r.pos += 2
	}
	return true
}

// isKey reports whether the scalar is the name of a field, not null and no merge key.
func isKey(n *node) bool {
	_, ok := n.key()
	return ok && n.value != "<<"
}

// keyAhead looks for a key and its colon.
func (r *simpleReader) keyAhead() (value string, plain, ok bool) {
	from := r.pos
	if quote := r.text[from]; quote == '"' || quote == '\'' {
		n := strings.IndexByte(r.text[from+1:], quote)
		if n < 0 || n > maxSimpleKey {
			return "", false, false
		}
		value = r.text[from+1 : from+1+n]
		colon := from + n + 2
		if strings.ContainsAny(value, "\\\n") || colon >= len(r.text) || r.text[colon] != ':' || !r.ends(colon+1) {
			return "", false, false
		}
		return value, false, true
	}
	if !startsPlain[r.text[from]] {
		return "", false, false
	}
	for at := from; at < len(r.text) && at < from+maxSimpleKey; at++ {
		switch r.text[at] {
		case '\n':
			return "", false, false
		case ' ':
			if at+1 < len(r.text) && (r.text[at+1] == '#' || r.text[at+1] == ':') {
				return "", false, false
			}
		case ':':
			if r.ends(at + 1) {
				return r.text[from:at], true, true
			}
		}
	}
	return "", false, false
}

// startsPlain are the characters that can start nothing but a scalar without quotes.
var startsPlain = func() (table [256]bool) {
	for c := range 256 {
		table[c] = c >= utf8.RuneSelf || c > ' ' && c < 0x7f && !strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`", rune(c))
	}
	return table
}()

// plainEnd is where the scalar without quotes ends that starts here, or -1.
func (r *simpleReader) plainEnd() int {
	from := r.pos
	if !startsPlain[r.text[from]] && (r.text[from] != '-' || r.ends(from+1)) {
		return -1
	}
	end := from + lineLen(r.text[from:])
	for at := from; at < end; at++ {
		switch r.text[at] {
		case ':':
			if r.ends(at + 1) {
				return -1
			}
		case '#':
			if r.text[at-1] == ' ' {
				end = at
			}
		}
	}
	for r.text[end-1] == ' ' {
		end--
	}
	return end
}
