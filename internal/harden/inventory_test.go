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
		{"autoscalers could not be read", Inventory{Unread: []Unread{{Resource: HorizontalPodAutoscalers}, {Resource: VerticalPodAutoscalers}}}, true},
		{"part of a file was skipped", Inventory{Unread: []Unread{{Resource: "a.yaml:3"}}}, false},
	} {
		if got := test.inv.NoWorkloads("shop"); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestScalerOf(t *testing.T) {
	web := Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	inv := &Inventory{Scalers: []Scaler{
		{Ref: Ref{Kind: VerticalPodAutoscaler, Name: "v"}, Target: web},
		{Ref: Ref{Kind: HorizontalPodAutoscaler, Name: "h"}, Target: Ref{APIVersion: "apps/v1beta2", Kind: "Deployment", Namespace: "shop", Name: "web"}},
	}}
	for _, test := range []struct {
		name, kind string
		target     Ref
		want       string
	}{
		{"horizontal, by another version", HorizontalPodAutoscaler, web, "h"},
		{"vertical", VerticalPodAutoscaler, web, "v"},
		{"another namespace", HorizontalPodAutoscaler, Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "other", Name: "web"}, ""},
		{"another name", HorizontalPodAutoscaler, Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "db"}, ""},
		{"another kind", HorizontalPodAutoscaler, Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "shop", Name: "web"}, ""},
		{"another group", HorizontalPodAutoscaler, Ref{APIVersion: "example.com/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, ""},
	} {
		got := ""
		if s := inv.ScalerOf(test.kind, test.target); s != nil {
			got = s.Ref.Name
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
