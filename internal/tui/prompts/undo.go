package prompts

import (
	"context"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// history lists what was applied.
func (d *dialog) history() error {
	return d.browse(func() (menu, error) {
		var records []harden.Record
		err := d.doing(func(ctx context.Context, _ func(string)) error {
			var err error
			records, err = d.b.History(ctx)
			return err
		})
		m := menu{title: "Applied from here: " + plural(len(records), "plan", "plans"), none: "Nothing was applied to this cluster from here.", hint: "a number"}
		for _, r := range records {
			m.items = append(m.items, item{id: r.ID, text: func() string { return recordLine(&r) }, open: func() error { return d.record(&r) }})
		}
		return m, err
	})
}

func recordLine(r *harden.Record) string {
	var names []string
	states := map[harden.RecordState]int{}
	for _, o := range r.Objects {
		names = append(names, called(o.Object))
		states[o.State]++
	}
	const few = 3
	if more := len(names) - few; more > 0 {
		names = append(names[:few], plural(more, "more object", "more objects"))
	}
	var words []string
	for _, s := range []harden.RecordState{harden.RecordStarted, harden.RecordApplied, harden.RecordOnTrial, harden.RecordFailed, harden.RecordUndone} {
		if states[s] > 0 {
			words = append(words, string(s))
		}
	}
	return moment(r.Time) + ": " + join(names) + ". " + upper(join(words))
}

// record says all about an applied plan, and takes it back.
func (d *dialog) record(r *harden.Record) error {
	return d.browse(func() (menu, error) {
		return menu{
			title: "Plan " + r.ID + " of " + moment(r.Time), hint: "undo", intro: func() {
				for _, o := range r.Objects {
					d.say("%s: %s. Rules: %s.", called(o.Object), o.State, strings.Join(o.Fixes, ", "))
					d.lead("How it went: ", o.Note)
				}
			},
			commands: []command{
				{words: []string{"undo", "u"}, help: "take this plan back; asks first", ready: func() string { return or(d.mayWrite(), whyNotUndo(r)) }, run: func(string) (next, error) {
					return d.undo(r)
				}},
				{words: []string{"resume"}, help: "go on with a plan that was interrupted: watch its rollouts, take back what went wrong; asks first", ready: func() string {
					if len(r.Interrupted()) == 0 {
						return "this plan was not interrupted"
					}
					return d.mayWrite()
				}, run: func(string) (next, error) {
					return d.resume(r)
				}},
			},
		}, nil
	})
}

func whyNotUndo(r *harden.Record) string {
	switch {
	case len(r.Undoable()) > 0:
		return ""
	case slices.ContainsFunc(r.Objects, func(o harden.RecordObject) bool { return o.State == harden.RecordUndone }):
		return "this plan is already undone"
	}
	return "nothing of this plan was written"
}

func (d *dialog) undo(r *harden.Record) (next, error) {
	refs := r.Undoable()
	d.gap()
	d.say("Undo in %s? %s.", d.b.Title(), join(tui.UndoConsequences(r)))
	d.say("Workloads whose pod template changes restart. The findings come back.")
	if ok, err := d.yes(d.ctx, "undo"); !ok || err != nil {
		return stay, d.unwritten(err)
	}
	report, err := d.carryOut("undoing", len(refs), func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
		return d.b.Undo(ctx, r.ID, d.opts.Apply, progress)
	})
	if err != nil || report == nil {
		return stay, err
	}
	return left, d.read()
}

func (d *dialog) resume(r *harden.Record) (next, error) {
	refs := r.Interrupted()
	d.gap()
	d.say("Go on in %s? It watches the rollouts of %s, and takes back what went wrong.", d.b.Title(), plural(len(refs), "object", "objects"))
	if ok, err := d.yes(d.ctx, "go on"); !ok || err != nil {
		return stay, d.unwritten(err)
	}
	report, err := d.carryOut("going on", len(refs), func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
		return d.b.Resume(ctx, r.ID, d.opts.Apply, progress)
	})
	if err != nil || report == nil {
		return stay, err
	}
	return left, d.read()
}
