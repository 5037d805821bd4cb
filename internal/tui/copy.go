package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type copiedMsg struct {
	what string
	err  error // why the clipboard of the system has not got it
}

func (copiedMsg) lasts() {}

// copyText puts text on the clipboard of the terminal, by the escape sequence OSC
// 52, and on that of the system. Which of them works is known of the second alone.
func (m *Model) copyText(text, what string) tea.Cmd {
	put := m.tools.clipboard
	return tea.Batch(tea.SetClipboard(text), func() tea.Msg { return copiedMsg{what, put(text)} })
}

func (msg copiedMsg) take(m *Model) tea.Cmd {
	if msg.err != nil {
		return m.say("copied " + msg.what + " by the terminal (OSC 52); there is no other clipboard here")
	}
	return m.say("copied " + msg.what + " to the clipboard of the system and by the terminal (OSC 52)")
}

// copyPatch copies the patch on the screen.
func (m *Model) copyPatch() tea.Cmd {
	text, what := patchText(m.patchPlan())
	return m.copyText(text, what)
}

func (m *Model) copyPlan() tea.Cmd {
	text, what := patchText(m.plan.plan)
	return m.copyText(text, strings.Replace(what, "the patch", "the whole plan", 1))
}

// copyPage copies the text about the row under the cursor, below what it is about.
func (m *Model) copyPage(title string) tea.Cmd {
	lines := []string{clean(title)}
	for _, l := range m.here().page(m).lines {
		lines = append(lines, strings.TrimRight(ansi.Strip(l), " "))
	}
	return m.copyText(strings.Join(lines, "\n")+"\n", "what stands about "+title)
}

func (m *Model) copyWaiver() tea.Cmd {
	v := m.waiver()
	text := v.Rule + " waived until " + v.Until.Format(dateForm) + " (" + string(v.State) + "): " + v.Reason + "\n" + v.Source + "\n"
	return m.copyText(text, "the waiver")
}

func (m *Model) copyControl() tea.Cmd {
	return m.copyText(controlText(m.assessment().Standard, m.verdict()), "the control as markdown")
}

func (m *Model) copyLogLine() tea.Cmd {
	return m.copyText(logText([]*logEntry{m.logLine()}), "the line")
}

func (m *Model) copyLog() tea.Cmd {
	return m.copyText(logText(m.log.rows), plural(len(m.log.rows), "line", "lines"))
}

// patchText is partial objects for kubectl apply --server-side; where they
// cannot say everything, because something is removed, it is the diff.
func patchText(plan *harden.Plan) (text, what string) {
	var docs, diffs []string
	whole := true
	for _, o := range plan.Objects {
		diffs = append(diffs, "# "+o.Target.Long()+"\n"+o.Diff)
		if o.Set == nil || len(o.Remove) > 0 {
			whole = false
			continue
		}
		y, err := yaml.Marshal(o.Set.Object)
		if err != nil {
			whole = false
			continue
		}
		docs = append(docs, string(y))
	}
	if whole {
		return strings.Join(docs, "---\n"), "the patch, for kubectl apply --server-side -f -"
	}
	return strings.Join(diffs, "\n"), "the patch as a diff"
}

func (m *Model) copyFinding() tea.Cmd {
	r := m.current()
	var plan *harden.Plan
	if m.detail.id == r.id && m.detail.preview != nil {
		plan = m.detail.preview.plan
	}
	return m.copyText(findingText(r.Finding, plan), "the finding as markdown")
}

// findingText is a finding for an issue or a chat.
func findingText(f *harden.Finding, plan *harden.Plan) string {
	var b strings.Builder
	word := f.Severity.String()
	if f.Status != harden.StatusFail {
		word = f.Status.String()
	}
	fmt.Fprintf(&b, "### %s (%s)\n\n%s\n\n- rule: `%s`\n- object: `%s`\n", f.Fixer.Title, word, or(f.Detail, f.Reason), f.Fixer.ID, f.Object.Long())
	if !f.Container.IsZero() {
		fmt.Fprintf(&b, "- container: `%s`\n", containerWord(f.Container))
	}
	if f.Field != "" {
		fmt.Fprintf(&b, "- field: `%s`\n", f.Field)
	}
	for _, r := range f.Fixer.Refs {
		fmt.Fprintf(&b, "- %s %s %s\n", r.Standard, r.ID, r.URL)
	}
	if plan != nil {
		for _, o := range plan.Objects {
			fmt.Fprintf(&b, "\n```diff\n%s```\n", o.Diff)
		}
	}
	return b.String()
}
