package cloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const web = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: c}]}}}
`

func egress(rules string) string {
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: w, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [%s]}\n", rules)
}

func on(provider, engine string) harden.Engine {
	return harden.Engine{Name: engine, Enforces: harden.Enforced, Provider: provider, IPv4: true}
}

func TestIMDSReachable(t *testing.T) {
	aws := fixtest.Engine(on("aws", harden.EngineVPCCNI))
	ipv6 := fixtest.Engine(harden.Engine{Name: harden.EngineVPCCNI, Enforces: harden.Enforced, Provider: "aws", IPv6: true})
	gkeNode := "---\napiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {iam.gke.io/gke-metadata-server-enabled: 'true'}}\n"
	const world, private = "{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}", "{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}"
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       []string
	}{
		{"no isolation", web, []fixtest.Option{fixtest.Live(), aws}, []string{"fail high reachable"}},
		{"isolated", web + egress(""), []fixtest.Option{fixtest.Live(), aws}, nil},
		{"the address left out", web + egress(private), []fixtest.Option{fixtest.Live(), aws}, nil},
		{"the world on 80", web + egress(strings.Replace(world, "443", "80", 1)), []fixtest.Option{fixtest.Live(), aws}, []string{"fail high reachable"}},
		{"the world on 443", web + egress(world), []fixtest.Option{fixtest.Live(), aws}, nil},
		{"everything", web + egress("{}"), []fixtest.Option{fixtest.Live(), aws}, []string{"fail high reachable"}},
		{"pods alone", web + egress("{to: [{namespaceSelector: {}}]}"), []fixtest.Option{fixtest.Live(), aws}, nil},
		{"host network", strings.Replace(web, "{containers", "{hostNetwork: true, containers", 1), []fixtest.Option{fixtest.Live(), aws}, nil},
		{"no cloud", web, []fixtest.Option{fixtest.Live(), fixtest.Engine(on("kind", harden.EngineKindnet))}, nil},
		{"no provider", web, []fixtest.Option{fixtest.Live(), fixtest.Engine(on("", harden.EngineCalico))}, nil},
		{"nodes not read", web, []fixtest.Option{fixtest.Live(), fixtest.Unreadable("nodes", "forbidden")}, []string{"unknown high unknown"}},
		{"nodes not read, isolated", web + egress(""), []fixtest.Option{fixtest.Live(), fixtest.Unreadable("nodes", "forbidden")}, nil},
		{"policies not read", web, []fixtest.Option{fixtest.Live(), aws, fixtest.Unreadable(harden.NetworkPolicies, "forbidden")}, []string{"unknown high unknown"}},
		{"files", web, nil, nil},
		{"Azure", web, []fixtest.Option{fixtest.Live(), fixtest.Engine(on("azure", harden.EngineAzure))}, []string{"fail high reachable"}},
		{"Alibaba's own address left out", web + egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [100.100.100.200/32]}}]}"), []fixtest.Option{fixtest.Live(), fixtest.Engine(on("alicloud", harden.EngineCalico))}, nil},
		{"Alibaba, the usual address left out", web + egress(private), []fixtest.Option{fixtest.Live(), fixtest.Engine(on("alicloud", harden.EngineCalico))}, []string{"fail high reachable"}},
		{"GKE with Workload Identity", web + gkeNode, []fixtest.Option{fixtest.Live(), fixtest.Engine(on("gce", harden.EngineCilium))}, []string{"fail medium reachable"}},
		{"no replicas", strings.Replace(web, "spec: {selector", "spec: {replicas: 0, selector", 1), []fixtest.Option{fixtest.Live(), aws}, []string{"fail medium reachable"}},
		{"T57 EKS with IPv6 and default deny", web + egress(""), []fixtest.Option{fixtest.Live(), ipv6}, []string{"fail high ipv6"}},
		{"malformed block", web + egress("{to: [{ipBlock: {cidr: nowhere}}]}"), []fixtest.Option{fixtest.Live(), aws}, []string{"unknown high unknown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, IMDSReachable, test.yaml, test.opts...) {
				got = append(got, fmt.Sprintf("%s %s %s", f.Status, f.Severity, f.Verdict))
				if f.Reason == "" || f.Detail == "" {
					t.Errorf("says too little: %+v", f)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIMDSFixes(t *testing.T) {
	aws := fixtest.Engine(on("aws", harden.EngineVPCCNI))
	fixes := fixtest.Fixes(t, IMDSReachable, web+egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}"), fixtest.Live(), aws)
	if len(fixes) != 1 || fixes[0].Class != harden.Review || len(fixes[0].Changes) != 1 || fixes[0].Changes[0].Target.String() != "NetworkPolicy/w" {
		t.Fatalf("%+v, want a review that changes the policy", fixes)
	}
	list, _, _ := unstructured.NestedSlice(fixes[0].Changes[0].Set.Object, "spec", "egress")
	want := []any{map[string]any{"to": []any{map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0", "except": []any{"10.0.0.0/8", "169.254.169.254/32"}}}}}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	open := fixtest.Fixes(t, IMDSReachable, web+egress("{}"), fixtest.Live(), aws)
	if len(open) != 1 || len(open[0].Changes) > 0 || !strings.Contains(open[0].Manual, "shop/w") {
		t.Errorf("%+v, want text that names the policy", open)
	}
	if system := fixtest.Fixes(t, IMDSReachable, strings.ReplaceAll(web, "shop", "kube-system"), fixtest.Live(), aws); len(system) != 1 || len(system[0].Changes) > 0 {
		t.Errorf("%+v, want text alone in a system namespace", system)
	}
}
