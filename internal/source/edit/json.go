package edit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

// isJSON reports whether a text is one JSON object or list with something in it;
// an empty one may become YAML.
func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return text != "{}" && text != "[]" && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// A jsonScanner gives the nodes of JSON their spans. YAML's own parser would do
// for most JSON, but not for the surrogate pairs in its strings.
type jsonScanner struct {
	text    string
	decoder *json.Decoder
	depth   int
}

func parseJSON(text string) (*node, error) {
	s := &jsonScanner{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	s.decoder.UseNumber()
	n := &node{mark: -1}
	if err := s.node(n); err != nil {
		return nil, fmt.Errorf("this is not valid JSON: %w", err)
	}
	if rest := text[n.end:]; strings.TrimSpace(rest) != "" {
		return nil, errors.New("these are several documents, want one")
	}
	return n, nil
}

func (s *jsonScanner) node(n *node) error {
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	defer func() { s.depth-- }()
	at := int(s.decoder.InputOffset())
	for at < len(s.text) && strings.IndexByte(" \t\r\n,:", s.text[at]) >= 0 {
		at++
	}
	n.start, n.body, n.props, n.size = at, at, at, 1
	token, err := s.decoder.Token()
	if err != nil {
		return err
	}
	n.end = int(s.decoder.InputOffset())
	switch t := token.(type) {
	case json.Delim:
		return s.collection(n, t)
	case string:
		n.style, n.value, n.says = doubleQuoted, t, t
	case json.Number:
		n.value, n.says = t.String(), scalar.Value(t.String())
	case bool:
		n.value, n.says = fmt.Sprint(t), t
	}
	return nil
}

func (s *jsonScanner) collection(n *node, open json.Delim) error {
	n.flow, n.kind = true, sequenceNode
	fields, items := map[string]any{}, []any{}
	if open == '{' {
		n.kind = mappingNode
	}
	for s.decoder.More() {
		kid := &node{parent: n, at: len(n.kids), mark: -1}
		if err := s.node(kid); err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		if n.kind == sequenceNode {
			items = append(items, kid.says)
			n.size += kid.size
			continue
		}
		if _, again := fields[kid.value]; again {
			return fmt.Errorf("%q is set twice", kid.value)
		}
		value := &node{parent: n, at: len(n.kids), mark: skipSpace(s.text, kid.end)}
		if err := s.node(value); err != nil {
			return err
		}
		n.kids = append(n.kids, value)
		fields[kid.value] = value.says
		n.size += value.size
	}
	_, err := s.decoder.Token()
	n.end = int(s.decoder.InputOffset())
	n.says = items
	if n.kind == mappingNode {
		n.says = fields
	}
	return err
}
