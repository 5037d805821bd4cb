package plan_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Before 1.29 an object with two equal keys in a list takes no server-side apply
// at all; later versions take those that do not lead into the list.
func TestT112DuplicateEnvIsNotAppliedTo(t *testing.T) {
	twice := strings.Replace(deployment, "image: web:1", "image: web:1\n        env: [{name: A, value: a}, {name: A, value: b}]", 1)
	for minor, want := range map[int]string{
		28: "Kubernetes 1.28 refuses every server-side apply to Deployment/shop",
		29: "",
		0:  "",
	} {
		w := cluster(t, twice)
		w.inv.Cluster.Minor = minor
		p := w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, w.ref(longDeployment), "runAsNonRoot: true")))
		if why := reasons(p)["x"]; !strings.HasPrefix(why, want) || (why == "") != (want == "") {
			t.Errorf("1.%d: left out because %q, want %q", minor, why, want)
		}
	}
	w := cluster(t, twice)
	p := w.build(harden.PlanOptions{}, pick("x", harden.Low, harden.SetContainer(w.ref(longDeployment), web, fields(t, "env: [{name: A, value: c}]"))))
	if why := reasons(p)["x"]; !strings.Contains(why, "two items with one key") {
		t.Errorf("a change of the list itself is left out because %q", why)
	}
}

func TestT114PodsThatAreNotReplacedAreNamed(t *testing.T) {
	for strategy, want := range map[string]string{
		"type: OnDelete":                "running pods keep the old template until they are deleted",
		"rollingUpdate: {partition: 2}": "pods with a number below the partition 2 keep the old template",
	} {
		set := strings.Replace(deployment, "kind: Deployment\nmetadata: {name: shop", "kind: StatefulSet\nmetadata: {name: db", 1)
		set = strings.Replace(set, "spec:\n", "spec:\n  updateStrategy: {"+strategy+"}\n", 1)
		w := cluster(t, set)
		op := one(t, w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, w.ref("demo/StatefulSet/db"), "runAsNonRoot: true"))))
		if op.Delivery != harden.DeliverLive || !strings.Contains(op.DeliveryWhy, want) {
			t.Errorf("%s: %s, %q; want %q", strategy, op.Delivery, op.DeliveryWhy, want)
		}
	}
}

// What a custom resource generates is set back within seconds: it has to change there.
func TestT115WhatACustomResourceOwnsIsNotPatched(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: kafka-0, namespace: demo}\nspec: {containers: [{name: web, image: w}]}"
	set := strings.Replace(deployment, "kind: Deployment\nmetadata: {name: shop", "kind: StatefulSet\nmetadata: {name: pg", 1)
	yes := true
	for long, owner := range map[string]metav1.OwnerReference{
		"demo/StatefulSet/pg": {APIVersion: "postgresql.cnpg.io/v1", Kind: "Cluster", Name: "pg", Controller: &yes},
		"demo/Pod/kafka-0":    {APIVersion: "core.strimzi.io/v1", Kind: "StrimziPodSet", Name: "kafka", Controller: &yes},
	} {
		w := cluster(t, set, pod)
		w.objects[long].SetOwnerReferences([]metav1.OwnerReference{owner})
		p := pick("x", harden.Low, security(t, w.ref(long), "runAsNonRoot: true"))
		if op := one(t, w.build(harden.PlanOptions{}, p)); op.Delivery != harden.DeliverManual || !strings.Contains(op.DeliveryWhy, owner.Kind+"/"+owner.Name) {
			t.Errorf("%s: delivered %s, %q; want by hand, with the owner's name", long, op.Delivery, op.DeliveryWhy)
		}
	}
}

func TestT118AutoscaledResourcesAreNotSent(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	limit := pick("memory-limit", harden.Low, harden.SetContainer(r, web, fields(t, "resources: {limits: {memory: 1Gi}}")))
	other := pick("x", harden.Low, security(t, r, "runAsNonRoot: true"))
	limit.Finding.Workload, other.Finding.Workload = &harden.Workload{Ref: r}, &harden.Workload{Ref: r}
	for _, test := range []struct {
		name   string
		scaler harden.Scaler
		want   string
	}{
		{"vertical", harden.Scaler{Ref: harden.Ref{Kind: harden.VerticalPodAutoscaler, Name: "v"}, Target: r}, "VerticalPodAutoscaler/v sets the resources of these pods: change its spec.resourcePolicy"},
		{"vertical, of another", harden.Scaler{Ref: harden.Ref{Kind: harden.VerticalPodAutoscaler, Name: "v"}}, ""},
		{"horizontal", harden.Scaler{Ref: harden.Ref{Kind: harden.HorizontalPodAutoscaler, Name: "h"}, Target: r, MinReplicas: 2}, ""},
	} {
		w.inv.Scalers = []harden.Scaler{test.scaler}
		p := w.build(harden.PlanOptions{}, limit, other)
		same(t, test.name, test.want, reasons(p)["memory-limit"])
		op := one(t, p)
		if _, has, _ := unstructured.NestedFieldNoCopy(op.Set.Object, "spec", "replicas"); has {
			t.Errorf("%s: the body has replicas", test.name)
		}
		if body := text(t, op.Set); strings.Contains(body, "resources") != (test.want == "") {
			t.Errorf("%s: the body is\n%s", test.name, body)
		}
	}
}
