package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	// defaultSoak is what harden.ApplyOptions.Soak documents.
	defaultSoak = 30 * time.Second
	// soakStep is the pause between two looks.
	soakStep = 2 * time.Second
	// unreadyFor is how long a pod may be not ready in the soak.
	unreadyFor = 5 * time.Second
	// tellEvery is how often the progress of a soak is told.
	tellEvery = 5 * time.Second
)

// soakFor is how long new pods are watched once all are available: as long as
// asked for, but twice as long as any probe takes to begin, and as long as the
// workload itself wants a pod to be ready.
func soakFor(asked time.Duration, r *rollout) time.Duration {
	if asked <= 0 {
		asked = defaultSoak
	}
	longest := max(asked, r.minReady)
	for _, list := range [][]corev1.Container{r.template.InitContainers, r.template.Containers} {
		for _, c := range list {
			for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
				if p != nil {
					longest = max(longest, 2*seconds(p.InitialDelaySeconds+p.PeriodSeconds))
				}
			}
		}
	}
	return longest
}

// A soak is the time after a rollout in which the new pods are watched: some
// apps only fail when they are asked for something.
type soak struct {
	*rolloutWatch
	revision string // of the template that is watched
	total    time.Duration
	// restarts of each container when its pod was seen first.
	restarts map[types.UID]map[string]int32
	unready  map[types.UID]time.Duration // of pods that were ready
	ready    map[types.UID]bool
	short    time.Duration // how long there have been too few available pods
}

// soak watches the pods of the revision for the time. The time is what was
// spent waiting, so a machine that sleeps meanwhile does not shorten it.
func (w *rolloutWatch) soak(ctx context.Context, revision string, total time.Duration) ending {
	s := &soak{
		rolloutWatch: w, revision: revision, total: total,
		restarts: map[types.UID]map[string]int32{}, unready: map[types.UID]time.Duration{}, ready: map[types.UID]bool{},
	}
	var passed, told time.Duration
	unanswered := time.Duration(0)
	w.progress(s.at(0))
	for {
		end, err := s.look(ctx)
		switch {
		case end != nil:
			return *end
		case err == nil && passed >= total:
			return ending{}
		case err == nil:
			unanswered = 0
		case ctx.Err() == nil && !passing(err):
			return ending{err: explain("watching the new pods of", w.ref, err)}
		case unanswered >= w.timeout:
			return ending{interrupted: true, unproven: "the API server does not answer any more: " + err.Error()}
		default:
			unanswered += soakStep
		}
		if !w.applier.wait(ctx, soakStep) {
			return ending{interrupted: true, unproven: "cancelled while the new pods were watched (" + s.at(passed) + ")"}
		}
		passed += soakStep
		if passed-told >= tellEvery && passed < total {
			told = passed
			w.progress(s.at(passed))
		}
	}
}

func (s *soak) at(passed time.Duration) string { return fmt.Sprintf("%s of %s", passed, s.total) }

// look reads the workload and its pods once. A nil ending means that all is well.
func (s *soak) look(ctx context.Context) (*ending, error) {
	r, err := s.state(ctx)
	if errors.Is(err, errMadeAgain) {
		return &ending{err: err}, nil
	}
	if err != nil {
		return nil, err
	}
	if r.observed && r.revision != s.revision {
		return &ending{unproven: "somebody changed its template while the new pods were watched"}, nil
	}
	found, err := s.applier.newPods(ctx, s.ref, r)
	if apierrors.IsForbidden(err) {
		s.note("pods may not be read")
		return s.tooFew(r), nil
	}
	if err != nil {
		return nil, err
	}
	s.scanned = time.Time{} // logs are read at each look
	if signs := s.signs(ctx, found, s.restartsOf); len(signs) > 0 {
		return broken(signs), nil
	}
	var lost []harden.Symptom
	for i := range found {
		if p := &found[i]; s.lostReadiness(p) {
			lost = append(lost, s.notReady(ctx, p))
		}
	}
	if len(lost) > 0 {
		return broken(s.explain(ctx, found, lost)), nil
	}
	return nil, nil
}

// restartsOf are the restarts of a pod's containers that were there when the
// soak saw it first, or, of a pod that was made since, those that are tolerated.
func (s *soak) restartsOf(p *corev1.Pod) map[string]int32 {
	known, ok := s.restarts[p.UID]
	if ok {
		return known
	}
	known = maps.Clone(s.tolerated)
	if known == nil {
		known = map[string]int32{}
	}
	if isReady(p) {
		for _, status := range statusesOf(p) {
			known[status.Name] = status.RestartCount
		}
	}
	s.restarts[p.UID] = known
	return known
}

// lostReadiness reports whether a pod that was ready has not been for a while.
func (s *soak) lostReadiness(p *corev1.Pod) bool {
	switch {
	case isReady(p):
		s.ready[p.UID], s.unready[p.UID] = true, 0
	case s.ready[p.UID] && p.DeletionTimestamp == nil:
		s.unready[p.UID] += soakStep
	}
	return s.unready[p.UID] > unreadyFor
}

// tooFew judges by the workload alone, where its pods may not be read.
func (s *soak) tooFew(r *rollout) *ending {
	if r.ready >= r.want-r.lame {
		s.short = 0
		return nil
	}
	if s.short += soakStep; s.short <= unreadyFor {
		return nil
	}
	return broken([]harden.Symptom{{Kind: harden.SymptomNotReady, Line: fmt.Sprintf("%d of %s available", r.ready, pods(r.want))}})
}
