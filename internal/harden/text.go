package harden

import (
	"strings"
	"unicode"
)

// OneLine makes text from a cluster, a registry or an image fit for one line of
// a terminal: no control characters (an annotation must not be able to move the
// cursor) and none that reorder what follows them. Joiners stay: scripts and
// emoji need them.
func OneLine(s string) string {
	ok := true
	for _, r := range s {
		if r < ' ' || r == 0x7f || r > 0x7f {
			ok = false
			break
		}
	}
	if ok {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == '\u200d' || r == '\u200c':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
}
