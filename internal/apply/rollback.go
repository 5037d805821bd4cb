package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// rollBack takes one object's change back by the way of undo, values and field
// ownership, and waits until the former template is available again. That it is
// to be done is in the journal before it begins, so that a run that dies in the
// middle is finished by Resume or Undo. A context that ends does not stop the
// writes, only the waiting.
func (r *run) rollBack(ctx context.Context, o *journal.Object, end ending) harden.Outcome {
	ref := o.Ref()
	r.say(ref, harden.RollingBack, end.err.Error())
	o.GivenUp, o.Note = r.now(), "being taken back: "+end.err.Error()
	if err := r.save(o); err != nil {
		return r.cannotRollBack(end, err)
	}
	u := &undo{Applier: r.Applier, opts: harden.ApplyOptions{Timeout: r.opts.Timeout}, entry: r.entry, later: r.entriesAfter(r.entry)}
	u.emit = func(e harden.Event) { r.say(ref, harden.RollingBack, e.Message) }
	res, err := u.takeBack(context.WithoutCancel(ctx), o)
	if err != nil {
		return r.cannotRollBack(end, err)
	}
	u.taken(o, res)
	back := u.watch(ctx, o, res)
	out := harden.Outcome{Phase: harden.RolledBack, Err: end.err, Symptoms: end.symptoms}
	switch {
	case back.Err != nil:
		out.Phase, out.Err = harden.Failed, errors.Join(end.err, back.Err)
		out.Message = fmt.Sprintf("%v; the change was taken back, but: %v", end.err, back.Err)
	case back.Message != "":
		out.Message = fmt.Sprintf("%v; the change was taken back: %s", end.err, back.Message)
	case res.before == nil:
		out.Message = fmt.Sprintf("%v; the change was taken back", end.err)
	default:
		out.Message = fmt.Sprintf("%v; the change was taken back, and %s is available again as it was before", end.err, say(ref))
	}
	return out
}

// cannotRollBack leaves the object in the journal as one that stands.
func (r *run) cannotRollBack(end ending, err error) harden.Outcome {
	return harden.Outcome{
		Phase: harden.Failed, Err: errors.Join(end.err, err), Symptoms: end.symptoms,
		Message: fmt.Sprintf("%v; it could not be taken back: %v; try again with: kubectl harden undo %s", end.err, err, r.entry.ID),
	}
}
