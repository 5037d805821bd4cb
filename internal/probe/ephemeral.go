package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
)

// fieldManager is under which name the ephemeral container is written; see docs/architecture.md.
const fieldManager = "harden"

// nobody is the user of an ephemeral container when that of its target is not known.
const nobody = 65534

// ephemeral runs the command in a new ephemeral container beside the target and
// writes what it prints. The name is empty when none was made; asked is the right
// that the last request needed.
func (p *Prober) ephemeral(ctx context.Context, pod *corev1.Pod, target corev1.ContainerStatus, command []string, out io.Writer) (name string, asked right, err error) {
	name = "harden-probe-" + utilrand.String(5)
	container := corev1.EphemeralContainer{
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, Image: p.image, Command: unexpanded(command),
			SecurityContext:          contextFor(pod, target),
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
		TargetContainerName: target.Name,
	}
	asked = right{"patch", "pods/ephemeralcontainers", pod.Namespace}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID}, // not into another pod of this name
		"spec":     map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{container}},
	})
	if err != nil {
		return "", asked, fmt.Errorf("writing an ephemeral container: %w", err)
	}
	pods := p.client.CoreV1().Pods(pod.Namespace)
	if _, err := pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}, "ephemeralcontainers"); err != nil {
		return "", asked, err
	}
	asked = right{"get", "pods", pod.Namespace}
	if err := p.waitFor(ctx, pod, name); err != nil {
		return name, asked, err
	}
	asked = right{"get", "pods/log", pod.Namespace}
	limit := int64(maxOutput)
	stream, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: name, LimitBytes: &limit}).Stream(ctx)
	if err != nil {
		return name, asked, fmt.Errorf("reading the log of ephemeral container %q: %w", name, err)
	}
	_, err = io.Copy(out, stream)
	return name, asked, errors.Join(err, stream.Close())
}

// unexpanded keeps a kubelet from replacing $(NAME) and $$ in the command of a
// container, which it does not do in that of an exec.
func unexpanded(command []string) []string {
	var out []string
	for _, word := range command {
		out = append(out, strings.ReplaceAll(word, "$", "$$"))
	}
	return out
}

// waitFor waits until the ephemeral container has ended. It returns early when the
// kubelet cannot start it.
func (p *Prober) waitFor(ctx context.Context, pod *corev1.Pod, name string) error {
	last := "the kubelet did not start it"
	tick := time.NewTicker(p.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for ephemeral container %q, %s: %w", name, last, ctx.Err())
		case <-tick.C:
		}
		now, err := p.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("waiting for ephemeral container %q: %w", name, err)
		}
		i := slices.IndexFunc(now.Status.EphemeralContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name })
		if i < 0 {
			continue
		}
		switch state := now.Status.EphemeralContainerStatuses[i].State; {
		case state.Terminated != nil && state.Terminated.ExitCode != 0:
			return fmt.Errorf("ephemeral container %q ended with exit code %d: %s: %s", name, state.Terminated.ExitCode, state.Terminated.Reason, state.Terminated.Message)
		case state.Terminated != nil:
			return nil
		case state.Running != nil:
			last = "it runs"
		case state.Waiting != nil && hopeless(state.Waiting.Reason):
			return fmt.Errorf("ephemeral container %q cannot start: %s: %s", name, state.Waiting.Reason, state.Waiting.Message)
		}
	}
}

func hopeless(reason string) bool {
	return slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}, reason)
}

// contextFor is the security context of the ephemeral container. To read the open
// files and the root of a process the kernel wants its user, its group and all of
// its capabilities (ptrace(2)), and Pod Security restricted wants all the rest to
// be as strict as it can be. So a target that is not root is looked into under its
// user and by its rules; one that is root under root, with the capabilities that
// its container asks for. Never privileged: what that would be needed for is a gap.
func contextFor(pod *corev1.Pod, target corev1.ContainerStatus) *corev1.SecurityContext {
	uid, gid := userOf(pod, target)
	yes, no := true, false
	sc := &corev1.SecurityContext{
		RunAsUser: &uid, RunAsGroup: gid,
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if uid != 0 {
		sc.RunAsNonRoot = &yes
		sc.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
		return sc
	}
	sc.RunAsNonRoot = &no
	if c := containerOf(pod, target.Name); c != nil && c.SecurityContext != nil {
		sc.Capabilities = c.SecurityContext.Capabilities.DeepCopy()
	}
	return sc
}

// userOf is the user that the target was started as: what the runtime says, else
// what the spec says, else nobody. The group is nil when it is not known.
func userOf(pod *corev1.Pod, target corev1.ContainerStatus) (uid int64, gid *int64) {
	if target.User != nil && target.User.Linux != nil {
		return target.User.Linux.UID, &target.User.Linux.GID
	}
	var user *int64
	if c := pod.Spec.SecurityContext; c != nil {
		user, gid = c.RunAsUser, c.RunAsGroup
	}
	if c := containerOf(pod, target.Name); c != nil && c.SecurityContext != nil {
		if c.SecurityContext.RunAsUser != nil {
			user = c.SecurityContext.RunAsUser
		}
		if c.SecurityContext.RunAsGroup != nil {
			gid = c.SecurityContext.RunAsGroup
		}
	}
	if user == nil {
		return nobody, gid
	}
	return *user, gid
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// runtimeID is the id in a status.containerID, RUNTIME://ID. Cgroups are named
// after it.
func runtimeID(containerID string) string {
	_, id, _ := strings.Cut(containerID, "://")
	return id
}
