package apply

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	testimages "github.com/kubectl-harden/kubectl-harden/test/images"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// pushed builds and pushes each image once a test binary.
var pushed struct {
	sync.Mutex
	images map[string]testimages.Image
	refs   map[string]string
}

// image is a test image by name, and a manifest that runs it.
func image(t *testing.T, l *lab.Lab, name string) (testimages.Image, string) {
	t.Helper()
	pushed.Lock()
	defer pushed.Unlock()
	if _, ok := pushed.images[name]; !ok {
		built, err := testimages.Build(t.Context(), name)
		if errors.Is(err, testimages.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		refs, err := testimages.Push(t.Context(), l.Registry(), built)
		if err != nil {
			t.Fatal(err)
		}
		if pushed.images == nil {
			pushed.images, pushed.refs = map[string]testimages.Image{}, map[string]string{}
		}
		pushed.images[name], pushed.refs[name] = built[0], refs[name]
	}
	manifest, err := pushed.images[name].Manifest(pushed.refs[name])
	if err != nil {
		t.Fatal(err)
	}
	// A machine that runs many tests at once starts containers slowly.
	return pushed.images[name], strings.Replace(string(manifest), "progressDeadlineSeconds: 60", "progressDeadlineSeconds: 600", 1)
}

// newContainerBench is a bench on a node that runs containers, where a soak takes its time.
func newContainerBench(t *testing.T) *bench {
	t.Helper()
	l := labtest.Containers(t)
	b := benchFor(t, l, l.Kubeconfig())
	b.onWait = func() { time.Sleep(soakStep) }
	return b
}

func (b *bench) settingOf(ref harden.Ref, name string, s testimages.Setting) harden.Change {
	b.Helper()
	container := harden.ContainerRef{Kind: harden.AppContainer, Name: name}
	fields := map[testimages.Setting]map[string]any{
		testimages.NonRoot:      {"runAsNonRoot": true},
		testimages.ReadOnlyRoot: {"readOnlyRootFilesystem": true},
		testimages.NoEscalation: {"allowPrivilegeEscalation": false},
		testimages.DropAll:      {"capabilities": map[string]any{"drop": []any{"ALL"}}},
		testimages.Seccomp:      {"seccompProfile": map[string]any{"type": "RuntimeDefault"}},
	}
	if s == testimages.NoToken {
		return harden.SetPodSpec(ref, map[string]any{"automountServiceAccountToken": false})
	}
	return harden.SetSecurityContext(ref, container, fields[s])
}

// Real programs under real security contexts: what breaks them is seen, with its
// cause, and taken back; what does not stays.
func TestTrialOfRealPrograms(t *testing.T) {
	for _, test := range []struct {
		image   string
		setting testimages.Setting
		kind    harden.SymptomKind // empty: it lives with it
		path    string
		env     string // that makes it quicker, NAME: VALUE
		more    bool   // tried with HARDEN_TEST_IMAGES=all only: others show the same sign
	}{
		{"numeric", testimages.ReadOnlyRoot, "", "", "", false},
		{"root-web", testimages.NonRoot, harden.SymptomUser, "", "", false},
		{"named", testimages.NonRoot, harden.SymptomUser, "", "", true},
		{"cache-writer", testimages.ReadOnlyRoot, harden.SymptomReadOnly, "/var/cache/app/index", "", false},
		{"tmp-writer", testimages.ReadOnlyRoot, harden.SymptomReadOnly, "/tmp/app-spool", "", true},
		{"late-fail", testimages.ReadOnlyRoot, harden.SymptomReadOnly, "/var/lib/app/state", "FAIL_AFTER: 6s", false},
		{"volume", testimages.ReadOnlyRoot, "", "", "", true},
		{"root-drop", testimages.DropAll, harden.SymptomOwner, "/var/lib/app", "", false},
		{"setuid-user", testimages.NoEscalation, harden.SymptomDenied, "/etc/app/key", "", false},
		{"filecap", testimages.DropAll, harden.SymptomNotPermitted, "/usr/local/bin/app", "", false},
		{"token-user", testimages.NoToken, harden.SymptomToken, "/var/run/secrets/kubernetes.io/serviceaccount/token", "", false},
		{"seccomp-sensitive", testimages.Seccomp, harden.SymptomSeccomp, "", "", false},
		{"nginx", testimages.ReadOnlyRoot, harden.SymptomReadOnly, "/var/cache/nginx/client_temp", "", false},
		{"nginx", testimages.DropAll, harden.SymptomOwner, "/var/cache/nginx/client_temp", "", true},
		{"redis", testimages.DropAll, harden.SymptomOwner, "", "", true},
		{"postgres", testimages.ReadOnlyRoot, harden.SymptomReadOnly, "/var/run/postgresql", "", false},
	} {
		if test.more && os.Getenv("HARDEN_TEST_IMAGES") != "all" {
			continue
		}
		t.Run(test.image+" "+string(test.setting), func(t *testing.T) {
			b := newContainerBench(t)
			img, manifest := image(t, b.lab, test.image)
			kind := "Deployment"
			if strings.Contains(manifest, "kind: StatefulSet") {
				kind = "StatefulSet"
			}
			if test.env != "" {
				name, value, _ := strings.Cut(test.env, ": ")
				manifest = strings.Replace(manifest, "        readinessProbe:", "        env: [{name: "+name+", value: "+value+"}]\n        readinessProbe:", 1)
			}
			b.create(manifest)
			ref := b.ref("apps/v1", kind, test.image)
			before := b.read(ref)
			report := b.run(b.plan("rule", b.settingOf(ref, test.image, test.setting)), harden.ApplyOptions{Soak: 12 * time.Second, Timeout: 5 * time.Minute})
			if test.kind == "" {
				b.wantPhases(report, harden.Proven)
				return
			}
			b.wantPhases(report, harden.RolledBack)
			b.wantMessage(report, "available again")
			all := report.Outcomes[0].Symptoms
			if s := all[0]; s.Kind != test.kind || s.Path != test.path || s.Container != test.image {
				t.Errorf("the first symptom is %#v, want %q at %q", s, test.kind, test.path)
			}
			// A container that was never made has no digest.
			if s := all[0]; !strings.Contains(s.Image, "@sha256:") && test.kind != harden.SymptomUser {
				t.Errorf("the image is %q, want its digest", s.Image)
			}
			want := img.Breaks[test.setting].Says
			if test.image == "postgres" { // its entrypoint complains long before the server gives up
				want = "chmod: changing permissions of '/var/run/postgresql': Read-only file system"
			}
			if !slices.ContainsFunc(all, func(s harden.Symptom) bool { return strings.Contains(s.Line, want) }) {
				t.Errorf("symptoms %#v, want one that says %q", all, want)
			}
			b.wantSame(before, b.read(ref))
			b.healthy(ref)
		})
	}
}

// A limit that is too low shows when the kernel ends the program.
func TestTrialOfAMemoryLimit(t *testing.T) {
	b := newContainerBench(t)
	_, manifest := image(t, b.lab, "redis")
	b.create(manifest)
	ref := b.ref("apps/v1", "Deployment", "redis")
	b.during(func() {
		b.onWait = func() { time.Sleep(soakStep) }
		pods := b.kubectl("get", "pods", "-l", "app=redis", "-o", "jsonpath={.items[*].metadata.name}")
		for _, pod := range strings.Fields(pods) {
			// Its death takes the connection along.
			_, _ = b.lab.Kubectl(b.Context(), "-n", b.namespace, "exec", pod, "--", "redis-cli", "eval", "for i = 1, 2000000 do redis.call('set', 'key' .. i, string.rep('x', 100)) end", "0")
		}
	})
	change := harden.SetContainer(ref, harden.ContainerRef{Kind: harden.AppContainer, Name: "redis"}, map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": "48Mi"}}})
	report := b.run(b.plan("rule", change), harden.ApplyOptions{Soak: 20 * time.Second, Timeout: 5 * time.Minute})
	b.wantPhases(report, harden.RolledBack)
	if s := report.Outcomes[0].Symptoms; len(s) == 0 || s[0].Kind != harden.SymptomMemory {
		t.Errorf("symptoms %+v, want %q", s, harden.SymptomMemory)
	}
}

// Without the right to read logs the trial goes on and says so.
func TestTrialWithoutTheRightToReadLogs(t *testing.T) {
	b := newContainerBench(t)
	_, manifest := image(t, b.lab, "numeric")
	b.create(manifest)
	ref := b.ref("apps/v1", "Deployment", "numeric")
	p := b.plan("rule", b.settingOf(ref, "numeric", testimages.ReadOnlyRoot))
	user := "writer-" + b.namespace
	b.kubectl("create", "role", "writer", "--verb=get,list,watch,patch", "--resource=deployments.apps,replicasets.apps,pods,events,statefulsets.apps,daemonsets.apps")
	b.kubectl("create", "rolebinding", "writer", "--role=writer", "--user="+user)
	kubeconfig, err := b.lab.KubeconfigFor(user)
	if err != nil {
		t.Fatal(err)
	}
	b.Applier = b.applier(configFrom(t, kubeconfig), b.journal.Dir())
	report := b.run(p, harden.ApplyOptions{Soak: 4 * time.Second})
	b.wantPhases(report, harden.Proven)
	b.wantMessage(report, "logs could not be read: ", "cannot get resource")
}

// A program that calls another one, each time over a new connection, and says when that does not work.
const callerYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: caller}
spec:
  selector: {matchLabels: {app: caller}}
  template:
    metadata: {labels: {app: caller}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: caller
        image: IMAGE
        command: [sh, -c, 'while sleep 1; do timeout 3 redis-cli -h "$REDIS_SERVICE_HOST" -p "$REDIS_SERVICE_PORT" ping || echo "redis: connection timed out"; done']
`

// The lab's network enforces nothing: the test cuts what an engine would cut while
// the policy is there. That is seen in what the caller says, and the policy goes.
func TestPolicyThatCutsAConnectionIsTakenBack(t *testing.T) {
	b := newContainerBench(t)
	_, manifest := image(t, b.lab, "redis")
	b.create(manifest)
	on := b.ref("apps/v1", "Deployment", "redis")
	b.healthy(on)
	b.create(strings.Replace(callerYAML, "IMAGE", pushed.refs["redis"], 1))
	b.healthy(b.ref("apps/v1", "Deployment", "caller"))
	b.until("the caller gets no answer", func() bool { return strings.Contains(b.kubectl("logs", "deployment/caller"), "PONG") })

	table := "cut-" + b.namespace
	nft := func(rules string) {
		cmd := exec.Command("nsenter", "--net="+b.lab.NetworkFile(), "nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	address := b.kubectl("get", "pods", "-l", "app=redis", "-o", "jsonpath={.items[0].status.podIP}")
	var once sync.Once
	b.onEvent = func(e harden.Event) {
		switch e.Phase {
		case harden.Soaking:
			once.Do(func() {
				nft("table inet " + table + " { chain forward { type filter hook forward priority 0; ip daddr " + address + " tcp dport 6379 drop; }; }")
			})
		case harden.RolledBack:
			nft("delete table inet " + table)
		}
	}
	report := b.run(b.policyPlan(on, false, "one"), harden.ApplyOptions{Soak: time.Minute})
	b.wantPhases(report, harden.RolledBack)
	if s := report.Outcomes[0].Symptoms; len(s) == 0 || s[0].Kind != harden.SymptomNetwork || s[0].Container != "caller" || !strings.Contains(s[0].Line, "connection timed out") {
		t.Errorf("symptoms %+v, want what the caller says", s)
	}
	b.wantPolicies()
}
