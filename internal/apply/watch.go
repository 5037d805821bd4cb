package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/symptom"
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
	// symptoms are what was seen on the pods; the first is the cause.
	symptoms []harden.Symptom
	// broken says that pods suffer or do not come up: the change is to be taken back.
	broken bool
	// interrupted says that nobody knows how it goes on: ctx ended, or the API
	// server went away. unproven has the words.
	interrupted bool
	revision    string // of the template whose pods run now
	unseen      string // what could not be looked at, and does not keep it from being proven
}

func broken(symptoms []harden.Symptom) *ending {
	return &ending{err: errors.New(seen(symptoms)), symptoms: symptoms, broken: true}
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
	// tolerated are the restarts of each container that are no sign, and logs
	// reads what containers say. Both are nil when pods of before run on, as they
	// do after an undo: their past is no sign of anything.
	tolerated map[string]int32
	logs      *logs
	scanned   time.Time // when the logs were read last
	lame      int32
	// abandoned is the revision of a StatefulSet whose template was taken back.
	abandoned string
	swept     map[types.UID]bool // its pods that were dealt with
	notes     []string           // what could not be looked at
}

func (w *rolloutWatch) note(said string) {
	if !slices.Contains(w.notes, said) {
		w.notes = append(w.notes, said)
	}
}

// unseen is what could not be looked at, in words; empty when all could.
func (w *rolloutWatch) unseen() string {
	notes := w.notes
	if why := w.logs.unread(); why != "" {
		notes = append(slices.Clone(notes), why)
	}
	return strings.Join(notes, "; ")
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

// cutShort is the ending when the time is over: what keeps the pods is looked for
// once more. Where the server does not answer even that, nobody knows.
func (w *rolloutWatch) cutShort(ctx context.Context, last string) ending {
	if ctx.Err() != nil {
		return ending{interrupted: true, unproven: "cancelled while it was rolled out (" + last + ")"}
	}
	late := fmt.Errorf("the rollout of %s did not finish within %s: %s", say(w.ref), w.timeout, last)
	r, err := w.state(ctx)
	if err != nil {
		return ending{interrupted: true, unproven: "the API server does not answer any more: " + err.Error()}
	}
	symptoms, err := w.laggards(ctx, r)
	if err != nil {
		w.note("pods could not be read: " + err.Error())
	}
	if len(symptoms) > 0 {
		late = fmt.Errorf("%w: %s", late, seen(symptoms))
	}
	return ending{err: late, symptoms: symptoms, broken: true}
}

// laggards are the new pods that are not ready, with what they say.
func (w *rolloutWatch) laggards(ctx context.Context, r *rollout) ([]harden.Symptom, error) {
	found, err := w.applier.newPods(ctx, w.ref, r)
	if err != nil {
		return nil, err
	}
	var signs []harden.Symptom
	for i := range found {
		if p := &found[i]; !isReady(p) && p.DeletionTimestamp == nil && len(signs) < askedPods {
			signs = append(signs, w.notReady(ctx, p))
		}
	}
	return w.explain(ctx, found, signs), nil
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

// state reads how far the workload is.
func (w *rolloutWatch) state(ctx context.Context) (*rollout, error) {
	u, err := w.applier.Get(ctx, w.ref)
	if err != nil {
		return nil, err
	}
	if u.GetUID() != w.ref.UID {
		return nil, fmt.Errorf("%s %w", say(w.ref), errMadeAgain)
	}
	r, err := rolloutOf(u)
	if err == nil && r == nil {
		err = fmt.Errorf("%s replaces no pods", say(w.ref))
	}
	if r != nil {
		r.lame = w.lame
	}
	return r, err
}

var errMadeAgain = errors.New("was deleted and made again while its rollout was watched")

// look reads the workload and its new pods once. A nil ending means that the
// rollout goes on.
func (w *rolloutWatch) look(ctx context.Context) (*ending, string, error) {
	r, err := w.state(ctx)
	if errors.Is(err, errMadeAgain) {
		return &ending{err: err}, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if !r.observed {
		return nil, r.progress(), nil
	}
	w.sweep(ctx, r)
	if r.manual != "" {
		return &ending{unproven: r.unproven()}, "", nil
	}
	if r.done() {
		return &ending{unproven: r.unproven(), revision: r.revision}, "", nil
	}
	return w.lookAtPods(ctx, r)
}

func (w *rolloutWatch) lookAtPods(ctx context.Context, r *rollout) (*ending, string, error) {
	if r.refused && r.stuck != w.stuck {
		return broken([]harden.Symptom{{Kind: harden.SymptomRefusedPod, Line: symptom.Clean("new pods are refused: " + r.stuck)}}), "", nil
	}
	if said := newRefusal(w.refused, w.applier.refusedPods(ctx, w.ref)); said != "" {
		return broken([]harden.Symptom{{Kind: harden.SymptomRefusedPod, Line: symptom.Clean("new pods are refused: " + said)}}), "", nil
	}
	progress := r.progress()
	found, err := w.applier.newPods(ctx, w.ref, r)
	switch {
	case apierrors.IsForbidden(err):
		w.note("pods may not be read")
		progress += " (pods may not be read)"
	case err != nil:
		return nil, "", err
	}
	if signs := w.signs(ctx, found, func(*corev1.Pod) map[string]int32 { return w.tolerated }); len(signs) > 0 {
		return broken(signs), "", nil
	}
	if r.stuck != "" && r.stuck != w.stuck {
		signs, _ := w.laggards(ctx, r) // the verdict stands without them
		stuck := harden.Symptom{Kind: harden.SymptomNotReady, Line: symptom.Clean(r.stuck)}
		return broken(append(signs, stuck)), "", nil
	}
	for i := range found {
		if waiting := waitingFor(&found[i]); waiting != "" {
			progress += "; " + waiting
		}
	}
	return nil, progress, nil
}

// askedPods bounds of how many pods events are asked for at a look.
const askedPods = 5

// signs are the symptoms of the pods, the cause first. Where the state of the
// pods shows none, their events and logs are read, at most every few seconds.
func (w *rolloutWatch) signs(ctx context.Context, found []corev1.Pod, tolerated func(*corev1.Pod) map[string]int32) []harden.Symptom {
	var signs []harden.Symptom
	for i := range found {
		if p := &found[i]; p.DeletionTimestamp == nil {
			signs = append(signs, signsOf(p, tolerated(p))...)
		}
	}
	if len(signs) > 0 {
		return w.explain(ctx, found, signs)
	}
	now := w.applier.now()
	if w.logs == nil || now.Sub(w.scanned) < soakStep {
		return nil
	}
	w.scanned = now
	if signs = w.setupSigns(ctx, found); len(signs) > 0 {
		return signs
	}
	if signs = w.logs.scan(ctx, found); len(signs) == 0 || !w.applier.wait(ctx, soakStep) {
		return signs
	}
	// A program rarely misses one thing only: what it says next is worth a moment.
	return append(signs, w.logs.scan(ctx, found)...)
}

// explainedContainers bounds of how many failed containers the log is read.
const explainedContainers = 3

// explain reads the logs of the containers that fail and puts what they say
// before the bare signs. Signs that have a cause already keep their place.
func (w *rolloutWatch) explain(ctx context.Context, found []corev1.Pod, signs []harden.Symptom) []harden.Symptom {
	if w.logs == nil {
		return signs
	}
	var causes []harden.Symptom
	for i := range signs[:min(len(signs), explainedContainers)] {
		s := &signs[i]
		if s.Kind != harden.SymptomCrash && s.Kind != harden.SymptomNotReady {
			continue
		}
		p, status := containerOf(found, s)
		if status == nil {
			continue
		}
		said, last := w.logs.cause(ctx, p, status)
		causes = append(causes, said...)
		if len(said) == 0 && last != "" {
			s.Line = symptom.Clean(s.Line + "; its log ends with: " + last)
		}
	}
	return append(causes, signs...)
}

func containerOf(found []corev1.Pod, s *harden.Symptom) (*corev1.Pod, *corev1.ContainerStatus) {
	for i := range found {
		if found[i].Name != s.Pod {
			continue
		}
		for _, status := range statusesOf(&found[i]) {
			if status.Name == s.Container {
				return &found[i], &status
			}
		}
	}
	return nil, nil
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
