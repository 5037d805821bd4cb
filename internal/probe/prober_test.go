package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/exec"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var (
	started = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	looked  = started.Add(time.Hour)
)

// A cluster is a server with one pod and what is known of requests to it.
type cluster struct {
	pod     *corev1.Pod
	patched *corev1.Pod // the body of the patch of ephemeralcontainers
	refuse  string      // the subresource that may not be used
	log     func(command []string) string
	state   corev1.ContainerState // of an ephemeral container
}

func newCluster(change func(*corev1.Pod)) *cluster {
	always := corev1.ContainerRestartPolicyAlways
	run := func(name string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, ContainerID: "containerd://abc", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started)}}}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "init"}, {Name: "sidecar", RestartPolicy: &always}},
			Containers:     []corev1.Container{{Name: "app"}},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0}}}, run("sidecar")},
			ContainerStatuses:     []corev1.ContainerStatus{run("app")},
		},
	}
	if change != nil {
		change(pod)
	}
	return &cluster{pod: pod, state: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const path = "/api/v1/namespaces/web/pods/web-0"
	answer := func(code int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	}
	if c.refuse != "" && strings.HasSuffix(r.URL.Path, c.refuse) {
		answer(403, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web-0", errors.New(`User "jane" cannot do it`)).Status())
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET " + path:
		pod := c.pod.DeepCopy()
		pod.APIVersion, pod.Kind = "v1", "Pod"
		if c.patched != nil {
			pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: c.patched.Spec.EphemeralContainers[0].Name, State: c.state}}
		}
		answer(200, pod)
	case "PATCH " + path + "/ephemeralcontainers":
		c.patched = &corev1.Pod{}
		if err := json.NewDecoder(r.Body).Decode(c.patched); err != nil {
			panic(err)
		}
		answer(200, c.pod)
	case "GET " + path + "/log":
		_, _ = io.WriteString(w, c.log(c.patched.Spec.EphemeralContainers[0].Command))
	default:
		answer(404, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, r.URL.Path).Status())
	}
}

func (c *cluster) prober(t *testing.T, image string, run execFunc) *Prober {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	p, err := New(Options{Config: &rest.Config{Host: server.URL}, Image: image, Timeout: 5 * time.Second, Parallel: 2, Now: func() time.Time { return looked }})
	if err != nil {
		t.Fatal(err)
	}
	p.poll, p.exec = time.Millisecond, run
	return p
}

func (c *cluster) look(t *testing.T, image string, run execFunc) *harden.Probe {
	t.Helper()
	p := c.prober(t, image, run)
	known := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
	return p.Look(t.Context(), []*corev1.Pod{known}, nil, nil)[harden.ProbeKey{Pod: "u1", Container: "app"}]
}

// marked is what a container prints in which nothing happened.
func marked(command []string) string {
	return strings.ReplaceAll(output(nil), "MARK", command[4])
}

func prints(_ context.Context, _ *corev1.Pod, _ string, command []string, stdout io.Writer) error {
	_, err := io.WriteString(stdout, marked(command))
	return err
}

func fails(err error) execFunc {
	return func(context.Context, *corev1.Pod, string, []string, io.Writer) error { return err }
}

//nolint:staticcheck // the words of the kubelet
var errNoShell = errors.New(`Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "1": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH`)

func TestLook(t *testing.T) {
	got := newCluster(nil).look(t, "", prints)
	want := &harden.Probe{Pod: "web-0", Known: true, Via: "exec", Time: looked, Started: started}
	if len(got.Processes) != 1 {
		t.Errorf("processes %v, want one", got.Processes)
	}
	got.Processes = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLookFails(t *testing.T) {
	hang := func(ctx context.Context, _ *corev1.Pod, _ string, _ []string, _ io.Writer) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		run    execFunc
		want   string
	}{
		{"no right", nil, fails(errors.New(`unable to upgrade connection: pods "web-0" is forbidden: User "jane" cannot create resource "pods/exec"`)), `it needs the right to create pods/exec in namespace "web"`},
		{"no shell", nil, fails(errNoShell), "the image has no shell; --probe-image IMAGE lets an ephemeral container look in, which stays in the pod"},
		{"a shell that may not run", nil, fails(exec.CodeExitError{Err: errors.New("command terminated with exit code 126"), Code: 126}), "the image has no shell; --probe-image IMAGE lets an ephemeral container look in, which stays in the pod"},
		{"another error", nil, fails(errors.New("connection refused\x1b[2J")), `connection refused\x1b[2J`},
		{"a shell that is none", nil, fails(nil), "the shell of the container did not run the script"},
		{"waiting", func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		}, prints, "it does not run: CrashLoopBackOff"},
		{"no status", func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }, prints, "it does not run"},
		{"replaced", func(p *corev1.Pod) { p.UID = "u2" }, prints, "the pod was replaced by another one of the same name"},
		{"gone", func(p *corev1.Pod) { p.Name = "" }, nil, "the pod is gone"},
		{"Windows", func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }, prints, "it is a Windows container; only Linux containers can be looked into"},
		{"time", nil, hang, "it took longer than 20ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(test.change)
			if test.run == nil {
				c.pod = &corev1.Pod{}
				c.refuse = ""
				p := c.prober(t, "", prints)
				known := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "other", UID: "u1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
				got := p.Look(t.Context(), []*corev1.Pod{known}, nil, nil)[harden.ProbeKey{Pod: "u1", Container: "app"}]
				if got.Known || got.Why != test.want {
					t.Errorf("known %v, %q, want %q", got.Known, got.Why, test.want)
				}
				return
			}
			p := c.prober(t, "", test.run)
			if test.name == "time" {
				p.timeout = 20 * time.Millisecond
			}
			got := p.lookInto(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"}}, "app")
			if got.Known || got.Why != test.want {
				t.Errorf("known %v, %q, want %q", got.Known, got.Why, test.want)
			}
		})
	}
}

func TestLookKeepsWhatItSawInTime(t *testing.T) {
	half := func(ctx context.Context, _ *corev1.Pod, _ string, command []string, stdout io.Writer) error {
		text, _, _ := strings.Cut(marked(command), command[4]+" end")
		_, _ = io.WriteString(stdout, text)
		<-ctx.Done()
		return ctx.Err()
	}
	p := newCluster(nil).prober(t, "", half)
	p.timeout = 200 * time.Millisecond
	got := p.lookInto(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"}}, "app")
	if !got.Known || len(got.Processes) != 1 || got.Gap(harden.ProbeChanged) != "it took longer than 200ms" {
		t.Errorf("got %+v", got)
	}
}

func TestLookIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run := func(ctx context.Context, _ *corev1.Pod, _ string, _ []string, _ io.Writer) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	got := newCluster(nil).prober(t, "", run).lookInto(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"}}, "app")
	if got.Known || got.Why != "it was interrupted" {
		t.Errorf("got %+v", got)
	}
}

func TestWhichContainers(t *testing.T) {
	for _, test := range []struct {
		name string
		keep func(*corev1.Pod, string) bool
		want []string
	}{
		{"those that run as long as the pod", nil, []string{"app", "sidecar"}},
		{"those that were chosen", func(_ *corev1.Pod, name string) bool { return name == "init" }, []string{"init"}},
		{"none", func(*corev1.Pod, string) bool { return false }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(nil)
			var steps []string
			found := c.prober(t, "", prints).Look(t.Context(), []*corev1.Pod{c.pod}, test.keep, func(done, total int) { steps = append(steps, fmt.Sprint(done, "/", total)) })
			var got, want []string
			for key := range found {
				got = append(got, key.Container)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			for i := range test.want {
				want = append(want, fmt.Sprint(i+1, "/", len(test.want)))
			}
			if diff := cmp.Diff(want, steps); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEphemeral(t *testing.T) {
	c := newCluster(nil)
	c.log = marked
	got := c.look(t, "busybox", fails(errNoShell))
	made := c.patched.Spec.EphemeralContainers[0]
	if !got.Known || got.Via != "ephemeral container "+made.Name || !strings.HasPrefix(made.Name, "harden-probe-") {
		t.Errorf("got %+v by %q", got, made.Name)
	}
	if made.TargetContainerName != "app" || made.Image != "busybox" || made.Command[6] != "abc" || !strings.Contains(made.Command[2], `say "$$$$"`) || c.patched.UID != "u1" || len(made.Resources.Limits)+len(made.Resources.Requests) > 0 {
		t.Errorf("made %+v in %q", made, c.patched.UID)
	}
}

func TestEphemeralFails(t *testing.T) {
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "no such image"}}
	}
	for _, test := range []struct {
		name   string
		change func(*cluster)
		want   string
		made   bool
	}{
		{"no right", func(c *cluster) { c.refuse = "/ephemeralcontainers" }, `it needs the right to patch pods/ephemeralcontainers in namespace "web"`, false},
		{"no right to read logs", func(c *cluster) { c.refuse = "/log" }, `it needs the right to get pods/log in namespace "web"`, true},
		{"no image", func(c *cluster) { c.state = waiting("ErrImagePull") }, `ephemeral container "NAME" cannot start: ErrImagePull: no such image`, true},
		{"no start in time", func(c *cluster) { c.state = waiting("ContainerCreating") }, "it took longer than 100ms", true},
		{"no shell in the probe image", func(c *cluster) {
			c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 127, Reason: "StartError", Message: "no sh"}}
		}, `ephemeral container "NAME" ended with exit code 127: StartError: no sh`, true},
		{"its own processes only", func(c *cluster) {
			c.log = func(command []string) string {
				return strings.ReplaceAll(output(map[string]string{"self": "1\n;0::/"}), "MARK", command[4])
			}
		}, "the container runtime does not let an ephemeral container see the processes of another one", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(nil)
			test.change(c)
			p := c.prober(t, "busybox", fails(errNoShell))
			if test.name == "no start in time" {
				p.timeout = 100 * time.Millisecond
			}
			got := p.lookInto(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "u1"}}, "app")
			want, via := test.want, ""
			if test.made {
				name := c.patched.Spec.EphemeralContainers[0].Name
				want, via = strings.ReplaceAll(want, "NAME", name), "ephemeral container "+name
			}
			if got.Known || got.Why != want || got.Via != via {
				t.Errorf("known %v, via %q: %q, want via %q: %q", got.Known, got.Via, got.Why, via, want)
			}
		})
	}
}

func TestContextOfEphemeral(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	target := corev1.ContainerStatus{Name: "app"}
	reported := corev1.ContainerStatus{Name: "app", User: &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 65532, GID: 7}}}
	pod := func(inPod *corev1.PodSecurityContext, inContainer *corev1.SecurityContext) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{SecurityContext: inPod, Containers: []corev1.Container{{Name: "app", SecurityContext: inContainer}}}}
	}
	caps := &corev1.Capabilities{Drop: []corev1.Capability{"NET_RAW"}}
	for _, test := range []struct {
		name   string
		pod    *corev1.Pod
		target corev1.ContainerStatus
		uid    int64
		gid    *int64
		caps   *corev1.Capabilities
	}{
		{"nothing is known", pod(nil, nil), target, nobody, nil, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		{"the runtime says it", pod(&corev1.PodSecurityContext{RunAsUser: id(1)}, nil), reported, 65532, id(7), &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		{"the pod says it", pod(&corev1.PodSecurityContext{RunAsUser: id(1), RunAsGroup: id(2)}, nil), target, 1, id(2), &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		{"the container says more", pod(&corev1.PodSecurityContext{RunAsUser: id(1), RunAsGroup: id(2)}, &corev1.SecurityContext{RunAsUser: id(3)}), target, 3, id(2), &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		{"root keeps its capabilities", pod(nil, &corev1.SecurityContext{RunAsUser: id(0), Capabilities: caps}), target, 0, nil, caps},
	} {
		t.Run(test.name, func(t *testing.T) {
			sc := contextFor(test.pod, test.target)
			if *sc.RunAsUser != test.uid || *sc.RunAsNonRoot != (test.uid != 0) || sc.Privileged != nil || *sc.AllowPrivilegeEscalation {
				t.Errorf("got %+v", sc)
			}
			if diff := cmp.Diff(test.gid, sc.RunAsGroup); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.caps, sc.Capabilities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBufferIsBounded(t *testing.T) {
	var b buffer
	for range 3 {
		if n, err := b.Write(make([]byte, maxOutput/2+1)); n != maxOutput/2+1 || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
	}
	if b.Len() != maxOutput || !b.full {
		t.Errorf("%d bytes, full %v", b.Len(), b.full)
	}
}

func TestReadConfigz(t *testing.T) {
	for body, want := range map[string]string{
		`{"kubeletconfig":{"seccompDefault":true,"port":10250}}`: "{SeccompDefault:true AnonymousAuth:false AuthorizationMode: ReadOnlyPort:0 RotateCertificates:false PodPidsLimit:0}",
		`{"kubeletconfig":{"authentication":{"anonymous":{"enabled":true}},"authorization":{"mode":"AlwaysAllow"},"readOnlyPort":10255,"podPidsLimit":-1}}`: "{SeccompDefault:false AnonymousAuth:true AuthorizationMode:AlwaysAllow ReadOnlyPort:10255 RotateCertificates:false PodPidsLimit:-1}",
		`{"kubeletconfig":{"authorization":{"mode":"Webhook"},"rotateCertificates":true}}`:                                                                  "{SeccompDefault:false AnonymousAuth:false AuthorizationMode:Webhook ReadOnlyPort:0 RotateCertificates:true PodPidsLimit:0}",
		`{}`:     "the answer of the kubelet holds no configuration",
		`<html>`: "reading the configuration of the kubelet: invalid character '<' looking for beginning of value",
	} {
		var k harden.Kubelet
		got := ""
		if err := readConfigz([]byte(body), &k); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("%+v", struct {
				SeccompDefault, AnonymousAuth bool
				AuthorizationMode             string
				ReadOnlyPort                  int
				RotateCertificates            bool
				PodPidsLimit                  int64
			}{k.SeccompDefault, k.AnonymousAuth, k.AuthorizationMode, k.ReadOnlyPort, k.RotateCertificates, k.PodPidsLimit})
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}
