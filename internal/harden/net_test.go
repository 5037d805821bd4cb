package harden_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
		{Resource: harden.APIServices, Why: "no APIServices; nor could be read: ciliumclusterwidenetworkpolicies.cilium.io, network engine"},
		{Resource: "ciliumnetworkpolicies.cilium.io", Namespace: "shop", Why: "no CNP; nor could be read: services"},
		{Resource: harden.NetworkPolicies, Namespace: "shop", Why: "no policies"},
		{Resource: "nodes", Why: "no nodes"},
		{Resource: harden.Services, Namespace: "other", Why: "no Services there"},
	}
	if diff := cmp.Diff(want, harden.GatherUnread(in)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("no CCNP", in[1].Why); diff != "" {
		t.Error(diff)
	}
}
