package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// ownerEnv turns this test binary into a process that starts a lab, prints its folder and waits to be killed. Its value
// says which lab.
const (
	ownerEnv           = "LAB_TEST_OWNER"
	ownerOfSimulations = "simulations"
	ownerOfContainers  = "containers"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(ownerEnv); what != "" {
		opts := lab.Options{Nodes: 1}
		if what == ownerOfContainers {
			opts = lab.Options{Containers: true}
		}
		l, err := lab.Start(context.Background(), opts)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(l.Dir())
		select {}
	}
	os.Exit(labtest.Main(m))
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {ANNOTATIONS}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
`

// deployment is the Deployment web whose pods have annotations, as YAML in flow style.
func deployment(annotations string) string {
	return strings.Replace(web, "ANNOTATIONS", annotations, 1)
}

// kubectl fails the test when the command does.
func kubectl(t *testing.T, l *lab.Lab, input string, args ...string) string {
	t.Helper()
	out, err := l.KubectlInput(t.Context(), input, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeploymentBecomesAvailable(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	kubectl(t, l, deployment(""), "apply", "-n", ns, "-f", "-")
	kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	out := kubectl(t, l, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].status.phase}")
	if out != "Running Running Running" {
		t.Errorf("phases of the pods = %q, want three times Running", out)
	}
}

func TestStatefulSetGetsItsVolumes(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	kubectl(t, l, `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata:
      labels: {app: db}
    spec:
      containers:
      - name: db
        image: registry.example/db:1
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      storageClassName: kwok-volume
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 1Gi}}
`, "apply", "-n", ns, "-f", "-")
	kubectl(t, l, "", "rollout", "status", "-n", ns, "statefulset/db", "--timeout=60s")
}

func TestJobCompletesOrFails(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	job := `apiVersion: batch/v1
kind: Job
metadata:
  name: NAME
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {ANNOTATIONS}
    spec:
      restartPolicy: Never
      containers:
      - name: job
        image: registry.example/job:1
`
	kubectl(t, l, strings.NewReplacer("NAME", "good", "ANNOTATIONS", "").Replace(job), "apply", "-n", ns, "-f", "-")
	kubectl(t, l, strings.NewReplacer("NAME", "bad", "ANNOTATIONS", lab.PodAnnotation+": "+lab.PodFails).Replace(job), "apply", "-n", ns, "-f", "-")
	kubectl(t, l, "", "wait", "-n", ns, "--for=condition=Complete", "job/good", "--timeout=60s")
	kubectl(t, l, "", "wait", "-n", ns, "--for=condition=Failed", "job/bad", "--timeout=60s")
}

func TestPodBehaviours(t *testing.T) {
	l := labtest.Shared(t)
	for behaviour, want := range map[string]struct{ phase, reason string }{
		lab.PodHangs:       {"Pending", ""},
		lab.PodNotReady:    {"Running", ""},
		lab.PodCrashes:     {"Running", "CrashLoopBackOff"},
		lab.PodConfigError: {"Pending", "CreateContainerConfigError"},
		lab.PodPullError:   {"Pending", "ImagePullBackOff"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			kubectl(t, l, deployment(lab.PodAnnotation+": "+behaviour), "apply", "-n", ns, "-f", "-")
			kubectl(t, l, "", "wait", "-n", ns, "--for=condition=PodScheduled", "pod", "-l", "app=web", "--timeout=60s")
			const status = `jsonpath={.items[0].status.phase},{.items[0].status.containerStatuses[0].state.waiting.reason}`
			eventually(t, want.phase+","+want.reason, func() string {
				return kubectl(t, l, "", "get", "pods", "-n", ns, "-o", status)
			})
			if out := kubectl(t, l, "", "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.status.readyReplicas}"); out != "" {
				t.Errorf("ready replicas = %q, want none", out)
			}
			// The pods recover as soon as nothing is asked of them any more.
			kubectl(t, l, "", "annotate", "pods", "-n", ns, "--all", lab.PodAnnotation+"-")
			kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
		})
	}
}

func TestFixBreaksWorkload(t *testing.T) {
	l := labtest.Shared(t)
	for when, patch := range map[string]string{
		"readOnlyRootFilesystem=true":        `{"containers":[{"name":"web","securityContext":{"readOnlyRootFilesystem":true}}]}`,
		"capabilities.drop=ALL":              `{"containers":[{"name":"web","securityContext":{"capabilities":{"drop":["ALL"]}}}]}`,
		"runAsNonRoot=true":                  `{"securityContext":{"runAsNonRoot":true}}`,
		"automountServiceAccountToken=false": `{"automountServiceAccountToken":false}`,
		"shareProcessNamespace!=true":        ``,
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			manifest := deployment(lab.PodAnnotation + ": " + lab.PodCrashes + ", " + lab.PodWhenAnnotation + `: "` + when + `"`)
			if patch == "" { // the field is there, and the patch takes it away
				manifest = strings.Replace(manifest, "    spec:\n", "    spec:\n      shareProcessNamespace: true\n", 1)
				patch = `{"shareProcessNamespace":null}`
			}
			kubectl(t, l, manifest, "apply", "-n", ns, "-f", "-")
			kubectl(t, l, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
			kubectl(t, l, "", "patch", "deployment", "web", "-n", ns, "-p", `{"spec":{"template":{"spec":`+patch+`}}}`)
			eventually(t, true, func() bool {
				out := kubectl(t, l, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}")
				return strings.Contains(out, "CrashLoopBackOff")
			})
			if out := kubectl(t, l, "", "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.status.readyReplicas}"); out != "3" {
				t.Errorf("ready replicas = %q, want 3: the old ReplicaSet keeps serving", out)
			}
		})
	}
}

func TestLimitedUserIsForbidden(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	config, err := l.KubeconfigFor("dev: \"jane\"", "developers")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Kubectl(t.Context(), "--kubeconfig", config, "get", "pods", "-n", ns); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Fatalf("error = %v, want Forbidden", err)
	}
	kubectl(t, l, "", "create", "rolebinding", "view", "-n", ns, "--clusterrole=view", "--group=developers")
	kubectl(t, l, "", "--kubeconfig", config, "get", "pods", "-n", ns)
	if _, err := l.Kubectl(t.Context(), "--kubeconfig", config, "get", "secrets", "-n", ns); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("error = %v, want Forbidden", err)
	}
}

func TestAuditLogNamesRequests(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	kubectl(t, l, "", "get", "secrets", "-n", ns)
	data, err := os.ReadFile(l.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef struct{ Resource, Namespace string }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			continue // the line being written
		}
		if event.Verb == "list" && event.ObjectRef.Resource == "secrets" && event.ObjectRef.Namespace == ns && event.User.Username == "admin" {
			return
		}
	}
	t.Errorf("no list of the Secrets in %s by admin in the audit log", ns)
}

func TestAPIServerGoesAndReturns(t *testing.T) {
	l := labtest.Start(t, lab.Options{Nodes: 1})
	kubectl(t, l, deployment(""), "apply", "-f", "-")
	if err := l.PauseAPIServer(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := l.Kubectl(ctx, "get", "pods"); ctx.Err() == nil {
		t.Errorf("error = %v from a paused server, want none within a second", err)
	}
	if err := l.ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	kubectl(t, l, "", "get", "pods")
	if err := l.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Kubectl(t.Context(), "get", "pods"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error = %v from a stopped server, want refused", err)
	}
	if err := l.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	kubectl(t, l, "", "rollout", "status", "deployment/web", "--timeout=120s")
}

func TestTwoLabsAndStop(t *testing.T) {
	one, two := labtest.Start(t, lab.Options{}), labtest.Start(t, lab.Options{})
	if one.Server() == two.Server() {
		t.Fatalf("both labs serve at %s", one.Server())
	}
	kubectl(t, one, "", "create", "configmap", "here")
	if _, err := two.Kubectl(t.Context(), "get", "configmap", "here"); err == nil || !strings.Contains(err.Error(), "NotFound") {
		t.Errorf("error = %v, want NotFound in the other lab", err)
	}
	if _, err := lab.Start(t.Context(), lab.Options{Name: one.Name()}); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("error = %v for a name that is taken", err)
	}

	for range 2 { // the second time does nothing
		if err := one.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(one.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a stopped lab: %v, want it gone", err)
	}
	if left := processesOf(t, one.Dir()); left != "" {
		t.Errorf("processes of a stopped lab:\n%s", left)
	}
	kubectl(t, two, "", "get", "namespaces") // untouched
}

func TestKilledOwnerLeavesNothing(t *testing.T) {
	labtest.Shared(t) // or skip
	dir, kill := startOwner(t, ownerOfSimulations)
	if running := strings.Count(processesOf(t, dir), "\n"); running != 5 {
		t.Errorf("%d processes name the lab's folder, want its 5 components", running)
	}
	kill()
	if runtime.GOOS == "linux" {
		eventually(t, "", func() string { return processesOf(t, dir) })
	}
	if _, err := lab.List(); err != nil { // sweeps
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a killed lab: %v, want it gone", err)
	}
	eventually(t, "", func() string { return processesOf(t, dir) })
}

// startOwner starts a process that owns a lab, and returns the lab's folder and a function that kills the process.
func startOwner(t *testing.T, what string) (dir string, kill func()) {
	t.Helper()
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+what)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		if err := owner.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = owner.Wait() // says that it was killed
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), kill
}

func TestStartFailsWithTheLog(t *testing.T) {
	labtest.Shared(t) // or skip
	name := "broken"
	_, err := lab.Start(t.Context(), lab.Options{Name: name, ServerArgs: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Fatalf("error = %v, want what the API server said", err)
	}
	root, err := lab.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "labs", name)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a lab that failed: %v, want it gone", err)
	}
	if left := processesOf(t, dir); left != "" {
		t.Errorf("processes of a lab that failed:\n%s", left)
	}
}

// processesOf returns the command lines that name a lab's folder.
func processesOf(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("ps", "-ww", "-e", "-o", "pid=,args=").Output()
	if err != nil {
		t.Skipf("listing processes: %v", err)
	}
	var left strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir+string(filepath.Separator)) {
			left.WriteString(line)
		}
	}
	return left.String()
}

// eventually asks until the answer is the wanted one.
func eventually[T comparable](t *testing.T, want T, ask func() T) {
	t.Helper()
	var got T
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got = ask(); got == want {
			return
		}
	}
	t.Fatalf("got %v, want %v", got, want)
}
