package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A jsonReader reads one JSON value into a tree that keeps order and positions.
type jsonReader struct {
	text    string
	decoder *json.Decoder
	newline []int // offsets of the line ends
	depth   int
}

// parseJSON reads one JSON document; line is where text starts in the file.
func parseJSON(text string, line int) (*node, *ReadError) {
	root, err := parseJSONNode(text, line)
	if err != nil {
		return nil, err
	}
	return fromYAML(root, line)
}

func parseJSONNode(text string, line int) (*yaml.Node, *ReadError) {
	r := &jsonReader{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	r.decoder.UseNumber()
	for i := range len(text) {
		if text[i] == '\n' {
			r.newline = append(r.newline, i)
		}
	}
	n, err := r.value()
	if err != nil {
		at := int(r.decoder.InputOffset())
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = int(syntax.Offset)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		l, c := r.position(min(at, len(text)))
		return nil, &ReadError{Line: line + l - 1, Column: c, Msg: "this is not valid JSON: " + err.Error(), Err: err}
	}
	return n, nil
}

func (r *jsonReader) position(offset int) (line, col int) {
	line = sort.SearchInts(r.newline, offset)
	start := 0
	if line > 0 {
		start = r.newline[line-1] + 1
	}
	return line + 1, offset - start + 1
}

// next is the offset of the next token.
func (r *jsonReader) next() int {
	at := int(r.decoder.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) value() (*yaml.Node, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	defer func() { r.depth-- }()
	n := &yaml.Node{}
	n.Line, n.Column = r.position(r.next())
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for r.decoder.More() {
			kid, err := r.value()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, kid)
			if n.Kind != yaml.MappingNode {
				continue
			}
			if kid, err = r.value(); err != nil {
				return nil, err
			}
			n.Content = append(n.Content, kid)
		}
		_, err := r.decoder.Token()
		return n, err
	case string:
		n.Kind, n.Tag, n.Value, n.Style = yaml.ScalarNode, "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!int", t.String()
	case bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", fmt.Sprint(t)
	case nil:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	return n, nil
}

func jsonString(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
