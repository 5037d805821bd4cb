package probe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	testimages "github.com/kubectl-harden/kubectl-harden/test/images"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }

// patience is how long anything in a lab may take.
const patience = 4 * time.Minute

func configOf(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	config.QPS, config.Burst = 100, 100
	return config
}

func jane(t *testing.T, l *lab.Lab) *rest.Config {
	t.Helper()
	kubeconfig, err := l.KubeconfigFor("jane")
	if err != nil {
		t.Fatal(err)
	}
	return configOf(t, kubeconfig)
}

func proberOf(t *testing.T, config *rest.Config, image string) *Prober {
	t.Helper()
	p, err := New(Options{Config: config, Image: image, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run makes a pod and waits until it is ready.
func run(t *testing.T, l *lab.Lab, ns, name string, spec corev1.PodSpec) *corev1.Pod {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := kubernetes.NewForConfig(configOf(t, l.Kubeconfig()))
	if err != nil {
		t.Fatal(err)
	}
	grace := int64(1)
	spec.TerminationGracePeriodSeconds = &grace
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	// A new namespace has no service account at first.
	_, err = client.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
	for ; apierrors.IsForbidden(err) && strings.Contains(err.Error(), "serviceaccount") && ctx.Err() == nil; _, err = client.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{}) {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Kubectl(ctx, "wait", "-n", ns, "pod/"+name, "--for=condition=Ready", "--timeout="+patience.String()); err != nil {
		describe, _ := l.Kubectl(t.Context(), "describe", "-n", ns, "pod/"+name)
		t.Fatalf("%v\n%s", err, describe)
	}
	pod, err = client.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func lookAt(t *testing.T, p *Prober, pod *corev1.Pod) *harden.Probe {
	t.Helper()
	looks := p.Look(t.Context(), []*corev1.Pod{pod}, nil, nil)
	look := looks[harden.ProbeKey{Pod: pod.UID, Container: pod.Spec.Containers[0].Name}]
	if look == nil {
		t.Fatalf("no look among %v", looks)
	}
	return look
}

// grant gives jane a right, and waits until the server knows.
func grant(t *testing.T, l *lab.Lab, ns, verb, resource string) {
	t.Helper()
	name := "jane-" + verb + "-" + strings.ReplaceAll(resource, "/", "-")
	for _, args := range [][]string{
		{"create", "role", name, "-n", ns, "--verb=" + verb, "--resource=" + resource},
		{"create", "rolebinding", name, "-n", ns, "--role=" + name, "--user=jane"},
	} {
		if _, err := l.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	kind, sub, _ := strings.Cut(resource, "/")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if out, err := l.Kubectl(t.Context(), "auth", "can-i", verb, kind, "--subresource="+sub, "-n", ns, "--as=jane"); err == nil && strings.TrimSpace(out) == "yes" {
			return
		}
	}
	t.Fatalf("jane may still not %s %s", verb, resource)
}

func TestRefusedAndSimulated(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	pod := run(t, l, ns, "a", corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}})
	p := proberOf(t, jane(t, l), "")
	if got, want := lookAt(t, p, pod).Why, `it needs the right to get pods in namespace "`+ns+`"`; got != want {
		t.Errorf("without any right: %q, want %q", got, want)
	}
	grant(t, l, ns, "get", "pods")
	if got, want := lookAt(t, p, pod).Why, `it needs the right to create pods/exec in namespace "`+ns+`"`; got != want {
		t.Errorf("with the right to get pods: %q, want %q", got, want)
	}
	node := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: pod.Spec.NodeName}}}
	if got, want := p.Kubelets(t.Context(), node)[pod.Spec.NodeName], "it needs the right to get nodes/proxy"; got.Known || got.Why != want {
		t.Errorf("kubelet without a right: %+v, want %q", got, want)
	}

	admin := proberOf(t, configOf(t, l.Kubeconfig()), "")
	if got := lookAt(t, admin, pod); got.Known || got.Why == "" || strings.Contains(got.Why, "no shell") {
		t.Errorf("a simulated container: %+v, want one that cannot be looked into", got)
	} else {
		t.Log(got.Why)
	}
	if got := admin.Kubelets(t.Context(), node)[pod.Spec.NodeName]; got.Known || got.Why == "" {
		t.Errorf("a simulated kubelet: %+v, want one that cannot be asked", got)
	} else {
		t.Log(got.Why)
	}
}

// defaultCapabilities are those that containerd gives to root.
const defaultCapabilities = 0xa80425fb

func imagesFor(t *testing.T, l *lab.Lab, names ...string) map[string]string {
	t.Helper()
	images, err := testimages.Build(t.Context(), names...)
	if errors.Is(err, testimages.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	refs, err := testimages.Push(t.Context(), l.Registry(), images)
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func single(image string, sc *corev1.SecurityContext) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image, SecurityContext: sc}}}
}

func restricted() *corev1.SecurityContext {
	yes, no := true, false
	return &corev1.SecurityContext{
		RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func TestRealContainers(t *testing.T) {
	l := labtest.Containers(t)
	refs := imagesFor(t, l, "cache-writer-root", "numeric", "root-drop")
	admin := configOf(t, l.Kubeconfig())
	ns := labtest.Namespace(t, l)
	listener := []harden.Socket{{Protocol: "tcp", Address: "::", Port: 8080}}

	t.Run("root that writes", func(t *testing.T) {
		got := lookAt(t, proberOf(t, admin, ""), run(t, l, ns, "root", single(refs["cache-writer-root"], nil)))
		want := &harden.Probe{
			Pod: "root", Known: true, Via: "exec", Listeners: listener, Written: []string{"/var/cache/app/index"},
			Processes: []harden.Process{{PID: 1, Command: "app", Groups: []int64{0}, Held: defaultCapabilities, Bounding: defaultCapabilities}},
			Volumes:   []string{"/dev/shm", "/dev/termination-log"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
			t.Error(diff)
		}
	})

	// The image says 10001:10001; a kubelet hands on the user alone (determineEffectiveSecurityContext), and so the group
	// is that of /etc/passwd, or 0.
	t.Run("restricted", func(t *testing.T) {
		got := lookAt(t, proberOf(t, admin, ""), run(t, l, ns, "restricted", single(refs["numeric"], restricted())))
		want := &harden.Probe{
			Pod: "restricted", Known: true, Via: "exec", Listeners: listener,
			Processes: []harden.Process{{PID: 1, Command: "app", UID: 10001, Groups: []int64{0}, NoNewPrivs: true, Seccomp: 2}},
			Volumes:   []string{"/dev/shm", "/dev/termination-log"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("root that became another user", func(t *testing.T) {
		got := lookAt(t, proberOf(t, admin, ""), run(t, l, ns, "drop", single(refs["root-drop"], nil)))
		if !got.Known || len(got.Processes) != 1 || got.Processes[0].UID != 10001 || got.Processes[0].Held != 0 {
			t.Errorf("got %+v", got)
		}
		if !slices.Contains(got.Written, "/var/lib/app/state") || got.Gap(harden.ProbeOpen) == "" || got.Gap(harden.ProbeChanged) != "" {
			t.Errorf("written %q, gaps %v; want the changed file, and open files as the only gap", got.Written, got.Gaps)
		}
	})

	t.Run("two containers that see each other", func(t *testing.T) {
		yes := true
		spec := single(refs["numeric"], nil)
		spec.ShareProcessNamespace = &yes
		spec.Containers = append(spec.Containers, corev1.Container{Name: "other", Image: refs["cache-writer-root"], Args: []string{"-listen=:8081"}})
		pod := run(t, l, ns, "shared", spec)
		looks := proberOf(t, admin, "").Look(t.Context(), []*corev1.Pod{pod}, nil, nil)
		for name, uid := range map[string]int64{"app": 10001, "other": 0} {
			got := looks[harden.ProbeKey{Pod: pod.UID, Container: name}]
			if !got.Known || len(got.Processes) != 1 || got.Processes[0].UID != uid || len(got.Listeners) != 2 {
				t.Errorf("%s: %+v, want one process of %d, and the listeners of both", name, got, uid)
			}
		}
	})

	t.Run("with the right to exec alone", func(t *testing.T) {
		pod := run(t, l, ns, "jane", single(refs["numeric"], nil))
		grant(t, l, ns, "get", "pods")
		grant(t, l, ns, "create", "pods/exec")
		if got := lookAt(t, proberOf(t, jane(t, l), ""), pod); !got.Known {
			t.Errorf("got %+v", got)
		}
	})
}

func TestWithoutAShell(t *testing.T) {
	l := labtest.Containers(t)
	refs := imagesFor(t, l, "numeric", "distroless")
	admin := configOf(t, l.Kubeconfig())
	ns := labtest.Namespace(t, l)
	if _, err := l.Kubectl(t.Context(), "label", "namespace", ns, "pod-security.kubernetes.io/enforce=restricted"); err != nil {
		t.Fatal(err)
	}
	for _, shared := range []bool{false, true} {
		name := map[bool]string{false: "alone", true: "shared"}[shared]
		t.Run(name, func(t *testing.T) {
			spec := single(refs["distroless"], restricted())
			spec.ShareProcessNamespace = &shared
			pod := run(t, l, ns, name, spec)
			if got := lookAt(t, proberOf(t, admin, ""), pod); got.Known || !strings.Contains(got.Why, "--probe-image") {
				t.Errorf("without an image to look with: %+v", got)
			}
			if after, err := l.Kubectl(t.Context(), "get", "-n", ns, "pod", name, "-o", "jsonpath={.spec.ephemeralContainers}"); err != nil || after != "" {
				t.Errorf("without consent: ephemeral containers %q, %v", after, err)
			}

			got := lookAt(t, proberOf(t, admin, refs["numeric"]), pod)
			if len(got.Processes) == 1 {
				got.Processes[0].PID = 1 // it is another one where processes are shared
			}
			want := &harden.Probe{
				Pod: name, Known: true, Via: got.Via, Listeners: []harden.Socket{{Protocol: "tcp", Address: "::", Port: 8080}},
				Processes: []harden.Process{{PID: 1, Command: "app", UID: 65532, GID: 65532, Groups: []int64{65532}, NoNewPrivs: true, Seccomp: 2}},
				Volumes:   []string{"/dev/shm", "/dev/termination-log"},
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
				t.Error(diff)
			}
			mark, err := l.Kubectl(t.Context(), "get", "-n", ns, "pod", name, "-o", "jsonpath={.spec.ephemeralContainers[*].name}")
			if err != nil || got.Via != "ephemeral container "+mark {
				t.Errorf("by %q, and the pod has %q, %v", got.Via, mark, err)
			}
		})
	}
}

// T25: a kubelet that confines by default says so.
func TestT25Kubelets(t *testing.T) {
	l := labtest.Containers(t)
	out, err := l.Kubectl(t.Context(), "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(out)
	nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: names[0]}}, {ObjectMeta: metav1.ObjectMeta{Name: "gone"}}}
	p := proberOf(t, configOf(t, l.Kubeconfig()), "")
	got := p.Kubelets(t.Context(), nodes)
	if k := got[names[0]]; !k.Known || k.SeccompDefault {
		t.Errorf("%s: %+v, want known and false", names[0], k)
	}
	if k := got["gone"]; k.Known || k.Why == "" {
		t.Errorf("gone: %+v, want unknown", k)
	}
	// nodes/configz is a right that kubelets check, not a path of the API server.
	_, err = p.client.CoreV1().RESTClient().Get().Resource("nodes").Name(names[0]).SubResource("configz").DoRaw(t.Context())
	if !apierrors.IsNotFound(err) {
		t.Errorf("nodes/configz: %v, want that it is not found", err)
	}
}
