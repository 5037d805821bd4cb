package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	// defaultTimeout is what harden.ApplyOptions.Timeout documents.
	defaultTimeout = 5 * time.Minute
	// recheckAfter bounds how long a change can stay unseen when watches may
	// not be opened or break.
	recheckAfter = 5 * time.Second
	// restBetween keeps a busy rollout from being read more than a few times a second.
	restBetween = 300 * time.Millisecond
	// rewatchAfter is the pause before a watch that ended is opened again.
	rewatchAfter = time.Second
)

// An ending is how the watch of a rollout ended.
type ending struct {
	unproven string // it ended well, but proves nothing
	err      error  // it did not end well
}

// A rolloutWatch follows one workload until its pods are replaced or it fails.
type rolloutWatch struct {
	applier  *Applier
	ref      harden.Ref
	timeout  time.Duration
	progress func(string)
	// refused are the FailedCreate events of before the change, and stuck the
	// controller's verdict of then: neither is about this rollout.
	refused map[types.UID]corev1.Event
	stuck   string
	// abandoned is the revision of a StatefulSet whose template was taken back.
	abandoned string
	swept     map[types.UID]bool // its pods that were dealt with
}

// follow returns when the rollout has ended, ctx has, or the time is over. The
// watches of the API only say that something has changed; what is then read
// anew from the server decides, so that an expired or broken watch loses nothing.
func (w *rolloutWatch) follow(ctx context.Context) ending {
	timed, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	changed := make(chan struct{}, 1)
	for _, open := range w.watches() {
		go keepWatching(timed, open, changed)
	}
	last := ""
	for {
		end, progress, err := w.look(timed)
		switch {
		case end != nil:
			return *end
		case err != nil && timed.Err() == nil && !passing(err):
			return ending{err: explain("watching the rollout of", w.ref, err)}
		case err == nil && progress != last:
			last = progress
			w.progress(progress)
		}
		if !wait(timed, restBetween, nil) || !wait(timed, recheckAfter, changed) {
			return w.cutShort(ctx, last)
		}
	}
}

// passing reports whether the server may answer better next time.
func passing(err error) bool {
	return !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) && !apierrors.IsNotFound(err)
}

func (w *rolloutWatch) cutShort(ctx context.Context, last string) ending {
	if ctx.Err() != nil {
		return ending{unproven: "the rollout goes on, but nobody watches it any more: cancelled (" + last + ")"}
	}
	return ending{err: fmt.Errorf("the rollout of %s did not finish within %s: %s", say(w.ref), w.timeout, last)}
}

// wait returns false when ctx ended, true after d or as soon as changed says so.
func wait(ctx context.Context, d time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-changed:
	}
	return true
}

// look reads the workload and its new pods once. A nil ending means that the
// rollout goes on.
func (w *rolloutWatch) look(ctx context.Context) (*ending, string, error) {
	u, err := w.applier.Get(ctx, w.ref)
	if err != nil {
		return nil, "", err
	}
	if u.GetUID() != w.ref.UID {
		return &ending{err: fmt.Errorf("%s was deleted and made again while its rollout was watched", say(w.ref))}, "", nil
	}
	r, err := rolloutOf(u)
	if err != nil || r == nil {
		return &ending{err: err}, "", nil
	}
	if !r.observed {
		return nil, r.progress(), nil
	}
	w.sweep(ctx, r)
	if r.done() || r.manual != "" {
		return &ending{unproven: r.unproven()}, "", nil
	}
	return w.lookAtPods(ctx, r)
}

func (w *rolloutWatch) lookAtPods(ctx context.Context, r *rollout) (*ending, string, error) {
	if r.stuck != "" && r.stuck != w.stuck {
		return &ending{err: errors.New(r.stuck)}, "", nil
	}
	if said := newRefusal(w.refused, w.applier.refusedPods(ctx, w.ref)); said != "" {
		return &ending{err: fmt.Errorf("new pods are refused: %s", said)}, "", nil
	}
	progress := r.progress()
	found, err := w.applier.newPods(ctx, w.ref, r)
	if apierrors.IsForbidden(err) {
		return nil, progress + " (pods may not be read)", nil
	}
	if err != nil {
		return nil, "", err
	}
	for i := range found {
		if sign := trouble(&found[i]); sign != "" {
			return &ending{err: errors.New(sign)}, "", nil
		}
		if waiting := waitingFor(&found[i]); waiting != "" {
			progress += "; " + waiting
		}
	}
	return nil, progress, nil
}

// sweep deletes the pods that the abandoned template left broken. A StatefulSet
// waits for them for ever, even when its template is repaired; to delete them by
// hand is what its documentation says ("forced rollback", kubernetes#67250).
func (w *rolloutWatch) sweep(ctx context.Context, r *rollout) {
	if w.abandoned == "" || w.abandoned == r.revision {
		return
	}
	old := *r
	old.revision = w.abandoned
	broken, err := w.applier.newPods(ctx, w.ref, &old)
	if err != nil {
		return // looking again shows that the rollout does not get on
	}
	for i := range broken {
		p := &broken[i]
		if isReady(p) || p.DeletionTimestamp != nil || w.swept[p.UID] {
			continue
		}
		w.swept[p.UID] = true
		said := fmt.Sprintf("deleting pod %s, which the undone template left broken and the StatefulSet would not replace", p.Name)
		err := w.applier.typed.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			said = fmt.Sprintf("pod %s of the undone template is broken and keeps the StatefulSet from going on; delete it (kubectl delete pod %[1]s -n %s): %v", p.Name, p.Namespace, err)
		}
		w.progress(said)
	}
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

type openWatch func(ctx context.Context) (watch.Interface, error)

// watches are those of the workload itself and of the pods that its selector matches.
func (w *rolloutWatch) watches() []openWatch {
	object := func(ctx context.Context) (watch.Interface, error) {
		r, err := w.applier.resource(w.ref)
		if err != nil {
			return nil, err
		}
		return r.Watch(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", w.ref.Name).String()})
	}
	pods := func(ctx context.Context) (watch.Interface, error) {
		u, err := w.applier.Get(ctx, w.ref)
		if err != nil {
			return nil, err
		}
		r, err := rolloutOf(u)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, fmt.Errorf("%s replaces no pods", say(w.ref))
		}
		return w.applier.typed.CoreV1().Pods(w.ref.Namespace).Watch(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(r.selector)})
	}
	return []openWatch{object, pods}
}

// keepWatching says on changed whenever something happened, and opens the watch
// again when it ends, as it does when it expires (410) or the connection breaks.
func keepWatching(ctx context.Context, open openWatch, changed chan<- struct{}) {
	for ctx.Err() == nil {
		if stream, err := open(ctx); err == nil {
			drain(ctx, stream, changed)
		}
		if !wait(ctx, rewatchAfter, nil) {
			return
		}
	}
}

func drain(ctx context.Context, stream watch.Interface, changed chan<- struct{}) {
	defer stream.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-stream.ResultChan():
			if !open || event.Type == watch.Error {
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}
}
