package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func deploymentPeer(ns, name string) harden.Peer {
	return harden.WorkloadPeer(harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name})
}

func policyRef(name string) harden.Ref {
	return harden.Ref{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: "shop", Name: name}
}

// network is a shop of two workloads that nothing isolates, with a proposal.
func network() *Network {
	api, web, dns, internet := deploymentPeer("shop", "api"), deploymentPeer("shop", "web"), harden.Peer{Kind: harden.PeerDNS}, harden.Peer{Kind: harden.PeerInternet}
	http, other := harden.Port{Protocol: corev1.ProtocolTCP, Number: 8080}, harden.Port{Protocol: corev1.ProtocolTCP}
	domain := harden.Port{Protocol: corev1.ProtocolUDP, Number: 53}
	policy := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": "harden-api-ingress", "namespace": "shop"}, "spec": map[string]any{"policyTypes": []any{"Ingress"}},
	}}
	v := &harden.NetworkView{
		Namespaces: []string{"shop"}, Time: imagesNow,
		Engine: harden.Engine{Name: harden.EngineCilium, Enforces: harden.Enforced, Why: "DaemonSet kube-system/cilium", IPv4: true},
		Peers:  []harden.Peer{api, web, {Kind: harden.PeerNamespace, Namespace: "a"}, {Kind: harden.PeerNamespace, Namespace: "b"}, dns, internet},
		Flows: []harden.Flow{
			{From: api, To: dns, Port: domain, Confidence: harden.ConfidenceMedium, Origins: []harden.FlowOrigin{{Code: "E-SLICES", Text: "names are looked up"}}},
			{From: web, To: api, Port: http, Confidence: harden.ConfidenceHigh, Origins: []harden.FlowOrigin{
				{Code: "E-ENV", Text: "env API of container web is \"\x1b[31mapi:8080\""}, {Code: "E-FLOWS", Text: "seen by Hubble", Observed: true},
			}, Volatile: "the Service selects by version"},
			{From: web, To: internet, Port: http, Host: "pay.example.com", Confidence: harden.ConfidenceLow, Origins: []harden.FlowOrigin{{Code: "E-ENV", Text: "looks like a host"}}},
		},
		Phases: []harden.NetworkPhase{
			{
				Namespace: "shop", Name: harden.PhaseIngress, Policies: []*unstructured.Unstructured{policy}, Warnings: []string{"probes come from the node"},
				Findings: []*harden.Finding{{Fixer: &harden.Fixer{ID: "netpol-missing-ingress"}, Object: api.Workload}},
				Refused:  []string{"Deployment/web: it shares its labels with Deployment/web-green"},
			},
			{Namespace: "shop", Name: harden.PhaseEgress, Done: true},
			{Namespace: "shop", Name: harden.PhaseDefaultDeny, Refused: []string{"not every workload is isolated yet"}},
		},
		Unread: []harden.Unread{{Resource: harden.EndpointSlices, Namespace: "shop", Why: "forbidden"}},
	}
	cell := func(from, to int32, port harden.Port, before, after harden.Reach, flow int32) harden.NetworkCell {
		return harden.NetworkCell{From: from, To: to, Port: port, Before: before, After: after, Flow: flow}
	}
	const apiAt, webAt, aAt, bAt, dnsAt, internetAt = 0, 1, 2, 3, 4, 5
	yes, no, perhaps := harden.ReachAllowed, harden.ReachDenied, harden.ReachUnknown
	v.Cells = []harden.NetworkCell{
		cell(apiAt, webAt, http, yes, yes, 0), cell(apiAt, dnsAt, domain, yes, yes, 1), cell(apiAt, internetAt, other, perhaps, perhaps, 0),
		cell(webAt, apiAt, http, yes, yes, 2), cell(webAt, apiAt, other, yes, no, 0), cell(webAt, internetAt, http, no, no, 3),
		cell(aAt, apiAt, http, yes, no, 0), cell(bAt, apiAt, http, yes, no, 0),
		{From: internetAt, To: webAt, Port: http, Before: yes, BeforePartly: true, After: yes, AfterPartly: true},
	}
	v.Explain = func(from, to harden.Peer, port harden.Port) (before, after harden.Decision) {
		before = harden.Decision{Reach: yes, Why: "no policy isolates either end"}
		after = harden.Decision{Reach: no, Why: "harden-api-ingress isolates", By: []harden.PolicyRule{{Policy: policyRef("harden-api-ingress"), Direction: harden.Ingress}}}
		if from == web && to == api && port == http {
			after = harden.Decision{Reach: yes, Why: "harden-api-ingress admits", By: []harden.PolicyRule{{Policy: policyRef("harden-api-ingress"), Direction: harden.Ingress, Rule: 1}}}
		}
		return before, after
	}
	return &Network{View: v, Cluster: harden.Cluster{Context: "lab", Server: "https://127.0.0.1"}}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNetworkTable(t *testing.T) {
	equal(t, `
NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).

MAY REACH       api  web  dns  internet
Deployment/api       +    +    ?
Deployment/web  +              -

IS REACHED BY   api  web  ns:a (+1)  internet
Deployment/api       +    +
Deployment/web  +                    ~

+ allowed, ~ in part (some ports, some pods or some addresses), - denied, ? unknown, ! denied though needed

Connections in namespace "shop" (each port of each pair): 7 allowed, 1 denied, 1 unknown. With the proposal: 4 allowed, 4 denied, 1 unknown.

Needed are 2 connections:
FROM            TO              PORT      CONFIDENCE  BECAUSE
Deployment/api  dns             udp/53    medium      names are looked up
Deployment/web  Deployment/api  tcp/8080  high        env API of container web is "[31mapi:8080"; seen by Hubble; volatile: the Service selects by version

Proposal, in this order; each phase is applied and undone as one:
  ingress in shop: 1 new policy, 1 not proposed
    makes NetworkPolicy harden-api-ingress
    not proposed: Deployment/web: it shares its labels with Deployment/web-green
    warning: probes come from the node
  egress in shop: nothing left to do
  default-deny in shop: refused
    not proposed: not every workload is isolated yet

Guessed by name only, and not allowed by the proposal:
  Deployment/web to internet (pay.example.com) tcp/8080: looks like a host
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, network().Table))
}

// Lines that are too narrow for names get numbers; those that are too narrow for
// a matrix get lists.
func TestNetworkProposal(t *testing.T) {
	r := network()
	r.Proposed = true
	r.Width = 40
	equal(t, `
NetworkPolicies are enforced by Cilium
(DaemonSet kube-system/cilium).

MAY REACH       api  web  dns  internet
Deployment/api       +    +    ?
Deployment/web  +~             -

IS REACHED BY   1   2   3   4
Deployment/api      +~  +-
Deployment/web  +           ~
Columns: 1 api, 2 web, 3 ns:a (+1),
         4 internet

+ allowed,
~ in part (some ports, some pods or some addresses),
- denied, ? unknown,
! denied though needed
Two signs: as it is, and with the proposal.

Connections in namespace "shop" (each
port of each pair): 7 allowed, 1 denied,
1 unknown. With the proposal: 4 allowed,
4 denied, 1 unknown.

Needed are 2 connections:
FROM            TO              PORT      CONFIDENCE  BECAUSE
Deployment/api  dns             udp/53    medium      names are looked up
Deployment/web  Deployment/api  tcp/8080  high        env API of container web is "[31mapi:8080"; seen by Hubble; volatile: the Service selects by version

Proposal, in this order; each phase is applied and undone as one:
  ingress in shop: 1 new policy, 1 not proposed
    makes NetworkPolicy harden-api-ingress
    not proposed: Deployment/web: it shares its labels with Deployment/web-green
    warning: probes come from the node
  egress in shop: nothing left to do
  default-deny in shop: refused
    not proposed: not every workload is isolated yet

Guessed by name only, and not allowed by the proposal:
  Deployment/web to internet (pay.example.com) tcp/8080: looks like a host
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, r.Table))
	r.Width = 28
	r.View.Phases, r.View.Flows, r.View.Unread = nil, nil, nil
	for i := range r.View.Cells {
		r.View.Cells[i].Flow = 0
	}
	equal(t, `
NetworkPolicies are enforced
by Cilium (DaemonSet
kube-system/cilium).

Deployment/api may reach
  ? unknown: internet
  + allowed: Deployment/web,
             dns

Deployment/web may reach
  +~ allowed, then in part: Deployment/api (tcp/8080)
  - denied: internet

Deployment/api is reached by
  +~ allowed, then in part: Deployment/web (tcp/8080)
  +- allowed, then denied: ns:a (+1)

Deployment/web is reached by
  + allowed: Deployment/api
  ~ in part: internet (tcp/8080)

Connections in namespace
"shop" (each port of each
pair): 7 allowed, 1 denied,
1 unknown. With the
proposal: 4 allowed, 4
denied, 1 unknown.
Nothing is known of what the workloads need.
`, written(t, r.Table))
}

func TestNetworkMatrix(t *testing.T) {
	r := network()
	r.Changes = true
	equal(t, `
NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).

MAY REACH       api
Deployment/web  +-

IS REACHED BY   web  ns:a (+1)
Deployment/api  +-   +-

+ allowed, ~ in part (some ports, some pods or some addresses), - denied, ? unknown, ! denied though needed
Two signs: as it is, and with the proposal.

Connections in namespace "shop" (each port of each pair): 7 allowed, 1 denied, 1 unknown. With the proposal: 4 allowed, 4 denied, 1 unknown.
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, r.Matrix))
	r.Only = func(ref harden.Ref) bool { return ref.Name == "web" }
	r.Changes = false
	equal(t, `
NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).

MAY REACH       api  internet
Deployment/web  +    -

IS REACHED BY   api  internet
Deployment/web  +    ~

+ allowed, ~ in part (some ports, some pods or some addresses), - denied, ? unknown, ! denied though needed

Connections in namespace "shop" (each port of each pair): 7 allowed, 1 denied, 1 unknown. With the proposal: 4 allowed, 4 denied, 1 unknown.
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, r.Matrix))
}

func TestNetworkWide(t *testing.T) {
	r := network()
	r.Changes = true
	r.View.Phases = nil
	equal(t, `
NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).

FROM            TO              PORT       NOW      PROPOSED  NEEDED  BECAUSE
Deployment/web  Deployment/api  tcp/other  allowed  denied    -       no policy isolates either end; then: harden-api-ingress isolates
ns:a            Deployment/api  tcp/8080   allowed  denied    -       no policy isolates either end; then: harden-api-ingress isolates
ns:b            Deployment/api  tcp/8080   allowed  denied    -       no policy isolates either end; then: harden-api-ingress isolates

Connections in namespace "shop" (each port of each pair): 7 allowed, 1 denied, 1 unknown. With the proposal: 4 allowed, 4 denied, 1 unknown.
Guessed by name only, and not allowed by the proposal:
  Deployment/web to internet (pay.example.com) tcp/8080: looks like a host
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, r.Wide))
}

func TestNetworkGraphs(t *testing.T) {
	r := network()
	r.View.Cells[3].Before = harden.ReachDenied
	r.View.Peers[1].Workload.Name = `we"b\]`
	equal(t, `
// NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).
// As it is. Solid: allowed and needed; dashed: allowed, not known to be needed.
digraph network {
  rankdir=LR;
  node [shape=box];
  n2 [label="ns:a", shape=ellipse];
  n3 [label="ns:b", shape=ellipse];
  n4 [label="dns", shape=ellipse];
  n5 [label="internet", shape=ellipse];
  subgraph cluster_1 {
    label="shop";
    n0 [label="Deployment/api"];
    n1 [label="Deployment/we\"b\\]"];
  }
  n0 -> n1 [style=dashed, label="tcp/8080"];
  n0 -> n4 [style=solid, label="udp/53"];
  n0 -> n5 [style=dotted, label="unknown: tcp/other"];
  n1 -> n0 [style=dotted, color=red, label="denied though needed: tcp/8080"];
  n1 -> n0 [style=dashed, label="tcp/other"];
  n2 -> n0 [style=dashed, label="tcp/8080"];
  n3 -> n0 [style=dashed, label="tcp/8080"];
  n5 -> n1 [style=dashed, label="tcp/8080"];
}
`, written(t, r.DOT))
	equal(t, `
flowchart LR
  %% NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).
  %% As it is. Solid: allowed and needed; dashed: allowed, not known to be needed.
  n2(["ns:a"])
  n3(["ns:b"])
  n4(["dns"])
  n5(["internet"])
  subgraph s1["shop"]
    n0["Deployment/api"]
    n1["Deployment/we#34;b#92;#93;"]
  end
  n0 -.->|"tcp/8080"| n1
  n0 -->|"udp/53"| n4
  n0 -.-o|"unknown: tcp/other"| n5
  n1 --x|"denied though needed: tcp/8080"| n0
  n1 -.->|"tcp/other"| n0
  n2 -.->|"tcp/8080"| n0
  n3 -.->|"tcp/8080"| n0
  n5 -.->|"tcp/8080"| n1
`, written(t, r.Mermaid))
}

func TestNetworkYAML(t *testing.T) {
	equal(t, `
# NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).
# ingress in shop: 1 new policy, 1 not proposed
#   not proposed: Deployment/web: it shares its labels with Deployment/web-green
#   warning: probes come from the node
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: harden-api-ingress
  namespace: shop
spec:
  policyTypes:
  - Ingress
# egress in shop: nothing left to do
# default-deny in shop: refused
#   not proposed: not every workload is isolated yet
`, written(t, network().YAML))
	r := network()
	r.Phases = []harden.NetworkPhaseName{harden.PhaseIngress}
	text := written(t, r.YAML)
	if strings.Contains(text, "default-deny") || !strings.Contains(text, "\n---\n") {
		t.Errorf("one phase:\n%s", text)
	}
}

func TestNetworkAnswers(t *testing.T) {
	r := network()
	r.Proposed = true
	web, api := r.View.Peers[1], r.View.Peers[0]
	answer := func(from, to harden.Peer, port harden.Port) NetworkAnswer {
		a := NetworkAnswer{From: from, To: to, Port: port}
		a.Before, a.After = r.View.Explain(from, to, port)
		return a
	}
	answers := []NetworkAnswer{answer(web, api, r.View.Flows[1].Port), answer(harden.Peer{Kind: harden.PeerAddress, CIDR: "192.0.2.7/32"}, api, harden.Port{Protocol: corev1.ProtocolUDP, Number: 53})}
	equal(t, `
NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).
Deployment/web to Deployment/api tcp/8080: allowed
  no policy isolates either end
  with the proposal: allowed
    harden-api-ingress admits
  needed (confidence high): env API of container web is "[31mapi:8080"; seen by Hubble; volatile: the Service selects by version
192.0.2.7/32 to Deployment/api udp/53: allowed
  no policy isolates either end
  with the proposal: denied
    harden-api-ingress isolates
Not checked:
  endpointslices.discovery.k8s.io in namespace shop: forbidden
`, written(t, func(w io.Writer) error { return r.Answers(w, answers) }))
	var doc struct {
		Kind    string
		Answers []struct {
			From, To struct{ ID string }
			Port     int
			Proposed struct {
				Reach string
				By    []struct {
					Policy struct{ Name string }
					Rule   int
				}
			}
			Flow *struct{ Confidence string }
		}
	}
	if err := json.Unmarshal([]byte(written(t, func(w io.Writer) error { return r.AnswersJSON(w, answers) })), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Answers[0]
	if doc.Kind != "NetworkAnswers" || first.From.ID != "shop/Deployment/web" || first.Port != 8080 || first.Proposed.Reach != "allowed" ||
		first.Proposed.By[0].Policy.Name != "harden-api-ingress" || first.Proposed.By[0].Rule != 1 || first.Flow == nil || first.Flow.Confidence != "high" {
		t.Errorf("%+v", doc)
	}
}

func TestNetworkJSON(t *testing.T) {
	r := network()
	r.Only = func(ref harden.Ref) bool { return ref.Name == "web" }
	text := written(t, r.JSON)
	var doc struct {
		APIVersion, Kind string
		Summary          struct {
			Namespaces    []string
			Engine        struct{ Name, Enforces string }
			Now, Proposed struct{ Allowed, Denied, Unknown int }
		}
		Peers []struct{ ID, Kind string }
		Cells []struct {
			From, To, Now, Proposed string
			Port                    int
			Needed                  bool
		}
		Flows []struct {
			Confidence string
			Required   bool
			Origins    []struct{ Code string }
		}
		Phases []struct {
			Name, Namespace string
			Findings        []string
			Policies        []map[string]any
			Refused         []string
		}
		NotChecked []struct{ What string }
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.APIVersion != APIVersion || doc.Kind != "NetworkReport" || doc.Summary.Engine.Enforces != "enforced" || doc.Summary.Now.Allowed != 7 || doc.Summary.Proposed.Allowed != 4 {
		t.Errorf("summary: %+v", doc.Summary)
	}
	if len(doc.Peers) != 6 || len(doc.Cells) != 5 || len(doc.Flows) != 2 || len(doc.NotChecked) != 1 {
		t.Errorf("%d peers, %d cells, %d flows, %d not checked", len(doc.Peers), len(doc.Cells), len(doc.Flows), len(doc.NotChecked))
	}
	ids := map[string]bool{}
	for _, p := range doc.Peers {
		ids[p.ID] = true
	}
	for _, c := range doc.Cells {
		if !ids[c.From] || !ids[c.To] {
			t.Errorf("cell from %q to %q: no such peer", c.From, c.To)
		}
	}
	if p := doc.Phases[0]; p.Name != "ingress" || p.Policies[0]["kind"] != "NetworkPolicy" || len(p.Findings) != 1 || len(p.Refused) != 1 {
		t.Errorf("phase: %+v", p)
	}
	if strings.Contains(text, "null") {
		t.Errorf("empty lists are lists:\n%s", text)
	}
}

// Nobody reads a matrix without knowing whether anything enforces it.
func TestEngineStandsOnEveryOutput(t *testing.T) {
	for want, engine := range map[string]harden.Engine{
		"are enforced by Cilium (seen)": {Name: harden.EngineCilium, Enforces: harden.Enforced, Why: "seen"},
		"NOT enforced by flannel":       {Name: harden.EngineFlannel, Enforces: harden.NotEnforced},
		"cannot be told":                {Why: "daemonsets are forbidden"},
	} {
		r := network()
		r.View.Engine = engine
		for name, write := range map[string]func(io.Writer) error{
			"table": r.Table, "matrix": r.Matrix, "wide": r.Wide, "dot": r.DOT, "mermaid": r.Mermaid, "yaml": r.YAML,
			"answers": func(w io.Writer) error { return r.Answers(w, nil) },
		} {
			if text := written(t, write); !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, text)
			}
		}
	}
}

// Names from outside move no cursor, and break out of no quotes.
func TestNetworkOfHostileNames(t *testing.T) {
	r := network()
	const bad = "x\x1b[2J\n\"]; evil -->"
	r.Proposed = true
	for i := range r.View.Peers {
		p := &r.View.Peers[i]
		p.Namespace, p.CIDR, p.Workload.Name = bad, bad, bad
	}
	r.View.Namespaces = []string{bad}
	r.View.Engine.Name, r.View.Engine.Why = bad, bad
	for i := range r.View.Flows {
		r.View.Flows[i].Host, r.View.Flows[i].Volatile, r.View.Flows[i].Origins[0].Text = bad, bad, bad
	}
	for i := range r.View.Phases {
		r.View.Phases[i].Namespace, r.View.Phases[i].Refused, r.View.Phases[i].Warnings = bad, []string{bad}, []string{bad}
	}
	for name, write := range map[string]func(io.Writer) error{"table": r.Table, "wide": r.Wide, "dot": r.DOT, "mermaid": r.Mermaid, "yaml": r.YAML} {
		text := written(t, write)
		if strings.ContainsAny(text, "\x1b") {
			t.Errorf("%s writes an escape:\n%q", name, text)
		}
		if name == "mermaid" && !strings.Contains(text, `["x#91;2J #34;#93;#59; evil --#62;"]`) {
			t.Errorf("a name is not quoted:\n%s", text)
		}
	}
}

// What is said of several workloads is said once.
func TestNetworkFolds(t *testing.T) {
	got := folded([]string{"policies are not enforced: see above", "Deployment/api: it mounts a token", "Deployment/web: it mounts a token", "Deployment/web: another", "no subject"})
	want := []string{"policies are not enforced: see above", "Deployment/api, Deployment/web: it mounts a token", "Deployment/web: another", "no subject"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r := network()
	cache := deploymentPeer("shop", "cache")
	r.View.Peers = append(r.View.Peers, cache)
	r.View.Flows = nil
	dns := harden.Peer{Kind: harden.PeerDNS}
	for _, from := range []harden.Peer{r.View.Peers[0], r.View.Peers[1], cache} {
		for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
			r.View.Flows = append(r.View.Flows, harden.Flow{From: from, To: dns, Port: harden.Port{Protocol: protocol, Number: 53}, Confidence: harden.ConfidenceMedium, Origins: []harden.FlowOrigin{{Text: "names"}}})
		}
	}
	needs, n := r.needs()
	if n != 6 || len(needs) != 1 || needs[0].from != "3 of 3 workloads" || strings.Join(needs[0].ports, ",") != "tcp/53,udp/53" {
		t.Errorf("%d: %+v", n, needs)
	}
	r.View.Flows = r.View.Flows[:4] // not all of them
	if needs, _ := r.needs(); len(needs) != 2 {
		t.Errorf("%+v", needs)
	}
}
