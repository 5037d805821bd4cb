package tui

import (
	"bytes"
	"flag"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the screens of testdata anew")

type size struct{ w, h int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.w, s.h) }

// TestScreens compares every scene with testdata: its text at every size, and of
// each screen's main scene the styles on a dark and on a light background. The
// text is the same without colours.
func TestScreens(t *testing.T) {
	for _, s := range scenes() {
		for _, size := range []size{{80, 24}, {120, 40}, {200, 60}} {
			showScene(t, s, size)
		}
	}
	for name, s := range map[string]struct {
		sizes []size
		scene scene
	}{
		"small":  {[]size{{30, 8}}, scene{act: func(*driver) {}}},
		"narrow": {[]size{{60, 20}}, scene{act: func(d *driver) { d.press("down", "enter", "down", "enter") }}},
		"network": {[]size{{40, 12}, {60, 20}, {100, 30}}, scene{act: func(d *driver) {
			d.press("/")
			d.typeText("ns:shop")
			d.press("enter", "n", "right", "down", "down")
		}}},
		"network-cell": {[]size{{40, 12}, {60, 20}, {100, 30}}, scene{act: func(d *driver) {
			d.press("/")
			d.typeText("ns:shop")
			d.press("enter", "n", "right", "down", "down", "enter", "c")
		}}},
		"images": {[]size{{45, 13}, {60, 20}}, scene{fake: withScans, act: func(d *driver) { d.press("i") }}},
		"image":  {[]size{{45, 13}, {60, 20}}, scene{fake: withScans, act: func(d *driver) { d.press("i", "enter") }}},
	} {
		s.scene.name = name
		for _, size := range s.sizes {
			showScene(t, s.scene, size)
		}
	}
}

func showScene(t *testing.T, s scene, size size) {
	name := s.name + "-" + size.String()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		f := newFake()
		if s.fake != nil {
			s.fake(f)
		}
		var b Backend = f
		if s.bare {
			b = nil
		}
		drive(t, b, s.opts, size.w, size.h, func(d *driver) {
			s.act(d)
			compareScreens(t, d, name, s.main)
		})
	})
}

// colours are the parts of escape sequences that set one.
var colours = regexp.MustCompile(`\x1b\[(?:[0-9;:]*[;:])?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:][0-9;:]*)?m`)

func compareScreens(t *testing.T, d *driver, name string, styles bool) {
	t.Helper()
	d.send(tea.ColorProfileMsg{Profile: colorprofile.ASCII})
	e, sent := terminal(d, colorprofile.ASCII)
	if c := colours.FindString(sent); c != "" {
		t.Errorf("a terminal without colours gets the colour %q", c)
	}
	text := textOf(e)
	golden(t, name+".txt", text)
	d.send(tea.ColorProfileMsg{Profile: colorprofile.TrueColor})
	for _, dark := range []bool{true, false} {
		d.send(tea.BackgroundColorMsg{Color: background(dark)})
		if diff := cmp.Diff(text, trimmed(d.screen())); diff != "" {
			t.Errorf("the text depends on colours (dark %v):\n%s", dark, diff)
		}
		if styles {
			e, _ := terminal(d, colorprofile.TrueColor)
			golden(t, name+map[bool]string{true: ".dark", false: ".light"}[dark]+".txt", stylesOf(e, dark))
		}
	}
}

// terminal is what a terminal with such colours shows, and what it is sent.
func terminal(d *driver, profile colorprofile.Profile) (*vt.Emulator, string) {
	var out bytes.Buffer
	w := &colorprofile.Writer{Forward: &out, Profile: profile}
	for i, l := range strings.Split(d.m.View().Content, "\n") {
		fmt.Fprintf(w, "\x1b[%d;1H%s", i+1, l)
	}
	e := vt.NewEmulator(d.m.width, d.m.height)
	if _, err := e.Write(out.Bytes()); err != nil {
		d.t.Fatal(err)
	}
	return e, out.String()
}

// trimmed is text without blanks at the ends of its lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func textOf(e *vt.Emulator) string { return trimmed(e.String()) }

// stylesOf names the styles of every line by the palette: "8:ink!/brand 3: 12:dim"
// is eight cells in bold ink on brand, three without a style, twelve in dim. A
// blank has no ink and goes on as what is before it. A line that is styled as the
// one before it is "=".
func stylesOf(e *vt.Emulator, dark bool) string {
	names := styleNames(dark)
	var out strings.Builder
	last := ""
	for y := range e.Height() {
		var runs []string
		ink, behind, n := "", "", 0
		flush := func() {
			if n > 0 {
				runs = append(runs, fmt.Sprintf("%d:%s%s", n, ink, behind))
			}
		}
		for x := range e.Width() {
			nowInk, nowBehind := ink, behind // of the second cell of a wide letter
			if c := e.CellAt(x, y); c != nil && (c.Width > 0 || c.Content != "") {
				nowInk, nowBehind = styleName(c, names)
				if c.Content == " " && nowBehind == behind {
					nowInk = ink
				} else if c.Content == " " {
					nowInk = ""
				}
			}
			if nowInk != ink || nowBehind != behind {
				flush()
				ink, behind, n = nowInk, nowBehind, 0
			}
			n++
		}
		flush()
		line := strings.Join(runs, " ")
		if line == last {
			out.WriteString("=\n")
			continue
		}
		last = line
		out.WriteString(line + "\n")
	}
	return out.String()
}

// styleNames are the names of the colours of a palette; of several that look the
// same the first.
func styleNames(dark bool) map[color.RGBA]string {
	p := reflect.ValueOf(lightPalette)
	if dark {
		p = reflect.ValueOf(darkPalette)
	}
	names := map[color.RGBA]string{}
	for i := range p.NumField() {
		c := rgb(p.Field(i).String())
		if names[c] == "" {
			names[c] = p.Type().Field(i).Name
		}
	}
	return names
}

// rgb reads #rrggbb.
func rgb(hex string) color.RGBA {
	c := color.RGBA{A: 255}
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		panic(err)
	}
	return c
}

// styleName is what a cell is written with, ! for bold, and what is behind it, ~
// for reversed.
func styleName(c *uv.Cell, names map[color.RGBA]string) (ink, behind string) {
	name := func(c color.Color) string {
		if c == nil {
			return ""
		}
		known := color.RGBAModel.Convert(c).(color.RGBA)
		return or(names[known], fmt.Sprintf("#%02x%02x%02x", known.R, known.G, known.B))
	}
	ink = name(c.Style.Fg)
	if c.Style.Attrs&uv.AttrBold != 0 {
		ink += "!"
	}
	if bg := name(c.Style.Bg); bg != "" {
		behind = "/" + bg
	}
	if c.Style.Attrs&uv.AttrReverse != 0 {
		behind += "~"
	}
	return ink, behind
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed (-update writes it anew):\n%s", name, diff)
	}
}
