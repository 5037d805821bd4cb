package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	plain := style{fg: foreground, bg: background}
	for _, test := range []struct {
		name, in string
		want     []run
	}{
		{"text of one style is one run", "a <b>", []run{{0, 6, "a <b> ", plain}}},
		{"styles split", "a\x1b[1;31mb\x1b[0mcdef", []run{
			{0, 1, "a", plain},
			{1, 1, "b", style{fg: palette[1], bg: background, bold: true}},
			{2, 4, "cdef", plain},
		}},
		{"reverse swaps colours", "\x1b[7mabcdef", []run{{0, 6, "abcdef", style{fg: background, bg: foreground}}}},
		{"256 colours", "\x1b[38;5;9mabc\x1b[38;5;231mdef", []run{
			{0, 3, "abc", style{fg: palette[9], bg: background}},
			{3, 3, "def", style{fg: "#ffffff", bg: background}},
		}},
		{"true colour", "\x1b[48;2;1;2;3mabcdef", []run{{0, 6, "abcdef", style{fg: foreground, bg: "#010203"}}}},
		{"wide characters fill two cells", "漢字ab", []run{{0, 2, "漢", plain}, {2, 2, "字", plain}, {4, 2, "ab", plain}}},
		{"symbols and lines stand alone", "a●│───", []run{
			{0, 1, "a", plain}, {1, 1, "●", plain}, {2, 1, "│", plain}, {3, 3, "───", plain},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := read([]byte(test.in), 6, 1)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.rows[0], cmp.AllowUnexported(run{}, style{})); diff != "" {
				t.Errorf("runs of %q (-want +got):\n%s", test.in, diff)
			}
		})
	}
}

func TestConvert(t *testing.T) {
	var out strings.Builder
	in := "┌─ a & b ─┐\r\n│ \x1b[2mfaint\x1b[0m   │\n└─────────┘\n"
	if err := convert(&out, strings.NewReader(in), 11, 3, `a "title"`); err != nil {
		t.Fatal(err)
	}
	picture := out.String()
	for _, want := range []string{
		"<title>a &#34;title&#34;</title>",
		">a &amp; b</text>",
		`;opacity:.6}`, ">faint</text>",
		// The corner of the first row: had the last line feed scrolled the screen, it would be gone.
		`<path d="M16.2 21L20.4 21M16.2 21L16.2 30M`,
	} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %q:\n%s", want, picture)
		}
	}
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v\n%s", err, picture)
		}
	}
}

func TestConvertRefusesNoScreen(t *testing.T) {
	if err := convert(io.Discard, strings.NewReader("a"), 0, 24, ""); err == nil {
		t.Error("a screen without columns was drawn")
	}
}
