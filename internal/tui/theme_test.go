package tui

import (
	"image/color"
	"math"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// contrast is the ratio of WCAG 2.2: 1 to 21.
func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.RGBA) float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// Text is read on the backgrounds that terminals have and on those of the rows,
// also where a terminal has only 256 colours.
func TestTextHasContrast(t *testing.T) {
	const least = 4.5
	for _, test := range []struct {
		name        string
		backgrounds []string
	}{
		{"dark", []string{"#000000", "#1e1e1e", "#282a36"}},
		{"light", []string{"#ffffff", "#fdf6e3"}},
	} {
		for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI256} {
			p := paletteOf(test.name == "dark", profile)
			inks := map[string]string{
				"dim": p.dim, "strong": p.strong, "accent": p.accent, "code": p.code, "good": p.good, "warn": p.warn, "bad": p.bad,
				"info": p.info, "low": p.low, "medium": p.medium, "high": p.high, "critical": p.critical,
			}
			shown := func(hex string) color.RGBA {
				return color.RGBAModel.Convert(profile.Convert(rgb(hex))).(color.RGBA)
			}
			for name, ink := range inks {
				for _, background := range test.backgrounds {
					if got := contrast(shown(ink), rgb(background)); got < least {
						t.Errorf("%s, %s: %s on %s has %.2f", test.name, profile, name, background, got)
					}
				}
				for where, background := range map[string]string{"cursor": p.cursor, "shadow": p.shadow} {
					if got := contrast(shown(ink), shown(background)); got < least {
						t.Errorf("%s, %s: %s on the %s row has %.2f", test.name, profile, name, where, got)
					}
				}
			}
			if got := contrast(shown(p.ink), shown(p.brand)); got < least {
				t.Errorf("%s, %s: the name of the program has %.2f", test.name, profile, got)
			}
			if shown(p.cursor) == shown(p.shadow) {
				t.Errorf("%s, %s: the row with the keys looks as the other", test.name, profile)
			}
		}
	}
}

// rowCells are the cells of the line on which the cursor is, inside of its pane.
func rowCells(t *testing.T, d *driver, e *vt.Emulator, glyph string) []*uv.Cell {
	t.Helper()
	x, y := d.find(glyph)
	var cells []*uv.Cell
	for ; x < e.Width() && e.CellAt(x, y).Content != "│"; x++ {
		cells = append(cells, e.CellAt(x, y))
	}
	return cells
}

// Where a terminal has sixteen colours or none, the row under the cursor is
// reversed, in the colours of the terminal alone, and the pane with the keys has
// a bold title.
func TestCursorIsSeenWithFewColours(t *testing.T) {
	for _, profile := range []colorprofile.Profile{colorprofile.ASCII, colorprofile.ANSI} {
		for _, keys := range [][]string{nil, {"tab", "tab"}, {"a", "f"}, {"u"}, {"i"}} {
			t.Run(profile.String()+" "+strings.Join(keys, " "), func(t *testing.T) {
				drive(t, newFake(), Options{}, 120, 40, func(d *driver) {
					d.press(keys...)
					for _, dark := range []bool{true, false} {
						d.send(tea.ColorProfileMsg{Profile: profile})
						d.send(tea.BackgroundColorMsg{Color: background(dark)})
						e, _ := terminal(d, profile)
						for _, c := range rowCells(t, d, e, "▸") {
							if c.Style.Attrs&uv.AttrReverse == 0 || c.Style.Fg != nil || c.Style.Bg != nil {
								t.Fatalf("%q under the cursor has the style %+v", c.Content, c.Style)
							}
						}
					}
				})
			})
		}
	}
	drive(t, newFake(), Options{}, 160, 48, func(d *driver) {
		d.send(tea.ColorProfileMsg{Profile: colorprofile.ASCII})
		e, _ := terminal(d, colorprofile.ASCII)
		bold := func(title string) bool {
			x, y := d.find("┌ " + title)
			return e.CellAt(x+2, y).Style.Attrs&uv.AttrBold != 0
		}
		if !bold("Namespaces") || bold("Workloads") || bold("Findings") {
			t.Error("the pane with the keys does not look otherwise")
		}
	})
}

// hostile are texts that a cluster may send to break a terminal or a frame.
func hostile() []string {
	return []string{
		"\x1b[2J\x1b]0;owned\a\x1b[31mred", "line\nbreak\r\tand more", "\x9b31m\x00\x7f\b\b\b",
		strings.Repeat("long-", 2000), "wide 日本語コンテナ", "e\u0301\u0302\u0303 combining", "👩‍👩‍👧‍👦 👍🏽 🇩🇪 emoji", "زىر עברית bidi",
		"\u202e\u2066rtl\u202c", "zero\u200b\u200d\ufeff\u00adwidth", "\xff\xfe not UTF-8", strings.Repeat("\u0301", 500), strings.Repeat("😀", 300), " ", "…",
	}
}

// Names from outside never break the frame, on any screen at any size, and none
// of their control characters reaches the terminal.
func TestHostileNamesKeepTheFrame(t *testing.T) {
	for _, size := range []size{{40, 12}, {80, 24}, {120, 40}, {200, 60}} {
		t.Run(size.String(), func(t *testing.T) {
			t.Parallel()
			f := newFake()
			s := scanned()
			bad := hostile()
			at := func(i int) string { return bad[i%len(bad)] }
			for i, w := range s.Inventory.Workloads {
				w.Ref.Name, w.Ref.Namespace = at(i)+"-"+w.Ref.Name, at(i+1)+"-"+w.Ref.Namespace
			}
			for i, x := range s.Findings {
				if x.Workload != nil {
					x.Object = x.Workload.Ref
				}
				x.Reason, x.Detail, x.Field, x.Verdict = at(i), at(i+1), at(i+2), at(i+3)
				x.Container.Name, x.Discriminator = at(i+4), at(i+5)
			}
			for i := range s.Inventory.Unread {
				s.Inventory.Unread[i].Why, s.Inventory.Unread[i].Resource = at(i), at(i+1)
			}
			for i := range f.records {
				f.records[i].Objects[0].Note, f.records[i].Objects[0].Object.Name = at(i), at(i+1)
			}
			f.title, f.snap = bad[0]+bad[5], s
			f.prevErr, f.planErr = nil, nil
			drive(t, f, Options{}, size.w, size.h, func(d *driver) {
				seen := func() {
					d.rest()
					view := d.m.View()
					for _, text := range []string{view.Content, view.WindowTitle} {
						for _, r := range ansi.Strip(text) {
							if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
								t.Fatalf("%U reaches the terminal:\n%s", r, d.screen())
							}
						}
						if strings.Contains(text, "\x1b[2J") || strings.Contains(text, "\x1b]") {
							t.Fatal("an escape of the cluster reaches the terminal")
						}
					}
				}
				for _, keys := range [][]string{
					{"down", "down"},
					{"enter", "down"},
					{"enter", "down", "enter", "J"},
					{"g"},
					{"g"},
					{"a", "f"},
					{"f"},
					{"esc", "esc", "esc", "r"},
					{"esc", "u"},
					{"esc", "i"},
					{"enter", "tab", "tab", "tab"},
					{"esc", "esc", "esc", "esc", "v"},
					{"?"},
				} {
					d.press(keys...)
					seen()
				}
			})
		})
	}
}
