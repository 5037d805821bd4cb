package harden_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestGatherUnreadSaysOnceForEachPlace(t *testing.T) {
	in := []harden.Unread{
		{Resource: harden.APIServices, Why: "no APIServices"},
		{Resource: "ciliumclusterwidenetworkpolicies.cilium.io", Why: "no CCNP"},
		{Resource: "ciliumnetworkpolicies.cilium.io", Namespace: "shop", Why: "no CNP"},
		{Resource: harden.NetworkPolicies, Namespace: "shop", Why: "no policies"},
		{Resource: "nodes", Why: "no nodes"},
		{Resource: harden.EngineResource, Why: "no DaemonSets"},
		{Resource: harden.Services, Namespace: "shop", Why: "no Services"},
		{Resource: harden.Services, Namespace: "other", Why: "no Services there"},
	}
	want := []harden.Unread{
		{Resource: harden.APIServices, Why: "no APIServices; nor could be read: ciliumclusterwidenetworkpolicies.cilium.io, nodes, network engine"},
		{Resource: "ciliumnetworkpolicies.cilium.io", Namespace: "shop", Why: "no CNP; nor could be read: services"},
		{Resource: harden.NetworkPolicies, Namespace: "shop", Why: "no policies"},
		{Resource: harden.Services, Namespace: "other", Why: "no Services there"},
	}
	if diff := cmp.Diff(want, harden.GatherUnread(in)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("no CCNP", in[1].Why); diff != "" {
		t.Error(diff)
	}
}

func TestAroundHasThePoliciesOfNow(t *testing.T) {
	policy := func(ns, name string) *unstructured.Unstructured {
		p := &unstructured.Unstructured{Object: map[string]any{"kind": "CiliumNetworkPolicy"}}
		p.SetNamespace(ns)
		p.SetName(name)
		return p
	}
	whole := &harden.Inventory{NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{}, Net: harden.Net{Policies: []*unstructured.Unstructured{policy("", "old"), policy("other", "theirs"), policy("shop", "gone")}}}
	for _, test := range []struct {
		unread []harden.Unread
		want   []string
	}{
		{nil, []string{"/new", "other/theirs", "shop/made"}},
		{[]harden.Unread{{Resource: harden.Services, Namespace: "shop"}}, []string{"/new", "other/theirs", "shop/made"}},
		{[]harden.Unread{{Resource: "ciliumnetworkpolicies.cilium.io", Namespace: "shop"}}, []string{"/old", "other/theirs", "shop/gone"}},
	} {
		inv := &harden.Inventory{Scope: []string{"shop"}, Unread: test.unread, Facts: harden.Facts{Whole: whole}}
		inv.Net.Policies = []*unstructured.Unstructured{policy("", "new"), policy("shop", "made"), policy("unasked", "more")}
		var got []string
		for _, p := range inv.Around().Net.Policies {
			got = append(got, p.GetNamespace()+"/"+p.GetName())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v\n%s", test.unread, diff)
		}
	}
}
