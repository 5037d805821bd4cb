package tui

import (
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// styles says how things look by what they mean.
type styles struct {
	text, dim, strong, accent, code pen
	good, warn, bad                 pen
	severity                        [5]pen // by harden.Severity
	added, removed                  pen    // lines of a diff
	border, focus                   pen    // of panes
	key                             pen    // in hints
	brand                           pen
}

// theme is the styles on the plain background and on the row under the cursor,
// in the pane that has the keys and in the others.
type theme struct {
	styles
	cursor, shadow styles
	dark           bool                 // the background of the terminal
	profile        colorprofile.Profile // the colours that it shows
}

// palette is colours by what they mean: #rrggbb, the number of one of the sixteen
// that every terminal has, or "" for none.
type palette struct {
	dim, strong, accent, code          string
	good, warn, bad                    string
	info, low, medium, high, critical  string
	border, cursor, shadow, brand, ink string
}

// Text keeps a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3) on each background.
var darkPalette = palette{
	dim: "#9ba0b8", strong: "#e6e9f2", accent: "#7aa2f7", code: "#b4c2e8",
	good: "#8fc46f", warn: "#e5b567", bad: "#f7768e",
	info: "#9ba0b8", low: "#7fb2d6", medium: "#dcc06a", high: "#ff9e64", critical: "#ff7487",
	border: "#414868", cursor: "#262e4d", shadow: "#26282e", brand: "#7aa2f7", ink: "#14161f",
}

var lightPalette = palette{
	dim: "#565c72", strong: "#14161f", accent: "#1f4fb8", code: "#2b4a8f",
	good: "#2a7013", warn: "#855800", bad: "#bf1340",
	info: "#565c72", low: "#1f6690", medium: "#775c00", high: "#983800", critical: "#bf1340",
	border: "#b9bfd2", cursor: "#d9e3f9", shadow: "#ebeef5", brand: "#1f4fb8", ink: "#ffffff",
}

// Which colours the sixteen are is the person's choice. Only those are used that
// are read on such a background in the schemes that terminals come with.
var (
	dark16  = palette{accent: "6", good: "2", warn: "3", bad: "9", low: "6", medium: "3", high: "11", critical: "9"}
	light16 = palette{accent: "4", good: "2", warn: "5", bad: "1", low: "4", medium: "5", high: "1", critical: "1"}
)

func paletteOf(dark bool, profile colorprofile.Profile) palette {
	switch {
	case profile <= colorprofile.ASCII:
		return palette{}
	case profile == colorprofile.ANSI && dark:
		return dark16
	case profile == colorprofile.ANSI:
		return light16
	case dark:
		return darkPalette
	}
	p := lightPalette
	if profile == colorprofile.ANSI256 {
		p.cursor = "#e4e4e4" // what is nearest to the other of the 256 is too dark
	}
	return p
}

func newTheme(dark bool, profile colorprofile.Profile) *theme {
	p := paletteOf(dark, profile)
	plain := lipgloss.NewStyle()
	t := &theme{styles: p.on(plain), dark: dark, profile: profile}
	if p.cursor == "" {
		// Reversed the row is seen in every scheme; a glyph stands before the other.
		t.cursor, t.shadow = palette{}.on(plain.Reverse(true)), t.styles
		return t
	}
	// The text of the terminal may be unreadable on a background that is ours.
	for st, background := range map[*styles]string{&t.cursor: p.cursor, &t.shadow: p.shadow} {
		*st = p.on(plain.Background(lipgloss.Color(background)))
		st.text = newPen(st.text.Foreground(lipgloss.Color(p.strong)))
	}
	return t
}

// on are the styles on a base.
func (p palette) on(base lipgloss.Style) styles {
	of := func(c string) lipgloss.Style {
		if c == "" {
			return base
		}
		return base.Foreground(lipgloss.Color(c))
	}
	fg := func(c string) pen { return newPen(of(c)) }
	bold := func(c string) pen { return newPen(of(c).Bold(true)) }
	brand := lipgloss.NewStyle().Reverse(true)
	if p.brand != "" {
		brand = lipgloss.NewStyle().Foreground(lipgloss.Color(p.ink)).Background(lipgloss.Color(p.brand))
	}
	return styles{
		text: newPen(base), dim: fg(p.dim), strong: bold(p.strong), accent: fg(p.accent), code: fg(p.code),
		good: fg(p.good), warn: fg(p.warn), bad: fg(p.bad),
		severity: [5]pen{
			harden.Info: fg(p.info), harden.Low: fg(p.low), harden.Medium: fg(p.medium),
			harden.High: fg(p.high), harden.Critical: bold(p.critical),
		},
		added: fg(p.good), removed: fg(p.bad),
		border: fg(p.border), focus: fg(p.accent),
		key:   bold(p.accent),
		brand: newPen(brand.Bold(true)),
	}
}

// sign is how a finding is marked: a glyph and a word, so that nothing hangs on
// colour. Words are given whole and in four letters for narrow rows.
type sign struct{ glyph, word, brief string }

var severitySigns = [5]sign{
	harden.Info:     {"·", "info", "info"},
	harden.Low:      {"○", "low", "low"},
	harden.Medium:   {"●", "medium", "med"},
	harden.High:     {"▲", "high", "high"},
	harden.Critical: {"◆", "critical", "crit"},
}

var statusSigns = map[harden.Status]sign{
	harden.StatusUnknown:  {"?", "unknown", "unkn"},
	harden.StatusWaived:   {"-", "waived", "wavd"},
	harden.StatusExpected: {"-", "expected", "expd"},
}

// signOf is the sign of a finding with its style.
func (s *styles) signOf(f *harden.Finding) (sign, pen) {
	if g, ok := statusSigns[f.Status]; ok {
		return g, s.dim
	}
	sev := min(max(f.Severity, harden.Info), harden.Critical)
	return severitySigns[sev], s.severity[sev]
}

// classStyle is the style of a fix's class.
func (s *styles) classStyle(c harden.Class) pen {
	switch c {
	case harden.Safe:
		return s.good
	case harden.Evidence:
		return s.accent
	default:
		return s.warn
	}
}

// bars are the fills of a bar by severity; they differ without colour too.
var bars = [5]string{harden.Info: " ", harden.Low: "░", harden.Medium: "▒", harden.High: "▓", harden.Critical: "█"}
