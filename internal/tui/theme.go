package tui

import (
	"image/color"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// styles says how things look by what they mean.
type styles struct {
	text, dim, strong, accent, code lipgloss.Style
	good, warn, bad                 lipgloss.Style
	severity                        [5]lipgloss.Style // by harden.Severity
	added, removed                  lipgloss.Style    // lines of a diff
	border, focus                   lipgloss.Style    // of panes
	key                             lipgloss.Style    // in hints
	brand                           lipgloss.Style
}

// theme is the styles on the plain background and on the row under the cursor,
// in the pane that has the keys and in the others.
type theme struct {
	styles
	cursor, shadow styles
}

type palette struct {
	dim, strong, accent, code          string
	good, warn, bad                    string
	info, low, medium, high, critical  string
	border, cursor, shadow, brand, ink string
}

var darkPalette = palette{
	dim: "#8a8fa6", strong: "#e6e9f2", accent: "#7aa2f7", code: "#b4c2e8",
	good: "#8fc46f", warn: "#e5b567", bad: "#f7768e",
	info: "#8a8fa6", low: "#7fb2d6", medium: "#dcc06a", high: "#ff9e64", critical: "#ff6b81",
	border: "#414868", cursor: "#2d3555", shadow: "#242838", brand: "#7aa2f7", ink: "#14161f",
}

var lightPalette = palette{
	dim: "#646a80", strong: "#14161f", accent: "#2456c4", code: "#2b4a8f",
	good: "#2f7a17", warn: "#8f5f00", bad: "#bf1340",
	info: "#646a80", low: "#1f6690", medium: "#806300", high: "#b84a00", critical: "#bf1340",
	border: "#b9bfd2", cursor: "#d6e0f8", shadow: "#e9ecf4", brand: "#2456c4", ink: "#ffffff",
}

func newTheme(dark bool) *theme {
	p := lightPalette
	if dark {
		p = darkPalette
	}
	return &theme{
		styles: p.on(nil),
		cursor: p.on(lipgloss.Color(p.cursor)),
		shadow: p.on(lipgloss.Color(p.shadow)),
	}
}

func (p palette) on(background color.Color) styles {
	base := lipgloss.NewStyle()
	if background != nil {
		base = base.Background(background)
	}
	fg := func(c string) lipgloss.Style { return base.Foreground(lipgloss.Color(c)) }
	return styles{
		text: base, dim: fg(p.dim), strong: fg(p.strong).Bold(true), accent: fg(p.accent), code: fg(p.code),
		good: fg(p.good), warn: fg(p.warn), bad: fg(p.bad),
		severity: [5]lipgloss.Style{
			harden.Info: fg(p.info), harden.Low: fg(p.low), harden.Medium: fg(p.medium),
			harden.High: fg(p.high), harden.Critical: fg(p.critical).Bold(true),
		},
		added: fg(p.good), removed: fg(p.bad),
		border: fg(p.border), focus: fg(p.accent),
		key:   fg(p.accent).Bold(true),
		brand: lipgloss.NewStyle().Foreground(lipgloss.Color(p.ink)).Background(lipgloss.Color(p.brand)).Bold(true),
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
func (s *styles) signOf(f *harden.Finding) (sign, lipgloss.Style) {
	if g, ok := statusSigns[f.Status]; ok {
		return g, s.dim
	}
	sev := min(max(f.Severity, harden.Info), harden.Critical)
	return severitySigns[sev], s.severity[sev]
}

// classStyle is the style of a fix's class.
func (s *styles) classStyle(c harden.Class) lipgloss.Style {
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
