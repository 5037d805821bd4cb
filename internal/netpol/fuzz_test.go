package netpol

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Whatever policies say, questions are answered.
func FuzzPolicies(f *testing.F) {
	for _, spec := range []string{
		`{}`, `null`, `7`, `{"podSelector":{"matchExpressions":[{"key":"a","operator":"In"}]},"ingress":[{"from":[{}],"ports":[{"port":"x","endPort":3}]}]}`,
		`{"priority":1,"subject":{"namespaces":{}},"egress":[{"action":"Deny","to":[{"networks":["10.0.0.0/33"]}],"ports":[{}]}]}`,
		`{"tier":"Baseline","priority":1,"subject":{"pods":{"podSelector":{}}},"ingress":[{"action":"Accept","from":[{"namespaces":{}}],"protocols":[{"tcp":{"destinationPort":{"range":{"start":9}}}}]}]}`,
		`{"endpointSelector":{"matchLabels":{"k8s:a":"b"}},"ingressDeny":[{}],"enableDefaultDeny":{"egress":true}}`,
		`{"selector":"a == 'b' && !(has(c) || d not in {'e', \"f\"})","types":["Egress"],"appliedTo":[{"podSelector":{"matchLabels":{"a":"b"}}}]}`,
	} {
		f.Add([]byte(spec))
	}
	ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "a", Name: "p"}
	pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "p", Labels: map[string]string{"a": "b"}}}
	f.Fuzz(func(_ *testing.T, spec []byte) {
		inv := &harden.Inventory{Scope: []string{"a"}, Workloads: []*harden.Workload{{Ref: ref, Template: pod}}, NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{}}
		np := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "p"}}
		if json.Unmarshal(spec, &np.Spec) == nil {
			inv.NetworkPolicies["a"] = append(inv.NetworkPolicies["a"], np)
		}
		var object any
		if json.Unmarshal(spec, &object) == nil {
			for _, kind := range [][2]string{
				{policyGroup + "/v1alpha1", adminKind},
				{policyGroup + "/v1alpha1", baselineKind},
				{policyGroup + "/v1alpha2", clusterKind},
				{ciliumGroup + "/v2", "CiliumNetworkPolicy"},
				{calicoGroup + "/v1", "GlobalNetworkPolicy"},
				{calicoServedGroup + "/v3", "NetworkPolicy"},
				{antreaGroup + "/v1beta1", "ClusterNetworkPolicy"},
			} {
				inv.Net.Policies = append(inv.Net.Policies, &unstructured.Unstructured{Object: map[string]any{"apiVersion": kind[0], "kind": kind[1], "spec": object}})
			}
		}
		w := New(inv)
		for _, d := range []harden.Direction{harden.Ingress, harden.Egress} {
			w.Isolated(ref, d)
		}
		peers, _ := Cells(w, w, inv.Scope, nil)
		for _, p := range peers {
			w.Decide(harden.WorkloadPeer(ref), p, harden.Port{Protocol: corev1.ProtocolTCP})
			w.Decide(p, harden.WorkloadPeer(ref), harden.Port{Protocol: corev1.ProtocolUDP, Number: 53})
		}
	})
}

func TestCalicoSelectors(t *testing.T) {
	set := &labelSet{set: map[string]string{"app": "web", "n": "abc"}}
	for text, want := range map[string]tri{
		"": yes, "all()": yes, "global()": no, "app == 'web'": yes, `app == "web"`: yes, "app != 'web'": no, "x != 'y'": yes, "has(app)": yes, "!has(app)": no,
		"app in {'a', 'web'}": yes, "app not in {'a', 'web'}": no, "x not in {'a'}": yes, "n contains 'b'": yes, "n starts with 'b'": no, "n ends with 'c'": yes,
		"has(app) && has(x)": no, "has(app) || has(x)": yes, "has(x) && has(x) || has(app)": yes, "has(x) && (has(x) || has(app))": no, "!(has(x) && has(app))": yes,
	} {
		x, err := parseCalico(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := x.matches(set); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
	for _, text := range []string{"app", "app ==", "app == web", "app == 'web", "(has(a)", "has(a", "app in 'a'", "app in {'a'", "has(a) has(b)", "&& has(a)", "a matches 'b'"} {
		if _, err := parseCalico(text); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	deep := ""
	for range 10000 {
		deep += "("
	}
	if _, err := parseCalico(deep); err == nil {
		t.Error("no error for what is nested deeply")
	}
	if x, err := parseCalico("has(app)"); err != nil || x.matches(&labelSet{open: unread}) != maybe {
		t.Error("what was not read is not known")
	}
}
