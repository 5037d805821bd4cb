package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A right is what a request needs by RBAC.
type right struct{ verb, resource, namespace string }

func (r right) String() string {
	if r.namespace == "" {
		return fmt.Sprintf("the right to %s %s", r.verb, r.resource)
	}
	return fmt.Sprintf("the right to %s %s in namespace %q", r.verb, r.resource, r.namespace)
}

// errEarly is the error of an output that ends in the middle.
var errEarly = errors.New("the script ended before it was done")

func orEarly(err error) error {
	if err == nil {
		return errEarly
	}
	return err
}

// why says to people why nothing, or not all, was seen. The context is that of the
// caller, to tell an interruption from the end of the time for this look.
func (p *Prober) why(ctx context.Context, err error, asked right) string {
	switch {
	case ctx.Err() != nil:
		return "it was interrupted"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "context deadline"): // some pass it on by its text only
		return fmt.Sprintf("it took longer than %s", p.timeout)
	case isForbidden(err):
		return "it needs " + asked.String()
	case apierrors.IsNotFound(err) && asked.resource == "pods":
		return "the pod is gone"
	}
	return printable(err.Error())
}

// isForbidden reports whether the server refused for want of a right. A refused
// upgrade to a stream carries the server's answer as text only.
func isForbidden(err error) bool {
	return apierrors.IsForbidden(err) || strings.Contains(err.Error(), " is forbidden: User ")
}

// running is the status of a container that runs, or why there is none.
func running(pod *corev1.Pod, container string) (corev1.ContainerStatus, string) {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			if s.Name != container {
				continue
			}
			switch {
			case s.State.Running != nil:
				return s, ""
			case s.State.Waiting != nil && s.State.Waiting.Reason != "":
				return s, "it does not run: " + s.State.Waiting.Reason
			case s.State.Terminated != nil:
				return s, fmt.Sprintf("it does not run: it ended with exit code %d", s.State.Terminated.ExitCode)
			}
		}
	}
	return corev1.ContainerStatus{}, "it does not run"
}
