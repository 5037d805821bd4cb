package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// prove follows the rollout, watches the new pods for a while and reads back.
// What broke pods is taken back.
func (r *run) prove(ctx context.Context, s *sent) harden.Outcome {
	var end ending
	switch {
	case s.op.Target.Kind == "CronJob" && s.template:
		end.unproven = "the next run will show whether it works"
	case s.watch == nil:
	case r.opts.NoWait:
		end.unproven = "the rollout was started; nobody waited for it"
	default:
		end = r.rollout(ctx, s.watch)
		if end.err != nil {
			return r.failure(ctx, s, end)
		}
	}
	return r.readBack(context.WithoutCancel(ctx), s, end)
}

// rollout follows the rollout and, when pods run after it, their soak.
func (r *run) rollout(ctx context.Context, w *rolloutWatch) ending {
	r.say(w.ref, harden.RollingOut, "waiting for the controller")
	end := w.follow(ctx)
	if end.err != nil || end.interrupted || end.revision == "" {
		return end
	}
	state, err := w.state(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return ending{interrupted: true, unproven: "cancelled after its pods were replaced"}
	case err != nil:
		return ending{err: explain("watching the new pods of", w.ref, err)}
	case state.want == 0:
		return end
	}
	w.progress = func(said string) { r.say(w.ref, harden.Soaking, said) }
	soaked := w.soak(ctx, end.revision, soakFor(r.opts.Soak, state))
	if soaked.err == nil && soaked.unproven == "" {
		soaked.unproven = end.unproven
	}
	return soaked
}

// readBack judges the object anew. The cluster has changed already: its state is
// read even when nobody waits any more.
func (r *run) readBack(ctx context.Context, s *sent, end ending) harden.Outcome {
	fresh, err := r.findings(ctx, s.op)
	now := standingOf(s.op, fresh)
	open := now.open
	waiting := len(open)
	open = slices.DeleteFunc(open, func(f *harden.Finding) bool { return r.comesLater(s.op, f) })
	waiting -= len(open)
	opened := openedBy(s.record, fresh)
	if err != nil {
		now = standing{}
	}
	out := harden.Outcome{Fixed: now.gone, Waived: now.waived, Counted: now.counted, Open: slices.Concat(open, opened)}
	switch {
	case end.interrupted:
		r.interrupted = true
		out.Phase, out.Message = harden.Unproven, "interrupted: "+end.unproven+r.goOn()
	case err != nil:
		out.Phase, out.Message = harden.Unproven, "applied, but it could not be read back: "+err.Error()
	case len(open) > 0:
		out.Phase, out.Err = harden.NotFixed, fmt.Errorf("%s was changed, and %s", say(s.op.Target), stillWords(s.op, open))
		out.Message = out.Err.Error() + r.wayOut()
	case len(opened) > 0:
		out.Phase, out.Err = harden.NotFixed, fmt.Errorf("%s was changed, and now has %s, which was not there before", say(s.op.Target), names(opened))
		out.Message = out.Err.Error() + r.wayOut()
	case end.unproven != "":
		out.Phase, out.Message = harden.Unproven, end.unproven
	case len(now.done()) == 0 && waiting > 0:
		out.Phase, out.Message = harden.Proven, "read back: it is there; what it is for needs the objects that follow"
	default:
		out.Phase, out.Message = harden.Proven, "read back: "+now.counts()
	}
	if s.watch != nil {
		end.unseen = s.watch.unseen()
	}
	if end.unseen != "" {
		out.Message += "; " + end.unseen
	}
	s.settle(recordAfter(out.Phase, end.interrupted))
	return out
}

// counts says how many findings are as the plan wants them.
func (s standing) counts() string {
	var parts []string
	add := func(n int, is string) {
		if n > 0 {
			parts = append(parts, count(n, "finding")+is)
		}
	}
	add(len(s.waived), " waived")
	add(len(s.counted), " waived no more")
	if len(s.gone) > 0 || len(parts) == 0 {
		parts = append([]string{count(len(s.gone), "finding") + " gone"}, parts...)
	}
	return strings.Join(parts, ", ")
}

// comesLater reports whether a finding of the object needs others of the plan too.
func (r *run) comesLater(op *harden.ObjectPlan, f *harden.Finding) bool {
	last := r.later[f.ID()]
	return last != nil && last != op && last.Delivery == harden.DeliverLive
}

// recordAfter is what the journal says of an object once its outcome is known. An
// interrupted trial stays open: it can be resumed.
func recordAfter(p harden.Phase, interrupted bool) harden.RecordState {
	switch {
	case interrupted:
		return harden.RecordOnTrial
	case p == harden.RolledBack, p == harden.Undone:
		return harden.RecordUndone
	}
	return harden.RecordApplied
}

// failure is the outcome of a trial that did not end well.
func (r *run) failure(ctx context.Context, s *sent, end ending) harden.Outcome {
	if s.watch != nil {
		if unseen := s.watch.unseen(); unseen != "" {
			end.err = fmt.Errorf("%w (%s)", end.err, unseen)
		}
	}
	if end.broken && !r.opts.NoRollback {
		return r.rollBack(ctx, s.record, end)
	}
	s.settle(harden.RecordApplied)
	return r.failed(end)
}

func (r *run) failed(end ending) harden.Outcome {
	return harden.Outcome{Phase: harden.Failed, Message: end.err.Error() + r.wayOut(), Err: end.err, Symptoms: end.symptoms}
}

func (r *run) wayOut() string {
	return "; take it back with: kubectl harden undo " + r.entry.ID
}

func (r *run) goOn() string {
	return "; go on with: kubectl harden fix --resume=" + r.entry.ID + ", or take it back with: kubectl harden undo " + r.entry.ID
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// finish writes the outcome to the journal. The object is changed already, so
// an error here is told and changes nothing else.
func (r *run) finish(s *sent, out harden.Outcome) harden.Outcome {
	s.record.Note = out.Phase.String()
	if out.Message != "" {
		s.record.Note += ": " + out.Message
	}
	if err := r.save(s.record); err != nil {
		out.Message += "; the outcome could not be written to the journal: " + err.Error()
		out.Err = errors.Join(out.Err, err)
	}
	return out
}
