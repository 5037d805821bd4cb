package files

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

// A node is a value of a document: what the decoder reads, however it was
// written. Aliases and merge keys are resolved.
type node struct {
	kind nodeKind
	// plain says that the text of a scalar decides its type, as it does without quotes.
	plain     bool
	line, col int32 // 1-based, in the file
	value     string
	kids      []node // of a mapping: key, value, key, value …
}

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	mappingNode
	sequenceNode
)

// get returns the value of a key of a mapping, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != mappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.kids); i += 2 {
		if n.kids[i].value == key {
			return &n.kids[i+1]
		}
	}
	return nil
}

// only is a mapping with nothing but what lies at the path.
func (n *node) only(path ...string) *node {
	if len(path) == 0 {
		return n
	}
	out := &node{kind: mappingNode, line: n.line, col: n.col}
	if v := n.get(path[0]); v != nil {
		out.kids = []node{{kind: scalarNode, value: path[0]}, *v.only(path[1:]...)}
	}
	return out
}

// str returns the text of a scalar that is a string, or "".
func (n *node) str() string {
	if n == nil || n.kind != scalarNode {
		return ""
	}
	if n.isPlainString() {
		return n.value
	}
	if t, _ := n.scalar(); t != stringType {
		return ""
	}
	return n.value
}

// isPlainString reports whether a scalar is a string at first sight.
func (n *node) isPlainString() bool { return !n.plain || !scalar.MaybeTyped(n.value) }

func (n *node) isNull() bool {
	t, _ := n.scalar()
	return n.kind == scalarNode && t == nullType
}

type scalarType uint8

const (
	stringType scalarType = iota
	nullType
	boolType
	intType
	floatType
)

// scalar resolves a scalar; the value is nil (for strings too), bool, int64,
// uint64 (above the largest int64) or float64.
func (n *node) scalar() (scalarType, any) {
	if !n.plain {
		return stringType, nil
	}
	return resolvePlain(n.value)
}

// resolvePlain is what kubectl reads in a scalar without quotes.
func resolvePlain(s string) (scalarType, any) {
	switch v := scalar.Resolve(s).(type) {
	case nil:
		return nullType, nil
	case bool:
		return boolType, v
	case int64, uint64:
		return intType, v
	case float64:
		return floatType, v
	default:
		return stringType, v
	}
}

// key is the name that a scalar gives to a field, and whether it can give one:
// kubectl turns numbers and booleans into their JSON form.
func (n *node) key() (string, bool) {
	if n.kind != scalarNode {
		return "", false
	}
	if n.isPlainString() {
		return n.value, true
	}
	return scalar.Key(n.value)
}

func scalarJSON(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return "null"
	}
}

// toAny turns the tree into map[string]any, []any, string, bool, int64, float64
// and nil, the values of an Unstructured. A uint64 above the largest int64
// becomes a float64, as JSON decoding does.
func (n *node) toAny() any {
	switch n.kind {
	case mappingNode:
		m := make(map[string]any, len(n.kids)/2)
		for i := 0; i+1 < len(n.kids); i += 2 {
			k, _ := n.kids[i].key()
			m[k] = n.kids[i+1].toAny()
		}
		return m
	case sequenceNode:
		s := make([]any, len(n.kids))
		for i := range n.kids {
			s[i] = n.kids[i].toAny()
		}
		return s
	}
	t, v := n.scalar()
	if t == stringType {
		return n.value
	}
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case float64:
		return scalar.Number(v)
	default:
		return v
	}
}

// what says what a node is, for messages.
func (n *node) what() string {
	switch n.kind {
	case mappingNode:
		return "a mapping"
	case sequenceNode:
		return "a list"
	}
	switch t, _ := n.scalar(); t {
	case nullType:
		return "null"
	case boolType:
		return "the boolean " + n.value
	case intType, floatType:
		return "the number " + n.value
	default:
		return "the string " + strconv.Quote(shorten(n.value))
	}
}

func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// binary decodes a scalar tagged !!binary, which YAML 1.1 reads as a string.
func binary(s string) (string, bool) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	return string(b), err == nil
}
