package netpol_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// custom completes an object of another kind: APIVERSION KIND NAMESPACE/NAME, or
// NAME for a cluster-wide one, and its spec.
func custom(head, spec string) string {
	words := strings.Fields(head)
	meta := "name: " + words[2]
	if ns, name, ok := strings.Cut(words[2], "/"); ok {
		meta = "namespace: " + ns + ", name: " + name
	}
	return fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {%s}\nspec: %s\n", words[0], words[1], meta, spec)
}

func cnp(name, spec string) string {
	return custom("policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy "+name, spec)
}

func anp(name, spec string) string {
	return custom("policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy "+name, spec)
}

func banp(spec string) string {
	return custom("policy.networking.k8s.io/v1alpha1 BaselineAdminNetworkPolicy default", spec)
}

func TestTruthOfClusterWidePolicies(t *testing.T) {
	const allow8080 = `shop/p {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]}`
	check(t, []truth{
		{name: "admin denies before NetworkPolicies admit", policies: []string{allow8080}, more: anp("a", `{priority: 10,
			subject: {namespaces: {matchLabels: {team: red}}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: denied", "shop/db shop/api tcp/8080: allowed",
		}},
		{name: "admin admits before NetworkPolicies deny", policies: []string{`shop/p ` + denyIngress}, more: cnp("a", `{tier: Admin, priority: 10,
			subject: {namespaces: {}}, ingress: [{action: Accept, from: [{pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: front}}}}],
			protocols: [{tcp: {destinationPort: {number: 8080}}}, {udp: {destinationPort: {range: {start: 1, end: 9}}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/81: denied", "web/front shop/api udp/9: allowed", "shop/db shop/api tcp/8080: denied",
		}},
		{name: "the lower priority number counts first", more: anp("a", `{priority: 20, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`) +
			anp("b", `{priority: 10, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: allowed", "shop/db shop/api tcp/8080: denied", "internet shop/api tcp/8080: allowed",
		}},
		{name: "the first rule that matches counts", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [
			{action: Allow, from: [{namespaces: {matchLabels: {team: blue}}}], ports: [{portNumber: {protocol: TCP, port: 80}}]}, {action: Deny, from: [{namespaces: {}}]}]}`), want: []string{
			"web/front shop/db tcp/80: allowed", "web/front shop/db tcp/81: denied",
		}},
		{name: "Pass leaves it to NetworkPolicies", policies: []string{allow8080}, more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [
			{action: Pass, from: [{namespaces: {matchLabels: {team: blue}}}]}, {action: Deny, from: [{namespaces: {}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/9: denied", "shop/db shop/api tcp/8080: denied",
		}},
		{name: "two of one priority that disagree", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`) +
			anp("b", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: unknown", "shop/db shop/api tcp/8080: denied",
		}},
		{name: "two of one priority that agree", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`) +
			anp("b", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: denied",
		}},
		{
			name: "the baseline counts where no NetworkPolicy isolates", policies: []string{`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {}}]}]}`},
			more: banp(`{subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`), want: []string{
				"web/front shop/api tcp/8080: allowed", "web/front shop/db tcp/80: denied", "internet shop/db tcp/80: allowed",
			},
		},
		{name: "Pass and the baseline", more: cnp("a", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Pass, from: [{namespaces: {}}]}]}`) +
			cnp("b", `{tier: Baseline, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: denied", "shop/db shop/api tcp/8080: allowed",
		}},
		{name: "networks hold pods too", more: anp("a", `{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [10.1.0.0/16, 0.0.0.0/1]}]}]}`), want: []string{
			"shop/api web/front tcp/80: denied", "shop/api 200.1.1.1/32 tcp/80: allowed", "shop/api internet tcp/443: partly", "shop/api shop/night tcp/1: unknown",
		}},
		{name: "nodes by their labels", more: anp("a", `{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]}`), want: []string{
			"shop/api nodes tcp/10250: denied", "shop/api internet tcp/443: allowed", "shop/api web/proxy tcp/8443: denied",
		}},
		{name: "named ports", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], ports: [{namedPort: http}, {portRange: {start: 100, end: 200}}]}]}`) +
			cnp("b", `{tier: Admin, priority: 2, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{destinationNamedPort: sql}]}]}`), want: []string{
			"web/front shop/api tcp/8080: denied", "web/front shop/db tcp/8080: allowed", "web/front shop/db tcp/80: denied", "web/front shop/db tcp/150: denied",
			"web/front shop/db tcp/5432: denied", "web/front shop/api tcp/5432: allowed",
		}},
		{name: "a named port of ClusterNetworkPolicies is of any protocol", more: idle + cnp("a", `{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{destinationNamedPort: talk}]}]}`), want: []string{
			"shop/api shop/idle udp/5000: denied", "shop/api shop/idle tcp/5000: allowed",
		}},
		{name: "pods on the host network are left out", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`), want: []string{
			"web/proxy shop/api tcp/8080: allowed", "shop/api web/proxy tcp/8443: allowed",
		}},
		{name: "names of hosts", more: cnp("a", `{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{domainNames: [example.org]}]}, {action: Deny, to: [{networks: [0.0.0.0/0]}]}]}`), want: []string{
			"shop/api internet tcp/443: unknown", "shop/api shop/db tcp/80: denied",
		}},
		{name: "a peer without a known field closes", more: anp("a", `{priority: 1, subject: {namespaces: {matchLabels: {team: red}}}, ingress: [{action: Deny, from: [{}]}]}`) +
			anp("b", `{priority: 2, subject: {namespaces: {matchLabels: {team: blue}}}, ingress: [{action: Allow, from: [{}]}]}`), want: []string{
			"web/front shop/api tcp/8080: denied", "shop/api web/front tcp/1: allowed",
		}},
		{name: "a field that is not known here", more: anp("a", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {sameLabels: [team]}}]}]}`), want: []string{
			"web/front shop/api tcp/8080: unknown",
		}},
		{name: "malformed", more: anp("a", `{subject: {namespaces: {}}}`) + banp(`{subject: 7}`) + cnp("c", `{tier: Middle, priority: 1, subject: {}}`) + anp("d", `null`), want: []string{
			"web/front shop/api tcp/8080: unknown",
		}},
		{name: "kinds that could not be read", unread: "adminnetworkpolicies.policy.networking.k8s.io", policies: []string{`shop/p ` + denyIngress}, want: []string{
			"web/front shop/api tcp/8080: unknown",
		}},
	})
}

func cilium(name, spec string) string {
	return custom("cilium.io/v2 CiliumNetworkPolicy "+name, spec)
}

func TestTruthOfEnginesPolicies(t *testing.T) {
	check(t, []truth{
		{name: "Cilium isolates and admits somebody", more: cilium("shop/c", `{endpointSelector: {matchLabels: {app: api}}, ingress: [{}]}`), want: []string{
			"web/front shop/api tcp/8080: unknown", "web/front shop/db tcp/80: allowed", "shop/api web/front tcp/1: allowed",
		}},
		{
			name: "Cilium adds to what NetworkPolicies admit", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`},
			more: cilium("shop/c", `{endpointSelector: {}, ingress: [{fromEntities: [cluster]}]}`), want: []string{
				"web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/1: unknown",
			},
		},
		{
			name: "Cilium denies before NetworkPolicies admit", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`},
			more: cilium("shop/c", `{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}`), want: []string{"web/front shop/api tcp/8080: unknown"},
		},
		{name: "Cilium without default deny takes nothing away", more: cilium("shop/c", `{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingress: [{}]}`), want: []string{
			"web/front shop/api tcp/8080: allowed",
		}},
		{name: "Calico decides for itself", more: custom("projectcalico.org/v3 NetworkPolicy shop/c", `{selector: "app == 'api'", types: [Ingress]}`), want: []string{
			"web/front shop/api tcp/8080: unknown", "web/front shop/db tcp/80: allowed", "shop/api web/front tcp/1: allowed",
		}},
		{name: "Antrea decides for itself", more: custom("crd.antrea.io/v1beta1 ClusterNetworkPolicy c", `{priority: 5, appliedTo: [{namespaceSelector: {matchLabels: {team: red}}}], ingress: [{action: Drop}]}`), want: []string{
			"web/front shop/api tcp/8080: unknown", "shop/api web/front tcp/1: allowed",
		}},
	})
}

func TestIsolated(t *testing.T) {
	const calico = "crd.projectcalico.org/v1 "
	for _, c := range []struct {
		truth
		ingress, egress string // of shop/api: denied means isolated
		by              string // ingress: the policies' names
	}{
		{truth{name: "nothing"}, "allowed", "allowed", ""},
		{truth{name: "NetworkPolicies", policies: []string{`shop/b ` + denyIngress, `shop/a {podSelector: {matchLabels: {app: api}}}`, `shop/c {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}`}}, "denied", "allowed", "a b"},
		{truth{name: "malformed NetworkPolicy", policies: []string{`shop/a {podSelector: {matchExpressions: [{key: a, operator: X}]}}`}}, "unknown", "allowed", "a"},
		{truth{name: "T51 Cilium clusterwide by the namespace of the identity", more: custom("cilium.io/v2 CiliumClusterwideNetworkPolicy c",
			`{endpointSelector: {matchLabels: {"k8s:io.kubernetes.pod.namespace": shop}}, ingress: [{}], egress: [{}]}`)}, "denied", "denied", "c"},
		{truth{name: "T51 Cilium clusterwide for another namespace", more: custom("cilium.io/v2 CiliumClusterwideNetworkPolicy c",
			`{endpointSelector: {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: In, values: [web]}]}, ingress: [{}]}`)}, "allowed", "allowed", ""},
		{truth{name: "Cilium by labels of the namespace", more: custom("cilium.io/v2 CiliumClusterwideNetworkPolicy c",
			`{endpointSelector: {matchLabels: {io.cilium.k8s.namespace.labels.team: red, "any:app": api}}, egress: [{}]}`)}, "allowed", "denied", ""},
		{truth{name: "Cilium in specs", more: "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\nspecs: [{endpointSelector: {}, ingress: [{}]}, {nodeSelector: {}, egress: [{}]}]\n"}, "denied", "allowed", "c"},
		{truth{name: "Cilium without rules", more: cilium("shop/c", `{endpointSelector: {}, ingress: []}`)}, "allowed", "allowed", ""},
		{truth{name: "Cilium without rules and with enableDefaultDeny", more: cilium("shop/c", `{endpointSelector: {}, enableDefaultDeny: {ingress: true}}`)}, "denied", "allowed", "c"},
		{truth{name: "Cilium with enableDefaultDeny off", more: cilium("shop/c", `{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingress: [{}]}`)}, "allowed", "allowed", ""},
		{truth{name: "Cilium by the service account", more: cilium("shop/c", `{endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: x}}, ingress: [{}]}`)}, "unknown", "allowed", "c"},
		{truth{name: "Cilium malformed", more: cilium("shop/c", `{endpointSelector: 7}`)}, "unknown", "unknown", "c"},
		{truth{name: "Calico global", more: custom(calico+"GlobalNetworkPolicy c", `{selector: "has(app) && !(app in {'db', 'x'})", namespaceSelector: "team == 'red'", types: [Ingress, Egress]}`)}, "denied", "denied", "c"},
		{truth{name: "Calico for another", more: custom(calico+"NetworkPolicy shop/c", `{selector: "app == 'db' || tier != 'back'"}`)}, "allowed", "allowed", ""},
		{truth{name: "Calico all(), types by rules", more: custom(calico+"NetworkPolicy shop/c", `{selector: all(), egress: [{action: Allow}]}`)}, "allowed", "denied", ""},
		{truth{name: "Calico that is not understood", more: custom(calico+"NetworkPolicy shop/c", `{selector: "app ~ 'db'"}`)}, "unknown", "unknown", "c"},
		{truth{name: "Calico by the service account", more: custom(calico+"NetworkPolicy shop/c", `{selector: "all()", serviceAccountSelector: "a == 'b'"}`)}, "unknown", "allowed", "c"},
		{truth{name: "Antrea drops all", more: custom("crd.antrea.io/v1beta1 NetworkPolicy shop/c", `{appliedTo: [{podSelector: {}}], egress: [{action: Drop}], ingress: [{action: Allow}]}`)}, "allowed", "denied", ""},
		{truth{name: "Antrea drops some", more: custom("crd.antrea.io/v1beta1 ClusterNetworkPolicy c", `{appliedTo: [{podSelector: {}}], ingress: [{action: Drop, from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}`)}, "unknown", "allowed", "c"},
		{truth{name: "admin denies all pods", more: anp("c", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}], egress: [{action: Deny, to: [{namespaces: {}}]}]}`)}, "denied", "allowed", "c"},
		{truth{name: "admin denies all addresses", more: anp("c", `{priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}`)}, "allowed", "denied", ""},
		{truth{name: "admin denies some", more: anp("c", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]}`)}, "allowed", "allowed", ""},
		{truth{name: "admin admits everything over a NetworkPolicy", policies: []string{`shop/p ` + denyIngress}, more: anp("c", `{priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}]}]}`)}, "allowed", "allowed", ""},
		{truth{name: "baseline", more: banp(`{subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}`)}, "denied", "allowed", "default"},
		{truth{name: "policies that could not be read", unread: "ciliumnetworkpolicies.cilium.io"}, "unknown", "unknown", ""},
		{truth{name: "NetworkPolicies that could not be read", unread: harden.NetworkPolicies}, "unknown", "unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := c.inventory(t)
			w := netpol.New(inv)
			api := peer(inv, "shop/api").Workload
			in, out := w.Isolated(api, harden.Ingress), w.Isolated(api, harden.Egress)
			if in.State.String() != c.ingress || out.State.String() != c.egress {
				t.Errorf("ingress %s (%s), egress %s (%s); want %s, %s", in.State, in.Why, out.State, out.Why, c.ingress, c.egress)
			}
			var by []string
			for _, r := range in.By {
				by = append(by, r.Name)
			}
			if got := strings.Join(by, " "); got != c.by {
				t.Errorf("by %q, want %q", got, c.by)
			}
			if in.Why == "" || out.Why == "" {
				t.Error("no reason")
			}
		})
	}
}

func TestIsolatedOnTheHostNetwork(t *testing.T) {
	c := truth{policies: []string{`web/p ` + denyIngress}}
	inv := c.inventory(t)
	w := netpol.New(inv)
	proxy := peer(inv, "web/proxy").Workload
	if i := w.Isolated(proxy, harden.Ingress); i.State != harden.ReachUnknown || len(i.By) != 1 {
		t.Errorf("got %+v", i)
	}
	if i := w.Isolated(proxy, harden.Egress); i.State != harden.ReachAllowed {
		t.Errorf("got %+v", i)
	}
}

func TestSelecting(t *testing.T) {
	c := truth{policies: []string{`shop/z {podSelector: {}}`, `shop/a {podSelector: {matchLabels: {app: api}}}`, `shop/m {podSelector: {matchLabels: {app: db}}}`, `web/a {podSelector: {}}`}}
	inv := c.inventory(t)
	var names []string
	for _, np := range netpol.New(inv).Selecting(peer(inv, "shop/api").Workload) {
		names = append(names, np.Name)
	}
	if got := strings.Join(names, " "); got != "a z" {
		t.Errorf("got %q", got)
	}
}

func TestReasons(t *testing.T) {
	c := truth{policies: []string{
		`shop/a ` + denyIngress, `shop/b {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: 1.0.0.0/8}}]}, {from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]}`,
		`web/out {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 8080}, {port: 80}]}]}`,
	}}
	inv := c.inventory(t)
	w := netpol.New(inv)
	for _, r := range []struct{ question, why, by string }{
		{"web/front shop/api tcp/8080", "NetworkPolicy web/out, egress rule 1; NetworkPolicy shop/b, ingress rule 2", "out Egress 1, b Ingress 2"},
		{"web/front shop/db tcp/80", "NetworkPolicy shop/a isolates ingress and no rule admits it", "a Ingress 0"},
		{"web/front shop/api tcp/1", "NetworkPolicy web/out isolates egress and no rule admits it; NetworkPolicy shop/a, NetworkPolicy shop/b isolate ingress and no rule admits it", "out Egress 0, a Ingress 0, b Ingress 0"},
		{"shop/api web/front tcp/1", "no policy isolates it", ""},
		{"internet shop/api tcp/8080", "a part of it: NetworkPolicy shop/b, ingress rule 1", "b Ingress 1"},
	} {
		d := ask(t, inv, w, r.question)
		var by []string
		for _, rule := range d.By {
			by = append(by, fmt.Sprint(rule.Policy.Name, " ", rule.Direction, " ", rule.Rule))
		}
		if d.Why != r.why || strings.Join(by, ", ") != r.by {
			t.Errorf("%s:\n got %s\n     %s\nwant %s\n     %s", r.question, d.Why, strings.Join(by, ", "), r.why, r.by)
		}
	}
}
