package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/apply/symptom"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// policyLogPods is of how many pods logs are read: one of each workload comes first.
const policyLogPods = 40

const networkPolicy = "NetworkPolicy"

// isPolicy reports whether the change reaches running pods at once. Policies that
// follow each other in a plan are on trial together, and taken back together.
func isPolicy(op *harden.ObjectPlan) bool {
	return op.Target.Kind == networkPolicy && op.Delivery == harden.DeliverLive && reachesPods(op)
}

// reachesPods reports whether the change of a policy is about more than its metadata.
func reachesPods(op *harden.ObjectPlan) bool {
	if op.Set != nil && op.Set.Object["spec"] != nil {
		return true
	}
	return slices.ContainsFunc(op.Remove, func(p harden.Path) bool { return !isMetadata(p) })
}

func isMetadata(p harden.Path) bool {
	return len(p) > 0 && p[0].FieldName != nil && *p[0].FieldName == "metadata"
}

// policies takes a step of policies through all phases: each is sent, then the
// pods of their namespaces are watched. When one is refused, those after it are
// not tried; what was sent is watched all the same.
func (r *run) policies(ctx context.Context, ops []*harden.ObjectPlan) []harden.Outcome {
	outcomes := make([]harden.Outcome, len(ops))
	all := make([]*sent, len(ops))
	trial, err := r.newPolicyTrial(ctx, namespacesOf(ops), time.Time{})
	if err != nil {
		return slices.Repeat([]harden.Outcome{{Phase: harden.Refused, Message: err.Error(), Err: err}}, len(ops))
	}
	r.trial = trial
	defer func() { r.trial = nil }()
	stop := ""
	for i, op := range ops {
		switch {
		case ctx.Err() != nil:
			outcomes[i] = harden.Outcome{Phase: harden.Skipped, Message: "not tried: cancelled"}
		case stop != "":
			outcomes[i] = harden.Outcome{Phase: harden.Skipped, Message: stop}
		default:
			if all[i], outcomes[i] = r.begin(ctx, op); all[i] == nil {
				stop = notAfter(op)
			}
		}
	}
	r.judge(ctx, trial, all, outcomes)
	return outcomes
}

// judge watches the pods once for all policies that were sent, and settles these
// together. The others, which are nil, have their outcome.
func (r *run) judge(ctx context.Context, trial *policyTrial, all []*sent, outcomes []harden.Outcome) {
	if !slices.ContainsFunc(all, func(s *sent) bool { return s != nil }) {
		return
	}
	end := trial.watch(ctx, all)
	for i, s := range slices.Backward(all) {
		switch {
		case s == nil:
		case end.err != nil:
			outcomes[i] = r.finish(s, r.failure(ctx, s, end))
		default:
			outcomes[i] = r.finish(s, r.readBack(context.WithoutCancel(ctx), s, end))
		}
	}
}

// resumePolicies goes on with policies whose run was interrupted, as policies
// does: one trial for all that arrived.
func (r *run) resumePolicies(ctx context.Context, records []*journal.Object) []harden.Outcome {
	outcomes := make([]harden.Outcome, len(records))
	all := make([]*sent, len(records))
	ops := make([]*harden.ObjectPlan, len(records))
	sent, noise := records[0].Sent, []string(nil)
	for i, o := range records {
		ops[i] = opOf(o)
		noise = append(noise, o.Baseline.Noise...)
		all[i], outcomes[i] = r.arrive(ctx, o)
	}
	trial, err := r.newPolicyTrial(ctx, namespacesOf(ops), sent)
	if err != nil {
		return slices.Repeat([]harden.Outcome{{Phase: harden.Refused, Message: err.Error(), Err: err}}, len(records))
	}
	trial.ignore(noise)
	r.judge(ctx, trial, all, outcomes)
	return outcomes
}

func namespacesOf(ops []*harden.ObjectPlan) []string {
	var out []string
	for _, op := range ops {
		if !slices.Contains(out, op.Target.Namespace) {
			out = append(out, op.Target.Namespace)
		}
	}
	return out
}

// A policyTrial watches the pods of some namespaces after policies for them were
// applied.
type policyTrial struct {
	*run
	namespaces []string
	soak       time.Duration
	// was is how the pods did before; pods that came since are not in it.
	was     map[types.UID]podBefore
	logs    *logs
	noise   []string // hashes of what the logs said before
	unready map[types.UID]time.Duration
	notes   []string // what could not be looked at
}

type podBefore struct {
	ready    bool
	restarts map[string]int32
}

// newPolicyTrial looks at the pods before anything is sent, or, where since is not
// zero, works out how they were then.
func (r *run) newPolicyTrial(ctx context.Context, namespaces []string, since time.Time) (*policyTrial, error) {
	t := &policyTrial{run: r, namespaces: namespaces, soak: r.opts.Soak, was: map[types.UID]podBefore{}, unready: map[types.UID]time.Duration{}}
	if t.soak <= 0 {
		t.soak = defaultSoak
	}
	if r.opts.NoWait {
		return t, nil
	}
	found, err := t.pods(ctx)
	if err != nil {
		return nil, err
	}
	for i := range found {
		t.was[found[i].UID] = before(&found[i], since)
	}
	t.logs = r.newLogs(nil, nil)
	t.logs.find, t.logs.pods = symptom.ReadNetwork, policyLogPods
	if since.IsZero() {
		t.ignore(t.logs.before(ctx, found))
	}
	return t, nil
}

// ignore makes lines of these hashes no signs.
func (t *policyTrial) ignore(noise []string) {
	t.noise = noise
	if t.logs == nil {
		return
	}
	for _, n := range noise {
		t.logs.noise[n] = true
	}
}

// before is how a pod does now or, where since is not zero, did then: what has
// happened since is told by the times in its status.
func before(p *corev1.Pod, since time.Time) podBefore {
	b := podBefore{ready: isReady(p), restarts: map[string]int32{}}
	for _, s := range statusesOf(p) {
		b.restarts[s.Name] = s.RestartCount
		if last := s.LastTerminationState.Terminated; !since.IsZero() && last != nil && last.FinishedAt.After(since) {
			b.restarts[s.Name]--
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && !since.IsZero() && c.LastTransitionTime.After(since) {
			b.ready = true
		}
	}
	return b
}

// pods lists those of the namespaces, one of each owner first. Where they may
// not be read there are none, and a note.
func (t *policyTrial) pods(ctx context.Context) ([]corev1.Pod, error) {
	var first, more []corev1.Pod
	seen := map[types.UID]bool{}
	for _, ns := range t.namespaces {
		list, err := t.typed.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if apierrors.IsForbidden(err) {
			t.note("pods of namespace " + ns + " may not be read")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the pods of namespace %s: %w", ns, err)
		}
		for _, p := range list.Items {
			owner := p.UID
			if c := metav1.GetControllerOf(&p); c != nil {
				owner = c.UID
			}
			if seen[owner] {
				more = append(more, p)
			} else {
				first = append(first, p)
			}
			seen[owner] = true
		}
	}
	return append(first, more...), nil
}

func (t *policyTrial) note(said string) {
	if !slices.Contains(t.notes, said) {
		t.notes = append(t.notes, said)
	}
}

// watch looks at the pods again and again until the time is over or one suffers.
func (t *policyTrial) watch(ctx context.Context, policies []*sent) ending {
	if t.opts.NoWait {
		return ending{unproven: "applied; nobody watched what became of the pods"}
	}
	var passed, told, unanswered time.Duration
	say := func(said string) {
		for _, s := range policies {
			if s != nil {
				t.say(s.op.Target, harden.Soaking, said)
			}
		}
	}
	say(fmt.Sprintf("watching the pods: 0s of %s", t.soak))
	for {
		signs, err := t.look(ctx)
		switch {
		case len(signs) > 0:
			return *broken(signs)
		case err == nil && passed >= t.soak:
			return t.quiet()
		case err == nil:
			unanswered = 0
		case ctx.Err() == nil && !passing(err):
			return ending{unproven: "the pods could not be watched: " + err.Error()}
		case unanswered >= defaultTimeout:
			return ending{interrupted: true, unproven: "the API server does not answer any more: " + err.Error()}
		default:
			unanswered += soakStep
		}
		if !t.wait(ctx, soakStep) {
			return ending{interrupted: true, unproven: fmt.Sprintf("cancelled while the pods were watched (%s of %s)", passed, t.soak)}
		}
		passed += soakStep
		if passed-told >= tellEvery && passed < t.soak {
			told = passed
			say(fmt.Sprintf("watching the pods: %s of %s", passed, t.soak))
		}
	}
}

// quiet is the ending when nothing bad was seen. Without pods nothing was seen at
// all; without logs the pods' state is still a proof, as it is for a rollout.
func (t *policyTrial) quiet() ending {
	end := ending{unseen: t.logs.unread()}
	if len(t.notes) > 0 {
		end.unproven = "applied, but nobody saw what became of the pods: " + strings.Join(t.notes, "; ")
	}
	return end
}

// look reads the pods once. Signs are: a pod that was ready is not for a while, a
// container was started again, a log tells of names that are not resolved or
// connections that are not let through and did not before.
func (t *policyTrial) look(ctx context.Context) ([]harden.Symptom, error) {
	found, err := t.pods(ctx)
	if err != nil {
		return nil, err
	}
	var signs []harden.Symptom
	for i := range found {
		p := &found[i]
		was, known := t.was[p.UID]
		if !known || p.DeletionTimestamp != nil {
			continue
		}
		for _, s := range statusesOf(p) {
			if s.RestartCount > was.restarts[s.Name] {
				signs = append(signs, harden.Symptom{Kind: harden.SymptomCrash, Pod: p.Name, Container: s.Name, Image: imageOf(p, s.Name), Line: "it was started again"})
			}
		}
		if !was.ready || isReady(p) || p.Status.Phase == corev1.PodSucceeded {
			t.unready[p.UID] = 0
			continue
		}
		if t.unready[p.UID] += soakStep; t.unready[p.UID] > unreadyFor {
			signs = append(signs, harden.Symptom{Kind: harden.SymptomNotReady, Pod: p.Name, Line: "it was ready and is not any more: " + whyNotReady(p)})
		}
	}
	// What programs say comes first: it is the cause.
	return append(t.logs.scan(ctx, found), signs...), nil
}

func whyNotReady(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return symptom.Clean(said(c.Reason, c.Message))
		}
	}
	return "no reason is given"
}

// deniedLater finds a policy of a later plan that stands and isolates all pods of
// the namespace in a direction of this one, which allows a part of it.
func (u *undo) deniedLater(o *journal.Object) (id string, denies harden.Ref) {
	allows := policySpec(o)
	if allows == nil {
		return "", denies
	}
	for _, e := range slices.Backward(u.later) {
		for _, other := range e.Objects {
			spec := policySpec(other)
			if spec == nil || other.Namespace != o.Namespace || !other.Created || !other.State.Stands() || len(spec.PodSelector.MatchLabels)+len(spec.PodSelector.MatchExpressions) > 0 {
				continue
			}
			if slices.ContainsFunc(spec.PolicyTypes, func(t networkingv1.PolicyType) bool { return slices.Contains(allows.PolicyTypes, t) }) {
				return e.ID, other.Ref()
			}
		}
	}
	return "", denies
}

// policySpec is what was sent of a policy that was made; nil for anything else.
func policySpec(o *journal.Object) *networkingv1.NetworkPolicySpec {
	var policy networkingv1.NetworkPolicy
	if o.Kind != networkPolicy || json.Unmarshal(o.Request, &policy) != nil {
		return nil
	}
	return &policy.Spec
}
