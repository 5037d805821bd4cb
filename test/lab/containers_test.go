package lab_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

const hello = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  template:
    metadata:
      labels: {app: hello}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: hello
        image: IMAGE
        readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata:
  name: hello
spec:
  selector: {app: hello}
  ports: [{port: 80, targetPort: 8080}]
`

// pushHello builds the program in testdata/hello and pushes it as an image of a root user; it returns the reference.
func pushHello(t *testing.T, l *lab.Lab, repository string, opts ...remote.Option) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hello")
	cmd := exec.Command("go", "build", "-o", program, "./testdata/hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building hello: %v\n%s", err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	if err := errors.Join(
		w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o755, Size: int64(len(data))}),
		func() error { _, err := w.Write(data); return err }(),
		w.Close(),
	); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	if image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/hello"}}); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(l.Registry()+"/"+repository, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, opts...); err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

// get asks for an address over HTTP and returns the answer, or the error as text.
func get(url string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func TestRealPodsRun(t *testing.T) {
	l := labtest.Containers(t)
	ns := labtest.Namespace(t, l)
	ref := pushHello(t, l, "hello:1")
	kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-n", ns, "-f", "-")
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=60s")

	if out := kubectl(t, l, "", "logs", "-n", ns, "deployment/hello"); out != "hello, user 0\n" {
		t.Errorf("logs = %q, want the greeting of user 0", out)
	}
	// It has no shell: the program itself is run once more.
	out, err := l.Kubectl(t.Context(), "exec", "-n", ns, "deployment/hello", "--", "/hello", "again")
	if out != "failing: again\n" || err == nil || !strings.Contains(err.Error(), "exit code 1") {
		t.Errorf("exec = %q and error %v, want what the program says and its exit code", out, err)
	}
	image := kubectl(t, l, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[0].status.containerStatuses[0].imageID}")
	if !strings.HasPrefix(image, l.Registry()+"/hello@sha256:") {
		t.Errorf("imageID = %q, want a digest in the registry", image)
	}
	if parsed, err := name.ParseReference(image); err != nil {
		t.Error(err)
	} else if _, err := remote.Image(parsed); err != nil {
		t.Errorf("reading the image by the pod's imageID: %v", err)
	}
}

// Requests from outside to pods and Services, and from a pod to the API server and to itself by its Service.
func TestRealNetwork(t *testing.T) {
	l := labtest.Containers(t)
	ns := labtest.Namespace(t, l)
	ref := pushHello(t, l, "hello:1")
	kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-n", ns, "-f", "-")
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=60s")
	pod := kubectl(t, l, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[0].status.podIP}")
	if out := get("http://" + pod + ":8080"); !strings.HasPrefix(out, "hello from hello-") {
		t.Errorf("the pod answers %q", out)
	}
	service := kubectl(t, l, "", "get", "service", "hello", "-n", ns, "-o", "jsonpath={.spec.clusterIP}")
	answers := map[string]bool{}
	eventually(t, 2, func() int {
		answers[get("http://"+service)] = true
		return len(answers)
	})
	for a := range answers {
		if !strings.HasPrefix(a, "hello from hello-") {
			t.Errorf("the Service answers %q", a)
		}
	}
}

// What a kubelet says when a fix went wrong: simulated nodes play it, so it had better be so.
func TestRealPodsFail(t *testing.T) {
	l := labtest.Containers(t)
	ref := pushHello(t, l, "hello:1")
	for name, row := range map[string]struct{ patch, reason, message string }{
		"runAsNonRoot on an image of root": {`{"spec":{"template":{"spec":{"securityContext":{"runAsNonRoot":true}}}}}`, "CreateContainerConfigError", "image will run as root"},
		"a program that fails":             {`{"spec":{"template":{"spec":{"containers":[{"name":"hello","args":["no"]}]}}}}`, "CrashLoopBackOff", "back-off"},
		"an image that is not there":       {fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"hello","image":"%s/nothing:1"}]}}}}`, l.Registry()), "ImagePullBackOff", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ns := labtest.Namespace(t, l)
			kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-n", ns, "-f", "-")
			kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=60s")
			kubectl(t, l, "", "patch", "deployment", "hello", "-n", ns, "-p", row.patch)
			const waiting = "jsonpath={.items[*].status.containerStatuses[*].state.waiting"
			eventually(t, row.reason, func() string { return kubectl(t, l, "", "get", "pods", "-n", ns, "-o", waiting+".reason}") })
			if out := kubectl(t, l, "", "get", "pods", "-n", ns, "-o", waiting+".message}"); !strings.Contains(out, row.message) {
				t.Errorf("message = %q, want %q in it", out, row.message)
			}
			if out := kubectl(t, l, "", "get", "deployment", "hello", "-n", ns, "-o", "jsonpath={.status.readyReplicas}"); out != "2" {
				t.Errorf("ready replicas = %q, want 2: the old ReplicaSet keeps serving", out)
			}
		})
	}
}

func TestPrivateImages(t *testing.T) {
	l := labtest.Containers(t)
	user, password := l.RegistryCredentials()
	login := &authn.Basic{Username: user, Password: password}
	ref := pushHello(t, l, "private/hello:1", remote.WithAuth(login))
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	for what, auth := range map[string]authn.Authenticator{"nobody": authn.Anonymous, "a wrong password": &authn.Basic{Username: user, Password: "no"}} {
		if _, err := remote.Image(parsed, remote.WithAuth(auth)); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
			t.Errorf("reading it as %s: %v, want UNAUTHORIZED", what, err)
		}
	}

	ns := labtest.Namespace(t, l)
	kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-n", ns, "-f", "-")
	eventually(t, true, func() bool {
		return strings.Contains(kubectl(t, l, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[0].status.containerStatuses[0].state.waiting.reason}"), "Pull")
	})
	kubectl(t, l, "", "create", "secret", "docker-registry", "pull", "-n", ns, "--docker-server="+l.Registry(), "--docker-username="+user, "--docker-password="+password)
	kubectl(t, l, "", "patch", "deployment", "hello", "-n", ns, "-p", `{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"pull"}]}}}}`)
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=60s")
}

// Two labs beside each other, one of them with kubelet settings and a simulated node of its own; and nothing is left of it.
func TestRealNodesSideBySideAndStop(t *testing.T) {
	one := labtest.Containers(t)
	two := labtest.StartContainers(t, lab.Options{Nodes: 1, Kubelet: map[string]any{"seccompDefault": true}})
	if one.Registry() == two.Registry() {
		t.Fatalf("both have the registry %s", one.Registry())
	}
	ref := pushHello(t, two, "hello:1")
	kubectl(t, two, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-f", "-")
	kubectl(t, two, "", "rollout", "status", "deployment/hello", "--timeout=60s")
	if out := kubectl(t, two, "", "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"); out != lab.RealNode+" "+lab.RealNode {
		t.Errorf("nodes of the pods = %q, want the real one only", out)
	}
	// 2 is "filtered by seccomp": the kubelet's setting arrived.
	pid := strings.TrimSpace(kubectl(t, two, "", "get", "--raw", "/api/v1/nodes/"+lab.RealNode+"/proxy/configz"))
	if !strings.Contains(pid, `"seccompDefault":true`) {
		t.Errorf("the kubelet's configuration lacks seccompDefault: %s", pid)
	}

	if left := leftovers(t, two); left == "" {
		t.Error("nothing of a running lab was found: this test looks in the wrong places")
	}
	if err := two.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, two); left != "" {
		t.Errorf("left by a stopped lab:\n%s", left)
	}
	kubectl(t, one, "", "get", "nodes") // untouched
}

// leftovers lists what a lab that runs containers has on this machine.
func leftovers(t *testing.T, l *lab.Lab) string {
	t.Helper()
	mark := "harden-lab-" + l.Name()
	var left []string
	if out := processesOf(t, l.Dir()); out != "" {
		left = append(left, out)
	}
	for _, pattern := range []string{"/run/netns/" + mark, "/sys/fs/cgroup/" + mark, "/sys/fs/cgroup/*/" + mark} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	for _, source := range []string{"/proc/self/mounts", "/proc/net/route"} {
		data, err := os.ReadFile(source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, l.Dir()) || strings.Contains(line, mark) {
				left = append(left, line)
			}
		}
	}
	return strings.Join(left, "\n")
}
