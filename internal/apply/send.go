package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// maxTries bounds how often an apply is sent when the object's status keeps
// changing between reading and writing.
const maxTries = 5

// send asks the server, writes the journal and sends the change. With an error,
// sent is nil when surely nothing was stored.
func (r *run) send(ctx context.Context, op *harden.ObjectPlan, wrong []string) (*sent, error) {
	var first *attempt
	for try := 1; ; try++ {
		t, err := r.prepare(ctx, op)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = t
		} else if !first.unchanged(t) {
			return nil, fmt.Errorf("%s was changed while the plan was being applied; scan again", say(op.Target))
		}
		s, err := r.sendOnce(ctx, t, wrong)
		if err != nil && s == nil && isVersionConflict(err) && try < maxTries {
			continue
		}
		return s, err
	}
}

func (r *run) sendOnce(ctx context.Context, t *attempt, wrong []string) (*sent, error) {
	ref := t.op.Target
	t.op.DryRun = r.ask(ctx, t)
	if err := refusal(ref, t.op.DryRun); err != nil {
		return nil, err
	}
	base := journal.Baseline{Findings: wrong}
	if r.trial != nil {
		base.Pods, base.Noise = true, r.trial.noise
	}
	s := &sent{op: t.op, before: t.live, template: templateChanged(t.live, t.after)}
	if err := r.readyFor(ctx, t, s, &base); err != nil {
		return nil, err
	}
	view, err := plan.Compare(ref, t.live, t.after)
	if err != nil {
		return nil, err
	}
	if s.record, err = r.record(t, view.Diff); err != nil {
		return nil, err
	}
	s.record.Baseline = base
	if err := r.save(s.record); err != nil {
		return nil, err
	}
	r.say(ref, harden.Applying, "")
	// From here on nothing stops half-way: a cancelled request might be stored or not.
	return r.store(context.WithoutCancel(ctx), t, s)
}

// readyFor refuses to replace the pods of a workload in a state in which nobody
// could tell whether the change broke it, and prepares to watch it: how its pods
// do now is what the new ones are compared with.
func (r *run) readyFor(ctx context.Context, t *attempt, s *sent, base *journal.Baseline) error {
	if !s.template {
		return nil
	}
	state, err := rolloutOf(t.live)
	if err != nil || state == nil {
		return err
	}
	state.lame = r.lamePods(ctx, t.live, state)
	why := state.unfit()
	if why == "" {
		why = r.deadlock(ctx, t.live)
	}
	if why != "" {
		return fmt.Errorf("%s is left alone: %s", say(t.op.Target), why)
	}
	s.watch = r.newWatch(ctx, t.live, r.opts, r.emit)
	s.watch.lame = state.lame
	if r.opts.NoWait || state.manual != "" {
		return nil
	}
	reader, err := r.baseline(ctx, t.op.Target, state, plan.Paths(t.intended), base)
	if err != nil {
		return err
	}
	s.watch.judgeBy(*base, reader)
	return nil
}

func (a *Applier) newWatch(ctx context.Context, live *unstructured.Unstructured, opts harden.ApplyOptions, emit func(harden.Event)) *rolloutWatch {
	ref := refOf(live)
	w := &rolloutWatch{applier: a, ref: ref, timeout: opts.Timeout, refused: a.refusedPods(ctx, ref)}
	w.progress = func(said string) { emit(harden.Event{Object: ref, Phase: harden.RollingOut, Message: said}) }
	if w.timeout == 0 {
		w.timeout = defaultTimeout
	}
	return w
}

// judgeBy makes the watch judge new pods by how the old ones did.
func (w *rolloutWatch) judgeBy(base journal.Baseline, reader *logs) {
	w.tolerated, w.logs = base.Restarts, reader
	if w.tolerated == nil {
		w.tolerated = map[string]int32{}
	}
	if !base.Pods {
		w.note("pods may not be read")
	}
}

func refOf(u *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID()}
}

// save writes the journal with the record in it, in place of an earlier one of
// the same object.
func (r *run) save(o *journal.Object) error {
	i := slices.IndexFunc(r.entry.Objects, func(other *journal.Object) bool { return other.Ref().Key() == o.Ref().Key() })
	if i < 0 {
		r.entry.Objects = append(r.entry.Objects, o)
	} else {
		r.entry.Objects[i] = o
	}
	if r.entry.ID == "" {
		return r.journal.Create(r.entry)
	}
	return r.journal.Save(r.entry)
}

// store sends what is in the journal now: first what is taken away, then what is
// set. Between the two requests a controller may act on what lies between, and
// with less in it that is what runs already; the other way round runAsNonRoot
// would stand beside a runAsUser of 0 for a moment, and a StatefulSet that made
// a pod in that moment would wait for it for good.
func (r *run) store(ctx context.Context, t *attempt, s *sent) (*sent, error) {
	s.after = t.live
	if len(t.rest) > 0 {
		patch, err := plan.RemovalPatch(t.live, t.rest, r.converter)
		if err != nil {
			return nil, r.refused(s, err)
		}
		if err := r.storeRemoval(ctx, t, s, patch); err != nil {
			err = explain("removing fields of", t.op.Target, err)
			if answered(err) {
				return nil, r.refused(s, err)
			}
			return s, err
		}
	}
	if err := r.storeApply(ctx, t, s); err != nil {
		err = explain("applying to", t.op.Target, err)
		if s.record.State == harden.RecordStarted && answered(err) {
			return nil, r.refused(s, err)
		}
		return s, err
	}
	if s.watch != nil {
		s.watch.ref.UID = s.after.GetUID()
	}
	return s, r.save(s.record)
}

// refused records that nothing was stored.
func (r *run) refused(s *sent, err error) error {
	s.record.State, s.record.Note, s.record.Ended = harden.RecordFailed, err.Error(), r.now()
	return errors.Join(err, r.save(s.record))
}

// stored records what the server answered. The object is on trial from now on.
func (r *run) stored(s *sent, after *unstructured.Unstructured) {
	s.after = after
	s.record.State, s.record.UID, s.record.After, s.record.Ended = harden.RecordOnTrial, string(after.GetUID()), revision(after), r.now()
}

// storeRemoval takes away what an apply cannot say. The patch tests what it
// removes, so the server refuses it when that has changed.
func (r *run) storeRemoval(ctx context.Context, t *attempt, s *sent, patch []byte) error {
	var err error
	if s.record.Removal, err = recorded(patch, s.record); err != nil {
		return err
	}
	if err := r.save(s.record); err != nil {
		return err
	}
	after, err := r.sendJSONPatch(ctx, t.op.Target, patch, store)
	if err != nil {
		return err
	}
	r.stored(s, after)
	return r.save(s.record)
}

func (r *run) storeApply(ctx context.Context, t *attempt, s *sent) error {
	if t.body == nil {
		return nil
	}
	var after *unstructured.Unstructured
	var err error
	if t.live == nil {
		after, err = r.sendCreate(ctx, t.op.Target, t.body, store)
	} else {
		after, err = r.sendGuarded(ctx, t, s)
	}
	if err != nil && !answered(err) {
		after, err = r.lostAnswer(ctx, t, s.record, err)
	}
	if err != nil {
		return err
	}
	r.stored(s, after)
	return nil
}

// sendGuarded applies to the object as the removals left it. Controllers write
// its status meanwhile, which makes a new version of it: only when somebody
// changed more than that is it given up.
func (r *run) sendGuarded(ctx context.Context, t *attempt, s *sent) (*unstructured.Unstructured, error) {
	ref := t.op.Target
	guard(t.body, s.after)
	for try := 1; ; try++ {
		after, err := r.sendApply(ctx, ref, t.body, t.force, store)
		if s.record.Removal == nil || !isVersionConflict(err) || try == maxTries {
			return after, err
		}
		now, getErr := r.Get(ctx, ref)
		if getErr != nil {
			return nil, getErr
		}
		if now.GetUID() != s.after.GetUID() || now.GetGeneration() != s.after.GetGeneration() {
			return nil, err
		}
		guard(t.body, now)
	}
}

// lostAnswer finds out what became of a request whose answer did not arrive.
// The error is no answer of the server when nobody knows.
func (r *run) lostAnswer(ctx context.Context, t *attempt, record *journal.Object, lost error) (*unstructured.Unstructured, error) {
	for try := range maxTries {
		if try > 0 {
			time.Sleep(time.Second)
		}
		now, err := r.Get(ctx, t.op.Target)
		if err != nil {
			continue
		}
		if t.live == nil {
			if made, err := r.arrived(now, record); err == nil && made == wholly {
				return now, nil
			}
			break
		}
		if now.GetUID() != t.live.GetUID() {
			break
		}
		if ours, err := r.isApplied(now, t); err == nil && ours {
			return now, nil
		}
	}
	return nil, fmt.Errorf("whether it was stored is not known, since the answer was lost: %w", lost)
}

// isApplied reports whether the object is as the attempt wants it and held by us.
func (r *run) isApplied(now *unstructured.Unstructured, t *attempt) (bool, error) {
	if now.GetResourceVersion() == t.live.GetResourceVersion() {
		return false, nil
	}
	unmet, err := plan.Unmet(now, t.body, r.converter)
	return len(unmet) == 0 && len(ourEntries(now)) > 0, err
}
