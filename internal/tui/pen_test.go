package tui

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

func TestWidthIsThatOfTheTerminal(t *testing.T) {
	pieces := strings.Split("a|Z| |~|\t|\n|\x7f|\x1b[1m|\x1b[38;2;1;2;3m|\x1b[m|\x1b[4:3m|\x1b[2J|\x1b]8;;x\x07|\x1b|\x1b[|é|e|\u0301|\ufe0f|\u200d|漢|👩|👩‍💻|⚠|\xff|·|–|…|›|→|⋯|✓|✗|▲|▸|○|●|◆|─|│|┌|█|░|▟|■", "|")
	for r := '─'; r <= '▟'; r++ {
		pieces = append(pieces, string(r))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		var s strings.Builder
		if i < len(pieces) {
			s.WriteString(pieces[i])
		} else {
			for range 1 + r.IntN(6) {
				s.WriteString(pieces[r.IntN(len(pieces))])
			}
		}
		if got, want := widthOf(s.String()), ansi.StringWidth(s.String()); got != want {
			t.Fatalf("widthOf(%q) = %d, want %d", s.String(), got, want)
		}
	}
}

func TestPensRenderAsLipgloss(t *testing.T) {
	for _, profile := range []colorprofile.Profile{colorprofile.ASCII, colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor} {
		for _, dark := range []bool{false, true} {
			theme := newTheme(dark, profile)
			for _, st := range []*styles{&theme.styles, &theme.cursor, &theme.shadow} {
				for i, p := range []pen{st.text, st.dim, st.strong, st.good, st.severity[4], st.brand, st.border} {
					for _, text := range []string{"", " ", "web", "a\tb", "a\nbcd", "a\r\nb", "\x1b[1mx\x1b[m"} {
						if got, want := p.Render(text), p.Style.Render(text); got != want {
							t.Errorf("%s, dark %v, pen %d: %q is rendered as %q, want %q", profile, dark, i, text, got, want)
						}
					}
				}
			}
		}
	}
}
