package tui

import (
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// pen writes text of one line in a style. What lipgloss works out for each text
// anew is worked out once: a frame has a thousand texts.
type pen struct {
	*lipgloss.Style
	on string // the escapes before a text; "": it stays plain
}

func newPen(s lipgloss.Style) pen {
	on, _, _ := strings.Cut(s.Render("x"), "x")
	return pen{&s, on}
}

// Render is the text as lipgloss renders it.
func (p pen) Render(text string) string {
	if strings.IndexByte(text, '\t') >= 0 || strings.IndexByte(text, '\n') >= 0 {
		return p.Style.Render(text)
	}
	if p.on == "" {
		return text
	}
	return p.on + text + ansi.ResetStyle
}

// widthOf is the number of cells of a text with escapes in it. Nearly all texts
// are of letters, colours and lines that are quick to count.
func widthOf(s string) int {
	n := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case ' ' <= c && c <= '~':
			i++
			n++
		case c == ansi.ESC:
			end := colourEnd(s[i:])
			if end == 0 {
				return ansi.StringWidth(s)
			}
			i += end
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !ofOneCell(r) {
				return ansi.StringWidth(s)
			}
			i += size
			n++
		}
	}
	return n
}

// colourEnd is the length of the escape that sets colours at the start of s; 0:
// it is another one.
func colourEnd(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && c != ':' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// ofOneCell reports whether a rune is one that frames are made of. None of them
// forms a cluster with another one or with a letter.
func ofOneCell(r rune) bool {
	switch r {
	case '·', '–', '…', '›', '→', '⋯', '✓', '✗', '▲', '▸', '○', '●', '◆':
		return true
	}
	return '─' <= r && r <= '▟' // lines and blocks
}
