package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Apply applies the objects of a plan that are to be changed live, one after
// the other in the plan's order, and reports on every object. The new pods of a
// workload are on trial: until they are replaced, and for a while after that. A
// change that breaks them is taken back at once, unless opts.NoRollback. Apply
// stops at the first failure; the rest is Skipped.
//
// When ctx ends, the object at hand stays as it is, Unproven, and on trial in the
// journal: Resume goes on with it, Undo takes it back. Only what is being taken
// back is still written to its end.
//
// An error means that nothing was done: the journal cannot be written, or another
// run holds it.
func (a *Applier) Apply(ctx context.Context, p *harden.Plan, opts harden.ApplyOptions, emit func(harden.Event)) (*harden.ApplyReport, error) {
	unlock, err := a.journal.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := &run{Applier: a, opts: opts, emit: emit, entry: &journal.Entry{
		Time: a.now(), Context: a.cluster.Context, Server: a.cluster.Server, ClusterUID: a.cluster.UID, Actor: a.actor,
	}}
	r.later = lastOf(p.Objects)
	report := &harden.ApplyReport{}
	stop := ""
	for rest := p.Objects; len(rest) > 0; {
		step := rest[:stepOf(rest)]
		rest = rest[len(step):]
		for i, out := range r.step(ctx, step, stop) {
			op := step[i]
			if op.Delivery == harden.DeliverLive && stop == "" && (!out.Phase.Good() || r.interrupted) {
				stop = notAfter(op)
			}
			out.Object = op.Target
			emit(harden.Event{Object: op.Target, Phase: out.Phase, Message: out.Message})
			report.Outcomes = append(report.Outcomes, out)
		}
	}
	if r.wrote() {
		report.ID = r.entry.ID
	}
	return report, nil
}

// lastOf is the last object of each fix, by the id of the finding.
func lastOf(ops []*harden.ObjectPlan) map[string]*harden.ObjectPlan {
	last := map[string]*harden.ObjectPlan{}
	for _, op := range ops {
		for _, p := range op.Fixes {
			if p.Finding != nil {
				last[p.Finding.ID()] = op
			}
		}
	}
	return last
}

// stepOf is how many of the objects, from the first on, are on trial together:
// policies that follow each other, or one of anything else.
func stepOf(ops []*harden.ObjectPlan) int {
	n := 1
	for n < len(ops) && isPolicy(ops[0]) && isPolicy(ops[n]) {
		n++
	}
	return n
}

func (r *run) step(ctx context.Context, ops []*harden.ObjectPlan, stop string) []harden.Outcome {
	out := harden.Outcome{Phase: harden.Skipped}
	switch {
	case ops[0].Delivery != harden.DeliverLive:
		out.Message = notLive(ops[0])
	case ctx.Err() != nil:
		out.Message = "not tried: cancelled"
	case stop != "":
		out.Message = stop
	case isPolicy(ops[0]):
		return r.policies(ctx, ops)
	default:
		out = r.object(ctx, ops[0])
	}
	return slices.Repeat([]harden.Outcome{out}, len(ops))
}

func notAfter(op *harden.ObjectPlan) string {
	return "not tried: " + say(op.Target) + " came first and did not end well"
}

func notLive(op *harden.ObjectPlan) string {
	what := "for a person to do"
	if op.Delivery == harden.DeliverSource {
		what = "for the source of the object"
	}
	if op.DeliveryWhy == "" {
		return "not applied: " + what
	}
	return "not applied: " + what + ": " + op.DeliveryWhy
}

// A run is one call of Apply.
type run struct {
	*Applier
	opts  harden.ApplyOptions
	emit  func(harden.Event)
	entry *journal.Entry
	// repaired are the ids of the findings that objects of this run are to repair
	// together with those that follow.
	repaired map[string]bool
	// later tells of a finding, by its id, which object of the plan comes last of
	// those that its fix takes: only after that one the finding can be gone.
	later map[string]*harden.ObjectPlan
	// trial is that of the policies that are being sent; nil for other objects.
	trial *policyTrial
	// interrupted says that the outcome of an object is not known: no other is begun.
	interrupted bool
}

func (r *run) wrote() bool {
	return slices.ContainsFunc(r.entry.Objects, func(o *journal.Object) bool { return o.State != harden.RecordFailed })
}

func (r *run) say(ref harden.Ref, phase harden.Phase, message string) {
	r.emit(harden.Event{Object: ref, Phase: phase, Message: message})
}

// object takes one object through all phases.
func (r *run) object(ctx context.Context, op *harden.ObjectPlan) harden.Outcome {
	sent, out := r.begin(ctx, op)
	if sent == nil {
		return out
	}
	return r.finish(sent, r.prove(ctx, sent))
}

// begin checks, asks and sends. Sent is nil when that did not end well; the
// outcome says how it ended then.
func (r *run) begin(ctx context.Context, op *harden.ObjectPlan) (*sent, harden.Outcome) {
	r.say(op.Target, harden.Checking, "reading it anew")
	wrong, out := r.stillOpen(ctx, op)
	if out != nil {
		return nil, *out
	}
	sent, err := r.send(ctx, op, wrong)
	switch {
	case err == nil:
		r.remember(op)
		return sent, harden.Outcome{}
	case errors.Is(err, errNothingToDo):
		return nil, harden.Outcome{Phase: harden.Refused, Message: errNothingToDo.Error() + ": nothing was written", Err: err}
	case sent == nil && ctx.Err() != nil:
		return nil, harden.Outcome{Phase: harden.Skipped, Message: "nothing was written: cancelled", Err: err}
	case sent == nil:
		return nil, harden.Outcome{Phase: harden.Refused, Message: err.Error(), Err: err}
	}
	return nil, r.finish(sent, r.unsure(ctx, sent, err))
}

// remember keeps what the object is to repair.
func (r *run) remember(op *harden.ObjectPlan) {
	if r.repaired == nil {
		r.repaired = map[string]bool{}
	}
	for _, p := range op.Fixes {
		if p.Finding != nil {
			r.repaired[p.Finding.ID()] = true
		}
	}
}

// unsure is the outcome when a request failed and something was stored, or may
// have been: a part is taken back; of what nobody knows, resume and undo decide
// by the object.
func (r *run) unsure(ctx context.Context, s *sent, err error) harden.Outcome {
	if s.record.State == harden.RecordStarted {
		return harden.Outcome{Phase: harden.Failed, Message: err.Error() + r.goOn(), Err: err}
	}
	return r.failure(ctx, s, ending{err: fmt.Errorf("only a part of it was applied: %w", err), broken: true})
}

// A sent is an object that was written, or may have been.
type sent struct {
	op     *harden.ObjectPlan
	record *journal.Object
	before *unstructured.Unstructured // nil for an object that was made
	after  *unstructured.Unstructured
	// template says that the pods are to be replaced.
	template bool
	watch    *rolloutWatch // nil when no pods are replaced, or not by themselves
}

func (s *sent) settle(state harden.RecordState) { s.record.State = state }
