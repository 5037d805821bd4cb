// Package scalar says what kubectl reads in a YAML scalar without quotes. kubectl
// reads manifests by YAML 1.1 (sigs.k8s.io/yaml on go.yaml.in/yaml/v2), so "on" is
// true, "no" is false and 0644 is 420.
package scalar

import (
	"math"
	"strconv"
	"strings"
)

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

// Resolve gives nil, a bool, an int64, a uint64 (above the largest int64), a
// float64, or the string itself.
func Resolve(s string) any {
	if !MaybeTyped(s) {
		return s
	}
	if w, ok := words[s]; ok {
		return w
	}
	switch c := s[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case c == '+' || c == '-' || '0' <= c && c <= '9':
		return resolveNumber(s)
	}
	return s
}

// MaybeTyped reports whether the first character allows for something else than a string.
func MaybeTyped(s string) bool {
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
func resolveNumber(s string) any {
	// Most of what gets here is a quantity such as 100m or 128Mi.
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		case c == '+', c == '-', c == '.', c == '_', c == 'x', c == 'X', c == 'o', c == 'O':
		default:
			return s
		}
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return u
	}
	if isDecimalFloat(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return f
		}
	}
	// ParseInt takes a sign before 0b but no second one behind it; yaml does.
	for _, prefix := range []string{"0b", "-0b"} {
		if digits, ok := strings.CutPrefix(plain, prefix); ok {
			if i, err := strconv.ParseInt(strings.TrimSuffix(prefix, "0b")+digits, 2, 64); err == nil {
				return i
			}
		}
	}
	return s
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

// Key is the name that a scalar without quotes gives to a field, and whether it
// can give one: kubectl turns numbers and booleans into their JSON form.
func Key(s string) (string, bool) {
	switch v := Resolve(s).(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 32), true
	}
	return "", false
}

// Value is Resolve with numbers as an Unstructured has them: int64 where they are
// whole and not too large, else float64.
func Value(s string) any {
	switch v := Resolve(s).(type) {
	case uint64:
		return float64(v)
	case float64:
		return Number(v)
	default:
		return v
	}
}

// Number is the float as an int64 if it is whole: 1.0 and 1e3 are written to JSON
// without a fraction and read back as integers.
func Number(f float64) any {
	if i := int64(f); math.Abs(f) < 1<<63 && float64(i) == f {
		return i
	}
	return f
}
