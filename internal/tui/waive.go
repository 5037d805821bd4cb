package tui

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// waiveDays is for how many days a waiver is given unless the person says otherwise.
const waiveDays = 90

const dateForm = "2006-01-02"

// waiveForm is what a person says to waive findings.
type waiveForm struct {
	*form
	findings                               []*harden.Finding
	reason, until, ticket, by, where, crit *field // crit is nil when none is critical
}

const (
	inAnnotation = iota
	inConfig
)

type waiveMsg struct {
	form  *waiveForm
	plan  *harden.Plan        // of annotations
	files []harden.FileChange // of the configuration
	made  maker               // how the plan was made
	err   error
}

// toWaive is the finding under the cursor, and all marked ones where that is
// among them: marks are for fixing, and what was marked elsewhere is not waived by
// surprise.
func (m *Model) toWaive() []*harden.Finding {
	r := m.current()
	switch {
	case r == nil || m.browse.focus < levelFinds:
		return nil
	case m.marks[r.id]:
		return m.marked()
	}
	return []*harden.Finding{r.Finding}
}

func noWaive(m *Model) string {
	switch findings := m.toWaive(); {
	case m.opts.ReadOnly:
		return readOnly
	case len(findings) == 0:
		return "go into the findings first"
	case findings[0].Status != harden.StatusFail:
		return "this finding is " + findings[0].Status.String() + ": there is nothing to waive"
	}
	return ""
}

func isCritical(f *harden.Finding) bool { return max(f.Severity, f.Base) == harden.Critical }

func count[T any](items []T, is func(T) bool) int {
	n := 0
	for _, item := range items {
		if is(item) {
			n++
		}
	}
	return n
}

// openWaive asks why and until when findings are not to count.
func (m *Model) openWaive() tea.Cmd {
	f := &waiveForm{form: &form{title: "Waive", verb: "go on"}, findings: m.toWaive()}
	about := plural(len(f.findings), "marked finding stays", "marked findings stay")
	if len(f.findings) == 1 {
		about = f.findings[0].Fixer.ID + " of " + where(f.findings[0]) + " stays"
	}
	f.intro = []string{about + " wrong, and does not count until the day below is over. Nothing is written before you say yes."}
	annotation, config := "annotation on the object", "line in the configuration file"
	if !m.backend.Live() {
		annotation = "annotation in the manifest"
	}
	f.reason = m.textField("reason", "", "Why it may stay: who reads this in half a year decides by it. Required.")
	f.until = m.textField("until", m.daysAhead(waiveDays), "The last day on which it holds: 2027-01-31, or days ahead as 30d.")
	f.ticket = m.textField("ticket", "", "Where it is discussed; may be empty.")
	f.by = m.textField("who", "", "Who decided; may be empty.")
	f.where = choiceField("written as", "An annotation stays with its object and holds as long as the facts stay as they are. A line in the configuration holds for all who use the file, and is reviewed with it.", annotation, config)
	f.fields = []*field{f.reason, f.until, f.ticket, f.by, f.where}
	if n := count(f.findings, isCritical); n > 0 {
		f.crit = choiceField("critical too", "Critical means takeover of node or cluster in one step. A waiver excuses that only where it says so.", "no", "yes")
		f.fields = append(f.fields, f.crit)
	}
	f.submit = f.ask
	m.openForm(f.form)
	return nil
}

// daysAhead is the day so many days after the data was read, or "".
func (m *Model) daysAhead(days int) string {
	if m.now().IsZero() {
		return ""
	}
	return m.now().UTC().AddDate(0, 0, days).Format(dateForm)
}

// parseUntil reads the last day of a waiver: a date, or days ahead such as 30d.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if n, ok := strings.CutSuffix(strings.ToLower(text), "d"); ok {
		if days, err := strconv.Atoi(n); err == nil && days >= 0 && days < 100_000 {
			return dayOf(now).AddDate(0, 0, days), nil
		}
	}
	until, err := time.Parse(dateForm, text)
	switch {
	case text == "":
		return until, errors.New("say which day is the last")
	case err != nil:
		return until, errors.New("write a day as 2027-01-31, or days ahead as 30d")
	case until.Before(dayOf(now)):
		return until, errors.New("this day is over already")
	}
	return until, nil
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// read is what the fields say; what is wrong stands at them.
func (f *waiveForm) read(now time.Time) harden.Waiving {
	w := harden.Waiving{Reason: f.reason.text(), Ticket: f.ticket.text(), By: f.by.text()}
	if w.Reason == "" {
		f.reason.err = "say why it may stay"
	}
	if f.where.chosen == inAnnotation {
		for _, d := range []*field{f.reason, f.ticket, f.by} {
			if strings.Contains(d.text(), ";") {
				d.err = "an annotation cannot hold a semicolon: leave it out, or write to the configuration"
			}
		}
	}
	var err error
	if w.Until, err = parseUntil(f.until.text(), now); err != nil {
		f.until.err = err.Error()
	}
	if f.crit != nil {
		w.AllowCritical = f.crit.chosen == 1
		if !w.AllowCritical && count(f.findings, isCritical) == len(f.findings) {
			f.crit.err = "nothing would be waived: what is chosen is critical"
		}
	}
	return w
}

// ask works out what would be written.
func (f *waiveForm) ask(m *Model) tea.Cmd {
	w := f.read(m.now())
	if f.complain() {
		return nil
	}
	ctx, b, findings := f.start(m), m.backend, f.findings
	if f.where.chosen == inConfig {
		return func() tea.Msg {
			files, err := b.WaiveInConfig(findings, w)
			return waiveMsg{form: f, files: files, err: err}
		}
	}
	made := func(ctx context.Context, b Backend, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
		return b.Waive(ctx, findings, w, opts)
	}
	return func() tea.Msg {
		plan, err := made(ctx, b, findings, harden.PlanOptions{ServerDryRun: b.Live()})
		if err == nil && plan == nil {
			err = errNoAnswer
		}
		return waiveMsg{form: f, plan: plan, made: made, err: err}
	}
}

// take shows the plan of annotations, or asks for a yes to the configuration file.
func (msg waiveMsg) take(m *Model) tea.Cmd {
	if !msg.form.over(m, msg.err) {
		return nil
	}
	if msg.plan != nil {
		m.closeDialog()
		m.showPlan(planning{findings: msg.form.findings, from: m.screen, make: msg.made, plan: msg.plan, effect: harden.Waives})
		return nil
	}
	findings := msg.form.findings
	return m.confirmFiles("Write the waivers?", msg.files, nil, func(m *Model, written []string) tea.Cmd {
		for _, f := range findings {
			delete(m.marks, f.ID())
		}
		return tea.Batch(m.say(plural(len(findings), "finding is", "findings are")+" waived in "+strings.Join(written, ", ")), m.reload())
	})
}
