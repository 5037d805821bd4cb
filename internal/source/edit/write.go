package edit

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

// An indentation is how blocks are set in.
type indentation struct {
	step int // columns from a key to the keys below it
	dash int // columns from a key to the dashes below it; 0 when they are flush
	item int // columns from a dash to what is behind it

	quoteTexts bool // see editor
}

// block writes a collection with something in it as lines, the keys or dashes in
// the given column.
func (in indentation) block(v any, column int, order []string) []string {
	margin := strings.Repeat(" ", column)
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range ordered(v, order) {
			out = append(out, in.field(margin+text(name, plain, false)+":", v[name], column)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, in.listItem(item, column, plain)...)
		}
	}
	return out
}

// field writes a key with its value; before is the line up to the colon.
func (in indentation) field(before string, v any, column int) []string {
	switch {
	case isInline(v):
		return in.inline(before, v, column, in.step, plain)
	case isList(v):
		return append([]string{before}, in.block(v, column+in.dash, nil)...)
	}
	return append([]string{before}, in.block(v, column+in.step, nil)...)
}

// listItem writes an item of a list with its dash.
func (in indentation) listItem(v any, column int, s style) []string {
	before := strings.Repeat(" ", column) + "-"
	padding := strings.Repeat(" ", in.item-1)
	if isInline(v) {
		return in.inline(before+padding[1:], v, column, in.item, s)
	}
	lines := in.block(v, column+in.item, nil)
	lines[0] = before + padding + strings.TrimLeft(lines[0], " ")
	return lines
}

// inline writes a scalar or an empty collection behind what precedes it. A text
// of several lines becomes a literal.
func (in indentation) inline(before string, v any, column, step int, s style) []string {
	str, ok := v.(string)
	if !ok || in.quoteTexts || !fitsLiteral(str) {
		return []string{before + " " + scalarText(v, s, false)}
	}
	return append([]string{before + " |" + chomp(str)}, literalLines(str, column+step)...)
}

// chomp is what a literal needs behind its | to end as the text does.
func chomp(s string) string {
	switch body := strings.TrimRight(s, "\n"); len(s) - len(body) {
	case 0:
		return "-"
	case 1:
		return ""
	}
	return "+"
}

func literalLines(s string, column int) []string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = strings.Repeat(" ", column) + l
		}
	}
	return lines
}

// fitsLiteral reports whether a text has several lines and can be written as
// they are, without an indicator of the indentation.
func fitsLiteral(s string) bool {
	if !strings.Contains(strings.TrimRight(s, "\n"), "\n") || s[0] == ' ' || s[0] == '\n' || s[0] == '\t' {
		return false
	}
	for l := range strings.SplitSeq(s, "\n") {
		if strings.TrimSpace(l) == "" && l != "" || !isPrintable(strings.ReplaceAll(l, "\t", " ")) {
			return false
		}
	}
	return true
}

func isInline(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return true
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

// ordered lists the keys of a mapping: those that order has, in its order; then
// the name, where people look for it; then the others.
func ordered(m map[string]any, order []string) []string {
	var out []string
	for _, name := range append(slices.Clone(order), "name") {
		if _, ok := m[name]; ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// scalarText writes a scalar or an empty collection on one line. A string is
// written in the given style where it can be. Within {} and [] more of them need quotes.
func scalarText(v any, s style, flow bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return text(v, s, flow)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		switch {
		case math.IsNaN(v):
			return ".nan"
		case math.IsInf(v, 1):
			return ".inf"
		case math.IsInf(v, -1):
			return "-.inf"
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		return "[]"
	}
	return "{}"
}

func text(v string, s style, flow bool) string {
	switch {
	case s == plain && isPlain(v, flow):
		return v
	case s == singleQuoted && isPrintable(v):
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return doubleQuote(v)
}

// plainText is what needs no quotes wherever it stands, or only within {} and
// []; no space and no colon is at its end.
var (
	plainText   = regexp.MustCompile(`^[\pL\pN_./(<+~^;-]([^:#]|:[^ \t]|[^ \t]#)*$`)
	sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
	date        = regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}`)
)

// isPlain reports whether a string can stand without quotes and is a string then
// for YAML 1.1 and 1.2.
func isPlain(s string, flow bool) bool {
	switch {
	case !plainText.MatchString(s), !isPrintable(s), strings.TrimSpace(s) != s, strings.HasSuffix(s, ":"):
		return false
	case strings.HasPrefix(s, "- "), s == "-", strings.HasPrefix(s, "---"), strings.HasPrefix(s, "..."), s == "<<":
		return false
	case flow && strings.ContainsAny(s, ",[]{}"):
		return false
	case sexagesimal.MatchString(s), date.MatchString(s):
		return false
	}
	_, ok := scalar.Resolve(s).(string)
	return ok
}

// isPrintable reports whether a text is one line of characters that YAML allows
// as they are.
func isPrintable(s string) bool {
	for _, r := range s {
		switch {
		case r < ' ', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r == 0xfeff, r == utf8.RuneError, r >= 0xfff0 && r <= 0xffff:
			return false
		}
	}
	return true
}

// doubleQuote writes a string in double quotes, with escapes that YAML and JSON share.
func doubleQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !isPrintable(string(r)):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// A flowStyle is how collections in {} and [] are written.
type flowStyle struct {
	quoted bool   // keys and strings in double quotes, as in JSON
	pad    string // behind { and before }
	colon  string // between key and value
	comma  string // between values
	// margin is the indentation of the lines around, and indent what one level
	// adds to it. A collection stays on one line when indent is empty.
	margin, indent string
	newline        string
	short          bool // lists of scalars stay on one line
}

func (f flowStyle) write(v any) string {
	s := plain
	if f.quoted {
		s = doubleQuoted
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		var parts []string
		for _, name := range ordered(v, nil) {
			parts = append(parts, text(name, s, true)+f.colon+f.deeper().write(v[name]))
		}
		return f.enclose("{", parts, "}", f.pad)
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		if f.short && !slices.ContainsFunc(v, func(item any) bool { return !isInline(item) }) {
			f.indent = ""
		}
		var parts []string
		for _, item := range v {
			parts = append(parts, f.deeper().write(item))
		}
		return f.enclose("[", parts, "]", "")
	}
	return scalarText(v, s, true)
}

func (f flowStyle) deeper() flowStyle {
	f.margin += f.indent
	return f
}

func (f flowStyle) enclose(open string, parts []string, shut, pad string) string {
	if f.indent == "" {
		return open + pad + strings.Join(parts, f.comma) + pad + shut
	}
	inner := f.newline + f.margin + f.indent
	return open + inner + strings.Join(parts, ","+inner) + f.newline + f.margin + shut
}
