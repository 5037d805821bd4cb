package prompts

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// waivers lists all that are written.
func (d *dialog) waivers() error {
	return d.browse(func() (menu, error) {
		all := d.b.Waivers()
		m := menu{title: plural(len(all), "waiver", "waivers"), none: "Nothing is waived. Type waive at a finding to waive it.", hint: "a number"}
		for _, w := range all {
			m.items = append(m.items, item{id: w.ID(), text: func() string { return waiverLine(&w) }, open: func() error { return d.waiver(&w) }})
		}
		return m, nil
	})
}

func waiverLine(w *harden.WaiverView) string {
	s := w.Rule + ": " + string(w.State)
	if !w.Until.IsZero() {
		s += ", until " + date(w.Until)
	}
	s += ", " + plural(len(w.Findings), "finding", "findings")
	if w.Reason != "" {
		s += ", because: " + w.Reason
	}
	return s
}

// waiver says all about one waiver, and takes it away.
func (d *dialog) waiver(w *harden.WaiverView) error {
	return d.browse(func() (menu, error) {
		return menu{
			title: "Waiver of " + w.Rule, hint: "remove", intro: func() {
				d.say("%s.", upper(waiverLine(w)))
				d.lead("Not as it must be: ", w.Why)
				d.lead("Decided by: ", w.By)
				d.lead("Ticket: ", w.Ticket)
				d.lead("Written in: ", w.Source)
				for _, f := range w.Findings {
					d.say("About %s of %s%s.", f.Fixer.ID, called(f.Object), containerWords(f.Container))
				}
			},
			commands: []command{{words: []string{"remove"}, help: "plan that it is taken away; nothing is written before you say yes", ready: d.mayWrite, run: func(string) (next, error) {
				return left, d.planned("that a waiver is taken away", func(ctx context.Context, opts harden.PlanOptions) (*harden.Plan, error) {
					return d.b.Unwaive(ctx, []harden.WaiverView{*w}, opts)
				})
			}}},
		}, nil
	})
}

// waive asks for the reason and the last day, and where it is to be written.
func (d *dialog) waive(f *harden.Finding) error {
	d.gap()
	d.say("Waive %s of %s%s? Nothing is written before you say yes.", f.Fixer.ID, called(f.Object), containerWords(f.Container))
	w, err := d.waiving(f)
	if err != nil || w == nil {
		if err == nil {
			d.say("Not waived.")
		}
		return err
	}
	where := "2"
	if d.live() {
		if where, err = d.ask(d.ctx, "Where is it written? Type 1 for an annotation on the object, 2 for the configuration file, nothing to leave it:"); err != nil {
			return err
		}
	}
	findings := []*harden.Finding{f}
	switch where {
	case "1":
		return d.planned("a waiver", func(ctx context.Context, opts harden.PlanOptions) (*harden.Plan, error) {
			return d.b.Waive(ctx, findings, *w, opts)
		})
	case "2":
		files, err := d.b.WaiveInConfig(findings, *w)
		if err != nil {
			d.fail("waiving", err)
			return nil
		}
		written, err := d.writeFiles("Write the waiver?", "write it", files, nil)
		if !written || err != nil {
			return err
		}
		return d.read()
	}
	d.say("Not waived.")
	return nil
}

// waiving asks what a waiver says; nil: the person left it.
func (d *dialog) waiving(f *harden.Finding) (*harden.Waiving, error) {
	w := &harden.Waiving{}
	var err error
	if w.Reason, err = d.ask(d.ctx, "The reason? Nothing to leave it:"); err != nil || w.Reason == "" {
		return nil, err
	}
	for w.Until.IsZero() {
		text, err := d.ask(d.ctx, "The last day on which it holds, as year-month-day or a number of days such as 90? Nothing to leave it:")
		if err != nil || text == "" {
			return nil, err
		}
		if w.Until, err = lastDay(text, d.now()); err != nil {
			d.say("%q is neither a day such as 2027-03-31 nor a number of days.", text)
		}
	}
	d.say("It holds until %s.", date(w.Until))
	if w.Ticket, err = d.ask(d.ctx, "A ticket? Nothing for none:"); err != nil {
		return nil, err
	}
	if f.Severity == harden.Critical {
		d.say("This finding is critical: it means takeover of node or cluster in one step.")
		if w.AllowCritical, err = d.yes(d.ctx, "waive it all the same"); err != nil || !w.AllowCritical {
			return nil, err
		}
	}
	return w, nil
}

// mostDays is a year and a bit: nobody means more by a number of days.
const mostDays = 400

// lastDay reads 2027-03-31, "90" and "90 days".
func lastDay(text string, now time.Time) (time.Time, error) {
	number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text), "s"), "day"))
	if days, err := strconv.Atoi(number); err == nil && days > 0 && days <= mostDays {
		y, m, d := now.UTC().Date()
		return time.Date(y, m, d+days, 0, 0, 0, 0, time.UTC), nil
	}
	return time.Parse(time.DateOnly, text)
}
