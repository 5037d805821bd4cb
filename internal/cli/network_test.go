package cli

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const smallShop = `apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: web
        image: nginx:1.27
        ports: [{containerPort: 8080}]
        env: [{name: API_ADDR, value: "http://api:80"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: api
        image: nginx:1.27
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  selector: {app: api}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  policyTypes: [Ingress]
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: nowhere}}}]
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 8080}]
`

// Flags that contradict each other are refused before anything is read, with the way out.
func TestNetworkFlags(t *testing.T) {
	good := write(t, "shop.yaml", smallShop)
	empty := write(t, "empty.csv", "")
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"unknown output", []string{"network", "-f", good, "-o", "png"}, []string{`"png"`, "mermaid"}},
		{"unknown phase", []string{"network", "-f", good, "--phase", "all"}, []string{`"all"`, "default-deny"}},
		{"port that is none", []string{"network", "-f", good, "--from", "web", "--to", "api", "--port", "http"}, []string{"--port", "53/udp"}},
		{"port of another protocol", []string{"network", "-f", good, "--from", "web", "--to", "api", "--port", "1/icmp"}, []string{"--port", "53/udp"}},
		{"port that is too high", []string{"network", "-f", good, "--from", "web", "--to", "api", "--port", "70000"}, []string{"--port"}},
		{"port of nothing", []string{"network", "-f", good, "--from", "web", "--port", "80"}, []string{"--port", "--to"}},
		{"question as a picture", []string{"network", "-f", good, "--from", "web", "-o", "dot"}, []string{"--from", "table and json"}},
		{"question about changes", []string{"network", "-f", good, "--from", "web", "--changes"}, []string{"--from", "--changes"}},
		{"yes to nothing", []string{"network", "-f", good, "--yes"}, []string{"--yes", "add --apply"}},
		{"dry run of nothing", []string{"network", "-f", good, "--dry-run"}, []string{"--dry-run", "add --apply"}},
		{"soak of nothing", []string{"network", "-f", good, "--soak", "5m"}, []string{"--soak", "add --apply"}},
		{"files cannot be applied to", []string{"network", "-f", good, "--apply", "--yes"}, []string{"no cluster to apply to", "network -f FILE -o yaml"}},
		{"apply and output", []string{"network", "--apply", "--yes", "-o", "json"}, []string{"--apply", "--output"}},
		{"apply and exit code", []string{"network", "--apply", "--yes", "--exit-code"}, []string{"--exit-code", "--apply"}},
		{"apply and question", []string{"network", "--apply", "--yes", "--from", "web"}, []string{"--apply", "--from"}},
		{"apply without a terminal", []string{"network", "--apply", "--server", "https://127.0.0.1:1"}, []string{"no terminal", "--yes"}},
		{"object that is not there", []string{"network", "-f", good, "deployment/cache"}, []string{"deployment/cache", "scan -o name"}},
		{"flows that are not there", []string{"network", "-f", good, "--flows", "/no/such/file"}, []string{"--flows", "/no/such/file"}},
		{"flows that are empty", []string{"scan", "-f", good, "--flows", empty}, []string{"--flows", "empty.csv"}},
		{"probe of files", []string{"network", "-f", good, "--probe"}, []string{"--probe", "files"}},
		{"no kubeconfig", []string{"network"}, []string{"KUBECONFIG"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, "", test.args...)
			if code != exitError || stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q", code, exitError, stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not say %q:\n%s", want, stderr)
				}
			}
		})
	}
}

// Each output says who enforces policies, and what it is there for.
func TestNetworkOfFiles(t *testing.T) {
	const engine = "enforced"
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{engine, "MAY REACH", "IS REACHED BY", "Deployment/web  ~", "allowed", "Needed are"}},
		{[]string{"--propose"}, []string{engine, "Two signs"}},
		{[]string{"--changes"}, []string{engine}},
		{[]string{"-o", "matrix"}, []string{engine, "MAY REACH"}},
		{[]string{"-o", "wide"}, []string{engine, "NetworkPolicy shop/api, ingress rule 2"}},
		{[]string{"-o", "dot"}, []string{engine, "digraph"}},
		{[]string{"-o", "mermaid"}, []string{engine, "flowchart"}},
		{[]string{"-o", "yaml"}, []string{engine}},
		{[]string{"-o", "json"}, []string{`"enforces": "unknown"`, `"kind": "NetworkReport"`}},
		{[]string{"--from", "web", "--to", "api", "-o", "json"}, []string{`"enforces": "unknown"`, `"kind": "NetworkAnswers"`}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			code, stdout, stderr := execute(t, smallShop, append([]string{"network", "-f", "-"}, test.args...)...)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("output lacks %q:\n%s", want, stdout)
				}
			}
		})
	}
}

// What is asked about is answered with the policy and the rule that decide.
func TestNetworkAnswers(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--from", "web", "--to", "api", "--port", "8080"}, []string{"Deployment/web to Deployment/api tcp/8080: allowed\n", "NetworkPolicy shop/api, ingress rule 2"}},
		{[]string{"--from", "shop/web", "--to", "deployment/api", "--port", "8081/tcp"}, []string{"tcp/8081: denied\n", "NetworkPolicy shop/api"}},
		{[]string{"--from", "shop/deploy/web", "--to", "api"}, []string{"tcp/8080: allowed\n", "tcp/other: denied\n"}},
		{[]string{"--from", "internet", "--to", "api", "--port", "8080"}, []string{"internet to Deployment/api tcp/8080: denied\n"}},
		{[]string{"--from", "ns:other", "--to", "api", "--port", "8080"}, []string{"ns:other to Deployment/api tcp/8080: "}},
		{[]string{"--from", "web", "--to", "metadata", "--port", "80"}, []string{"Deployment/web to metadata tcp/80: allowed\n"}},
		{[]string{"--from", "web", "--to", "10.1.2.3/16", "--port", "53/udp"}, []string{"Deployment/web to 10.1.0.0/16 udp/53: allowed\n"}},
		{[]string{"--from", "2001:db8::1", "--to", "api"}, []string{"2001:db8::1/128 to Deployment/api tcp/8080: denied\n"}},
		{[]string{"--to", "api"}, []string{"Deployment/web to Deployment/api tcp/8080: allowed\n", "internet to Deployment/api tcp/8080: denied\n"}},
		{[]string{"--from", "web", "--to", "api", "--port", "8080", "--propose"}, []string{"with the proposal: "}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			code, stdout, stderr := execute(t, smallShop, append([]string{"network", "-f", "-"}, test.args...)...)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("output lacks %q:\n%s", want, stdout)
				}
			}
		})
	}
	for name, want := range map[string]string{
		"nobody": "shop/Deployment/api, shop/Deployment/web", "ns:nowhere": "other, shop", "a/b/c/d": "there are: ", "10.0.0.1%eth0": "there are: ", "": "name both",
	} {
		code, stdout, stderr := execute(t, smallShop, "network", "-f", "-", "--to", "private", "--from", name)
		if name == "" {
			code, stdout, stderr = execute(t, smallShop, "network", "-f", "-", "--to", "ns:other")
		}
		if code != exitError || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr lacks %q:\n%s", name, code, stdout, want, stderr)
		}
	}
}

// A name that several workloads have is asked for in full, unless one of them is looked at.
func TestNetworkNames(t *testing.T) {
	twice := smallShop + "---\n" + strings.ReplaceAll(deployment, "  name: web # the shop window", "  name: web\n  namespace: other")
	code, _, stderr := execute(t, twice, "network", "-f", "-", "--from", "web", "--to", "api")
	if code != exitError || !strings.Contains(stderr, "other/Deployment/web or shop/Deployment/web") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := execute(t, twice, "network", "-n", "shop", "-f", "-", "--from", "web", "--to", "api", "--port", "8080")
	if code != exitOK || !strings.Contains(stdout, "Deployment/web to Deployment/api tcp/8080: allowed") {
		t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-7d4b-x2x"}, Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: "10.244.0.7"}, {IP: "fd00::7"}}}}
	web := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, Pods: []*corev1.Pod{pod}}
	e := newEnds(&harden.Inventory{Workloads: []*harden.Workload{web}}, &harden.NetworkView{Namespaces: []string{"shop"}})
	for _, name := range []string{"web-7d4b-x2x", "pod/web-7d4b-x2x", "shop/web-7d4b-x2x", "10.244.0.7", "fd00::7"} {
		if p, err := e.find("from", name); err != nil || p != harden.WorkloadPeer(web.Ref) {
			t.Errorf("%q is %v, %v", name, p, err)
		}
	}
	web.Template.Spec.HostNetwork = true // the address is the node's
	if p, err := e.find("from", "10.244.0.7"); err != nil || p.Kind != harden.PeerAddress {
		t.Errorf("address of a pod on the host network is %v, %v", p, err)
	}
}

// With --exit-code 1 says that something is proposed.
func TestNetworkExitCode(t *testing.T) {
	o := &networkOptions{chosen: []harden.NetworkPhaseName{harden.PhaseEgress}}
	view := &harden.NetworkView{Phases: []harden.NetworkPhase{
		{Name: harden.PhaseIngress, Policies: []*unstructured.Unstructured{{}}}, {Name: harden.PhaseEgress, Refused: []string{"no"}},
	}}
	if o.proposes(view) {
		t.Error("the phase that was chosen proposes nothing")
	}
	o.chosen = nil
	if !o.proposes(view) {
		t.Error("ingress is proposed")
	}
}
