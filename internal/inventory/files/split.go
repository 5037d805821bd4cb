package files

import (
	"encoding/json"
	"strings"
)

// A span is one document: bytes start to end of the text, which begin on the
// 1-based line. Spans do not overlap; what lies between them (white space
// between JSON values) belongs to no document.
type span struct {
	start, end int
	line       int
	json       bool
}

// split finds the documents of a text without decoding them, so that one broken
// document does not hide the others.
func split(text string) []span {
	if spans, ok := splitJSON(text); ok {
		return spans
	}
	return splitYAML(text)
}

// splitYAML cuts at the markers of YAML: a line that starts with "---" begins a
// document, a line "..." ends one. By YAML 1.2 section 9.1.2 neither may stand at
// the start of a line within any scalar, so looking at lines is enough.
func splitYAML(text string) []span {
	var spans []span
	start, line, startLine := 0, 1, 1
	directives := false // only comments and directives since start
	cut := func(at, atLine int) {
		if at > start {
			spans = append(spans, span{start: start, end: at, line: startLine})
		}
		start, startLine = at, atLine
	}
	for at := 0; at < len(text); line++ {
		next := len(text)
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		switch l := text[at:next]; {
		case isMarker(l, "---"):
			if !directives {
				cut(at, line)
			}
			directives = false
		case isMarker(l, "..."):
			cut(next, line+1)
			directives = false
		case l[0] == '%' && isBlank(text[start:at]):
			directives = true
		case directives && l[0] != '%' && l[0] != '#' && strings.TrimSpace(l) != "":
			directives = false
		}
		at = next
	}
	cut(len(text), line)
	return spans
}

func isMarker(line, marker string) bool {
	rest, ok := strings.CutPrefix(line, marker)
	return ok && (rest == "" || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

// splitJSON cuts a stream of JSON objects, as kubectl reads it too. It is not
// ok when the text is anything else: YAML may begin with a brace as well.
func splitJSON(text string) ([]span, bool) {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return nil, false
	}
	var spans []span
	d := json.NewDecoder(strings.NewReader(text))
	counted, line := 0, 1
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			rest := text[d.InputOffset():]
			return spans, len(spans) > 0 && strings.TrimSpace(rest) == ""
		}
		end := int(d.InputOffset())
		start := end - len(raw)
		line += strings.Count(text[counted:start], "\n")
		counted = start
		spans = append(spans, span{start: start, end: end, line: line, json: true})
	}
}

// isBlank reports whether a document holds nothing but comments, blank lines
// and markers.
func isBlank(text string) bool {
	for l := range strings.Lines(text) {
		for _, marker := range []string{"---", "..."} {
			if isMarker(l, marker) {
				l = l[len(marker):]
			}
		}
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			return false
		}
	}
	return true
}
