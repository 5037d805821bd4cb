package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// DryRun asks the API server what it would do with the object plan, stores the
// answer in op.DryRun and, when there is one, the resulting object and its
// difference in op.After and op.Diff. Nothing is changed on the cluster.
func (a *Applier) DryRun(ctx context.Context, op *harden.ObjectPlan) {
	t, err := a.prepare(ctx, op)
	if err != nil {
		op.DryRun = &harden.DryRun{Err: err}
		return
	}
	op.DryRun = a.ask(ctx, t)
	if t.after == nil {
		return
	}
	view, err := plan.Compare(op.Target, t.live, t.after)
	if err != nil {
		op.DryRun.Err = err
		return
	}
	op.Before, op.After, op.Diff = view.Before, view.After, view.Diff
}

// ask sends the attempt as a dry run and decides whether it has to be forced.
func (a *Applier) ask(ctx context.Context, t *attempt) *harden.DryRun {
	d := &harden.DryRun{}
	if t.live != nil {
		d.ResourceVersion = t.live.GetResourceVersion()
	}
	ctx, said := withWarnings(ctx)
	d.Err = a.askAll(ctx, t, d)
	d.Warnings = said.list()
	return d
}

func (a *Applier) askAll(ctx context.Context, t *attempt, d *harden.DryRun) error {
	ref := t.op.Target
	removals, err := a.takeovers(t, d)
	if err != nil {
		return err
	}
	applied, err := a.askApply(ctx, t, d)
	if err != nil || applied == nil && t.set != nil || removals > 0 {
		return err
	}
	if t.after, err = a.askRemovals(ctx, t, applied); err != nil {
		return explain("asking the API server (dry run) about", ref, err)
	}
	keepTemplateGeneration(t.live, t.after)
	if d.Unintended, err = plan.Unintended(t.live, t.after, t.intended, a.converter); err != nil {
		return err
	}
	if t.set == nil {
		return nil
	}
	unmet, err := plan.Unmet(t.after, t.set, a.converter)
	if err != nil {
		return err
	}
	if len(unmet) > 0 {
		return fmt.Errorf("%s would not keep %s: a mutating webhook or policy of the cluster sets it back", say(ref), strings.Join(unmet, ", "))
	}
	return nil
}

// keepTemplateGeneration hides that the API server itself counts the templates of
// a DaemonSet in an annotation (k8s.io/kubernetes, pkg/registry/apps/daemonset).
func keepTemplateGeneration(live, after *unstructured.Unstructured) {
	if live == nil || after.GetKind() != "DaemonSet" {
		return
	}
	if n, ok := live.GetAnnotations()[appsv1.DeprecatedTemplateGeneration]; ok {
		annotations := after.GetAnnotations()
		annotations[appsv1.DeprecatedTemplateGeneration] = n
		after.SetAnnotations(annotations)
	}
}

// takeovers sorts out who holds what is to be removed; it returns how many conflicts stand.
func (a *Applier) takeovers(t *attempt, d *harden.DryRun) (int, error) {
	if t.live == nil {
		return 0, nil
	}
	conflicts, err := removalConflicts(t.live, t.rest)
	if err != nil {
		return 0, err
	}
	taken, standing := mayForce(conflicts, t.op.Force)
	d.Taken, d.Conflicts = append(d.Taken, taken...), append(d.Conflicts, standing...)
	return len(standing), nil
}

// askApply is the dry run of the server-side apply: without force first, and
// with force only if the user chose so for every field that conflicts. It
// returns nil without an error when conflicts stand, or when there is nothing to apply.
func (a *Applier) askApply(ctx context.Context, t *attempt, d *harden.DryRun) (*unstructured.Unstructured, error) {
	const doing = "asking the API server (dry run) about"
	ref := t.op.Target
	switch {
	case t.live == nil:
		made, err := a.sendCreate(ctx, ref, t.body, dryRun)
		return made, explain(doing, ref, err)
	case t.body == nil:
		return nil, nil
	}
	applied, err := a.sendApply(ctx, ref, t.body, false, dryRun)
	if err == nil || len(conflictCauses(err)) == 0 {
		return applied, explain(doing, ref, err)
	}
	conflicts, err := conflictsOf(t.live, err)
	if err != nil {
		return nil, err
	}
	taken, standing := mayForce(conflicts, t.op.Force)
	d.Taken, d.Conflicts = append(d.Taken, taken...), append(d.Conflicts, standing...)
	if len(standing) > 0 {
		return nil, nil
	}
	t.force = true
	applied, err = a.sendApply(ctx, ref, t.body, true, dryRun)
	return applied, explain(doing, ref, err)
}

// askRemovals is the dry run of the removals together with the apply. As a dry
// run stores nothing, one request cannot be tried on top of the other: the state
// after both is sent as one change instead.
func (a *Applier) askRemovals(ctx context.Context, t *attempt, applied *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if len(t.rest) == 0 {
		return applied, nil
	}
	if applied == nil {
		patch, err := plan.RemovalPatch(t.live, t.rest, a.converter)
		if err != nil {
			return nil, err
		}
		return a.sendJSONPatch(ctx, t.op.Target, patch, dryRun)
	}
	final, err := plan.Project(applied, nil, t.rest, a.converter)
	if err != nil {
		return nil, err
	}
	from := bare(t.live)
	from.SetResourceVersion(t.live.GetResourceVersion())
	to := bare(final)
	to.SetResourceVersion(t.live.GetResourceVersion())
	return a.sendDifference(ctx, t.op.Target, from, to, dryRun)
}

// refusal says why a plan that the server was asked about is not applied; nil when it may be.
func refusal(ref harden.Ref, d *harden.DryRun) error {
	switch {
	case d.Err != nil:
		return d.Err
	case len(d.Conflicts) > 0:
		return conflictError(ref, d.Conflicts)
	case len(d.Unintended) > 0:
		return fmt.Errorf("applying to %s would also change %s, which nobody asked for: a mutating webhook or policy of the cluster interferes; nothing was applied", say(ref), strings.Join(d.Unintended, ", "))
	}
	return nil
}

func conflictError(ref harden.Ref, conflicts []harden.Conflict) error {
	var lines []string
	applies := false
	for _, c := range conflicts {
		how := "by update"
		if c.Applies {
			how, applies = "by server-side apply", true
		}
		lines = append(lines, fmt.Sprintf("%s is held by %q (%s)", c.Field, c.Manager, how))
	}
	out := "take the fields over with --force-conflicts, or change them where that manager gets them from"
	if applies {
		out = "what a manager applies is never taken over, since its next apply would fail or undo it: change it where that manager gets it from"
	}
	return errors.New(say(ref) + ": " + strings.Join(lines, "; ") + ": " + out)
}
