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
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Undo takes an applied plan back, the last object first: values are restored
// and fields given back to those who held them. What somebody else changed since
// is left alone and reported. One object's refusal does not keep the others from
// being taken back; when ctx ends, it stops between objects.
func (a *Applier) Undo(ctx context.Context, id string, opts harden.ApplyOptions, emit func(harden.Event)) (*harden.ApplyReport, error) {
	unlock, err := a.journal.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	entry, err := a.journal.Load(id)
	if err != nil {
		return nil, err
	}
	u := &undo{Applier: a, opts: opts, emit: emit, entry: entry, later: a.entriesAfter(entry)}
	report := &harden.ApplyReport{ID: id}
	for _, o := range slices.Backward(entry.Objects) {
		out := harden.Outcome{Phase: harden.Skipped, Message: "not tried: cancelled"}
		if ctx.Err() == nil {
			out = u.object(ctx, o)
		}
		out.Object = o.Ref()
		emit(harden.Event{Object: out.Object, Phase: out.Phase, Message: out.Message})
		report.Outcomes = append(report.Outcomes, out)
	}
	return report, nil
}

func (a *Applier) entriesAfter(entry *journal.Entry) []*journal.Entry {
	// Files that cannot be read say nothing about later plans; listing names them.
	all, _ := a.journal.List()
	i := slices.IndexFunc(all, func(e *journal.Entry) bool { return e.ID == entry.ID })
	later := all[:max(i, 0)]
	slices.Reverse(later)
	return later
}

// An undo often comes in the middle of a rollout, when controllers write the
// object's status all the time; every try looks at the object anew.
const (
	undoTries = 20
	undoPause = 100 * time.Millisecond
)

// An undo is one call of Undo.
type undo struct {
	*Applier
	opts  harden.ApplyOptions
	emit  func(harden.Event)
	entry *journal.Entry
	later []*journal.Entry // entries after this one, oldest first
}

// A result is what an undo did with one object.
type result struct {
	before, after *unstructured.Unstructured // nil when the object is gone
	notes         []string
	aliens        []string // places that were left alone because somebody changed them
}

func (u *undo) object(ctx context.Context, o *journal.Object) harden.Outcome {
	ref := o.Ref()
	switch o.State {
	case harden.RecordUndone:
		return harden.Outcome{Phase: harden.Undone, Message: "it was undone already, on " + o.Undone.Local().Format("2006-01-02 15:04:05")}
	case harden.RecordFailed:
		return harden.Outcome{Phase: harden.Undone, Message: "there is nothing to undo: " + o.Note}
	}
	u.emit(harden.Event{Object: ref, Phase: harden.Checking, Message: "reading it anew"})
	res, err := u.takeBack(ctx, o)
	if err != nil {
		return harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err}
	}
	u.taken(o, res)
	if err := u.journal.Save(u.entry); err != nil {
		return harden.Outcome{Phase: harden.Failed, Message: "undone, but: " + err.Error(), Err: err}
	}
	return u.watch(ctx, o, res)
}

// taken records that the object was taken back.
func (u *undo) taken(o *journal.Object, res *result) {
	o.State, o.Undone = harden.RecordUndone, u.now()
	o.Note = strings.Join(append(append([]string{"undone"}, res.aliens...), res.notes...), "; ")
}

// takeBack changes the object; an error means that it is as it was, or that the
// second of two writes is missing, which the next undo will do.
func (u *undo) takeBack(ctx context.Context, o *journal.Object) (*result, error) {
	ref := o.Ref()
	for try := 1; ; try++ {
		live, err := u.Get(ctx, ref)
		switch {
		case apierrors.IsNotFound(err):
			return &result{notes: []string{"the object is gone: there is nothing to undo"}}, nil
		case err != nil:
			return nil, explain("reading", ref, err)
		case o.UID != "" && string(live.GetUID()) != o.UID:
			return nil, fmt.Errorf("%s is another object than the one that was changed: it was deleted and made again; nothing was undone", say(ref))
		}
		res, err := u.takeBackFrom(ctx, o, live)
		if err != nil && isVersionConflict(err) && try < undoTries && wait(ctx, undoPause, nil) {
			continue
		}
		return res, err
	}
}

func (u *undo) takeBackFrom(ctx context.Context, o *journal.Object, live *unstructured.Unstructured) (*result, error) {
	if o.Created {
		return u.deleteCreated(ctx, o, live)
	}
	held, err := holdings(live.GetManagedFields())
	if err != nil {
		return nil, err
	}
	res := &result{before: live, after: live}
	j := &judge{live: live, held: held, converter: u.converter}
	var decisions []decision
	for _, l := range o.Leaves {
		if later := u.laterClaim(o, l); later != nil {
			res.notes = append(res.notes, fmt.Sprintf("%s stays: the plan %s of later wants it too", harden.Path(l.Path), later.id))
			continue
		}
		if why := withheld(o.Leaves, l); why != "" {
			res.aliens = append(res.aliens, why)
			continue
		}
		d, err := j.decide(l)
		if err != nil {
			return nil, err
		}
		switch {
		case d.what == alien:
			res.aliens = append(res.aliens, d.note)
		case d.note != "":
			res.notes = append(res.notes, d.note)
		}
		decisions = append(decisions, d)
	}
	intent, givesUp, err := u.remaining(live, decisions)
	if err != nil {
		return nil, err
	}
	if !givesUp && !slices.ContainsFunc(decisions, decision.writes) {
		if len(res.aliens) > 0 {
			return nil, fmt.Errorf("nothing of %s was undone: %s", say(o.Ref()), strings.Join(res.aliens, "; "))
		}
		res.notes = append(res.notes, "nothing was written: the object is as it was before the plan")
		return res, u.handOver(o)
	}
	u.emit(harden.Event{Object: o.Ref(), Phase: harden.Applying, Message: "taking it back"})
	// From here on nothing stops half-way: between two writes the fields have the wrong owner.
	if res.after, err = u.write(context.WithoutCancel(ctx), o, live, intent, decisions); err != nil {
		return nil, explain("undoing the change of", o.Ref(), err)
	}
	return res, u.handOver(o)
}

// deleteCreated removes an object that the plan made, unless somebody has changed it since.
func (u *undo) deleteCreated(ctx context.Context, o *journal.Object, live *unstructured.Unstructured) (*result, error) {
	ref := o.Ref()
	if o.Kind == "Namespace" {
		return nil, fmt.Errorf("%s is not deleted, since everything in it would go too: delete it yourself", say(ref))
	}
	if id, denies := u.deniedLater(o); id != "" {
		return nil, fmt.Errorf("%s is not deleted: without it %s, which the later plan %s made, would deny what it allows; undo that plan first: kubectl harden undo %s", say(ref), say(denies), id, id)
	}
	held, err := holdings(live.GetManagedFields())
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		if !h.ours() && h.entry.Subresource == "" {
			return nil, fmt.Errorf("%s is not deleted: %q has changed it since", say(ref), h.entry.Manager)
		}
	}
	j := &judge{live: live, held: held, converter: u.converter}
	for _, l := range o.Leaves {
		if ours, err := j.has(harden.Path(l.Path), l.Value); err != nil || !ours {
			return nil, errors.Join(err, fmt.Errorf("%s is not deleted: %s", say(ref), j.explainAlien(l)))
		}
	}
	if o.UID == "" && !madeByUs(j, o) {
		return nil, fmt.Errorf("%s is not deleted: the answer to the request that should make it was lost, and this object is not surely the one; look at it, and delete it yourself", say(ref))
	}
	r, err := u.resource(ref)
	if err != nil {
		return nil, err
	}
	uid, version := live.GetUID(), live.GetResourceVersion()
	err = r.Delete(context.WithoutCancel(ctx), ref.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	if err != nil {
		return nil, explain("deleting", ref, err)
	}
	return &result{notes: []string{"deleted: the plan had made it"}}, nil
}

// watch follows the rollout that brings the old template back.
func (u *undo) watch(ctx context.Context, o *journal.Object, res *result) harden.Outcome {
	ref := o.Ref()
	out := harden.Outcome{Phase: harden.Undone, Message: strings.Join(append(res.aliens, res.notes...), "; ")}
	if len(res.aliens) > 0 {
		out.Err = fmt.Errorf("not everything of %s was undone: %s", say(ref), strings.Join(res.aliens, "; "))
	}
	if res.before == nil || !templateChanged(res.before, res.after) {
		return out
	}
	state, err := rolloutOf(res.before)
	if err != nil || state == nil || u.opts.NoWait {
		return out
	}
	w := u.newWatch(ctx, res.before, u.opts, u.emit)
	w.stuck, w.lame = state.stuck, o.Baseline.Lame
	if ref.Kind == "StatefulSet" {
		w.abandoned, w.swept = state.revision, map[types.UID]bool{}
	}
	u.emit(harden.Event{Object: ref, Phase: harden.RollingOut, Message: "waiting for the controller"})
	end := w.follow(ctx)
	switch {
	case end.err != nil:
		out.Phase, out.Err = harden.Failed, fmt.Errorf("%s is as it was before, but its pods do not come up: %w", say(ref), end.err)
		out.Message = out.Err.Error()
	case end.unproven != "":
		out.Message = strings.Join(append(append(res.aliens, res.notes...), end.unproven), "; ")
	}
	return out
}
