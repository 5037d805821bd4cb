package edit

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A node is a value as it is written: which bytes it takes, and what it says.
type node struct {
	kind   kind
	style  style
	flow   bool // a collection in {} or []
	value  string
	tag    string // that was written out, in its short form
	anchor string
	alias  *node // what an alias stands for

	// start is where the value begins with its anchor and tag, body where it begins
	// without them. An empty value has no bytes.
	start, body, end int
	props            int // where the anchor and the tag end; start when there are none
	tagAt, tagEnd    int // both zero without a tag

	kids   []*node // of a mapping: key, value, key, value …
	parent *node
	at     int // index among the kids of the parent
	// mark is where the colon stands before the value of a mapping, the dash before
	// an item of a block sequence; -1 where there is none.
	mark int
	// column is where the keys or dashes of a block collection stand.
	column int

	says any // what it says, with aliases and merge keys resolved
	size int // how many values that are, with those below aliases
}

type kind uint8

const (
	scalarNode kind = iota
	mappingNode
	sequenceNode
	aliasNode
)

type style uint8

const (
	plain style = iota
	singleQuoted
	doubleQuoted
	literal
	folded
)

// maxDepth is how deep a document may nest; far more than any object does.
const maxDepth = 500

// A scanner gives the nodes of YAML their spans.
type scanner struct {
	text    string
	lines   []line
	anchors map[*yaml.Node]*node
	inside  map[*yaml.Node]bool
	texts   map[int]textEnd
	shared  bool // there are aliases
	depth   int
	// The last position that was turned into an offset: they come in order.
	lastLine, lastColumn, lastOffset int
}

// document reads the only document of the text; nil when it has no content.
func (s *scanner) document() (*node, error) {
	d := yaml.NewDecoder(strings.NewReader(s.text))
	var doc, more yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("this is not valid YAML: %w", err)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("these are several documents, want one")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	n := &node{mark: -1}
	if err := s.node(doc.Content[0], n, -1); err != nil {
		return nil, err
	}
	if n.kind == scalarNode && n.start == n.end {
		return nil, nil
	}
	return n, nil
}

// offset is where a position of the YAML library is: both count from 1, and
// columns are characters.
func (s *scanner) offset(y *yaml.Node) (int, error) {
	if y.Line < 1 || y.Line > len(s.lines) {
		return 0, fmt.Errorf("a value has no place in the text (line %d)", y.Line)
	}
	at, column := s.lines[y.Line-1].start, 1
	if y.Line == s.lastLine && y.Column >= s.lastColumn {
		at, column = s.lastOffset, s.lastColumn
	}
	for ; column < y.Column && at < len(s.text); column++ {
		at++
		for at < len(s.text) && s.text[at]&0xc0 == 0x80 {
			at++
		}
	}
	s.lastLine, s.lastColumn, s.lastOffset = y.Line, column, at
	return at, nil
}

// node fills n. Indent is the column of the block around it, from 0; -1 at the
// top.
func (s *scanner) node(y *yaml.Node, n *node, indent int) error {
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	defer func() { s.depth-- }()
	at, err := s.offset(y)
	if err != nil {
		return err
	}
	n.start, n.body, n.end, n.props = at, at, at, at
	n.anchor = y.Anchor
	if y.Anchor != "" {
		s.anchors[y], s.inside[y] = n, true
		defer delete(s.inside, y)
	}
	if y.Style&yaml.TaggedStyle != 0 {
		n.tag = y.ShortTag()
	}
	if y.Anchor != "" || n.tag != "" {
		s.properties(n)
	}
	switch y.Kind {
	case yaml.AliasNode:
		return s.alias(y, n)
	case yaml.ScalarNode:
		return s.scalar(y, n, indent)
	case yaml.MappingNode:
		return s.mapping(y, n)
	case yaml.SequenceNode:
		return s.sequence(y, n)
	}
	return fmt.Errorf("line %d: this is no value", y.Line)
}

func (s *scanner) alias(y *yaml.Node, n *node) error {
	n.kind, n.value, s.shared = aliasNode, y.Value, true
	n.alias = s.anchors[y.Alias]
	if n.alias == nil || s.inside[y.Alias] {
		return fmt.Errorf("line %d: the alias *%s stands inside its own anchor", y.Line, y.Value)
	}
	n.end = n.body + len("*") + len(y.Value)
	n.says, n.size = n.alias.says, n.alias.size
	return nil
}

// properties passes over the anchor and the tag.
func (s *scanner) properties(n *node) {
	at := n.start
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		end := at
		if strings.HasPrefix(s.text[at:], "!<") {
			end += max(strings.IndexByte(s.text[at:], '>'), 0)
		}
		for end < len(s.text) && strings.IndexByte(" \t\r\n,[]{}", s.text[end]) < 0 {
			end++
		}
		if s.text[at] == '!' {
			n.tagAt, n.tagEnd = at, end
		}
		n.props = end
		at = skipSpace(s.text, end)
	}
	n.body = at
}

func (s *scanner) mapping(y *yaml.Node, n *node) error {
	n.kind, n.flow = mappingNode, y.Style&yaml.FlowStyle != 0
	n.kids = make([]*node, len(y.Content))
	nodes := make([]node, len(y.Content))
	n.end = n.body
	if n.flow && strings.HasPrefix(s.text[n.body:], "{") {
		n.end++
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := &nodes[i], &nodes[i+1]
		n.kids[i], n.kids[i+1] = key, value
		*key = node{parent: n, at: i, mark: -1}
		*value = node{parent: n, at: i + 1, mark: -1}
		if err := s.node(y.Content[i], key, n.column); err != nil {
			return err
		}
		if i == 0 && !n.flow {
			n.column = y.Content[0].Column - 1
			if n.props == n.start {
				n.column = y.Column - 1 // of the ? before a key, where there is one
			}
		}
		if err := s.node(y.Content[i+1], value, n.column); err != nil {
			return err
		}
		s.colon(key, value)
		n.end = max(key.end, value.end)
	}
	if n.flow && strings.HasPrefix(s.text[n.body:], "{") {
		n.end = s.closing(n.end, '}')
	}
	return s.fields(y, n)
}

// colon finds where the colon stands. A value without bytes stands behind it.
func (s *scanner) colon(key, value *node) {
	at := skipSpace(s.text, key.end)
	if at < len(s.text) && s.text[at] == ':' {
		value.mark = at
	}
	if value.start == value.end {
		place := key.end
		if value.mark >= 0 {
			place = value.mark + 1
		}
		value.start, value.body, value.end, value.props = place, place, place, place
	}
}

func (s *scanner) sequence(y *yaml.Node, n *node) error {
	n.kind, n.flow = sequenceNode, y.Style&yaml.FlowStyle != 0
	n.kids = make([]*node, len(y.Content))
	nodes := make([]node, len(y.Content))
	says := make([]any, len(y.Content))
	n.end = n.body
	if n.flow {
		n.end++
	}
	n.size = 1
	for i, item := range y.Content {
		kid := &nodes[i]
		n.kids[i] = kid
		*kid = node{parent: n, at: i, mark: -1}
		if !n.flow {
			at := skipSpace(s.text, n.end)
			if at >= len(s.text) || s.text[at] != '-' {
				return fmt.Errorf("line %d: the dash of a list item was not found", item.Line)
			}
			if i == 0 {
				n.column = s.columnOf(at)
			}
			kid.mark = at
			n.end = at + 1
		}
		if err := s.node(item, kid, n.column); err != nil {
			return err
		}
		if !n.flow && kid.start == kid.end {
			kid.start, kid.body, kid.end, kid.props = n.end, n.end, n.end, n.end
		}
		n.end = max(kid.end, n.end)
		says[i] = kid.says
		n.size += kid.size
	}
	if n.flow {
		n.end = s.closing(n.end, ']')
	}
	n.says = says
	return tooLarge(n)
}

// columnOf is how far from the start of its line an offset is, in characters.
func (s *scanner) columnOf(at int) int {
	start := s.lines[lineAt(s.lines, at)].start
	return len([]rune(s.text[start:at]))
}

// closing is the end of a flow collection whose last value ends at an offset.
func (s *scanner) closing(at int, bracket byte) int {
	for at < len(s.text) {
		at = skipSpace(s.text, at)
		if at < len(s.text) {
			at++
			if s.text[at-1] == bracket {
				break
			}
		}
	}
	return at
}

// skipSpace passes over spaces, line ends and comments.
func skipSpace(text string, at int) int {
	for at < len(text) {
		switch c := text[at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			at++
		case c == '#' && (at == 0 || strings.IndexByte(" \t\r\n", text[at-1]) >= 0):
			for at < len(text) && text[at] != '\n' && text[at] != '\r' {
				at++
			}
		default:
			return at
		}
	}
	return at
}
