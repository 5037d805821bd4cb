package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Options say how to look.
type Options struct {
	Config *rest.Config
	// Image is that of the ephemeral container that looks into a container
	// without a shell. It needs a POSIX shell, ls and find. An ephemeral container
	// cannot be removed from a pod, so this is set only when the user asked for it;
	// empty: none is made.
	Image string
	// Timeout is how long one container, or one kubelet, may take. 0 means 30 s.
	Timeout time.Duration
	// Parallel is how many are looked at at once. 0 means 4.
	Parallel int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A Prober looks into containers and at kubelets.
type Prober struct {
	client   kubernetes.Interface
	image    string
	timeout  time.Duration
	parallel int
	now      func() time.Time
	// poll is how long to wait between two looks at an ephemeral container.
	poll time.Duration
	exec execFunc
}

// New makes a Prober; it sends nothing.
func New(o Options) (*Prober, error) {
	config := rest.CopyConfig(o.Config)
	config.Timeout = 0 // each look has its own
	config.QPS, config.Burst = 200, 400
	if config.UserAgent == "" {
		config.UserAgent = "kubectl-harden"
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %q: %w", config.Host, err)
	}
	p := &Prober{client: client, image: o.Image, timeout: o.Timeout, parallel: o.Parallel, now: o.Now, poll: 500 * time.Millisecond}
	if p.timeout == 0 {
		p.timeout = 30 * time.Second
	}
	if p.parallel == 0 {
		p.parallel = 4
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.exec = executor(config, client)
	return p, nil
}

// Look looks into the containers of the pods that keep names; a nil keep means
// all that run as long as their pod does. It does not fail: where nothing could
// be seen, Known is false and Why says why. The result has an entry for each
// container that was asked for. progress is called with the number of containers
// done, one call at a time; it may be nil.
func (p *Prober) Look(ctx context.Context, pods []*corev1.Pod, keep func(pod *corev1.Pod, container string) bool, progress func(done, total int)) map[harden.ProbeKey]*harden.Probe {
	type job struct {
		pod       *corev1.Pod
		container string
	}
	var jobs []job
	for _, pod := range pods {
		for _, name := range names(pod) {
			if keep == nil && longRunning(pod, name) || keep != nil && keep(pod, name) {
				jobs = append(jobs, job{pod, name})
			}
		}
	}
	out := make(map[harden.ProbeKey]*harden.Probe, len(jobs))
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(p.parallel)
	for _, j := range jobs {
		g.Go(func() error {
			look := p.lookInto(ctx, j.pod, j.container)
			mu.Lock()
			defer mu.Unlock()
			out[harden.ProbeKey{Pod: j.pod.UID, Container: j.container}] = look
			if progress != nil {
				progress(len(out), len(jobs))
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return no error
	return out
}

// names are the containers of the pod, init containers included.
func names(pod *corev1.Pod) []string {
	var out []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		out = append(out, c.Name)
	}
	return out
}

// longRunning reports whether the container runs as long as its pod: it is no init
// container, or one that is restarted always (a sidecar).
func longRunning(pod *corev1.Pod, name string) bool {
	return !slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && (c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways)
	})
}

func (p *Prober) lookInto(ctx context.Context, known *corev1.Pod, container string) *harden.Probe {
	look := &harden.Probe{Pod: known.Name, Time: p.now()}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	// What was listed may be old: a pod of a StatefulSet has the name of its
	// predecessor, and a container that restarted started later.
	pod, err := p.client.CoreV1().Pods(known.Namespace).Get(limited, known.Name, metav1.GetOptions{})
	switch {
	case err != nil:
		look.Why = p.why(ctx, err, right{"get", "pods", known.Namespace})
	case pod.UID != known.UID:
		look.Why = "the pod was replaced by another one of the same name"
	case isWindows(pod):
		look.Why = "it is a Windows container; only Linux containers can be looked into"
	default:
		p.lookLive(limited, ctx, pod, container, look)
	}
	return look
}

func isWindows(pod *corev1.Pod) bool {
	return pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows || pod.Spec.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows)
}

// lookLive looks by exec and, where that finds no shell, by an ephemeral
// container. The second context is the first one without its time limit.
func (p *Prober) lookLive(ctx, unlimited context.Context, pod *corev1.Pod, container string, look *harden.Probe) {
	status, why := running(pod, container)
	if why != "" {
		look.Why = why
		return
	}
	look.Started = status.State.Running.StartedAt.Time
	mark := newMark()
	in := setting{
		shared:      pod.Spec.HostPID || pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace,
		hostNetwork: pod.Spec.HostNetwork,
	}

	out := &buffer{}
	look.Via = "exec"
	err := p.exec(ctx, pod, container, command(mark, look.Started, ""), out)
	asked := right{"create", "pods/exec", pod.Namespace}
	if isNoShell(err) && !out.marked(mark) {
		if p.image == "" {
			look.Via, look.Why = "", "the image has no shell; --probe-image IMAGE lets an ephemeral container look in, which stays in the pod"
			return
		}
		in.id = runtimeID(status.ContainerID)
		out = &buffer{}
		var name string
		name, asked, err = p.ephemeral(ctx, pod, status, command(mark, look.Started, in.id), out)
		look.Via = ""
		if name != "" {
			look.Via = "ephemeral container " + name
		}
	}
	p.finish(unlimited, look, out, mark, in, err, asked)
}

// finish reads the output, if there is one: what was seen before an error or the
// end of the time counts.
func (p *Prober) finish(ctx context.Context, look *harden.Probe, out *buffer, mark string, in setting, err error, asked right) {
	if !out.marked(mark) {
		if err == nil {
			err = errNoLook
		}
		look.Why = p.why(ctx, err, asked)
		return
	}
	s, parseErr := parse(out.String(), mark)
	switch {
	case parseErr != nil:
		look.Why = parseErr.Error()
		return
	case !s.complete["processes"]:
		look.Why = p.why(ctx, orEarly(err), asked)
		return
	case in.id != "" && s.self == 1:
		look.Why = "the container runtime does not let an ephemeral container see the processes of another one"
		return
	}
	switch {
	case out.full:
		in.late = "the container has more to show than is read"
	case !s.complete["changed"]:
		in.late = p.why(ctx, orEarly(err), asked)
	}
	s.fill(look, in)
	look.Known = true
}
