package edit

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

func (s *scanner) scalar(y *yaml.Node, n *node, indent int) error {
	n.kind, n.value, n.size = scalarNode, y.Value, 1
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.style = doubleQuoted
		n.end = quotedEnd(s.text, n.body, '"')
	case y.Style&yaml.SingleQuotedStyle != 0:
		n.style = singleQuoted
		n.end = quotedEnd(s.text, n.body, '\'')
	case y.Style&yaml.LiteralStyle != 0:
		n.style = literal
		n.end = s.blockEnd(n.body, indent)
	case y.Style&yaml.FoldedStyle != 0:
		n.style = folded
		n.end = s.blockEnd(n.body, indent)
	case y.Value == "":
		n.body, n.end = n.props, n.props
	default:
		n.end = plainEnd(s.text, n.body, y.Value)
	}
	if n.end < 0 {
		return fmt.Errorf("line %d: the end of a value was not found", y.Line)
	}
	return n.resolve(y.Line)
}

// resolve finds out what a scalar says.
func (n *node) resolve(line int) error {
	n.says = n.value
	if n.style == plain && n.tag == "" {
		n.says = scalar.Value(n.value)
		return nil
	}
	switch n.tag {
	case "!!int", "!!float", "!!bool", "!!null":
		n.says = scalar.Value(n.value)
		if _, ok := n.says.(string); ok {
			return fmt.Errorf("line %d: %q is not %s", line, n.value, strings.TrimPrefix(n.tag, "!!"))
		}
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.value), ""))
		if err != nil {
			return fmt.Errorf("line %d: what is tagged !!binary is not base64", line)
		}
		n.says = string(b)
	}
	return nil
}

// quotedEnd is the offset behind the closing quote, -1 when there is none.
func quotedEnd(text string, at int, quote byte) int {
	if at >= len(text) || text[at] != quote {
		return -1
	}
	for at++; at < len(text); at++ {
		switch {
		case text[at] == '\\' && quote == '"':
			at++
		case text[at] == quote && quote == '\'' && at+1 < len(text) && text[at+1] == quote:
			at++
		case text[at] == quote:
			return at + 1
		}
	}
	return -1
}

// plainEnd finds the end of a scalar without quotes by what it was read as: line
// ends and the white space around them were folded.
func plainEnd(text string, at int, value string) int {
	for i := 0; i < len(value); {
		if at >= len(text) {
			return -1
		}
		if space := text[at:foldEnd(text, at)]; strings.ContainsAny(space, "\r\n") && (value[i] == ' ' || value[i] == '\n') {
			at += len(space)
			if value[i] == ' ' {
				i++
			}
			for i < len(value) && value[i] == '\n' {
				i++
			}
			continue
		}
		if text[at] != value[i] {
			return -1
		}
		at++
		i++
	}
	return at
}

func foldEnd(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
		at++
	}
	return at
}

// A textEnd is where a literal or folded text ends.
type textEnd struct {
	indent int  // columns that its lines are set in
	keep   bool // it takes all blank lines behind it for its own (|+)
}

// chomping is what may stand behind the | or > of a block of text.
var chomping = regexp.MustCompile(`^[-+1-9]{0,2}`)

// blockEnd is the end of a literal or folded text: of its last line with text,
// or with a "+" of the blank lines behind it. The rules are those of the parser
// (go.yaml.in/yaml/v3 scannerc.go, yaml_parser_scan_block_scalar).
func (s *scanner) blockEnd(at, indent int) int {
	if at >= len(s.text) || s.text[at] != '|' && s.text[at] != '>' {
		return -1
	}
	i := lineAt(s.lines, at)
	inner, keep := 0, false
	for _, c := range chomping.FindString(s.text[at+1 : s.lines[i].end]) {
		switch c {
		case '+':
			keep = true
		case '-':
		default:
			inner = max(indent, 0) + int(c-'0')
		}
	}
	if inner == 0 {
		inner = max(indent+1, 1)
		for _, l := range s.lines[i+1:] {
			spaces := l.indent(s.text)
			inner = max(inner, spaces)
			if l.start+spaces < l.end {
				break
			}
		}
	}
	last := i
	for j, l := range s.lines[i+1:] {
		spaces := l.indent(s.text)
		blank := l.start+spaces == l.end
		if !blank && spaces < inner {
			break
		}
		if !blank || spaces > inner || keep && l.end < len(s.text) {
			last = i + 1 + j
		}
	}
	s.texts[last] = textEnd{indent: inner, keep: keep}
	return s.lines[last].end
}
