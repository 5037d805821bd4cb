package network

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestWebhookBlocked(t *testing.T) {
	hook := namespace + deployment("hook", containers("{name: tls, containerPort: 9443}")) + service("hook", "selector: {app: hook}, ports: [{port: 443, targetPort: tls}]")
	const selectsHook = "podSelector: {matchLabels: {app: hook}}"
	deny := policy("deny", "podSelector: {}")
	called := fixtest.Callee(harden.Callee{
		By: harden.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration", Name: "hook"}, Webhook: "hook.example.com",
		Namespace: "shop", Service: "hook", Port: 443, Policy: "Ignore",
	})
	other := fixtest.Callee(harden.Callee{By: harden.Ref{Kind: "APIService", Name: "v1"}, Namespace: "other", Service: "hook", Port: 443})
	const blocked = "fail high blocked tcp/9443"
	judge(t, WebhookBlocked, []judgement{
		{"open", hook, live(called), nil},
		{"T58 default deny, failurePolicy Ignore", hook + deny, live(called), []string{blocked}},
		{"not called", hook + deny, live(), nil},
		{"a namesake in another namespace is called", hook + deny, live(other), nil},
		{"the port is open", hook + deny + policy("p", selectsHook+", ingress: [{ports: [{port: 9443}]}]"), live(called), nil},
		{"the Service's port is open", hook + deny + policy("p", selectsHook+", ingress: [{ports: [{port: 443}]}]"), live(called), []string{blocked}},
		{
			"another port of the Service is closed", strings.Replace(hook, "ports: [{port: 443, targetPort: tls}]", "ports: [{port: 443, targetPort: tls}, {name: b, port: 8443, targetPort: 8443}]", 1) + deny + policy("p", selectsHook+", ingress: [{ports: [{port: 9443}]}]"),
			live(called), nil,
		},
		{"pods are admitted", hook + deny + policy("p", selectsHook+", ingress: [{from: [{namespaceSelector: {}}]}]"), live(called), []string{"unknown high unknown tcp/9443"}},
		{"addresses are admitted", hook + deny + policy("p", selectsHook+", ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), live(called), []string{"unknown high unknown tcp/9443"}},
		{"host network", namespace + deployment("hook", "hostNetwork: true, "+containers("{name: tls, containerPort: 9443}")) + service("hook", "selector: {app: hook}, ports: [{port: 443, targetPort: tls}]") + deny, live(called), nil},
		{"webhooks not read", hook + deny, live(fixtest.Unreadable(harden.ValidatingWebhookConfigurations, "forbidden")), []string{"unknown high unknown"}},
		{"webhooks not read, no policy", hook, live(fixtest.Unreadable(harden.ValidatingWebhookConfigurations, "forbidden")), nil},
		{"webhooks not read, another port", strings.Replace(hook, "port: 443", "port: 8080", 1) + deny, live(fixtest.Unreadable(harden.ValidatingWebhookConfigurations, "forbidden")), nil},
		{"no replicas", strings.Replace(hook, "spec: {selector: {matchLabels", "spec: {replicas: 0, selector: {matchLabels", 1) + deny, live(called), []string{"fail medium blocked tcp/9443"}},
	})

	fix := fixesOf(t, WebhookBlocked, hook+deny, fixtest.Live(), called)
	want := map[string]any{
		"podSelector": map[string]any{"matchLabels": map[string]any{"app": "hook"}}, "policyTypes": []any{"Ingress"},
		"ingress": []any{map[string]any{"ports": []any{map[string]any{"port": int64(9443), "protocol": "TCP"}}}},
	}
	if diff := cmp.Diff(want, fix.Changes[0].Set.Object["spec"]); diff != "" || fix.Class != harden.Evidence || fix.Changes[0].Verb != harden.Create || fix.Warning == "" {
		t.Errorf("%+v (-want +got):\n%s", fix, diff)
	}
}

func TestPoliciesOfOursIsolateNobodyElse(t *testing.T) {
	yaml := namespace + deployment("web", containers("")) + deployment("open", containers("")) + deployment("host", "hostNetwork: true, "+containers("")) + policy("w", selectsWeb)
	p := &harden.Pass{Inventory: fixtest.Load(t, yaml, fixtest.Live())}
	byName := func(names ...string) (all []*harden.Workload) {
		for _, w := range p.Inventory.Workloads {
			if slices.Contains(names, w.Ref.Name) {
				all = append(all, w)
			}
		}
		return all
	}
	for _, test := range []struct {
		others []*harden.Workload
		want   harden.ClaimState
	}{{nil, harden.Holds}, {byName("web"), harden.Holds}, {byName("host"), harden.Holds}, {byName("web", "open"), harden.Refutes}} {
		if c := addingClaim(p, test.others, harden.Ingress); c.State != test.want || c.State == harden.Refutes && !strings.Contains(c.Text, "Deployment/open") {
			t.Errorf("%s: %+v, want that it %s", names(test.others), c, test.want)
		}
	}
}

func TestAPIServerEgress(t *testing.T) {
	const noToken = "automountServiceAccountToken: false, "
	web := namespace + deployment("web", noToken+containers(""))
	egress := func(rules string) string {
		return policy("w", selectsWeb+", policyTypes: [Egress], egress: ["+rules+"]")
	}
	slice := "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}\nendpoints: [{addresses: [172.18.0.2]}]\nports: [{name: https, port: 6443, protocol: TCP}]\n"
	known := fixtest.Whole(t, slice)
	judge(t, APIServerEgress, []judgement{
		{"no token, not isolated: missing-egress says it", web, live(), nil},
		{"a token", namespace + deployment("web", "automountServiceAccountToken: true, "+containers("")), live(), nil},
		{"the account was not read", namespace + deployment("web", containers("")), live(), nil},
		{"denied", web + egress(""), live(), nil},
		{"DNS alone", web + egress("{ports: [{port: 53, protocol: UDP}]}"), live(), nil},
		{"everything", web + egress("{}"), live(), []string{"fail low open"}},
		{"T63 the internet on 443", web + egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}"), live(enforcing(harden.EngineCalico), known), nil},
		{"T63 the port of the endpoints", web + egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 6443}]}"), live(enforcing(harden.EngineCalico), known), []string{"fail low open"}},
		{"private ranges left out", web + egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [172.16.0.0/12]}}]}"), live(enforcing(harden.EngineCalico), known), nil},
		{"host network", namespace + deployment("web", "hostNetwork: true, "+noToken+containers("")), live(), nil},
		{"policies not read", web, live(fixtest.Unreadable(harden.NetworkPolicies, "forbidden")), []string{"unknown low unknown"}},
	})
	if fix := fixesOf(t, APIServerEgress, web+egress("{}"), fixtest.Live()); len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "shop/w") {
		t.Errorf("%+v, want text that names the policy", fix)
	}
}
