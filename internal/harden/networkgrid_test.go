package harden

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/google/go-cmp/cmp"
)

func gridView() *NetworkView {
	workload := func(ns, name string) Peer {
		return WorkloadPeer(Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name})
	}
	http, other := Port{Protocol: corev1.ProtocolTCP, Number: 8080}, Port{Protocol: corev1.ProtocolTCP}
	v := &NetworkView{
		Namespaces: []string{"shop"},
		Peers: []Peer{
			workload("ingress", "proxy"), workload("shop", "api"), workload("shop", "web"),
			{Kind: PeerNamespace, Namespace: "a"},
			{Kind: PeerNamespace, Namespace: "b"},
			{Kind: PeerNamespace, Namespace: "c"},
			{Kind: PeerInternet},
		},
		Flows: []Flow{
			{From: workload("shop", "web"), To: workload("shop", "api"), Port: http, Confidence: ConfidenceMedium},
			{From: workload("shop", "api"), To: Peer{Kind: PeerInternet}, Port: http, Confidence: ConfidenceLow},
		},
	}
	const proxy, api, web, a, b, c, internet = 0, 1, 2, 3, 4, 5, 6
	cell := func(from, to int32, port Port, before, after Reach, flow int32) NetworkCell {
		return NetworkCell{From: from, To: to, Port: port, Before: before, After: after, Flow: flow}
	}
	v.Cells = []NetworkCell{
		cell(proxy, web, http, ReachAllowed, ReachAllowed, 0),
		cell(api, internet, http, ReachAllowed, ReachDenied, 2),
		cell(web, api, http, ReachDenied, ReachAllowed, 1), cell(web, api, other, ReachAllowed, ReachDenied, 0),
		cell(web, internet, other, ReachUnknown, ReachUnknown, 0),
		cell(a, web, http, ReachAllowed, ReachDenied, 0), cell(b, web, http, ReachAllowed, ReachDenied, 0), cell(c, web, http, ReachAllowed, ReachAllowed, 0),
	}
	return v
}

func TestNetworkGrid(t *testing.T) {
	v := gridView()
	out := v.Grid(Egress, nil)
	// The proxy is of another namespace: it is no row.
	if diff := cmp.Diff([]int{1, 2}, out.Rows); diff != "" {
		t.Errorf("rows of egress: %s", diff)
	}
	if diff := cmp.Diff([][]int{{1}, {6}}, out.Columns); diff != "" {
		t.Errorf("columns of egress: %s", diff)
	}
	in := v.Grid(Ingress, nil)
	if diff := cmp.Diff([][]int{{0}, {2}, {3, 4}, {5}}, in.Columns); diff != "" {
		t.Errorf("columns of ingress: %s", diff)
	}
	for _, test := range []struct {
		grid          *NetworkGrid
		row, column   int
		before, after NetworkSum
	}{
		{out, 0, 0, SumNone, SumNone},
		{out, 0, 1, SumAllowed, SumDenied}, // needed by a guess only
		{out, 1, 0, SumCut, SumPartly},
		{out, 1, 1, SumUnknown, SumUnknown},
		{in, 1, 2, SumAllowed, SumDenied},
		{in, 1, 3, SumAllowed, SumAllowed},
	} {
		if before, after := test.grid.Sum(test.row, test.column); before != test.before || after != test.after {
			t.Errorf("%s %d %d: %s -> %s, want %s -> %s", test.grid.Direction, test.row, test.column, before, after, test.before, test.after)
		}
	}
	changed := v.Grid(Ingress, (*NetworkCell).Changed)
	if diff := cmp.Diff([][]int{{2}, {3, 4}}, changed.Columns); diff != "" {
		t.Errorf("columns that change: %s", diff)
	}
}

func TestNetworkSumOfAPart(t *testing.T) {
	v := &NetworkView{Cells: []NetworkCell{{Before: ReachAllowed, BeforePartly: true, After: ReachDenied}}}
	if before, after := v.Sum([]int{0}); before != SumPartly || after != SumDenied {
		t.Errorf("%s -> %s", before, after)
	}
	v.Cells[0].Flow = 7 // of no flow: never a panic
	if v.Needed(&v.Cells[0]) {
		t.Error("a flow that is not there is needed")
	}
}
