package harden

import "testing"

func TestNoWorkloads(t *testing.T) {
	shop := []*Workload{{Ref: Ref{Kind: "Deployment", Namespace: "shop", Name: "web"}}}
	for _, test := range []struct {
		name string
		inv  Inventory
		want bool
	}{
		{"nothing there", Inventory{}, true},
		{"a workload", Inventory{Workloads: shop}, false},
		{"a workload elsewhere", Inventory{Workloads: []*Workload{{Ref: Ref{Namespace: "other"}}}}, true},
		{"one kind could not be read", Inventory{Unread: []Unread{{Resource: "cronjobs.batch"}}}, false},
		{"one kind could not be read here", Inventory{Unread: []Unread{{Resource: "pods", Namespace: "shop"}}}, false},
		{"one kind could not be read elsewhere", Inventory{Unread: []Unread{{Resource: "pods", Namespace: "other"}}}, true},
		{"nodes could not be read", Inventory{Unread: []Unread{{Resource: "nodes"}}}, true},
		{"part of a file was skipped", Inventory{Unread: []Unread{{Resource: "a.yaml:3"}}}, false},
	} {
		if got := test.inv.NoWorkloads("shop"); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
