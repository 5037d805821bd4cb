package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// copyPatch puts the patch on the screen on the clipboard of the terminal, by
// the escape sequence OSC 52.
func (m *Model) copyPatch() tea.Cmd {
	text, what := patchText(m.patchPlan())
	return tea.Batch(tea.SetClipboard(text), m.say("copied "+what))
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
	return tea.Batch(tea.SetClipboard(findingText(r.Finding, plan)), m.say("copied the finding as markdown"))
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
