package prompts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// finding says all about one of the findings of a list; n and p go on from it.
func (d *dialog) finding(ids []string, at int) error {
	return d.browse(func() (menu, error) {
		id := ids[at]
		f := d.find(id)
		m := menu{title: fmt.Sprintf("Finding %d of %d", at+1, len(ids)), hint: "m to mark it, plan, or n for the next finding"}
		if f == nil {
			m.intro = func() { d.say("This finding is gone by now.") }
		} else {
			m.title += ": " + f.Fixer.Title
			m.intro = func() { d.sayFinding(f) }
		}
		m.commands = d.findingCommands(ids, &at)
		return m, nil
	})
}

func (d *dialog) findingCommands(ids []string, at *int) []command {
	f := func() *harden.Finding { return d.find(ids[*at]) }
	there := func() string {
		if f() == nil {
			return "this finding is gone by now"
		}
		return ""
	}
	move := func(delta int, end string) func(string) (next, error) {
		return func(string) (next, error) {
			if to := *at + delta; to >= 0 && to < len(ids) {
				*at = to
				return changed, nil
			}
			d.say("%s", end)
			return stay, nil
		}
	}
	return []command{
		{words: []string{"mark", "m"}, help: "mark it for fixing, or unmark it", ready: func() string {
			if d.marks[ids[*at]] {
				return ""
			}
			return d.markable(f())
		}, run: func(string) (next, error) {
			id := ids[*at]
			if d.marks[id] {
				delete(d.marks, id)
				d.say("Unmarked; %s.", d.markedWords())
			} else {
				d.marks[id] = true
				d.say("Marked; %s.", d.markedWords())
			}
			return stay, nil
		}},
		{words: []string{"plan", "f"}, help: "plan the marked fixes, or this one when nothing is marked; nothing is written before you say yes", ready: func() string {
			if len(d.marked()) > 0 {
				return ""
			}
			return d.markable(f())
		}, run: func(string) (next, error) {
			if marked := d.marked(); len(marked) > 0 {
				return went, d.plan(marked)
			}
			return went, d.plan([]*harden.Finding{f()})
		}},
		{words: []string{"next", "n"}, help: "the next finding", run: move(1, "This is the last finding.")},
		{words: []string{"previous", "p"}, help: "the finding before", run: move(-1, "This is the first finding.")},
		{words: []string{"diff", "d"}, help: "the patch once more, as YAML with the lines around it", ready: there, run: func(string) (next, error) {
			d.sayDiff(f())
			return stay, nil
		}},
		{words: []string{"rule"}, help: "the whole documentation of the rule", ready: there, run: func(string) (next, error) {
			d.sayDoc(f().Fixer)
			return stay, nil
		}},
		{words: []string{"undo", "u"}, help: "what was applied, and taking it back", ready: d.needsCluster("files have no journal"), run: func(string) (next, error) {
			return went, d.history()
		}},
		{words: []string{"waive", "w"}, help: "waive this finding, with a reason and a last day; asks first", ready: func() string {
			switch f := f(); {
			case d.opts.ReadOnly:
				return readOnly
			case f == nil:
				return there()
			case f.Status != harden.StatusFail:
				return "this finding is " + gradeWord(f)
			}
			return ""
		}, run: func(string) (next, error) {
			return went, d.waive(f())
		}},
	}
}

func (d *dialog) sayFinding(f *harden.Finding) {
	marked := ""
	if d.marks[f.ID()] {
		marked = "Marked. "
	}
	d.say("%s%s, rule %s. %s%s.", marked, upper(gradeWord(f)), f.Fixer.ID, called(f.Object), containerWords(f.Container))
	d.lead("Field: ", f.Field)
	d.lead("What: ", f.Reason)
	if f.Detail != f.Reason {
		d.lead("", f.Detail)
	}
	if f.SeverityWhy != "" && f.Severity != f.Base {
		d.say("The severity was moved from %s: %s", f.Base, f.SeverityWhy)
	}
	d.lead("Verdict: ", f.Verdict)
	switch f.Lens {
	case harden.Effective:
		d.say("Seen on the live pod, after admission.")
	case harden.Injected:
		d.say("Seen on the live pod only: no template declares this part.")
	}
	d.lead("Fix this first: ", f.BlockedBy)
	d.sayExcuse(f.Excuse)
	if f.Workload != nil && f.Fixer.Area == harden.AreaIdentity {
		d.sayToken(d.b.Token(f.Workload))
	}
	d.lead("Why it matters: ", section(f.Fixer.Doc, "Why it matters."))
	d.sayFix(f)
	d.lead("Asked for by: ", references(f.Fixer))
}

func (d *dialog) sayExcuse(e *harden.Excuse) {
	if e == nil {
		return
	}
	s := "Excused: " + e.Reason
	if !e.Until.IsZero() {
		s += ", until " + date(e.Until)
	}
	if e.By != "" {
		s += ", by " + e.By
	}
	if e.Ticket != "" {
		s += ", ticket " + e.Ticket
	}
	d.say("%s. Written in %s.", strings.TrimSuffix(s, "."), e.Source)
}

func (d *dialog) sayToken(t *harden.TokenView) {
	if t == nil {
		return
	}
	d.say("What the token of ServiceAccount %s can do:", t.Account)
	switch {
	case !t.MountKnown:
		d.say("Whether it is mounted is not known.")
	case !t.Mounted:
		d.say("None is mounted: this is what one could do.")
	}
	for _, l := range t.Lines {
		d.say("%s: %s", l.Severity, l.Text)
	}
	for _, why := range t.Unknown {
		d.say("not known: %s", why)
	}
	if len(t.Lines)+len(t.Unknown) == 0 {
		d.say("Nothing beyond what every ServiceAccount may.")
	}
}

// sayFix says how the finding can be repaired, what speaks for it, and the patch.
func (d *dialog) sayFix(f *harden.Finding) {
	if f.Status != harden.StatusFail {
		return
	}
	var fixes []harden.Fix
	if f.Fixer.Fix != nil {
		fixes = d.b.Fixes(f)
	}
	switch {
	case f.Fixer.Fix == nil:
		d.say("Fix: none, this rule only detects.")
		return
	case len(fixes) == 0:
		d.say("Fix: none is offered here.")
		return
	}
	d.say("Fix: %s. Class %s.", strings.TrimSuffix(fixes[0].Title, "."), className(fixes[0].Class))
	d.sayFixNotes(&fixes[0])
	plan, err := d.preview(f)
	switch {
	case err != nil:
		d.fail("working out the patch", err)
	case plan != nil:
		for _, o := range plan.Objects {
			d.sayOwner(o, plan.Live)
			d.sayChanges(o)
		}
		for _, l := range plan.LeftOut {
			if l.Why != fixes[0].Manual { // that was said
				d.say("Left out: %s", l.Why)
			}
		}
	}
	for i := range fixes[1:] {
		other := &fixes[1+i]
		d.say("Another way: %s. Class %s.", strings.TrimSuffix(other.Title, "."), className(other.Class))
		d.lead("Beware: ", other.Warning)
		d.lead("By hand: ", other.Manual)
	}
}

func (d *dialog) preview(f *harden.Finding) (*harden.Plan, error) {
	var plan *harden.Plan
	err := d.doing(func(ctx context.Context, _ func(string)) error {
		var err error
		plan, err = d.b.Preview(ctx, f)
		return err
	})
	return plan, err
}

// sayFixNotes says what to beware of, and the evidence.
func (d *dialog) sayFixNotes(fix *harden.Fix) {
	d.lead("Beware: ", fix.Warning)
	d.lead("By hand: ", fix.Manual)
	for _, c := range fix.Evidence {
		s := claimWord(c.State)
		if c.Code != "" {
			s += ", " + c.Code
		}
		if !c.Time.IsZero() {
			s += ", seen " + moment(c.Time)
		}
		d.say("%s: %s", s, c.Text)
		d.lead("It does not show: ", c.Limits)
	}
}

// section is a paragraph of a rule's documentation, by the bold words that begin it;
// without it, the first that has none and is no list.
func section(doc, head string) string {
	first := ""
	for _, part := range strings.Split(doc, "\n\n") {
		text := tui.Plain(strings.Join(strings.Fields(part), " "))
		if rest, ok := strings.CutPrefix(text, head); ok {
			return strings.TrimSpace(rest)
		}
		if first == "" && !strings.HasPrefix(part, "**") && !strings.HasPrefix(part, " ") && !strings.HasSuffix(text, ":") {
			first = text
		}
	}
	return first
}

func references(f *harden.Fixer) string {
	var refs []string
	for _, r := range f.Refs {
		refs = append(refs, strings.TrimSpace(r.Standard+" "+r.ID))
	}
	return strings.Join(refs, "; ")
}

// sayDoc says all that the rule documents, a paragraph a line.
func (d *dialog) sayDoc(f *harden.Fixer) {
	d.say("Rule %s: %s.", f.ID, f.Title)
	var paragraph []string
	flush := func() {
		d.lead("", strings.Join(paragraph, " "))
		paragraph = nil
	}
	for _, line := range lines(f.Doc) {
		text := strings.TrimSpace(tui.Plain(line))
		listed := strings.HasPrefix(text, "- ") || strings.HasPrefix(line, "    ")
		if text == "" || listed || strings.HasPrefix(text, "```") {
			flush()
		}
		text = strings.TrimPrefix(text, "- ")
		if text != "" && !strings.HasPrefix(text, "```") {
			paragraph = append(paragraph, strings.TrimLeft(text, "# "))
		}
	}
	flush()
	for _, r := range f.Refs {
		d.say("%s", strings.TrimSpace(r.Standard+" "+r.ID+" "+r.URL))
	}
}

// age is how old something is, in words.
func age(t, now time.Time) string {
	switch old := now.Sub(t); {
	case t.IsZero() || now.IsZero() || old < 0:
		return ""
	case old < 48*time.Hour:
		return plural(int(old.Hours()), "hour", "hours")
	default:
		return plural(int(old.Hours()/24), "day", "days")
	}
}
