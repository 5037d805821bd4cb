package files

import (
	"strings"
)

// The fast parser reads the part of YAML that nearly all manifests are written
// in: block mappings and lists, plain and simply quoted scalars on one line,
// blocks of text, short flow collections, comments. It copies nothing: values
// are parts of the text. Whatever else it meets (anchors, tags, escapes,
// scalars over several lines, tabs, anything that is wrong) it leaves to the
// library, so that it never has to judge. FuzzFast holds it to the library's results.
type fastParser struct {
	text  string
	pos   int // where the next line starts
	line  int // of cur
	cur   fastLine
	stack []node // children of the collections that are open
	slab  []node // finished children
	depth int
}

// A fastLine is a line with content.
type fastLine struct {
	indent  int
	content string // without indentation, with what follows it
	ok      bool   // false at the end
}

// notFast is thrown where the library has to take over.
type notFast struct{}

func giveUp() { panic(notFast{}) }

// parse reads a document; line is where text starts in the file. The tree is
// valid until the next call.
func (p *fastParser) parse(text string, line int) (root *node, ok bool) {
	if !plainText(text) {
		return nil, false
	}
	p.text, p.pos, p.line, p.depth = text, 0, line-1, 0
	p.stack, p.slab = p.stack[:0], p.slab[:0]
	defer func() {
		if r := recover(); r != nil {
			if _, expected := r.(notFast); !expected {
				panic(r)
			}
			root, ok = nil, false
		}
	}()
	p.skipMarker()
	if !p.cur.ok {
		return nil, true
	}
	var n node
	p.block(&n, p.cur.indent)
	if p.cur.ok {
		giveUp()
	}
	return &n, true
}

// plainText refuses tabs, carriage returns and control characters, and the
// characters that YAML 1.1 takes for line breaks or does not allow.
func plainText(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' && c != '\n', c == 0x7f, c == 0xef:
			return false
		case c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0:
			return false
		case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && (s[i+2] == 0xa8 || s[i+2] == 0xa9):
			return false
		}
	}
	return true
}

// skipMarker passes a marker line and moves to the first line with content.
func (p *fastParser) skipMarker() {
	p.advance()
	if p.cur.ok && p.cur.indent == 0 && isMarker(p.cur.content, "---") {
		if rest := strings.TrimLeft(p.cur.content[3:], " "); rest != "" && rest[0] != '#' {
			giveUp()
		}
		p.advance()
	}
}

// advance moves to the next line that is neither blank nor a comment.
func (p *fastParser) advance() {
	for p.pos < len(p.text) {
		end := strings.IndexByte(p.text[p.pos:], '\n')
		next := p.pos + end + 1
		if end < 0 {
			next = len(p.text)
			end = len(p.text) - p.pos
		}
		l := p.text[p.pos : p.pos+end]
		p.pos = next
		p.line++
		content := strings.TrimLeft(l, " ")
		if content == "" || content[0] == '#' {
			continue
		}
		p.cur = fastLine{indent: len(l) - len(content), content: content, ok: true}
		if p.cur.indent == 0 && (content[0] == '%' || isMarker(content, "...")) {
			giveUp()
		}
		return
	}
	p.cur = fastLine{}
}

func isDash(s string) bool { return s[0] == '-' && (len(s) == 1 || s[1] == ' ') }

// block reads the collection that starts on the current line.
func (p *fastParser) block(n *node, indent int) {
	const deepest = 100
	if p.depth++; p.depth > deepest {
		giveUp()
	}
	n.line, n.col = int32(p.line), int32(indent+1)
	mark := len(p.stack)
	if isDash(p.cur.content) {
		n.kind = sequenceNode
		p.sequence(indent)
	} else {
		n.kind = mappingNode
		p.mapping(indent)
	}
	n.kids = p.finish(mark)
	p.depth--
}

// finish moves the children from the stack to a place of their own.
func (p *fastParser) finish(mark int) []node {
	kids := p.stack[mark:]
	if len(p.slab)+len(kids) > cap(p.slab) {
		p.slab = make([]node, 0, max(512, 2*len(kids), 2*cap(p.slab)))
	}
	at := len(p.slab)
	p.slab = append(p.slab, kids...)
	p.stack = p.stack[:mark]
	return p.slab[at:len(p.slab):len(p.slab)]
}

func (p *fastParser) sequence(indent int) {
	for p.cur.ok && p.cur.indent == indent && isDash(p.cur.content) {
		var item node
		rest := strings.TrimLeft(p.cur.content[1:], " ")
		column := indent + len(p.cur.content) - len(rest)
		switch {
		case rest == "" || rest[0] == '#':
			p.below(&item, indent, false)
		case isDash(rest) || keyEnd(rest) > 0:
			p.cur.indent, p.cur.content = column, rest
			p.block(&item, column)
		default:
			p.scalar(&item, rest, column, indent)
		}
		p.stack = append(p.stack, item)
	}
	if p.cur.ok && p.cur.indent > indent {
		giveUp()
	}
}

func (p *fastParser) mapping(indent int) {
	for p.cur.ok && p.cur.indent == indent && !isDash(p.cur.content) {
		content := p.cur.content
		end := keyEnd(content)
		if end <= 0 {
			giveUp()
		}
		p.stack = append(p.stack, node{plain: true, line: int32(p.line), col: int32(indent + 1), value: content[:end]})
		var value node
		rest := strings.TrimLeft(content[end+1:], " ")
		if rest == "" || rest[0] == '#' {
			p.below(&value, indent, true)
		} else {
			p.scalar(&value, rest, indent+len(content)-len(rest), indent)
		}
		p.stack = append(p.stack, value)
	}
	if p.cur.ok && p.cur.indent >= indent {
		giveUp()
	}
}

// below reads the value that stands on the lines below a key or a dash; null
// when there is none. Below a key a list need not be indented.
func (p *fastParser) below(n *node, indent int, key bool) {
	line := p.line
	p.advance()
	switch {
	case p.cur.ok && p.cur.indent > indent,
		p.cur.ok && key && p.cur.indent == indent && isDash(p.cur.content):
		if !isDash(p.cur.content) && keyEnd(p.cur.content) <= 0 {
			giveUp() // a scalar on a line of its own
		}
		p.block(n, p.cur.indent)
	default:
		n.plain, n.line, n.col = true, int32(line), int32(indent+1)
	}
}

// keyEnd is where the colon behind a plain key stands, or 0.
func keyEnd(s string) int {
	const longest = 128 // YAML allows 1024; nobody has one
	for i := 0; i < len(s) && i <= longest; i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '/':
		case c == '-' || c == '.':
			if i == 0 {
				return 0
			}
		case c == ':':
			if i+1 == len(s) || s[i+1] == ' ' {
				return i
			}
			return 0
		default:
			return 0
		}
	}
	return 0
}

// scalar reads a value that starts within a line, and moves on. What follows
// must not be indented further than the key or dash: it would belong to the value.
func (p *fastParser) scalar(n *node, s string, column, indent int) {
	n.line, n.col = int32(p.line), int32(column+1)
	if s[0] == '|' {
		p.literal(n, s, indent)
		return
	}
	var rest string
	switch s[0] {
	case '"', '\'':
		n.value, rest = quoted(s)
	case '[', '{':
		rest = p.flow(n, s, column)
	default:
		n.plain = true
		n.value = plainValue(s)
	}
	if rest != "" {
		if trimmed := strings.TrimLeft(rest, " "); trimmed != "" && (trimmed[0] != '#' || len(trimmed) == len(rest)) {
			giveUp()
		}
	}
	p.advance()
	if p.cur.ok && p.cur.indent > indent {
		giveUp()
	}
}

// quoted reads a string in quotes without escapes.
func quoted(s string) (value, rest string) {
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		giveUp()
	}
	value, rest = s[1:1+end], s[2+end:]
	if s[0] == '"' && strings.IndexByte(value, '\\') >= 0 || s[0] == '\'' && strings.HasPrefix(rest, "'") {
		giveUp()
	}
	return value, rest
}

// plainValue is a scalar without quotes up to the end of the line or a comment.
func plainValue(s string) string {
	switch c := s[0]; {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '/', c == '.', c == '_', c == '~', c == '+', c == '(', c == '$', c == '=', c == '<', c >= 0x80:
	case c == '-' && len(s) > 1 && s[1] != ' ' && s[1] != '-':
	default:
		giveUp()
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case ':':
			if i+1 == len(s) || s[i+1] == ' ' {
				giveUp()
			}
		case '#':
			if s[i-1] == ' ' {
				return strings.TrimRight(s[:i], " ")
			}
		}
	}
	return strings.TrimRight(s, " ")
}
