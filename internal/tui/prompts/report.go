package prompts

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
)

// report lists the standards that fit, with how it stands against each.
func (d *dialog) report() error {
	assessments, err := d.b.Report(nil)
	if err != nil {
		d.fail("judging by standards", err)
		return nil
	}
	return d.browse(func() (menu, error) {
		m := menu{title: "How it stands against " + plural(len(assessments), "standard", "standards"), none: "No standard fits.", hint: "a number"}
		for _, a := range assessments {
			m.items = append(m.items, item{id: a.Standard.ID, text: func() string { return a.Standard.Title + ": " + tally(a.Counts) }, open: func() error { return d.assessment(a) }})
		}
		return m, nil
	})
}

func statusName(s compliance.Status) string {
	switch s {
	case compliance.NotApplicable:
		return "not applicable"
	case compliance.Hidden:
		return "not visible"
	}
	return string(s)
}

func tally(counts map[compliance.Status]int) string {
	var parts []string
	for _, s := range compliance.Statuses() {
		if n := counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, statusName(s)))
		}
	}
	return strings.Join(parts, ", ")
}

// assessment lists the controls of a standard: those that fail or are not known,
// or all of them.
func (d *dialog) assessment(a *compliance.Assessment) error {
	all := false
	return d.browse(func() (menu, error) {
		m := menu{title: a.Standard.Title + ": controls that fail or are not known", none: "None.", hint: "a number or all"}
		if all {
			m.title = a.Standard.Title + ": all controls"
		}
		for _, section := range a.Sections {
			for i := range section.Verdicts {
				v := &section.Verdicts[i]
				if !all && v.Status != compliance.Fail && v.Status != compliance.Unknown {
					continue
				}
				m.items = append(m.items, item{id: section.Name() + v.Control.ID + v.Control.Title, text: func() string { return controlLine(v) }, open: func() error { return d.control(section.Name(), v) }})
			}
		}
		m.commands = []command{{words: []string{"all"}, help: "all controls, or only those that fail or are not known", run: func(string) (next, error) {
			all = !all
			return changed, nil
		}}}
		return m, nil
	})
}

func controlLine(v *compliance.Verdict) string {
	s := statusName(v.Status) + ": " + strings.TrimPrefix(v.Control.ID+", "+v.Control.Title, ", ")
	if n := len(v.Objects()); n > 0 {
		s += ", " + plural(n, "object", "objects")
	}
	return s
}

// control says what is behind a verdict, and lists the findings.
func (d *dialog) control(section string, v *compliance.Verdict) error {
	ids := make([]string, len(v.Findings))
	for i, f := range v.Findings {
		ids[i] = f.ID()
	}
	return d.browse(func() (menu, error) {
		m := menu{title: controlLine(v), hint: "a number", intro: func() {
			d.say("Section: %s.", section)
			d.lead("Why: ", v.Why)
			if len(v.Rules) > 0 {
				d.say("Answered by: %s.", strings.Join(v.Rules, ", "))
			}
		}, commands: d.markCommands(ids)}
		for i, f := range v.Findings {
			m.items = append(m.items, item{id: ids[i], text: func() string { return d.findingLine(f, view{}) }, open: func() error { return d.finding(ids, i) }})
		}
		return m, nil
	})
}
