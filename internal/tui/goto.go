package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// showFindings goes to a finding on the browse screen, or to several by a filter
// for their rules.
func (m *Model) showFindings(findings []*harden.Finding) tea.Cmd {
	if len(findings) == 1 {
		f := findings[0]
		i, ok := m.x.byID[f.ID()]
		if !ok {
			return m.say("this finding is gone")
		}
		return m.showObject(m.x.objects[m.x.rows[i].object].id, f.ID())
	}
	var rules []string
	system := false
	for _, f := range findings {
		if !slices.Contains(rules, f.Fixer.ID) {
			rules = append(rules, f.Fixer.ID)
		}
		if i, ok := m.x.byID[f.ID()]; ok {
			system = system || m.x.spaces[m.x.rows[i].space].system
		}
	}
	status := ""
	if !slices.ContainsFunc(findings, func(f *harden.Finding) bool { return f.Status != findings[0].Status }) {
		status = " status:" + findings[0].Status.String()
	}
	m.show(screenBrowse)
	m.browse.unfolded = m.browse.unfolded || system
	m.filter = parseFilter("id:" + strings.Join(m.exactly(rules), ",") + status)
	m.rematch()
	m.refresh(true)
	m.browse.focus = levelFinds
	m.reclamp()
	return nil
}

// exactly are names of rules as a filter needs them: with a sign where the name is
// a part of another one.
func (m *Model) exactly(rules []string) []string {
	out := slices.Clone(rules)
	for i, r := range rules {
		if slices.ContainsFunc(m.x.fixers, func(f *harden.Fixer) bool { return f.ID != r && strings.Contains(f.ID, r) }) {
			out[i] = "=" + r
		}
	}
	return out
}
