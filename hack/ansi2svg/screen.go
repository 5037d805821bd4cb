package main

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"
	"unicode"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// The colours of a terminal that sets none itself: light grey on near black, and sixteen that keep apart on it.
const (
	foreground = "#d4d8e0"
	background = "#15181e"
)

var palette = [16]string{
	"#282c34", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
	"#5c6370", "#ef7a84", "#a8d58a", "#f0cf8f", "#74bdfb", "#d48ee9", "#67c7d3", "#ffffff",
}

type style struct {
	fg, bg                                  string
	bold, faint, italic, underline, strikes bool
}

// A run is a piece of one row in one style; columns counts terminal cells, which wide characters fill two of.
type run struct {
	column, columns int
	text            string
	style           style
}

type screen struct {
	width, height int
	rows          [][]run
}

func read(captured []byte, width, height int) (screen, error) {
	terminal := vt.NewEmulator(width, height)
	// A line feed alone keeps the column.
	if _, err := terminal.Write(bytes.ReplaceAll(captured, []byte("\n"), []byte("\r\n"))); err != nil {
		return screen{}, fmt.Errorf("reading the screen: %w", err)
	}
	s := screen{width: width, height: height, rows: make([][]run, height)}
	for y := range height {
		s.rows[y] = runs(terminal, y, width)
	}
	return s, nil
}

func runs(terminal *vt.Emulator, y, width int) []run {
	var row []run
	for x := 0; x < width; {
		cell := terminal.CellAt(x, y)
		if cell == nil {
			x++
			continue
		}
		text, columns := cell.Content, max(cell.Width, 1)
		if text == "" {
			text = " "
		}
		next := run{column: x, columns: columns, text: text, style: styleOf(cell.Style)}
		x += columns
		if last := len(row) - 1; last >= 0 && row[last].style == next.style && joins(row[last].text, text) {
			row[last].text += next.text
			row[last].columns += next.columns
			continue
		}
		row = append(row, next)
	}
	return row
}

// joins reports whether a cell continues the text before it. What a font may lack stands alone, since the glyph that
// another font lends has another width and would push its neighbours aside.
func joins(text, cell string) bool {
	if cell == horizontal {
		return strings.HasPrefix(text, horizontal)
	}
	return ascii(text) && ascii(cell)
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func styleOf(s uv.Style) style {
	result := style{
		fg:        hex(s.Fg, foreground),
		bg:        hex(s.Bg, background),
		bold:      s.Attrs&uv.AttrBold != 0,
		faint:     s.Attrs&uv.AttrFaint != 0,
		italic:    s.Attrs&uv.AttrItalic != 0,
		underline: s.Underline != uv.UnderlineNone,
		strikes:   s.Attrs&uv.AttrStrikethrough != 0,
	}
	if s.Attrs&uv.AttrReverse != 0 {
		result.fg, result.bg = result.bg, result.fg
	}
	if s.Attrs&uv.AttrConceal != 0 {
		result.fg = result.bg
	}
	return result
}

func hex(c color.Color, fallback string) string {
	switch c := c.(type) {
	case nil:
		return fallback
	case ansi.BasicColor:
		return palette[c%16]
	case ansi.IndexedColor:
		if c < 16 {
			return palette[c]
		}
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
