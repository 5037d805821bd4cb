package lab_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=180s")

	if out := kubectl(t, l, "", "logs", "-n", ns, "deployment/hello"); out != "hello, user 0\n" {
		t.Errorf("logs = %q, want the greeting of user 0", out)
	}
	// It has no shell: the program itself is run once more.
	out, err := l.Kubectl(t.Context(), "exec", "-n", ns, "deployment/hello", "--", "/hello", "fail", "again")
	if out != "failing: [fail again]\n" || err == nil || !strings.Contains(err.Error(), "exit code 1") {
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
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=180s")
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
	inside := func(url string) string {
		return kubectl(t, l, "", "exec", "-n", ns, "deployment/hello", "--", "/hello", "get", url)
	}
	if out := inside("https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version"); !strings.Contains(out, `"gitVersion": "v1.`) {
		t.Errorf("the API server answers %q to a pod", out)
	}
	answers = map[string]bool{} // from itself, and from the other pod
	eventually(t, 2, func() int {
		answers[inside("http://"+service)] = true
		return len(answers)
	})
	if out, err := l.Kubectl(t.Context(), "exec", "-n", ns, "deployment/hello", "--", "/hello", "get", "http://192.0.2.1"); err == nil || !strings.Contains(out, "no route to host") && !strings.Contains(out, "unreachable") {
		t.Errorf("a pod asks an address outside of the lab's network: %q, %v, want no way there", out, err)
	}
}

// What a kubelet says when a fix went wrong: simulated nodes play it, so it had better be so.
func TestRealPodsFail(t *testing.T) {
	l := labtest.Containers(t)
	ref := pushHello(t, l, "hello:1")
	for name, row := range map[string]struct{ patch, reason, message string }{
		"runAsNonRoot on an image of root": {`{"spec":{"template":{"spec":{"securityContext":{"runAsNonRoot":true}}}}}`, "CreateContainerConfigError", "image will run as root"},
		"a program that fails":             {`{"spec":{"template":{"spec":{"containers":[{"name":"hello","args":["fail","always"]}]}}}}`, "CrashLoopBackOff", "back-off"},
		"an image that is not there":       {fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"hello","image":"%s/nothing:1"}]}}}}`, l.Registry()), "ImagePullBackOff", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-n", ns, "-f", "-")
			kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=180s")
			kubectl(t, l, "", "patch", "deployment", "hello", "-n", ns, "-p", row.patch)
			const waiting = "jsonpath={range .items[*].status.containerStatuses[*].state.waiting}{.reason} {.message}{end}"
			eventually(t, true, func() bool {
				reason, message, _ := strings.Cut(kubectl(t, l, "", "get", "pods", "-n", ns, "-o", waiting), " ")
				return reason == row.reason && strings.Contains(message, row.message)
			})
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
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/hello", "--timeout=180s")
}

// Two labs beside each other, one of them with a kubelet setting and a simulated node of its own. Nothing is left of it.
func TestRealNodesSideBySideAndStop(t *testing.T) {
	one := labtest.Containers(t)
	two := labtest.StartContainers(t, lab.Options{Nodes: 1, Kubelet: map[string]any{"seccompDefault": true}})
	if one.Registry() == two.Registry() {
		t.Fatalf("both have the registry %s", one.Registry())
	}
	ref := pushHello(t, two, "hello:1")
	kubectl(t, two, strings.ReplaceAll(hello, "IMAGE", ref), "apply", "-f", "-")
	kubectl(t, two, "", "rollout", "status", "deployment/hello", "--timeout=180s")
	if out := kubectl(t, two, "", "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"); out != lab.RealNode+" "+lab.RealNode {
		t.Errorf("nodes of the pods = %q, want the real one only", out)
	}
	if out := kubectl(t, two, "", "get", "--raw", "/api/v1/nodes/"+lab.RealNode+"/proxy/configz"); !strings.Contains(out, `"seccompDefault":true`) {
		t.Errorf("the kubelet's configuration lacks seccompDefault: %s", out)
	}

	traces := tracesOf(t, two)
	if left := traces.left(t); strings.Count(left, "\n") < 10 {
		t.Errorf("hardly anything of a running lab was found, so this test looks in the wrong places:\n%s", left)
	}
	if err := two.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := traces.left(t); left != "" {
		t.Errorf("left by a stopped lab:\n%s", left)
	}
	kubectl(t, one, "", "get", "nodes") // untouched
}

func TestKilledOwnerLeavesNoContainers(t *testing.T) {
	labtest.Containers(t) // or skip
	dir, kill := startOwner(t, ownerOfContainers)
	l, err := lab.Attach(filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, l, strings.ReplaceAll(hello, "IMAGE", pushHello(t, l, "hello:1")), "apply", "-f", "-")
	kubectl(t, l, "", "rollout", "status", "deployment/hello", "--timeout=180s")
	traces := tracesOf(t, l)
	kill()
	eventually(t, "", func() string { return traces.processes(t) })
	if _, err := lab.List(); err != nil { // sweeps
		t.Fatal(err)
	}
	if left := traces.left(t); left != "" {
		t.Errorf("left by a killed lab:\n%s", left)
	}
}

// traces are the names under which a lab that runs containers is to be found on this machine.
type traces struct{ dir, mark, pidNamespace string }

func tracesOf(t *testing.T, l *lab.Lab) traces {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(l.Dir(), "lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Components map[string]int }
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", state.Components["node"]))
	if err != nil {
		t.Fatal(err)
	}
	return traces{dir: l.Dir(), mark: "harden-lab-" + l.Name(), pidNamespace: namespace}
}

// processes lists the lab's processes, those of containers included.
func (tr traces) processes(t *testing.T) string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	left := processesOf(t, tr.dir)
	for _, link := range links {
		if namespace, err := os.Readlink(link); err == nil && namespace == tr.pidNamespace {
			left += link + "\n"
		}
	}
	return left
}

// left lists all that the lab has on this machine.
func (tr traces) left(t *testing.T) string {
	t.Helper()
	left := tr.processes(t)
	for _, pattern := range []string{"/run/netns/" + tr.mark, "/sys/fs/cgroup/" + tr.mark, "/sys/fs/cgroup/*/" + tr.mark, tr.dir} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			left += path + "\n"
		}
	}
	devices, err := exec.Command("ip", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts) + string(devices)) {
		if strings.Contains(line, tr.dir) || strings.Contains(line, tr.mark) {
			left += line
		}
	}
	return left
}
