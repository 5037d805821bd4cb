package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// Interrupted lists the plans with objects of which nobody has said how they
// went, newest first: the run that applied them was cancelled or ended before. It
// is empty while another run is at work, since such objects may be its own.
func (a *Applier) Interrupted() ([]harden.Record, error) {
	entries, problems := a.journal.List()
	if len(entries) == 0 && len(problems) > 0 {
		return nil, fmt.Errorf("reading the journal: %w", errors.Join(problems...))
	}
	entries = slices.DeleteFunc(entries, func(e *journal.Entry) bool { return !slices.ContainsFunc(e.Objects, isOpen) })
	if len(entries) == 0 {
		return nil, nil
	}
	busy, err := a.journal.Busy()
	if busy || err != nil {
		return nil, err
	}
	return journal.Records(entries), nil
}

func isOpen(o *journal.Object) bool { return o.State.Open() }

// Resume goes on with the objects of a plan of which nobody has said how they
// went, in the plan's order: it looks at each, follows its rollout, watches the
// new pods, reads back, and takes back what broke, as Apply does. An object that
// the change never reached is recorded as failed. When ctx ends, it stops.
func (a *Applier) Resume(ctx context.Context, id string, opts harden.ApplyOptions, emit func(harden.Event)) (*harden.ApplyReport, error) {
	unlock, err := a.journal.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	entry, err := a.journal.Load(id)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(entry.Objects, isOpen) {
		return nil, fmt.Errorf("nothing of %q was interrupted: the outcome of each object is known; undo --list shows it", id)
	}
	r := &run{Applier: a, opts: opts, emit: emit, entry: entry}
	report := &harden.ApplyReport{ID: id}
	open := slices.DeleteFunc(slices.Clone(entry.Objects), func(o *journal.Object) bool { return !isOpen(o) })
	for rest := open; len(rest) > 0; {
		step := rest[:resumeStep(rest)]
		rest = rest[len(step):]
		var outcomes []harden.Outcome
		switch {
		case ctx.Err() != nil:
			outcomes = slices.Repeat([]harden.Outcome{{Phase: harden.Skipped, Message: "not tried: cancelled"}}, len(step))
		case len(step) > 1 || onTrialTogether(step[0]):
			outcomes = r.resumePolicies(ctx, step)
		default:
			outcomes = []harden.Outcome{r.resume(ctx, step[0])}
		}
		for i, out := range outcomes {
			out.Object = step[i].Ref()
			emit(harden.Event{Object: out.Object, Phase: out.Phase, Message: out.Message})
			report.Outcomes = append(report.Outcomes, out)
		}
	}
	return report, nil
}

// onTrialTogether reports whether the object is a policy that was being tried,
// not one that was being taken back.
func onTrialTogether(o *journal.Object) bool {
	return o.Kind == networkPolicy && o.GivenUp.IsZero() && slices.ContainsFunc(o.Leaves, func(l journal.Leaf) bool { return !isMetadata(harden.Path(l.Path)) })
}

// resumeStep is stepOf for what the journal knows of objects.
func resumeStep(objects []*journal.Object) int {
	n := 1
	for n < len(objects) && onTrialTogether(objects[0]) && onTrialTogether(objects[n]) {
		n++
	}
	return n
}

func (r *run) resume(ctx context.Context, o *journal.Object) harden.Outcome {
	if !o.GivenUp.IsZero() {
		r.say(o.Ref(), harden.Checking, "looking how far it came")
		why := strings.TrimPrefix(o.Note, "being taken back: ")
		s := &sent{op: opOf(o), record: o}
		return r.finish(s, r.rollBack(ctx, o, ending{err: errors.New(why), broken: true}))
	}
	s, out := r.arrive(ctx, o)
	if s == nil {
		return out
	}
	return r.finish(s, r.prove(ctx, s))
}

// arrive looks how far the change of an object came. Sent is nil when there is
// nothing to go on with; the outcome says why.
func (r *run) arrive(ctx context.Context, o *journal.Object) (*sent, harden.Outcome) {
	ref := o.Ref()
	r.say(ref, harden.Checking, "looking how far it came")
	refused := func(err error) (*sent, harden.Outcome) {
		return nil, harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err}
	}
	s := &sent{op: opOf(o), record: o}
	live, err := r.Get(ctx, ref)
	if err != nil && !apierrors.IsNotFound(err) {
		return refused(explain("reading", ref, err))
	}
	if err != nil {
		live = nil
	}
	there, err := r.arrived(live, o)
	switch {
	case err != nil:
		return refused(err)
	case there == nowhere:
		return nil, r.lost(s, live)
	}
	s.after, s.template = live, changesTemplate(o)
	s.record.UID, s.record.After = string(live.GetUID()), revision(live)
	s.settle(harden.RecordOnTrial)
	if err := r.save(o); err != nil {
		return nil, harden.Outcome{Phase: harden.Failed, Message: err.Error(), Err: err}
	}
	if there == inPart {
		end := ending{err: fmt.Errorf("only a part of the change of %s is there: the program ended between two requests, or somebody has changed it since", say(ref)), broken: true}
		return nil, r.finish(s, r.failure(ctx, s, end))
	}
	state, err := rolloutOf(live)
	if err != nil {
		return refused(err)
	}
	if state != nil && s.template {
		s.watch = r.resumeWatch(ctx, live, o)
	}
	return s, harden.Outcome{}
}

// lost settles an object on which there is nothing of the change.
func (r *run) lost(s *sent, live *unstructured.Unstructured) harden.Outcome {
	o := s.record
	out := harden.Outcome{Phase: harden.Refused}
	switch {
	case o.State == harden.RecordStarted:
		out.Err = fmt.Errorf("the change of %s never arrived: nothing was written", say(o.Ref()))
	case live == nil:
		out.Phase, out.Err = harden.Failed, fmt.Errorf("%s is gone: there is nothing to watch or to undo", say(o.Ref()))
	default:
		out.Phase, out.Err = harden.Failed, fmt.Errorf("nothing of the change of %s is there any more: somebody has changed it since", say(o.Ref()))
	}
	out.Message = out.Err.Error()
	s.settle(harden.RecordFailed)
	return r.finish(s, out)
}

// resumeWatch goes on with the watch of a rollout that began when the request was sent.
func (r *run) resumeWatch(ctx context.Context, live *unstructured.Unstructured, o *journal.Object) *rolloutWatch {
	w := r.newWatch(ctx, live, r.opts, r.emit)
	for uid, e := range w.refused {
		if lastSeen(&e).After(o.Sent) {
			delete(w.refused, uid)
		}
	}
	w.lame = o.Baseline.Lame
	var places []harden.Path
	for _, l := range o.Leaves {
		places = append(places, harden.Path(l.Path))
	}
	w.judgeBy(o.Baseline, r.newLogs(o.Baseline.Noise, places))
	return w
}

// opOf is what the journal still knows of an object's plan.
func opOf(o *journal.Object) *harden.ObjectPlan {
	op := &harden.ObjectPlan{Target: o.Ref()}
	if o.Created {
		op.Verb = harden.Create
	}
	for _, f := range o.Fixes {
		if f.ID == "" {
			continue
		}
		finding := &harden.Finding{Fixer: &harden.Fixer{ID: f.ID}, Object: o.Ref(), Discriminator: f.Discriminator}
		if f.On != nil {
			finding.Object = harden.Ref{APIVersion: f.On.APIVersion, Kind: f.On.Kind, Namespace: f.On.Namespace, Name: f.On.Name}
		}
		if kind, name, ok := strings.Cut(f.Container, ":"); ok {
			finding.Container = harden.ContainerRef{Kind: harden.ContainerKind(kind), Name: name}
		}
		op.Fixes = append(op.Fixes, harden.PlannedFix{Finding: finding, Fix: harden.Fix{Title: f.Title, Effect: f.Effect}})
	}
	return op
}

func changesTemplate(o *journal.Object) bool {
	template := templatePath(o.Kind)
	return !o.Created && len(template) > 0 && slices.ContainsFunc(o.Leaves, func(l journal.Leaf) bool {
		return plan.Within(harden.Path(l.Path), template)
	})
}

// presence is how much of a change is on an object.
type presence int

const (
	nowhere presence = iota
	inPart
	wholly
)

// arrived tells by the live object how much of a recorded change is there.
func (r *run) arrived(live *unstructured.Unstructured, o *journal.Object) (presence, error) {
	if live == nil || o.UID != "" && string(live.GetUID()) != o.UID {
		return nowhere, nil
	}
	held, err := holdings(live.GetManagedFields())
	if err != nil {
		return nowhere, err
	}
	j := &judge{live: live, held: held, converter: r.converter}
	if o.Created {
		if o.UID == "" && !madeByUs(j, o) {
			return nowhere, nil
		}
		return wholly, nil
	}
	found, missing := 0, 0
	for _, l := range o.Leaves {
		ours, _, err := j.compare(l)
		if err != nil {
			return nowhere, err
		}
		owned, _ := j.holders(harden.Path(l.Path))
		if ours && (l.Removed || owned != "") {
			found++
		} else {
			missing++
		}
	}
	switch {
	case found == 0:
		return nowhere, nil
	case missing > 0:
		return inPart, nil
	}
	return wholly, nil
}

// clockSkew is how far the clocks of this machine and of the API server may differ.
const clockSkew = time.Minute

// madeByUs tells whether an object was made by the request of which no answer
// arrived: nobody else has written it, it is not older than the request, and it
// says all that the request says.
func madeByUs(j *judge, o *journal.Object) bool {
	made := j.live.GetCreationTimestamp()
	if made.Add(clockSkew).Before(o.Sent) {
		return false
	}
	for _, h := range j.held {
		if h.entry.Subresource == "" && (!h.ours() || h.entry.Operation != metav1.ManagedFieldsOperationUpdate) {
			return false
		}
	}
	return len(j.held) > 0 && !slices.ContainsFunc(o.Leaves, func(l journal.Leaf) bool {
		ours, err := j.has(harden.Path(l.Path), l.Value)
		return err != nil || !ours
	})
}
