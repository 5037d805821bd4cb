package files

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// aliasBudget is how many nodes the aliases of one document may expand to;
// without a limit nine lines of YAML fill any memory.
const aliasBudget = 100_000

// maxDepth is how deep a document may nest; far more than any object does.
const maxDepth = 500

// parseYAML reads one document; line is where text starts in the file. The node
// is nil for a document without content.
func parseYAML(text string, line int) (*node, *ReadError) {
	root, err := parseYAMLNode(text, line)
	if root == nil || err != nil {
		return nil, err
	}
	return fromYAML(root, line)
}

func parseYAMLNode(text string, line int) (*yaml.Node, *ReadError) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, syntaxError(text, line, err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`yaml: (?:line (\d+): )?(?s:(.*))$`)

// syntaxError says where YAML breaks. The line comes from kubectl's parser: it
// names the line that it cannot read, where this package's names the start of
// the block around it.
func syntaxError(text string, line int, err error) *ReadError {
	e := &ReadError{Line: line, Msg: err.Error(), Err: err}
	message := err.Error()
	if _, kubectlErr := sigsyaml.YAMLToJSON([]byte(text)); kubectlErr != nil {
		message = kubectlErr.Error()
	}
	m := yamlLine.FindStringSubmatch(message)
	if m == nil {
		return e
	}
	e.Msg = "this is not valid YAML: " + m[2]
	at := 1
	if n, err := strconv.Atoi(m[1]); err == nil {
		at = n
	}
	lines := strings.Split(text, "\n")
	at = min(at, len(lines))
	e.Line = line + at - 1
	// The tab is where the parser gave up, or just beside.
	for _, i := range []int{at - 1, at, at - 2} {
		if i < 0 || i >= len(lines) {
			continue
		}
		l := lines[i]
		indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
			e.Line, e.Column = line+i, tab+1
			e.Msg = "a tab indents this line: YAML allows only spaces there"
			break
		}
	}
	return e
}

// converter turns the library's tree into ours: aliases are followed, merge keys filled in.
type converter struct {
	line   int // of the text in the file
	budget int
	depth  int
	inside map[*yaml.Node]bool // anchors that are being expanded
}

func fromYAML(n *yaml.Node, line int) (*node, *ReadError) {
	c := &converter{line: line, budget: aliasBudget, inside: map[*yaml.Node]bool{}}
	var out node
	if err := c.convert(n, &out, false); err != nil {
		return nil, err
	}
	return &out, nil
}

func (c *converter) fail(n *yaml.Node, format string, args ...any) *ReadError {
	return &ReadError{Line: c.line + n.Line - 1, Column: n.Column, Msg: fmt.Sprintf(format, args...)}
}

func (c *converter) convert(n *yaml.Node, out *node, expanding bool) *ReadError {
	if expanding {
		if c.budget--; c.budget < 0 {
			return c.fail(n, "the aliases of this document expand to more than %d values", aliasBudget)
		}
	}
	if c.depth++; c.depth > maxDepth {
		return c.fail(n, "nested deeper than %d levels", maxDepth)
	}
	defer func() { c.depth-- }()
	out.line, out.col = int32(c.line+n.Line-1), int32(n.Column)
	switch n.Kind {
	case yaml.AliasNode:
		if c.inside[n.Alias] {
			return c.fail(n, "the alias *%s stands inside its own anchor", n.Value)
		}
		c.inside[n.Alias] = true
		defer delete(c.inside, n.Alias)
		line, col := out.line, out.col
		err := c.convert(n.Alias, out, true)
		out.line, out.col = line, col
		return err
	case yaml.ScalarNode:
		return c.scalar(n, out)
	case yaml.SequenceNode:
		out.kind = sequenceNode
		out.kids = make([]node, len(n.Content))
		for i, kid := range n.Content {
			if err := c.convert(kid, &out.kids[i], expanding); err != nil {
				return err
			}
		}
		return nil
	case yaml.MappingNode:
		return c.mapping(n, out, expanding)
	default:
		return c.fail(n, "unexpected YAML node")
	}
}

const quotedStyles = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

func (c *converter) scalar(n *yaml.Node, out *node) *ReadError {
	out.value = n.Value
	out.plain = n.Style&quotedStyles == 0
	if n.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		out.plain = true
		if t, _ := out.scalar(); t == stringType {
			return c.fail(n, "%q is not %s", shorten(n.Value), strings.TrimPrefix(n.ShortTag(), "!!"))
		}
	case "!!binary":
		s, ok := binary(n.Value)
		if !ok {
			return c.fail(n, "what is tagged !!binary is not base64")
		}
		out.value, out.plain = s, false
	default:
		out.plain = false
	}
	return nil
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && (n.Style&quotedStyles == 0 || n.ShortTag() == "!!merge")
}

func (c *converter) mapping(n *yaml.Node, out *node, expanding bool) *ReadError {
	out.kind = mappingNode
	out.kids = make([]node, 0, len(n.Content))
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			merges = append(merges, n.Content[i+1])
			continue
		}
		out.kids = append(out.kids, node{}, node{})
		pair := out.kids[len(out.kids)-2:]
		if err := c.convert(n.Content[i], &pair[0], expanding); err != nil {
			return err
		}
		if _, ok := pair[0].key(); !ok {
			return c.fail(n.Content[i], "a key must be a string, not %s", pair[0].what())
		}
		if err := c.convert(n.Content[i+1], &pair[1], expanding); err != nil {
			return err
		}
	}
	own := len(out.kids)
	for _, m := range merges {
		if err := c.merge(n, m, out, own); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the pairs of a merge key that the mapping does not have itself.
// kubectl's parser lets the merged value win when its key stands behind the
// explicit one, the YAML specification does not: where that matters, refuse.
func (c *converter) merge(n, m *yaml.Node, out *node, own int) *ReadError {
	sources := []*yaml.Node{m}
	if m.Kind == yaml.SequenceNode {
		sources = m.Content
	}
	for _, s := range sources {
		var merged node
		if err := c.convert(s, &merged, true); err != nil {
			return err
		}
		if merged.kind != mappingNode {
			return c.fail(s, "a merge key (<<) needs a mapping or a list of mappings, not %s", merged.what())
		}
		for i := 0; i+1 < len(merged.kids); i += 2 {
			name, _ := merged.kids[i].key()
			if at := out.find(name); at < 0 {
				out.kids = append(out.kids, merged.kids[i], merged.kids[i+1])
			} else if at < own && before(n, name, m) {
				return c.fail(m, "%q stands before the merge key (<<) that also sets it, and parsers disagree on who wins: move << to the top", name)
			}
		}
	}
	return nil
}

// before reports whether the explicit key stands before the merged value.
func before(n *yaml.Node, name string, merged *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i+1] == merged {
			return false
		}
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

// find returns the index of a key among the kids, or -1.
func (n *node) find(name string) int {
	for i := 0; i+1 < len(n.kids); i += 2 {
		if k, _ := n.kids[i].key(); k == name {
			return i
		}
	}
	return -1
}

// duplicates reports keys that a mapping has twice, anywhere in the tree.
func (n *node) duplicates(report func(key, first *node)) {
	switch n.kind {
	case sequenceNode:
		for i := range n.kids {
			n.kids[i].duplicates(report)
		}
	case mappingNode:
		n.duplicateKeys(report)
		for i := 1; i < len(n.kids); i += 2 {
			n.kids[i].duplicates(report)
		}
	}
}

func (n *node) duplicateKeys(report func(key, first *node)) {
	const few = 16 // pairs up to which comparing each with each is the cheapest
	if len(n.kids) > 2*few {
		seen := make(map[string]*node, len(n.kids)/2)
		for i := 0; i < len(n.kids); i += 2 {
			k, _ := n.kids[i].key()
			if first := seen[k]; first != nil {
				report(&n.kids[i], first)
				continue
			}
			seen[k] = &n.kids[i]
		}
		return
	}
	for i := 2; i < len(n.kids); i += 2 {
		k, _ := n.kids[i].key()
		for j := 0; j < i; j += 2 {
			if first, _ := n.kids[j].key(); first == k {
				report(&n.kids[i], &n.kids[j])
				break
			}
		}
	}
}

// join makes one error of several, or nil.
func join(errs []*ReadError) error {
	if len(errs) == 0 {
		return nil
	}
	return &LoadError{Errors: errs}
}

var errEmpty = errors.New("no Kubernetes objects")
