package apply

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/symptom"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A mount or a sandbox that fails once may succeed at the next try: the secret
// is still being made, the disk still being detached. It counts when the kubelet
// has said so this often, over this long.
const (
	persistentCount = 3
	persistentFor   = 20 * time.Second
)

// setupFailures are reasons of events of a pod whose containers cannot be made yet.
var setupFailures = map[string]harden.SymptomKind{
	"FailedMount":            harden.SymptomMount,
	"FailedAttachVolume":     harden.SymptomMount,
	"FailedMapVolume":        harden.SymptomMount,
	"FailedCreatePodSandBox": harden.SymptomCrash,
}

// setupSigns are the persistent failures in the events of pods that have a node
// and have not started. Without the right to read events there are none, and the
// watch says so.
func (w *rolloutWatch) setupSigns(ctx context.Context, found []corev1.Pod) []harden.Symptom {
	var signs []harden.Symptom
	asked := 0
	for i := range found {
		p := &found[i]
		if p.Status.Phase != corev1.PodPending || p.Spec.NodeName == "" || p.DeletionTimestamp != nil || asked == askedPods {
			continue
		}
		asked++
		for _, e := range w.eventsOf(ctx, p) {
			if kind := setupFailures[e.Reason]; kind != "" && persistent(&e) {
				signs = append(signs, read(harden.Symptom{Kind: kind, Pod: p.Name, Line: e.Reason + ": " + e.Message}))
			}
		}
	}
	return signs
}

// notReady says why a pod is not ready, as its readiness probe does in events,
// else its conditions.
func (w *rolloutWatch) notReady(ctx context.Context, p *corev1.Pod) harden.Symptom {
	s := harden.Symptom{Kind: harden.SymptomNotReady, Pod: p.Name, Line: "it is not ready"}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Message != "" {
			s.Line += ": " + c.Message
		}
	}
	for _, status := range p.Status.ContainerStatuses {
		if !status.Ready && s.Container == "" {
			s.Container, s.Image = status.Name, imageOf(p, status.Name)
		}
	}
	for _, e := range w.eventsOf(ctx, p) {
		if e.Reason == "Unhealthy" {
			s.Line = "it is not ready: " + e.Message
		}
	}
	s.Line = symptom.Clean(s.Line)
	return s
}

// eventsOf are the warnings about a pod, oldest first.
func (w *rolloutWatch) eventsOf(ctx context.Context, p *corev1.Pod) []corev1.Event {
	selector := fields.Set{"involvedObject.uid": string(p.UID), "type": corev1.EventTypeWarning}.AsSelector().String()
	list, err := w.applier.typed.CoreV1().Events(p.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		if apierrors.IsForbidden(err) {
			w.note("events may not be read")
		}
		return nil
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return lastSeen(&a).Compare(lastSeen(&b)) })
	return list.Items
}

func persistent(e *corev1.Event) bool {
	first := e.FirstTimestamp.Time
	if first.IsZero() {
		first = e.EventTime.Time
	}
	return occurrences(e) >= persistentCount && lastSeen(e).Sub(first) >= persistentFor
}

func occurrences(e *corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return e.Count
}

func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}

// refusedPods are the events with which a controller says that it may not make
// pods (Pod Security, quota, policies), with how often it said so. Deployments
// say it in a condition; for StatefulSets and DaemonSets there is nothing else.
// Without the right to read events there are none.
func (a *Applier) refusedPods(ctx context.Context, ref harden.Ref) map[types.UID]corev1.Event {
	found := map[types.UID]corev1.Event{}
	if ref.Kind != "StatefulSet" && ref.Kind != "DaemonSet" {
		return found
	}
	selector := fields.Set{"involvedObject.uid": string(ref.UID), "reason": "FailedCreate"}.AsSelector().String()
	list, err := a.typed.CoreV1().Events(ref.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		return found
	}
	for _, e := range list.Items {
		found[e.UID] = e
	}
	return found
}

// newRefusal is the message of an event that was not there before, or came again.
func newRefusal(before, after map[types.UID]corev1.Event) string {
	for uid, e := range after {
		if old, was := before[uid]; !was || e.Count > old.Count {
			return e.Message
		}
	}
	return ""
}
