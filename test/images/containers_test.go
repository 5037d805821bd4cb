package testimages

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }

// patience is how long a pod may take to become what it should, on a machine that does much else.
const patience = 10 * time.Minute

func pushAll(t *testing.T, l *lab.Lab) ([]Image, map[string]string) {
	t.Helper()
	var images []Image
	for _, name := range Names() {
		images = append(images, get(t, name))
	}
	refs, err := Push(t.Context(), l.Registry(), images)
	if err != nil {
		t.Fatal(err)
	}
	return images, refs
}

// everySetting is the environment variable that makes TestBreaks try what an image survives too: three times as many pods.
const everySetting = "HARDEN_TEST_IMAGES"

// Each image with each setting alone: those of Breaks it does not survive and, with HARDEN_TEST_IMAGES=all, the others it
// does. That all of them run without any setting is what the tests in test/e2e begin with.
func TestBreaks(t *testing.T) {
	l := labtest.Containers(t)
	images, refs := pushAll(t, l)
	client := newClient(t, l)
	for _, setting := range Settings() {
		t.Run(string(setting), func(t *testing.T) {
			pods := client.CoreV1().Pods(labtest.Namespace(t, l))
			images := slices.DeleteFunc(slices.Clone(images), func(i Image) bool {
				_, breaks := i.Breaks[setting]
				return !breaks && os.Getenv(everySetting) != "all"
			})
			for _, image := range images {
				create(t, func(ctx context.Context) error {
					_, err := pods.Create(ctx, hardenedPod(t, image, refs[image.Name], setting), metav1.CreateOptions{})
					return err
				})
			}
			for _, image := range images {
				t.Run(image.Name, func(t *testing.T) {
					w := &watched{t: t, client: client, name: image.Name, get: func() (*corev1.Pod, error) {
						return pods.Get(t.Context(), image.Name, metav1.GetOptions{})
					}}
					if b, ok := image.Breaks[setting]; ok {
						w.wantBroken(b)
					} else {
						w.wantRunning()
					}
				})
			}
		})
	}
}

func newClient(t *testing.T, l *lab.Lab) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	config.QPS, config.Burst = 100, 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// create tries again until there is the namespace's service account, without which no pod can be made, and when a busy
// server loses the connection.
func create(t *testing.T, do func(context.Context) error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		err := do(t.Context())
		if err == nil || apierrors.IsAlreadyExists(err) {
			return
		}
		if apierrors.IsInvalid(err) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// hardenedPod is a pod of the image's workload with a setting, quicker to become ready or to fail.
func hardenedPod(t *testing.T, image Image, reference string, setting Setting) *corev1.Pod {
	t.Helper()
	manifest, err := image.Manifest(reference)
	if err != nil {
		t.Fatal(err)
	}
	_, document, _ := bytes.Cut(manifest, []byte("---\n"))
	template, _ := decodeWorkload(t, document, image.workload.Stateful)
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Name = image.Name
	soon := int64(5)
	pod.Spec.TerminationGracePeriodSeconds = &soon // the pods of the next setting wait for their room
	container := &pod.Spec.Containers[0]
	container.Env = []corev1.EnvVar{{Name: "READY_AFTER", Value: "1s"}, {Name: "FAIL_AFTER", Value: "1s"}}
	yes, no := true, false
	switch setting {
	case NonRoot:
		container.SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes}
	case ReadOnlyRoot:
		container.SecurityContext = &corev1.SecurityContext{ReadOnlyRootFilesystem: &yes}
	case NoEscalation:
		container.SecurityContext = &corev1.SecurityContext{AllowPrivilegeEscalation: &no}
	case DropAll:
		container.SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
	case Seccomp:
		container.SecurityContext = &corev1.SecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
	case NoToken:
		pod.Spec.AutomountServiceAccountToken = &no
	default:
		t.Fatalf("there is no setting %q", setting)
	}
	return pod
}

// A watched pod is read again and again.
type watched struct {
	t      *testing.T
	client kubernetes.Interface
	name   string
	get    func() (*corev1.Pod, error)
}

// until reads the pod until done, and fails the test when that takes too long.
func (w *watched) until(what string, done func(*corev1.Pod) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		pod, err := w.get()
		if err == nil && done(pod) {
			return
		}
		if !time.Now().After(deadline) {
			continue // after an error too: a busy server loses connections
		}
		if err != nil {
			w.t.Fatalf("waited in vain until it %s: %v", what, err)
		}
		w.t.Fatalf("waited in vain until it %s; it is %s and says:\n%s", what, pod.Status.Phase, w.says(pod))
	}
}

// wantRunning waits until the pod is ready and was so for longer than what fails late takes.
func (w *watched) wantRunning() {
	w.t.Helper()
	var pod *corev1.Pod
	w.until("is ready for a while", func(now *corev1.Pod) bool {
		pod = now
		since := readySince(now)
		return !since.IsZero() && time.Since(since) > 4*time.Second
	})
	if restarts := pod.Status.ContainerStatuses[0].RestartCount; restarts != 0 {
		w.t.Errorf("it was restarted %d times; it says:\n%s", restarts, w.says(pod))
	}
}

func (w *watched) wantBroken(b Break) {
	w.t.Helper()
	ready := false
	w.until(fmt.Sprintf("says %q", b.Says), func(pod *corev1.Pod) bool {
		ready = ready || !readySince(pod).IsZero()
		return strings.Contains(w.says(pod), b.Says)
	})
	if ready && !b.Ready {
		w.t.Errorf("it says %q, and is ready", b.Says)
	}
	if b.Ready && w.name == "tmp-writer" {
		w.until("is ready", func(pod *corev1.Pod) bool { return !readySince(pod).IsZero() })
	}
}

// readySince returns when the pod became ready, if it is.
func readySince(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// says returns what the container's states and logs say.
func (w *watched) says(pod *corev1.Pod) string {
	var said strings.Builder
	for _, status := range pod.Status.ContainerStatuses {
		for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
			if state.Waiting != nil {
				fmt.Fprintln(&said, state.Waiting.Reason, state.Waiting.Message)
			}
			if state.Terminated != nil {
				fmt.Fprintln(&said, state.Terminated.Reason, state.Terminated.ExitCode, state.Terminated.Message)
			}
		}
	}
	for _, previous := range []bool{false, true} {
		log, err := w.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Previous: previous}).DoRaw(w.t.Context())
		if err == nil {
			said.Write(log)
		}
	}
	return said.String()
}
