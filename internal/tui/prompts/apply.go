package prompts

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// apply asks for the yes and applies what may be applied; for files it writes them.
func (p *planning) apply() (next, error) {
	if !p.plan.Live {
		return p.edit()
	}
	plan := p.toApply()
	p.gap()
	p.say("Apply to %s? %s.", p.b.Title(), join(tui.Consequences(plan.Objects)))
	review := 0
	for _, o := range plan.Objects {
		for _, f := range o.Fixes {
			if f.Fix.Class == harden.Review && f.Fix.Effect == harden.Repairs {
				review++
			}
		}
		for _, c := range p.taken[o.Target.Key()].conflicts {
			p.say("It takes %s of %s over from %s.", c.Field, called(o.Target), c.Manager)
		}
	}
	if review > 0 {
		p.say("%s for review: nobody has shown that the workload bears it.", plural(review, "fix is", "fixes are"))
	}
	if rest := len(p.plan.Objects) - len(plan.Objects); rest > 0 {
		p.say("%s not applied.", plural(rest, "object of the plan is", "objects of the plan are"))
	}
	if ok, err := p.yes(p.ctx, "apply"); !ok || err != nil {
		return stay, p.unwritten(err)
	}
	report, err := p.carryOut("applying", len(plan.Objects), func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error) {
		return p.b.Apply(ctx, plan, p.opts.Apply, progress)
	})
	if err != nil {
		return stay, err
	}
	return left, p.concluded(report)
}

// unwritten says that a question was not answered with yes.
func (d *dialog) unwritten(err error) error {
	if err == nil {
		d.say("Left as it is: nothing was written.")
	}
	return err
}

// A write changes the cluster and tells how it goes on.
type write func(ctx context.Context, progress func(harden.Event)) (*harden.ApplyReport, error)

// carryOut runs a write and says its events, one a line. An interrupt asks whether
// to stop between objects.
func (d *dialog) carryOut(doing string, objects int, call write) (*harden.ApplyReport, error) {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	type end struct {
		report *harden.ApplyReport
		err    error
	}
	events, done := make(chan harden.Event, 64), make(chan end, 1)
	go func() {
		report, err := call(ctx, func(e harden.Event) { events <- e })
		close(events)
		done <- end{report, err}
	}()
	d.say("Working on %s. Control-c asks whether to stop between objects.", plural(objects, "object", "objects"))
	r := &running{dialog: d, cancel: cancel, said: map[harden.Key]string{}, soaking: map[harden.Key]bool{}}
	if !r.follow(events) {
		return nil, errQuit
	}
	e := <-done
	if e.err != nil {
		d.fail(doing, e.err)
	}
	d.outcomes(e.report)
	return e.report, nil
}

// running is a write that is under way.
type running struct {
	*dialog
	cancel   context.CancelFunc
	asking   bool // whether to stop
	stopping bool
	held     []harden.Event        // what happened while asking
	said     map[harden.Key]string // the last line of each object
	soaking  map[harden.Key]bool
}

// follow says events until there are no more. It is false when ctx ended and the
// write did not end soon after.
func (r *running) follow(events <-chan harden.Event) bool {
	ended := r.ctx.Done()
	var giveUp <-chan time.Time
	for {
		var answers <-chan input
		if r.asking {
			answers = r.lines
		}
		select {
		case e, more := <-events:
			if !more {
				r.finished()
				return true
			}
			r.event(e)
		case <-r.interrupts:
			r.interrupted()
		case line := <-answers:
			r.answered(line)
		case <-ended:
			ended = nil
			giveUp = time.After(lastWrite)
		case <-giveUp:
			return false
		}
	}
}

func (r *running) event(e harden.Event) {
	if r.asking {
		r.held = append(r.held, e)
		return
	}
	if e.Phase == harden.Soaking && r.soaking[e.Object.Key()] { // a clock, for nobody to listen to
		return
	}
	r.soaking[e.Object.Key()] = e.Phase == harden.Soaking
	line := e.Phase.String()
	if e.Message != "" {
		line += ", " + e.Message
	}
	key := e.Object.Key()
	if r.said[key] == line {
		return
	}
	r.said[key] = line
	r.say("%s: %s.", called(e.Object), strings.TrimSuffix(line, "."))
}

func (r *running) interrupted() {
	switch {
	case r.stopping:
		r.say("Stopping after the object in hand.")
	case r.asking: // asked for twice
		r.gap()
		r.stop()
	default:
		r.gap()
		r.say("Stop? The object in hand is finished first; the others are left as they are.")
		r.write("Type yes to stop, anything else to go on: ")
		r.asking = true
		r.request()
	}
}

func (r *running) answered(line input) {
	r.waiting = false
	if !line.end && isYes(strings.TrimSpace(line.text)) {
		r.stop()
		return
	}
	r.say("Going on.")
	r.goOn()
}

func (r *running) stop() {
	r.stopping = true
	r.cancel()
	r.say("Stopping after the object in hand.")
	r.goOn()
}

// goOn says what happened while asking.
func (r *running) goOn() {
	r.asking = false
	held := r.held
	r.held = nil
	for _, e := range held {
		r.event(e)
	}
}

// finished says that there is nothing left to stop.
func (r *running) finished() {
	if r.asking {
		r.gap()
		r.say("It is finished by now.")
		r.goOn()
	}
}

// outcomes says how it ended, object by object.
func (d *dialog) outcomes(report *harden.ApplyReport) {
	if report == nil {
		return
	}
	d.gap()
	d.say("How it ended:")
	fixed, waived, open := 0, 0, 0
	for i := range report.Outcomes {
		d.outcome(&report.Outcomes[i])
		fixed += len(report.Outcomes[i].Fixed)
		waived += len(report.Outcomes[i].Waived)
		open += len(report.Outcomes[i].Open)
	}
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{fixed, "gone"}, {waived, "waived"}, {open, "not as planned"}} {
		if part.n > 0 {
			parts = append(parts, plural(part.n, "finding is", "findings are")+" "+part.word)
		}
	}
	if len(parts) > 0 {
		d.say("Read back from the cluster: %s.", join(parts))
	}
}

func (d *dialog) outcome(o *harden.Outcome) {
	line := called(o.Object) + ": " + o.Phase.String()
	switch {
	case o.Message != "":
		line += ", " + o.Message
	case o.Err != nil:
		line += ", " + o.Err.Error()
	}
	d.say("%s.", strings.TrimSuffix(line, "."))
	if o.Err != nil && o.Message != "" && !strings.Contains(o.Message, o.Err.Error()) {
		d.say("Why: %s", o.Err)
	}
	for _, s := range o.Symptoms {
		d.say("Seen: %s", s)
	}
	for _, f := range o.Fixed {
		d.say("Gone: %s%s.", f.Fixer.ID, containerWords(f.Container))
		delete(d.marks, f.ID())
	}
	for _, f := range o.Waived {
		d.say("Waived: %s%s.", f.Fixer.ID, containerWords(f.Container))
		delete(d.marks, f.ID())
	}
	for _, f := range o.Counted {
		d.say("Counts again: %s%s.", f.Fixer.ID, containerWords(f.Container))
	}
	for _, f := range o.Open {
		d.say("Not as planned: %s%s: %s", f.Fixer.ID, containerWords(f.Container), f.Reason)
	}
}

// concluded reads anew what a write has changed, and offers to take it back.
func (d *dialog) concluded(report *harden.ApplyReport) error {
	if report == nil || report.ID == "" {
		d.say("Nothing was written.")
		return d.read()
	}
	d.say("To take it back: type undo here, or run: kubectl harden undo %s", report.ID)
	return d.read()
}

// writeFiles writes files after a yes to them; written: any was.
func (d *dialog) writeFiles(title, verb string, files []harden.FileChange, notes []string) (written bool, err error) {
	n := 0
	d.gap()
	d.say("%s", title)
	for _, f := range files {
		switch {
		case f.New():
			d.say("%s will be made.", f.Path)
			n++
		case f.Changed():
			d.say("%s will change.", f.Path)
			n++
		}
		notes = append(notes, f.Notes...)
	}
	for _, note := range notes {
		d.say("Note: %s", note)
	}
	if n == 0 {
		d.say("There is nothing to write.")
		return false, nil
	}
	ok, err := d.yes(d.ctx, verb)
	if !ok || err != nil {
		return false, d.unwritten(err)
	}
	paths, err := d.b.Write(files)
	for _, path := range paths {
		d.say("Written: %s", path)
	}
	d.fail("writing files", err)
	return len(paths) > 0, nil
}

// edit writes the plan into the files that the objects come from.
func (p *planning) edit() (next, error) {
	edits, err := p.b.Edits(p.plan, harden.SourceOptions{})
	if err == nil && edits == nil {
		err = errors.New("no answer")
	}
	if err != nil {
		p.fail("editing files", err)
		return stay, nil
	}
	var notes []string
	for _, o := range edits.Objects {
		if !o.Brought() {
			notes = append(notes, "not "+called(o.Object)+": "+o.Why)
		}
		notes = append(notes, o.Notes...)
	}
	written, err := p.writeFiles("Write files?", "write them", edits.Files, notes)
	if !written || err != nil {
		return stay, err
	}
	for _, o := range p.plan.Objects {
		for _, f := range o.Fixes {
			if f.Finding != nil {
				delete(p.marks, f.Finding.ID())
			}
		}
	}
	return left, p.read()
}

// export writes the plan into a folder.
func (p *planning) export() error {
	answer, err := p.ask(p.ctx, "Type 1 for a kustomization with patches, 2 for partial objects for kubectl apply, nothing to leave it:")
	if err != nil {
		return err
	}
	form := map[string]harden.ExportForm{"1": harden.ExportKustomize, "2": harden.ExportManifests}[answer]
	if form == "" {
		return p.unwritten(nil)
	}
	folder, err := p.ask(p.ctx, "Into which folder? Nothing to leave it:")
	if err != nil || folder == "" {
		return p.unwritten(err)
	}
	files, err := p.b.Export(p.plan, form, folder)
	if err != nil {
		p.fail("exporting", err)
		return nil
	}
	_, err = p.writeFiles("Export to "+folder+"?", "write them", files, nil)
	return err
}
