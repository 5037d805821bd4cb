package propose

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestCilium(t *testing.T) {
	cilium := func(objects []*unstructured.Unstructured) []any {
		var out []any
		for _, o := range objects {
			if o.GetKind() == "CiliumNetworkPolicy" {
				rules, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec")
				spec := rules.(map[string]any)
				out = append(out, spec["egress"], spec["ingress"])
			}
		}
		return slices.DeleteFunc(out, func(v any) bool { return v == nil })
	}
	draft := func(name harden.NetworkPhaseName, yaml string, edit func(*harden.Inventory)) Draft {
		inv := nettest.Known(t, harden.EngineCilium, yaml)
		if edit != nil {
			edit(inv)
		}
		return phase(inv.Fresh(), name).Drafts[0]
	}
	host := func(port, protocol string) []any {
		return []any{[]any{map[string]any{"toEntities": []any{"host"}, "toPorts": []any{map[string]any{"ports": []any{map[string]any{"port": port, "protocol": protocol}}}}}}}
	}

	identity := draft(harden.PhaseEgress, workload("web", env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")), nil) // T56
	if diff := cmp.Diff(host("80", "TCP"), cilium(identity.Objects)); diff != "" {
		t.Errorf("Pod Identity (-want +got):\n%s", diff)
	}
	fix := identity.fixes("")[0]
	if fix.Class != harden.Review || len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "kind: CiliumNetworkPolicy") || strings.Index(fix.Manual, "CiliumNetworkPolicy") > strings.Index(fix.Manual, "networking.k8s.io/v1") {
		t.Errorf("fix %+v", fix)
	}

	token := strings.Replace(workload("web", ""), "automountServiceAccountToken: false, ", "", 1)
	onNodes := func(i *harden.Inventory) { i.Net.EndpointSlices[0].Endpoints[0].Addresses = []string{"192.0.2.21"} }
	if diff := cmp.Diff([]any{[]any{map[string]any{"toEntities": []any{"kube-apiserver"}}}}, cilium(draft(harden.PhaseEgress, token, onNodes).Objects)); diff != "" {
		t.Errorf("API server on nodes (-want +got):\n%s", diff)
	}
	if got := draft(harden.PhaseEgress, token, nil); len(cilium(got.Objects)) > 0 || got.Refused != "" {
		t.Errorf("API server elsewhere: %+v", got)
	}

	caller := labelled("DaemonSet", "web", "app: web", "hostNetwork: true, containers: [{name: c, image: c, "+env("DB", "db:5432")+"}]")
	var found bool
	for _, d := range phase(nettest.Known(t, harden.EngineCilium, caller+db), harden.PhaseIngress).Drafts {
		if rules := cilium(d.Objects); len(rules) == 1 {
			found = true
			want := []any{map[string]any{"fromEntities": []any{"host", "remote-node"}, "toPorts": []any{map[string]any{"ports": []any{map[string]any{"port": "5433", "protocol": "TCP"}}}}}}
			if diff := cmp.Diff(any(want), rules[0]); diff != "" {
				t.Errorf("T59 on Cilium (-want +got):\n%s", diff)
			}
		}
	}
	if !found {
		t.Error("no policy names the nodes")
	}

	byHost := draft(harden.PhaseEgress, workload("web", env("U", "https://api.example.com")), nil)
	fixes := byHost.fixes("")
	if len(fixes) != 2 || len(fixes[0].Changes) != 1 || !strings.Contains(fixes[1].Manual, "matchName: api.example.com") || strings.Contains(fixes[1].Manual, "0.0.0.0/0") {
		t.Errorf("fixes %+v", fixes)
	}
}

func TestVPCCNIWarnings(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"T49 translated port": {workload("web", env("DB", "db:5432")) + db, "Service shop/db sends port 5432 to tcp/5433"},
		"T62 translated named port": {
			workload("web", env("DB", "db:80")) + workload("db", "ports: [{name: a, containerPort: 9090}, {name: b, containerPort: 8080}]") + service("db", "selector: {app: db}, ports: [{name: a, port: 9090, targetPort: a}, {name: b, port: 80, targetPort: b}]"),
			"Service shop/db sends port 80 to tcp/8080",
		},
		"T55 block in a block": {
			workload("web", "env: [{name: U, value: 'https://api.example.com'}, {name: V, value: 'http://198.51.100.7:8080'}]"), "198.51.100.7/32 lies within 0.0.0.0/0",
		},
		"T64 bare Pod": {"apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {automountServiceAccountToken: false, containers: [{name: c, image: c}]}\n", "applies no policies to a Pod without an owner"},
	} {
		inv := nettest.Known(t, harden.EngineVPCCNI, test.yaml)
		var all []string
		for _, d := range phase(inv, harden.PhaseEgress).Drafts {
			all = append(all, d.Warning)
			if strings.Contains(d.Warning, test.want) && d.fixes("")[0].Class != harden.Review {
				t.Errorf("%s: class %s", name, d.fixes("")[0].Class)
			}
		}
		if strings.Contains(strings.Join(all, " "), "9090") {
			t.Errorf("%s: a port that is not translated is warned of: %q", name, all)
		}
		if !strings.Contains(strings.Join(all, " "), test.want) {
			t.Errorf("%s: warnings %q", name, all)
		}
	}
}

// The control plane of most clusters that people make themselves runs on nodes, on the host network.
func TestAPIServerOnNodes(t *testing.T) {
	static := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver-node-1, namespace: kube-system, labels: {component: kube-apiserver}, annotations: {kubernetes.io/config.mirror: x}}\nspec: {hostNetwork: true, nodeName: node-1, containers: [{name: c, image: c}]}\nstatus: {podIP: 192.0.2.21}\n"
	inv := nettest.Known(t, harden.EngineCalico, strings.Replace(workload("web", ""), "automountServiceAccountToken: false, ", "", 1), static)
	inv.Net.EndpointSlices[0].Endpoints[0].Addresses = []string{"192.0.2.21"}
	d := phase(inv.Fresh(), harden.PhaseEgress).Drafts[0]
	if d.Refused != "" {
		t.Fatal(d.Refused)
	}
	for _, c := range d.Claims {
		if strings.HasPrefix(c.Text, "Whether these connections stay allowed") {
			t.Error(c.Text)
		}
	}
	if diff := cmp.Diff([]string{"10.96.0.1/32 tcp/443", "192.0.2.21/32 tcp/6443"}, said(policies(t, []Draft{d})["harden-web-egress"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
