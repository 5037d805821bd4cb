package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

type networkReport struct {
	Summary struct {
		Now, Proposed struct{ Allowed, Denied, Unknown int }
	}
	Cells []struct {
		From, To, Protocol, Now, Proposed string
		Port                              int
		Needed                            bool
	}
	Phases []struct {
		Name     string
		Done     bool
		Findings []string
		Refused  []string
	}
	NotChecked []struct{ What, Why string }
}

func (u *user) network(t *testing.T, args ...string) networkReport {
	t.Helper()
	r := u.ok(t, append([]string{"network", "-o", "json"}, args...)...)
	var rep networkReport
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, r.stdout)
	}
	return rep
}

// now is what is allowed, denied or unknown of the cells that f chooses.
func (n networkReport) now(f func(from, to string, port int, needed bool) bool) map[string]int {
	out := map[string]int{}
	for _, c := range n.Cells {
		if f(c.From, c.To, c.Port, c.Needed) {
			out[c.Now]++
		}
	}
	return out
}

// policiesOf are the policies of the namespace that the program made.
func policiesOf(t *testing.T, l *lab.Lab, ns string) []string {
	t.Helper()
	return strings.Fields(kubectl(t, l, "get", "networkpolicies", "-n", ns, "-l", "app.kubernetes.io/managed-by=harden", "-o", "jsonpath={.items[*].metadata.name}"))
}

// From what is needed to policies for just that, in three steps, and back: the
// demo shop as it is.
func TestNetworkOfTheShop(t *testing.T) {
	t.Parallel()
	l := labtest.Start(t, lab.Options{Nodes: 2})
	u := admin(t, l)
	kubectl(t, l, "apply", "-f", "../../examples/shop")
	for _, d := range []string{"web", "api", "worker", "cache", "search"} {
		kubectl(t, l, "rollout", "status", "-n", "shop", "deployment/"+d, "--timeout=120s")
	}
	objects := func() string {
		return kubectl(t, l, "get", "networkpolicies,services,configmaps,deployments,statefulsets,cronjobs", "-A", "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}/{.metadata.uid}{"\n"}{end}`)
	}
	was := objects()
	before := u.network(t, "-n", "shop")
	for _, c := range before.Cells {
		if c.Needed && c.Now == "allowed" && c.Proposed == "denied" {
			t.Errorf("%s -> %s %d is needed, and the proposal cuts it", c.From, c.To, c.Port)
		}
	}

	// What nobody saw happening is for a person to decide.
	if r := u.harden(t, "network", "-n", "shop", "--apply", "--yes", "--soak=0s"); r.code != 2 || !strings.Contains(r.stderr, "add --class review") || len(policiesOf(t, l, "shop")) > 0 {
		t.Errorf("without --class review: %s", r)
	}
	// Everything but the agent on the host network, where policies do not reach.
	r := u.harden(t, "network", "-n", "shop", "--apply", "--yes", "--class", "safe,evidence,review", "--soak=0s")
	if r.code != 2 || !strings.Contains(r.stdout, "not proposed: DaemonSet/node-agent") {
		t.Errorf("the agent is not named as left out: %s", r)
	}
	if n := strings.Count(r.stdout+r.stderr, "kubectl harden undo "); n != 3 {
		t.Errorf("%d ways back, want one for each step: %s", n, r)
	}
	made := policiesOf(t, l, "shop")
	for _, name := range []string{"harden-api-ingress", "harden-order-export-egress", "harden-default-deny-ingress", "harden-default-deny-egress", "harden-allow-dns"} {
		if !slices.Contains(made, name) {
			t.Errorf("%s was not made: %q", name, made)
		}
	}
	after := u.network(t, "-n", "shop")
	// The default deny came later than the proposal that is compared with. It selects the agent too, and what that means
	// for pods on the host network is up to the engine.
	proposed := map[string]string{}
	for _, c := range before.Cells {
		proposed[fmt.Sprint(c.From, c.To, c.Protocol, c.Port)] = c.Proposed
	}
	for _, c := range after.Cells {
		if was := proposed[fmt.Sprint(c.From, c.To, c.Protocol, c.Port)]; c.Now != was && !strings.HasSuffix(c.From, "/node-agent") && !strings.HasSuffix(c.To, "/node-agent") {
			t.Errorf("%s -> %s %s %d is %s, was proposed %q", c.From, c.To, c.Protocol, c.Port, c.Now, was)
		}
	}
	needed := after.now(func(_, _ string, _ int, needed bool) bool { return needed })
	if needed["denied"] > 0 {
		t.Errorf("needed connections are cut: %v", needed)
	}
	outside := after.now(func(from, to string, _ int, _ bool) bool {
		return strings.HasPrefix(from, "shop/Deployment/") && (to == "internet" || to == "metadata")
	})
	if len(outside) != 1 || outside["denied"] == 0 {
		t.Errorf("to the internet and metadata: %v, want all denied", outside)
	}
	for _, p := range after.Phases {
		for _, f := range p.Findings {
			t.Errorf("%s is left to do: %s", p.Name, f)
		}
	}

	// One way back a step, the last first.
	for range 3 {
		u.ok(t, "undo", "--yes")
	}
	if now := objects(); now != was {
		t.Errorf("objects after the undo:\n%s\nbefore:\n%s", now, was)
	}
	if again := u.network(t, "-n", "shop"); again.Summary.Now != before.Summary.Now {
		t.Errorf("after the undo %+v, before %+v", again.Summary.Now, before.Summary.Now)
	}
}

const webhook = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: hook}
spec:
  selector: {matchLabels: {app: hook}}
  template:
    metadata: {labels: {app: hook}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: hook
        image: example.com/hook:1
        ports: [{containerPort: 8443}]
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec:
  selector: {app: hook}
  ports: [{port: 443, targetPort: 8443}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAME}
webhooks:
- name: pods.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  namespaceSelector: {matchLabels: {nobody: has-this}}
  clientConfig: {service: {namespace: NAME, name: hook}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
`

// T58: the API server waits for a webhook that it does not reach, even where
// failurePolicy is Ignore.
func TestT58DefaultDenyWhereAWebhookLivesIsRefused(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	kubectlApply(t, l, ns, strings.ReplaceAll(webhook, "NAME", ns))
	t.Cleanup(func() {
		_, _ = l.Kubectl(t.Context(), "delete", "validatingwebhookconfiguration", ns, "--ignore-not-found")
	})
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/hook", "--timeout=60s")

	u.ok(t, "network", "-n", ns, "--apply", "--yes", "--class", "safe,evidence,review", "--soak=0s", "--phase", "ingress,egress")
	made := policiesOf(t, l, ns)
	if r := u.ok(t, "network", "-n", ns, "--from", "api-server", "--to", "hook", "--port", "8443"); !strings.Contains(r.stdout, "allowed") {
		t.Errorf("the API server does not reach the webhook: %s", r)
	}
	r := u.harden(t, "network", "-n", ns, "--apply", "--yes", "--class", "safe,evidence,review", "--soak=0s")
	if got := policiesOf(t, l, ns); !slices.Equal(got, made) || slices.Contains(got, "harden-default-deny-ingress") {
		t.Errorf("policies %q, then %q: %s", made, got, r)
	}
	if text := r.stdout + r.stderr; !strings.Contains(text, "webhook") || !strings.Contains(text, ns) {
		t.Errorf("the reason is not told: %s", r)
	}
}

// Rights in one namespace are enough to be told what can be told, and what cannot.
func TestNetworkWithRightsInOneNamespace(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	name := "viewer-" + ns
	kubectl(t, l, "create", "rolebinding", "view", "-n", ns, "--clusterrole=view", "--user="+name)
	u := as(t, l, name)
	rep := u.network(t, "-n", ns)
	if len(rep.NotChecked) == 0 {
		t.Error("nothing is named as not checked")
	}
	if strings.Contains(fmt.Sprint(rep.NotChecked), "pods") && len(rep.Cells) == 0 {
		t.Errorf("nothing is told of the own namespace: %+v", rep.NotChecked)
	}
	r := u.harden(t, "network", "-n", ns, "--apply", "--yes", "--class", "safe,evidence,review", "--soak=0s")
	if r.code != 2 && len(policiesOf(t, l, ns)) > 0 {
		t.Errorf("a viewer made policies: %s", r)
	}
	if len(policiesOf(t, l, ns)) > 0 {
		t.Error("a viewer made policies")
	}
}

// A run that is killed while the pods are watched is gone on with, or taken back.
func TestNetworkKilledWhileItWatches(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	cmd := u.command(t.Context(), t, "network", "-n", ns, "--apply", "--yes", "--class", "safe,evidence,review", "--soak=10m")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(policiesOf(t, l, ns)) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no policy was made within a minute")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if r := u.ok(t, "fix", "--resume", "--soak=0s"); !strings.Contains(r.stdout+r.stderr, "proven") {
		t.Errorf("resuming: %s", r)
	}
	u.ok(t, "undo", "--yes")
	if got := policiesOf(t, l, ns); len(got) > 0 {
		t.Errorf("policies after the undo: %q", got)
	}
}
