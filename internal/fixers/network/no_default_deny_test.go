package network

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
	workload  = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: web, image: w}]}\n"
)

func policy(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: shop}\nspec: {%s}\n", name, spec)
}

func found(findings []*harden.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Status, f.Severity, f.Verdict, f.Discriminator)))
	}
	return all
}

func TestNoDefaultDeny(t *testing.T) {
	const (
		missingIngress = "fail medium missing Ingress"
		missingEgress  = "fail medium missing Egress"
	)
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"no policy", namespace + workload, []string{missingIngress, missingEgress}},
		{"deny both", namespace + workload + policy("d", "podSelector: {}, policyTypes: [Ingress, Egress]"), nil},
		{"deny in two policies", namespace + workload + policy("i", "podSelector: {}, policyTypes: [Ingress]") + policy("e", "podSelector: {}, policyTypes: [Egress]"), nil},
		{"no policyTypes means ingress", namespace + workload + policy("d", "podSelector: {}"), []string{missingEgress}},
		{"T53 no policyTypes with egress rules", namespace + workload + policy("d", "podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}]}]"), nil},
		{"policyTypes without ingress", namespace + workload + policy("d", "podSelector: {}, policyTypes: [Egress]"), []string{missingIngress}},
		{"selects one workload", namespace + workload + policy("d", "podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]"), []string{missingIngress, missingEgress}},
		{"T52 selects by expression", namespace + workload + policy("d", "podSelector: {matchExpressions: [{key: app, operator: Exists}]}, policyTypes: [Ingress, Egress]"), []string{missingIngress, missingEgress}},
		{"rules that narrow", namespace + workload + policy("d", "podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{ports: [{port: 443}]}]"), nil},
		{"allow all beside a deny", namespace + workload + policy("deny", "podSelector: {}, policyTypes: [Ingress, Egress]") + policy("open", "podSelector: {}, policyTypes: [Egress], egress: [{}]"), []string{"fail medium allow-all Egress"}},
		{
			"policy of another namespace", namespace + workload + strings.Replace(policy("d", "podSelector: {}, policyTypes: [Ingress, Egress]"), "shop", "other", 1) + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n",
			[]string{missingIngress, missingEgress},
		},
		{"no workload", namespace, []string{"fail low missing Ingress", "fail low missing Egress"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, found(fixtest.Run(t, NoDefaultDeny, test.yaml, fixtest.Live()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestT119UnreadablePoliciesAreUnknown(t *testing.T) {
	unreadable := fixtest.Unreadable("networkpolicies.networking.k8s.io", "forbidden")
	for name, yaml := range map[string]string{"with workloads": namespace + workload, "without": namespace, "namespace not read": workload} {
		if diff := cmp.Diff([]string{"unknown medium unknown"}, found(fixtest.Run(t, NoDefaultDeny, yaml, fixtest.Live(), unreadable))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if f := fixtest.Only(t, NoDefaultDeny, namespace+workload, fixtest.Live(), unreadable); !strings.Contains(f.Detail, "forbidden") {
		t.Errorf("detail %q does not say why", f.Detail)
	}
}

func TestNoDefaultDenyInFiles(t *testing.T) {
	for name, test := range map[string]struct {
		yaml string
		want int
		is   harden.Status
	}{
		"namespace declared":          {namespace + workload, 2, harden.StatusFail},
		"a workload alone":            {workload, 1, harden.StatusUnknown},
		"policies but no Namespace":   {workload + policy("i", "podSelector: {}"), 1, harden.StatusFail},
		"all that there should be":    {workload + policy("d", "podSelector: {}, policyTypes: [Ingress, Egress]"), 0, 0},
		"kube-public without a pod":   {strings.Replace(namespace, "shop", "kube-public", 1), 0, 0},
		"kube-public with a workload": {strings.ReplaceAll(namespace+workload, "shop", "kube-public"), 2, harden.StatusFail},
	} {
		findings := fixtest.Run(t, NoDefaultDeny, test.yaml)
		if len(findings) != test.want {
			t.Errorf("%s: %d findings, want %d", name, len(findings), test.want)
		}
		for _, f := range findings {
			if f.Status != test.is {
				t.Errorf("%s: status %s, want %s", name, f.Status, test.is)
			}
		}
	}
}

func TestNothingReadIsNotAnEmptyNamespace(t *testing.T) {
	for _, f := range fixtest.Run(t, NoDefaultDeny, namespace, fixtest.Live(), fixtest.Unreadable("pods", "forbidden")) {
		if f.Severity != harden.Medium {
			t.Errorf("severity %s: that there are no workloads was not seen", f.Severity)
		}
	}
}
