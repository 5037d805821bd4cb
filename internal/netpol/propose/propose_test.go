package propose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// labelled is a Deployment without a token whose pods carry the labels.
func labelled(kind, name, labels, spec string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, namespace: shop}\nspec: {selector: {matchLabels: {%s}}, template: {metadata: {labels: {%s}}, spec: {automountServiceAccountToken: false, %s}}}\n", kind, name, labels, labels, spec)
}

func workload(name, container string) string {
	return labelled("Deployment", name, "app: "+name, "containers: [{name: main, image: i, "+container+"}]")
}

func service(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {%s}\n", name, spec)
}

func env(name, value string) string {
	return fmt.Sprintf("env: [{name: %s, value: '%s'}]", name, value)
}

var db = workload("db", "ports: [{name: sql, containerPort: 5433}]") + service("db", "selector: {app: db}, ports: [{port: 5432, targetPort: sql}]")

func policies(t *testing.T, drafts []Draft) map[string]*networkingv1.NetworkPolicy {
	t.Helper()
	out := map[string]*networkingv1.NetworkPolicy{}
	for _, d := range drafts {
		for _, o := range d.Objects {
			if o.GetKind() != "NetworkPolicy" {
				continue
			}
			p := &networkingv1.NetworkPolicy{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, p, true); err != nil {
				t.Fatal(err)
			}
			out[p.Name] = p
		}
	}
	return out
}

// said are the rules of a policy in short: PEERS PORTS, without DNS.
func said(p *networkingv1.NetworkPolicy) []string {
	var out []string
	add := func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
		var who, what []string
		for _, peer := range peers {
			switch {
			case peer.IPBlock != nil && len(peer.IPBlock.Except) > 0:
				who = append(who, peer.IPBlock.CIDR+"-"+strings.Join(peer.IPBlock.Except, "-"))
			case peer.IPBlock != nil:
				who = append(who, peer.IPBlock.CIDR)
			case peer.NamespaceSelector != nil && peer.PodSelector != nil:
				who = append(who, metav1.FormatLabelSelector(peer.NamespaceSelector)+":"+metav1.FormatLabelSelector(peer.PodSelector))
			case peer.NamespaceSelector != nil:
				who = append(who, metav1.FormatLabelSelector(peer.NamespaceSelector)+":*")
			default:
				who = append(who, metav1.FormatLabelSelector(peer.PodSelector))
			}
		}
		if who == nil {
			who = []string{"all"}
		}
		for _, port := range ports {
			what = append(what, fmt.Sprintf("%s/%s", strings.ToLower(string(*port.Protocol)), port.Port.String()))
		}
		out = append(out, strings.Join(who, ",")+" "+strings.Join(what, ","))
	}
	for _, r := range p.Spec.Ingress {
		add(r.From, r.Ports)
	}
	for _, r := range p.Spec.Egress {
		add(r.To, r.Ports)
	}
	return slices.DeleteFunc(out, func(s string) bool {
		return s == "kubernetes.io/metadata.name=kube-system:k8s-app=kube-dns tcp/53,udp/53"
	})
}

func phase(inv *harden.Inventory, name harden.NetworkPhaseName) *Phase {
	return For(inv, "shop").phase(name)
}

func TestRules(t *testing.T) {
	web := workload("web", env("DB", "db:5432"))
	outside := workload("web", env("U", "https://api.example.com"))
	const internet4 = "0.0.0.0/0-10.0.0.0/8-172.16.0.0/12-192.168.0.0/16-100.64.0.0/10-169.254.0.0/16"
	for name, test := range map[string]struct {
		yaml   string
		policy string
		want   []string
	}{
		"T49 target port, on the way in":  {web + db, "harden-db-ingress", []string{"app=web tcp/5433"}},
		"T49 target port, on the way out": {web + db, "harden-web-egress", []string{"app=db tcp/5433"}},
		"nobody calls":                    {web + db, "harden-web-ingress", nil},
		"calls nobody":                    {web + db, "harden-db-egress", nil},
		"another namespace": {
			strings.ReplaceAll(workload("web", env("DB", "db.shop:5432")), "namespace: shop", "namespace: other") + db, "harden-db-ingress",
			[]string{"kubernetes.io/metadata.name=other:app=web tcp/5433"},
		},
		"T67 CronJob": {
			"---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {schedule: '0 3 * * *', jobTemplate: {spec: {template: {metadata: {labels: {job: nightly}}, spec: {restartPolicy: Never, containers: [{name: c, image: c, env: [{name: DB_HOST, value: db}]}]}}}}}\n" + db,
			"harden-db-ingress",
			[]string{"job=nightly tcp/5433"},
		},
		"T60 load balancer":  {workload("web", "") + service("web", "type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"), "harden-web-ingress", []string{"all tcp/8080"}},
		"internet":           {outside, "harden-web-egress", []string{internet4 + " tcp/443"}},
		"private name":       {workload("web", env("DB_HOST", "db.corp.internal")), "harden-web-egress", []string{"10.0.0.0/8,172.16.0.0/12,192.168.0.0/16 tcp/443"}},
		"metadata":           {workload("web", env("U", "http://169.254.169.254/")), "harden-web-egress", []string{"169.254.169.254/32 tcp/80"}},
		"T56 Pod Identity":   {workload("web", env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")), "harden-web-egress", []string{"169.254.170.23/32 tcp/80"}},
		"T63 API server":     {strings.Replace(workload("web", ""), "automountServiceAccountToken: false, ", "", 1), "harden-web-egress", []string{"10.96.0.1/32 tcp/443", "192.0.2.10/32 tcp/6443"}},
		"API server unasked": {workload("web", ""), "harden-web-egress", nil},
		"T62 named port": {
			workload("web", env("U", "http://api")) + labelled("Deployment", "a", "app: api, v: a", "containers: [{name: c, image: c, ports: [{name: http, containerPort: 80}]}]") +
				labelled("Deployment", "b", "app: api, v: b", "containers: [{name: c, image: c, ports: [{name: http, containerPort: 8080}]}]") + service("api", "selector: {app: api}, ports: [{port: 80, targetPort: http}]"),
			"harden-web-egress",
			[]string{"app=api,v=a tcp/80", "app=api,v=b tcp/8080"},
		},
		"T65 headless": {
			workload("web", env("C", "cache-0.cache:6379")) + labelled("StatefulSet", "cache", "app: cache", "containers: [{name: c, image: c}]") + service("cache", "clusterIP: None, selector: {app: cache}, ports: [{port: 6379}]"),
			"harden-web-egress",
			[]string{"app=cache tcp/6379"},
		},
		"StatefulSet talks to itself": {
			strings.Replace(labelled("StatefulSet", "q", "app: q", "containers: [{name: c, image: c, ports: [{containerPort: 4369}]}]"), "spec: {selector", "spec: {replicas: 3, selector", 1),
			"harden-q-egress",
			[]string{"app=q tcp/4369"},
		},
		"T59 caller on the host network": {
			labelled("DaemonSet", "agent", "app: agent", "hostNetwork: true, containers: [{name: c, image: c, "+env("DB", "db:5432")+"}]") + db, "harden-db-ingress", []string{"192.0.2.21/32,192.0.2.22/32 tcp/5433"},
		},
		"low confidence is left out": {workload("web", env("APP_NAME", "db")) + db, "harden-db-ingress", nil},
	} {
		t.Run(name, func(t *testing.T) {
			inv := nettest.Known(t, harden.EngineCalico, test.yaml)
			p := For(inv, "shop")
			got := policies(t, slices.Concat(p.Phases[0].Drafts, p.Phases[1].Drafts))[test.policy]
			if got == nil {
				for _, d := range slices.Concat(p.Phases[0].Drafts, p.Phases[1].Drafts) {
					t.Logf("%s %s: %s", d.Workload, d.Direction, d.Refused)
				}
				t.Fatalf("no policy %s", test.policy)
			}
			if diff := cmp.Diff(test.want, said(got), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.HasSuffix(test.policy, "egress") && len(got.Spec.Egress) != len(test.want)+1 {
				t.Error("an egress policy must carry DNS itself")
			}
			if d := strings.ToLower(string(got.Spec.PolicyTypes[0])); len(got.Spec.PolicyTypes) != 1 || !strings.HasSuffix(test.policy, d) {
				t.Errorf("policyTypes %v", got.Spec.PolicyTypes)
			}
			if got.Labels[managedBy] != manager {
				t.Errorf("labels %v", got.Labels)
			}
		})
	}
}

func TestT50NodeLocalDNS(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""))
	inv.Net.Engine.NodeLocalDNS = []string{"169.254.20.10"}
	want := []string{"10.96.0.10/32,169.254.20.10/32,kubernetes.io/metadata.name=kube-system:k8s-app=kube-dns tcp/53,udp/53"}
	if diff := cmp.Diff(want, said(policies(t, phase(inv.Fresh(), harden.PhaseEgress).Drafts)["harden-web-egress"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rules := AllowDNS(inv, "kube-system"); len(rules) != 2 || rules[0].To[0].NamespaceSelector != nil || len(rules[1].To) != 2 {
		t.Errorf("rules %+v", rules)
	}
}

func TestT66BlocksAreNormalised(t *testing.T) {
	d := &drafter{inv: &harden.Inventory{}, v4: true, v6: true}
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""))
	inv.Flows = []harden.ObservedFlow{{From: harden.ObservedEnd{Namespace: "shop", Workload: "web"}, To: harden.ObservedEnd{Address: "::ffff:10.1.2.3"}, Port: harden.Port{Number: 80}}}
	if diff := cmp.Diff([]string{"10.1.2.3/32 tcp/80"}, said(policies(t, phase(inv.Fresh(), harden.PhaseEgress).Drafts)["harden-web-egress"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := d.addressBlock(&made{direction: harden.Egress}, harden.Peer{Kind: harden.PeerAddress, CIDR: "169.254.10.12/16"}, harden.Flow{})
	if b := s.peers[0].IPBlock; b.CIDR != "169.254.0.0/16" || !slices.Equal(b.Except, []string{"169.254.169.254/32"}) {
		t.Errorf("block %+v", b)
	}
}

func TestFamilies(t *testing.T) {
	for name, test := range map[string]struct {
		v4, v6 bool
		want   int
	}{"both": {true, true, 2}, "IPv4": {true, false, 1}, "IPv6": {false, true, 1}, "not known": {false, false, 2}} {
		inv := nettest.Known(t, harden.EngineCalico, workload("web", env("U", "https://api.example.com")))
		inv.Net.Engine.IPv4, inv.Net.Engine.IPv6 = test.v4, test.v6
		p := policies(t, phase(inv.Fresh(), harden.PhaseEgress).Drafts)["harden-web-egress"]
		if got := len(p.Spec.Egress[0].To); got != test.want {
			t.Errorf("%s: %d blocks, want %d", name, got, test.want)
		}
		for _, peer := range p.Spec.Egress[0].To {
			if peer.IPBlock.CIDR == "::/0" && !slices.Contains(peer.IPBlock.Except, "fc00::/7") {
				t.Errorf("%s: %+v lets the metadata service of AWS in", name, peer.IPBlock)
			}
		}
	}
}

func TestT68Selectors(t *testing.T) {
	const plain = "containers: [{name: c, image: c}]"
	calls := "containers: [{name: c, image: c, " + env("DB", "db:5432") + "}]"
	front := service("web", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]") + workload("caller", env("U", "http://web"))
	for name, test := range map[string]struct {
		yaml    string
		want    string // selector of workload web
		refused string
	}{
		"its own labels":                       {labelled("Deployment", "web", "app: web", plain), "app=web", ""},
		"hashes and versions are left out":     {labelled("Deployment", "web", "app: web, version: v1, pod-template-hash: x", plain), "app=web", ""},
		"a version that is needed":             {labelled("Deployment", "web", "app: web, version: v1", calls) + labelled("Deployment", "web-2", "app: web, version: v2", plain), "app=web,version=v1", ""},
		"a version alone":                      {labelled("Deployment", "web", "version: v1", plain), "version=v1", ""},
		"another has one label more":           {labelled("Deployment", "web", "app: web", plain) + labelled("Deployment", "canary", "app: web, track: canary", calls), "app=web,!track", ""},
		"blue and green need the same":         {labelled("Deployment", "web", "app: web", calls) + labelled("Deployment", "green", "app: web", calls) + front, "app=web", ""},
		"blue and green need different things": {labelled("Deployment", "web", "app: web", calls) + labelled("Deployment", "green", "app: web", plain), "", "Deployment/green has the same labels and needs other connections"},
		"the same in another namespace":        {labelled("Deployment", "web", "app: web", plain) + strings.Replace(labelled("Deployment", "web", "app: web", calls), "namespace: shop", "namespace: other", 1), "app=web", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inv := nettest.Known(t, harden.EngineCalico, db, test.yaml)
			d := For(inv, "shop").draft(harden.PhaseEgress, harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, harden.Egress)
			if test.refused != "" {
				if !strings.Contains(d.Refused, test.refused) || len(d.Objects) > 0 {
					t.Errorf("refused %q", d.Refused)
				}
				return
			}
			if d.Refused != "" {
				t.Fatal(d.Refused)
			}
			p := policies(t, []Draft{*d})["harden-web-egress"]
			if got := metav1.FormatLabelSelector(&p.Spec.PodSelector); got != test.want {
				t.Errorf("selector %q, want %q", got, test.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 60)
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""), labelled("StatefulSet", "web", "db: web", "containers: [{name: c, image: c}]"), workload(long, ""), workload(long+"y", ""))
	seen := map[string]bool{}
	for _, d := range phase(inv, harden.PhaseIngress).Drafts {
		name := d.Objects[0].GetName()
		if seen[name] || len(name) > maxName || !strings.HasSuffix(name, "-ingress") || !strings.HasPrefix(name, "harden-") {
			t.Errorf("name %q of %s", name, d.Workload)
		}
		seen[name] = true
	}
	if len(seen) != 4 || seen["harden-web-ingress"] {
		t.Errorf("names %v", seen)
	}
}

func TestRefusals(t *testing.T) {
	policy := func(name, spec string) string {
		return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: shop}\nspec: {%s}\n", name, spec)
	}
	pod := func(labels, annotations string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {%s}, annotations: {%s}}\nspec: {automountServiceAccountToken: false, containers: [{name: c, image: c}]}\n", labels, annotations)
	}
	for name, test := range map[string]struct {
		yaml string
		edit func(*harden.Inventory)
		want string
	}{
		"host network":   {labelled("DaemonSet", "web", "app: web", "hostNetwork: true, containers: [{name: c, image: c}]"), nil, "its pods use the host network"},
		"static pod":     {pod("app: web", "kubernetes.io/config.mirror: x"), nil, "a kubelet runs it from a file"},
		"no labels":      {pod("", ""), nil, "its pods have no labels of their own"},
		"hashes alone":   {pod("pod-template-hash: x", ""), nil, "its pods have no labels of their own"},
		"ambient mesh":   {"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}\n" + workload("web", ""), nil, "port 15008 and policies do not see the real ports"},
		"name is taken":  {workload("web", "") + policy("harden-web-ingress", "podSelector: {matchLabels: {app: other}}"), nil, "NetworkPolicy harden-web-ingress is there already"},
		"callee unnamed": {pod("", "") + workload("web2", ""), nil, "its pods have no labels of their own"},
		"nodes unread": {
			labelled("DaemonSet", "agent", "app: agent", "hostNetwork: true, containers: [{name: c, image: c, "+env("DB", "db:5432")+"}]") + db, func(i *harden.Inventory) { i.Nodes = nil },
			"shop/DaemonSet/agent uses the addresses of nodes, which were not read, and needs tcp/5433",
		},
	} {
		inv := nettest.Known(t, harden.EngineCalico, test.yaml)
		if test.edit != nil {
			test.edit(inv)
		}
		var all []string
		for _, d := range phase(inv.Fresh(), harden.PhaseIngress).Drafts {
			if d.Refused != "" && len(d.Objects) > 0 {
				t.Errorf("%s: refused and proposed at once", name)
			}
			all = append(all, d.Refused)
		}
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, test.want) }) {
			t.Errorf("%s: refused %q, want %q", name, all, test.want)
		}
	}
}

func TestWhatIsIsolatedAlreadyGetsNoDraft(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""), "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: own, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}\n")
	if drafts := phase(inv, harden.PhaseIngress).Drafts; len(drafts) > 0 {
		t.Errorf("drafts %+v", drafts)
	}
	if drafts := phase(inv, harden.PhaseEgress).Drafts; len(drafts) != 1 {
		t.Errorf("drafts %+v", drafts)
	}
}

func TestNamespacesThatAreLeftAlone(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""))
	if got := For(inv, "kube-system").Phases[0]; len(got.Refused) != 1 || len(got.Drafts) > 0 {
		t.Errorf("kube-system: %+v", got)
	}
	inv.Unread = []harden.Unread{{Resource: harden.NetworkPolicies, Namespace: "shop", Why: "forbidden"}}
	if got := phase(inv.Fresh(), harden.PhaseEgress); len(got.Refused) != 1 || !strings.Contains(got.Refused[0], "forbidden") {
		t.Errorf("unreadable: %+v", got)
	}
}

// Where whoever it is may come in, nodes may too, known or not.
func TestT60LoadBalancerWhereNodesWereNotRead(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", "")+service("web", "type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"))
	inv.Nodes = nil
	d := phase(inv.Fresh(), harden.PhaseIngress).Drafts[0]
	if diff := cmp.Diff([]string{"all tcp/8080"}, said(policies(t, []Draft{d})["harden-web-ingress"])); d.Refused != "" || diff != "" {
		t.Errorf("refused %q (-want +got):\n%s", d.Refused, diff)
	}
}

// The gate is what stands between a mistake of the rules and a cut connection.
func TestGateSeesWhatWouldBeCut(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", env("DB", "db:5432")), db)
	d := newDrafter(inv, "shop")
	wrong := d.namespacePolicy("wrong", harden.Ingress, nil)
	v := d.gate(d.needs, d.world.With(wrong), func(*harden.Flow) bool { return false })
	if len(v.cut) != 1 || !strings.HasPrefix(v.cut[0], `shop/Deployment/web to shop/Deployment/db on tcp/5433 (env DB of container main names "db:5432", Service db; `) {
		t.Errorf("cut %q", v.cut)
	}
	m := &made{subject: d.subject(inv.Workloads[0]), direction: harden.Ingress, policy: wrong}
	draft := Draft{Flows: d.needs}
	d.judge(&draft, m, d.world.With(wrong))
	if len(draft.Objects) > 0 || !strings.HasPrefix(draft.Refused, "it would cut what is needed: shop/Deployment/web") {
		t.Errorf("draft %+v", draft)
	}
}

func apply(t *testing.T, inv *harden.Inventory, name harden.NetworkPhaseName) *harden.Inventory {
	t.Helper()
	next := *inv
	next.NetworkPolicies = map[string][]*networkingv1.NetworkPolicy{"shop": slices.Clone(inv.NetworkPolicies["shop"])}
	for _, p := range policies(t, phase(inv, name).Drafts) {
		next.NetworkPolicies["shop"] = append(next.NetworkPolicies["shop"], p)
	}
	return next.Fresh()
}

func TestDefaultDenyComesLast(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", env("DB", "db:5432")), db, labelled("DaemonSet", "agent", "app: agent", "hostNetwork: true, containers: [{name: c, image: c}]"))
	for _, d := range phase(inv, harden.PhaseDefaultDeny).Drafts {
		if len(d.Objects) > 0 || !strings.Contains(d.Refused, "not every workload is isolated yet: Deployment/db, Deployment/web. Apply phase "+strings.ToLower(string(d.Direction))) {
			t.Errorf("%+v", d)
		}
	}
	inv = apply(t, inv, harden.PhaseIngress)
	deny := phase(inv, harden.PhaseDefaultDeny).Drafts
	if len(deny) != 2 || deny[0].Refused != "" || deny[1].Refused == "" {
		t.Fatalf("after phase ingress: %+v", deny)
	}
	inv = apply(t, inv, harden.PhaseEgress)
	got := policies(t, phase(inv, harden.PhaseDefaultDeny).Drafts)
	if len(got) != 3 || len(got["harden-default-deny-ingress"].Spec.Ingress) > 0 || len(got["harden-default-deny-egress"].Spec.Egress) > 0 {
		t.Fatalf("policies %+v", got)
	}
	if p := got[allowDNS]; len(p.Spec.PodSelector.MatchLabels) > 0 || len(p.Spec.Egress) != 1 || len(p.Spec.Egress[0].Ports) != 2 {
		t.Errorf("DNS %+v", p)
	}
	inv = apply(t, inv, harden.PhaseDefaultDeny)
	for _, p := range For(inv, "shop").Phases {
		if len(p.Refused) > 0 || len(p.Drafts) > 1 || len(p.Drafts) == 1 && !strings.Contains(p.Drafts[0].Refused, "host network") {
			t.Errorf("something is left to do in phase %s: %+v", p.Name, p)
		}
	}
}

func TestT58NoDefaultDenyBesideAWebhook(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, workload("web", ""), service("hook", "selector: {app: web}, ports: [{port: 443, targetPort: 9443}]"))
	inv.Net.Callees = []harden.Callee{{By: harden.Ref{Kind: "MutatingWebhookConfiguration", Name: "m"}, Webhook: "m.example.com", Namespace: "shop", Service: "hook", Port: 443, Policy: "Ignore"}}
	inv = inv.Fresh()
	draft := phase(inv, harden.PhaseIngress).Drafts[0]
	if diff := cmp.Diff([]string{"all tcp/9443"}, said(policies(t, []Draft{draft})["harden-web-ingress"])); diff != "" {
		t.Errorf("the webhook itself (-want +got):\n%s", diff)
	}
	if class := draft.fixes("")[0].Class; class != harden.Review {
		t.Errorf("class %s", class)
	}
	inv = apply(t, apply(t, inv, harden.PhaseIngress), harden.PhaseEgress)
	got := phase(inv, harden.PhaseDefaultDeny)
	if len(got.Drafts) > 0 || len(got.Refused) != 1 || !strings.Contains(got.Refused[0], "webhook m.example.com of MutatingWebhookConfiguration/m") || !strings.Contains(got.Refused[0], "failurePolicy Ignore") {
		t.Errorf("%+v", got)
	}
	fix := Fixes(&harden.Inventory{Facts: harden.Facts{Whole: inv}}, "shop", harden.Ref{}, harden.Ingress)
	if len(fix) != 1 || len(fix[0].Changes) > 0 {
		t.Errorf("fixes %+v", fix)
	}
}

func TestProposalsOfMalformedObjects(t *testing.T) {
	inv := nettest.Known(t, harden.EngineCalico, labelled("Deployment", "web", "'not a key!': '-'", "containers: [{name: c, image: c}]"))
	for _, w := range inv.Workloads {
		w.Template.Spec.Volumes = []corev1.Volume{{}}
	}
	inv.Net.Engine.NodeLocalDNS = []string{"x"}
	if d := phase(inv.Fresh(), harden.PhaseIngress).Drafts[0]; !strings.Contains(d.Refused, "the labels of its pods are not valid") {
		t.Errorf("%+v", d)
	}
}
