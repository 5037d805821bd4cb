package files

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
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
func (n *node) isPlainString() bool { return !n.plain || !maybeTyped(n.value) }

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

// words are the plain scalars that YAML 1.1 does not take for strings. kubectl
// reads manifests by YAML 1.1 (sigs.k8s.io/yaml on go.yaml.in/yaml/v2), so
// "on" is true and "no" is false here too.
var words = map[string]any{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true,
	"true": true, "True": true, "TRUE": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false,
	"false": false, "False": false, "FALSE": false, "off": false, "Off": false, "OFF": false,
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	".nan": math.NaN(), ".NaN": math.NaN(), ".NAN": math.NaN(),
	".inf": math.Inf(1), ".Inf": math.Inf(1), ".INF": math.Inf(1),
	"+.inf": math.Inf(1), "+.Inf": math.Inf(1), "+.INF": math.Inf(1),
	"-.inf": math.Inf(-1), "-.Inf": math.Inf(-1), "-.INF": math.Inf(-1),
}

// scalar resolves a scalar; the value is nil (for strings too), bool, int64,
// uint64 (above the largest int64) or float64.
func (n *node) scalar() (scalarType, any) {
	if !n.plain {
		return stringType, nil
	}
	return resolvePlain(n.value)
}

func resolvePlain(s string) (scalarType, any) {
	if !maybeTyped(s) {
		return stringType, nil
	}
	if w, ok := words[s]; ok {
		switch w.(type) {
		case nil:
			return nullType, nil
		case bool:
			return boolType, w
		default:
			return floatType, w
		}
	}
	switch c := s[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return floatType, f
		}
	case c == '+' || c == '-' || '0' <= c && c <= '9':
		return resolveNumber(s)
	}
	return stringType, nil
}

// maybeTyped reports whether the first character allows for something else than a string.
func maybeTyped(s string) bool {
	if s == "" {
		return true
	}
	switch s[0] {
	case '+', '-', '.', '~', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
		'y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O':
		return true
	}
	return false
}

// resolveNumber reads integers in any base that Go's literals have, with
// underscores anywhere, and decimal floats, as go.yaml.in/yaml/v2 resolve.go does.
func resolveNumber(s string) (scalarType, any) {
	// Most of what gets here is a quantity such as 100m or 128Mi.
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		case c == '+', c == '-', c == '.', c == '_', c == 'x', c == 'X', c == 'o', c == 'O':
		default:
			return stringType, nil
		}
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return intType, i
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return intType, u
	}
	if isDecimalFloat(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return floatType, f
		}
	}
	// ParseInt takes a sign before 0b but no second one behind it; yaml does.
	for _, prefix := range []string{"0b", "-0b"} {
		if digits, ok := strings.CutPrefix(plain, prefix); ok {
			if i, err := strconv.ParseInt(strings.TrimSuffix(prefix, "0b")+digits, 2, 64); err == nil {
				return intType, i
			}
		}
	}
	return stringType, nil
}

// isDecimalFloat matches [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
func isDecimalFloat(s string) bool {
	digits := func() int {
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	whole, fraction := digits(), 0
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		fraction = digits()
	}
	if whole+fraction == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
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
	switch t, v := n.scalar(); t {
	case stringType:
		return n.value, true
	case nullType:
		return "", false
	case floatType:
		return strconv.FormatFloat(v.(float64), 'g', -1, 32), true
	default:
		return scalarJSON(v), true
	}
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
		// 1.0 and 1e3 are written to JSON without a fraction and read back as integers.
		if i := int64(v); math.Abs(v) < 1<<63 && float64(i) == v {
			return i
		}
		return v
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
