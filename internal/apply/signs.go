package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// hopeless are reasons for which a container waits and that do not pass by
// themselves. ErrImagePull is left out: it turns into ImagePullBackOff when the
// next try fails too.
var hopeless = []string{
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
	"InvalidImageName", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull",
}

// trouble is the first early sign that a pod will not come up; empty when there is none.
func trouble(p *corev1.Pod) string {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, s := range list {
			w := s.State.Waiting
			if w == nil || !slices.Contains(hopeless, w.Reason) {
				continue
			}
			sign := fmt.Sprintf("pod %s, container %q: %s", p.Name, s.Name, w.Reason)
			if w.Message != "" {
				sign += ": " + w.Message
			}
			if t := s.LastTerminationState.Terminated; t != nil {
				sign += fmt.Sprintf(" (last exit code %d%s)", t.ExitCode, because(t))
			}
			return sign
		}
	}
	return ""
}

func because(t *corev1.ContainerStateTerminated) string {
	said := strings.TrimSpace(t.Message)
	if said == "" && t.Reason != "Error" {
		said = t.Reason
	}
	if said == "" {
		return ""
	}
	return ", " + said
}

// waitingFor is what holds a pod up without being an error yet.
func waitingFor(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s has no node yet: %s", p.Name, c.Message)
		}
	}
	return ""
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
