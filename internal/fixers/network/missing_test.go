package network

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const selectsWeb = "podSelector: {matchLabels: {app: web}}"

func TestMissingIngress(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	judge(t, MissingIngress, []judgement{
		{"nothing", web, live(), []string{"fail medium missing"}},
		{"selected", web + policy("w", selectsWeb), live(), nil},
		{"T52 selected by an expression", web + policy("w", "podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}"), live(), nil},
		{"default deny", web + policy("d", "podSelector: {}"), live(), nil},
		{"another one is selected", web + policy("w", "podSelector: {matchLabels: {app: api}}"), live(), []string{"fail medium missing"}},
		{"egress alone", web + policy("w", selectsWeb+", policyTypes: [Egress]"), live(), []string{"fail medium missing"}},
		{"T53 egress rules without policyTypes", web + policy("w", selectsWeb+", egress: [{}]"), live(), nil},
		{"malformed selector", web + policy("w", "podSelector: {matchExpressions: [{key: app, operator: Near}]}"), live(), []string{"unknown medium unknown"}},
		{"host network", namespace + deployment("web", "hostNetwork: true, "+containers("")), live(), nil},
		{"policies not read", web, live(fixtest.Unreadable(harden.NetworkPolicies, "forbidden")), []string{"unknown medium unknown"}},
		{"Cilium's not read", web, live(fixtest.Unreadable("ciliumclusterwidenetworkpolicies.cilium.io", "forbidden")), []string{"unknown medium unknown"}},
		{"isolated whatever Cilium's say", web + policy("w", selectsWeb), live(fixtest.Unreadable("ciliumclusterwidenetworkpolicies.cilium.io", "forbidden")), nil},
		{"a load balancer leads to it", web + service("web", "type: LoadBalancer, selector: {app: web}"), live(), []string{"fail high missing"}},
		{"a node port leads to another", web + service("api", "type: NodePort, selector: {app: api}"), live(), []string{"fail medium missing"}},
		{"a Service without selector", web + service("web", "type: LoadBalancer"), live(), []string{"fail medium missing"}},
		{
			"an Ingress leads to it", web + service("web", "selector: {app: web}") +
				"---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{http: {paths: [{pathType: Prefix, path: /, backend: {service: {name: web, port: {number: 80}}}}]}}, {host: x}]}\n",
			live(),
			[]string{"fail high missing"},
		},
		{"data store by port", namespace + deployment("web", containers("{containerPort: 5432}")), live(), []string{"fail high missing"}},
		{"data store by image", namespace + deployment("web", "containers: [{name: c, image: 'docker.io/bitnami/redis:7'}]"), live(), []string{"fail high missing"}},
		{"no data store by half a name", namespace + deployment("web", "containers: [{name: c, image: 'example.com/redis-exporter'}]"), live(), []string{"fail medium missing"}},
		{"no replicas", strings.Replace(web, "spec: {selector", "spec: {replicas: 0, selector", 1), live(), []string{"fail low missing"}},
		{"no replicas of a data store", namespace + strings.Replace(deployment("web", containers("{containerPort: 6379}")), "spec: {selector", "spec: {replicas: 0, selector", 1), live(), []string{"fail medium missing"}},
		{"files with the namespace", web, nil, []string{"fail medium missing"}},
		{"a file alone", deployment("web", containers("")), nil, []string{"unknown medium unknown"}},
		{"a file with a policy", deployment("web", containers("")) + policy("w", selectsWeb), nil, nil},
	})
}

// T51: a cluster-wide policy of Cilium that selects by namespace counts.
func TestT51ClusterwidePoliciesCount(t *testing.T) {
	cilium := "---\napiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: shop}\nspec: {endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: shop}}, ingress: [{}], egress: [{}]}\n"
	yaml := namespace + deployment("web", containers("")) + cilium
	for _, fixer := range []*harden.Fixer{MissingIngress, MissingEgress, NoDefaultDeny} {
		if got := fixtest.Run(t, fixer, yaml, fixtest.Live()); len(got) != 0 {
			t.Errorf("%s: %v", fixer.ID, found(got))
		}
		if got := fixtest.Run(t, fixer, strings.Replace(yaml, "namespace: shop}}, ingress", "namespace: other}}, ingress", 1), fixtest.Live()); len(got) == 0 {
			t.Errorf("%s: a policy for another namespace counts", fixer.ID)
		}
	}
}

func TestMissingEgress(t *testing.T) {
	web := namespace + deployment("web", containers("{containerPort: 5432}"))
	judge(t, MissingEgress, []judgement{
		{"nothing", web, live(), []string{"fail medium missing"}},
		{"ingress alone", web + policy("w", selectsWeb), live(), []string{"fail medium missing"}},
		{"selected", web + policy("w", selectsWeb+", policyTypes: [Egress]"), live(), nil},
		{"T53 egress rules without policyTypes", web + policy("w", selectsWeb+", egress: [{}]"), live(), nil},
		{"finished Job", namespace + "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: shop}\nspec: {template: {metadata: {labels: {job: j}}, spec: {containers: [{name: c, image: i}]}}}\n", live(func(i *harden.Inventory) { i.Workloads[0].Finished = true }), []string{"fail low missing"}},
	})
}

// T69: where nothing enforces policies the rules say that they judge declarations.
func TestT69DeclaredOnly(t *testing.T) {
	flannel := fixtest.Engine(harden.Engine{Name: harden.EngineFlannel, Enforces: harden.NotEnforced, Why: "DaemonSet kube-flannel/kube-flannel-ds"})
	web := namespace + deployment("web", containers(""))
	for _, fixer := range []*harden.Fixer{MissingIngress, MissingEgress, NoDefaultDeny} {
		for _, f := range fixtest.Run(t, fixer, web, fixtest.Live(), flannel) {
			if !strings.Contains(f.Detail, "declared only") || !strings.Contains(f.Detail, "kube-flannel-ds") {
				t.Errorf("%s says %q", fixer.ID, f.Detail)
			}
		}
		for _, f := range fixtest.Run(t, fixer, web, fixtest.Live(), fixtest.Engine(harden.Engine{Why: "no DaemonSet could be listed"})) {
			if !strings.Contains(f.Detail, "cannot be told (no DaemonSet could be listed)") {
				t.Errorf("%s says %q", fixer.ID, f.Detail)
			}
		}
	}
	judge(t, Unenforced, []judgement{
		{"flannel", web + policy("w", selectsWeb), live(flannel), []string{"fail high unenforced"}},
		{"flannel without policies", web, live(flannel), nil},
		{"Calico", web + policy("w", selectsWeb), live(enforcing(harden.EngineCalico)), nil},
		{"nobody knows", web + policy("w", selectsWeb), live(), nil},
		{"files", web + policy("w", selectsWeb), []fixtest.Option{flannel}, nil},
		{"policies of another namespace", web + strings.Replace(policy("w", selectsWeb), "namespace: shop", "namespace: other", 1), live(flannel), []string{"fail high unenforced"}},
	})
	fix := fixesOf(t, Unenforced, web+policy("w", selectsWeb), fixtest.Live(), flannel)
	if len(fix.Changes) != 0 || !strings.Contains(fix.Manual, "Calico") {
		t.Errorf("fix %+v, want text that names what can be run beside flannel", fix)
	}
}

func TestFixesAreProposedOnlyOutsideOfSystemNamespaces(t *testing.T) {
	system := strings.ReplaceAll(namespace+deployment("web", containers("")), "shop", "kube-system")
	for _, fixer := range []*harden.Fixer{MissingIngress, MissingEgress, NoDefaultDeny} {
		for _, fixes := range fixtest.AllFixes(t, fixer, system, fixtest.Live()) {
			for _, fix := range fixes {
				if len(fix.Changes) > 0 || fix.Class != harden.Review || fix.Manual == "" {
					t.Errorf("%s: %+v, want text alone", fixer.ID, fix)
				}
			}
		}
	}
}
