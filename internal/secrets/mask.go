package secrets

import (
	"fmt"
	"strings"
)

// Masked stands where a credential was.
const Masked = "***"

// MaskText is the text without its credentials; the name is as for Text.
func MaskText(name, text string) string { return (&Masker{}).text(name, text) }

// A Masker takes credentials out of several values. The zero value is one to use.
// Where Numbered is set, each distinct credential has a number, so that it can be
// seen which are the same without seeing one.
type Masker struct {
	Numbered bool
	seen     map[string]int
}

func (m *Masker) stand(secret string) string {
	if !m.Numbered {
		return Masked
	}
	if m.seen == nil {
		m.seen = map[string]int{}
	}
	n, ok := m.seen[secret]
	if !ok {
		n = len(m.seen) + 1
		m.seen[secret] = n
	}
	return fmt.Sprintf("%s (%d)", Masked, n)
}

func (m *Masker) cut(text string, list []found) string {
	if len(list) == 0 {
		return text
	}
	var out strings.Builder
	at := 0
	for _, f := range list {
		out.WriteString(text[at:f.start])
		out.WriteString(m.stand(text[f.start:f.end]))
		at = f.end
	}
	out.WriteString(text[at:])
	return out.String()
}

func (m *Masker) pair(name, value string) string { return m.cut(value, inPair(name, value)) }

func (m *Masker) text(name, text string) string { return m.cut(text, inText(name, text)) }

// lastApplied is kubectl's annotation with the whole object in it.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Value is a copy of plain JSON (map[string]any, []any, string and others) without
// its credentials: those of names and values in maps, of items with a name and a
// value such as environment variables, of command lines, and in texts. The name is
// that of the field which holds it.
func (m *Masker) Value(name string, v any) any {
	switch v := v.(type) {
	case string:
		switch {
		case name == lastApplied && strings.Contains(v, `"Secret"`):
			return m.stand(v)
		case strings.Contains(v, "\n"):
			return m.text(name, v)
		}
		return m.pair(name, v)
	case []any:
		return m.list(name, v)
	case map[string]any:
		return m.fields(v)
	}
	return v
}

func (m *Masker) fields(v map[string]any) map[string]any {
	out := make(map[string]any, len(v))
	item, _ := v["name"].(string)
	for k, field := range v {
		value, isText := field.(string)
		if k == "value" && item != "" && isText {
			out[k] = m.pair(item, value)
			continue
		}
		out[k] = m.Value(k, field)
	}
	return out
}

func (m *Masker) list(name string, v []any) []any {
	out := make([]any, len(v))
	if args, ok := texts(v); ok {
		for i, list := range inArgs(args) {
			out[i] = m.cut(args[i], list)
		}
		return out
	}
	for i, item := range v {
		out[i] = m.Value(name, item)
	}
	return out
}

// texts are the items of the list if all are texts, as those of a command line are.
func texts(v []any) ([]string, bool) {
	out := make([]string, len(v))
	for i, item := range v {
		var ok bool
		if out[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return out, true
}
