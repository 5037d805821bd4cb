package network

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	toDNS = "to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]"
	// kubeDNS is a cluster's DNS, listening on 5353 behind a named port as on OpenShift.
	kubeDNS = `
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec: {selector: {matchLabels: {k8s-app: kube-dns}}, template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: c, image: c, ports: [{name: dns, containerPort: 5353, protocol: UDP}, {name: dns-tcp, containerPort: 5353}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: 10.96.0.10, selector: {k8s-app: kube-dns}, ports: [{name: dns, port: 53, protocol: UDP, targetPort: dns}, {name: dns-tcp, port: 53, targetPort: dns-tcp}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: kube-system}
spec: {podSelector: {}}
`
)

func TestDNSBlocked(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	egress := func(rules string) string {
		return policy("w", selectsWeb+", policyTypes: [Egress], egress: ["+rules+"]")
	}
	const udp, tcp, https = "{port: 53, protocol: UDP}", "{port: 53, protocol: TCP}", "{ports: [{port: 443}]}"
	nodeLocal := fixtest.Engine(harden.Engine{Name: harden.EngineCalico, Enforces: harden.Enforced, IPv4: true, NodeLocalDNS: []string{"169.254.20.10"}})
	judge(t, DNSBlocked, []judgement{
		{"not isolated", web, live(), nil},
		{"https alone", web + egress(https), live(), []string{"fail medium blocked"}},
		{"nothing at all", web + egress(""), live(), []string{"fail low blocked"}},
		{"DNS", web + egress("{"+toDNS+", ports: ["+udp+", "+tcp+"]}"), live(), nil},
		{"DNS in files", web + egress("{"+toDNS+", ports: ["+udp+", "+tcp+"]}"), nil, nil},
		{"DNS by another policy", web + egress(https) + policy("dns", "podSelector: {}, policyTypes: [Egress], egress: [{"+toDNS+", ports: ["+udp+", "+tcp+"]}]"), live(), nil},
		{"anywhere on 53", web + egress("{ports: ["+udp+", "+tcp+"]}"), live(), nil},
		{"UDP alone", web + egress("{"+toDNS+", ports: ["+udp+"]}"), live(), []string{"fail low tcp"}},
		{"TCP alone", web + egress("{"+toDNS+", ports: ["+tcp+"]}"), live(), []string{"fail medium blocked"}},
		{"everything", web + egress("{}"), live(), nil},
		{"other pods of kube-system", web + egress("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: metrics}}}], ports: ["+udp+"]}"), live(), []string{"fail medium blocked"}},
		{"by a label of the namespace that was not read", web + egress("{to: [{namespaceSelector: {matchLabels: {name: kube-system}}}], ports: ["+udp+", "+tcp+"]}"), live(), []string{"unknown medium unknown"}},
		{"dnsPolicy Default", namespace + deployment("web", "dnsPolicy: Default, "+containers("")) + egress(https), live(), nil},
		{"dnsPolicy None", namespace + deployment("web", "dnsPolicy: None, "+containers("")) + egress(https), live(), nil},
		{"host network", namespace + deployment("web", "hostNetwork: true, "+containers("")) + egress(https), live(), nil},
		{"policies not read", web, live(fixtest.Unreadable(harden.NetworkPolicies, "forbidden")), nil},
		{"the Service's port where DNS listens on another", web + egress("{"+toDNS+", ports: ["+udp+", "+tcp+"]}"), live(fixtest.Whole(t, kubeDNS)), []string{"fail medium blocked"}},
		{"the port of the pods", web + egress("{"+toDNS+", ports: [{port: 5353, protocol: UDP}, {port: 5353}]}"), live(fixtest.Whole(t, kubeDNS)), nil},
		{"T50 NodeLocal by the pods of DNS", web + egress("{"+toDNS+", ports: ["+udp+", "+tcp+"]}"), live(nodeLocal), []string{"fail medium blocked"}},
		{"T50 NodeLocal by its address", web + egress("{to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: ["+udp+", "+tcp+"]}"), live(nodeLocal), nil},
	})
}

func TestDNSFix(t *testing.T) {
	web := namespace + deployment("web", containers("")) + policy("w", selectsWeb+", policyTypes: [Egress], egress: [{ports: [{port: 443}]}]")
	guess := fixesOf(t, DNSBlocked, web, fixtest.Live())
	if guess.Class != harden.Review || len(texts(guess.Evidence, harden.Missing)) != 1 {
		t.Errorf("class %s, %+v: nobody saw where DNS runs", guess.Class, guess.Evidence)
	}

	seen := fixesOf(t, DNSBlocked, web, fixtest.Live(), enforcing(harden.EngineCalico), fixtest.Whole(t, kubeDNS))
	if seen.Class != harden.Evidence {
		t.Errorf("class %s: %+v", seen.Class, seen.Evidence)
	}
	set := seen.Changes[0].Set.Object
	want := map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": "harden-web-dns", "namespace": "shop", "labels": map[string]any{"app.kubernetes.io/managed-by": "harden"}},
		"spec": map[string]any{
			"podSelector": map[string]any{"matchLabels": map[string]any{"app": "web"}}, "policyTypes": []any{"Egress"},
			"egress": []any{map[string]any{
				"to": []any{map[string]any{
					"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "kube-system"}},
					"podSelector":       map[string]any{"matchLabels": map[string]any{"k8s-app": "kube-dns"}},
				}},
				"ports": []any{map[string]any{"port": int64(5353), "protocol": "TCP"}, map[string]any{"port": int64(5353), "protocol": "UDP"}},
			}},
		},
	}
	if diff := cmp.Diff(want, set); diff != "" || seen.Changes[0].Verb != harden.Create {
		t.Errorf("%s (-want +got):\n%s", seen.Changes[0].Verb, diff)
	}

	// A twin with one label more that is not isolated would be cut off from all else: the selector leaves it out.
	twin := fixesOf(t, DNSBlocked, namespace+deployment("web", containers(""))+`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: green, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, color: green}}, spec: {containers: [{name: c, image: c}]}}}
`+policy("w", "podSelector: {matchLabels: {app: web}, matchExpressions: [{key: color, operator: DoesNotExist}]}, policyTypes: [Egress], egress: [{ports: [{port: 443}]}]"), fixtest.Live())
	selector, _, _ := unstructured.NestedMap(twin.Changes[0].Set.Object, "spec", "podSelector")
	if diff := cmp.Diff([]any{map[string]any{"key": "color", "operator": "DoesNotExist"}}, selector["matchExpressions"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
