package cluster

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const marker = "s3cr3t-marker"

// T86: of a Secret the payload is never asked for, and what an annotation holds of it is dropped.
func TestT86SecretsAreReadWithoutTheirData(t *testing.T) {
	s := newServer(t)
	s.on("/api/v1/namespaces/shop/secrets", func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.Header.Get("Accept"), "as=Table") {
			t.Errorf("asked for %q", req.Header.Get("Accept"))
		}
		fmt.Fprintf(w, `{"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
			"columnDefinitions": [{"name": "Name"}, {"name": "Type"}, {"name": "Data"}, {"name": "Age"}],
			"rows": [{"cells": ["db", "Opaque", 2, "3d"], "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
				"metadata": {"name": "db", "namespace": "shop", "uid": "u", "annotations": {%q: %q, "note": "kept"}}}}]}`,
			corev1.LastAppliedConfigAnnotation, marker)
	})
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	o := inv.Object(harden.KindSecret, "shop", "db")
	if o == nil {
		t.Fatalf("not there: %v", inv.Others)
	}
	got := harden.Content[*harden.SecretMeta](o)
	if got.Type != corev1.SecretTypeOpaque || got.Entries != 2 || got.Annotations["note"] != "kept" || o.Ref.UID != "u" {
		t.Errorf("got %+v", got)
	}
	if value, there := got.Annotations[corev1.LastAppliedConfigAnnotation]; !there || value != "" {
		t.Errorf("the annotation is %q, %v", value, there)
	}
}

func TestAServerThatSendsWholeSecretsIsNotLookedAt(t *testing.T) {
	s := newServer(t)
	s.on("/api/v1/namespaces/shop/secrets", answer(`{"kind": "SecretList", "items": [{"metadata": {"name": "db"}, "data": {"password": "`+marker+`"}}]}`))
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	why := inv.Unreadable("secrets", "shop")
	if inv.Listed(harden.KindSecret) || !strings.Contains(why, "asked for a table, got a SecretList") || strings.Contains(why, marker) {
		t.Errorf("listed %v, why %q", inv.Listed(harden.KindSecret), why)
	}
}

func TestOtherObjectsAreRead(t *testing.T) {
	s := newServer(t)
	s.on("/apis", groups("gateway.networking.k8s.io/v1", "constraints.gatekeeper.sh/v1beta1"))
	s.on("/apis/gateway.networking.k8s.io/v1", answer(`{"resources": [{"name": "gateways", "kind": "Gateway"}, {"name": "gateways/status", "kind": "Gateway"}]}`))
	s.on("/apis/constraints.gatekeeper.sh/v1beta1", answer(`{"resources": [{"name": "k8sallowedrepos", "kind": "K8sAllowedRepos"}, {"name": "k8sallowedrepos/status", "kind": "K8sAllowedRepos"}]}`))
	s.on("/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways", customList("gateway.networking.k8s.io/v1", "Gateway", "shop/front"))
	s.on("/apis/constraints.gatekeeper.sh/v1beta1/k8sallowedrepos", customList("constraints.gatekeeper.sh/v1beta1", "K8sAllowedRepos", "/repos"))
	s.on("/apis/rbac.authorization.k8s.io/v1/clusterroles", answer(listOf("1", `{"metadata": {"name": "all"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}`)))
	s.on("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles", forbidden("x is forbidden: not roles"))
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	if g := harden.Content[*unstructured.Unstructured](inv.Object(harden.KindGateway, "shop", "front")); g == nil {
		t.Errorf("no Gateway: %v", inv.Others)
	}
	if inv.Object(schema.GroupKind{Group: harden.ConstraintGroup, Kind: "K8sAllowedRepos"}, "", "repos") == nil {
		t.Errorf("no constraint: %v", inv.Others)
	}
	if role := harden.Content[*rbacv1.ClusterRole](inv.Object(harden.KindClusterRole, "", "all")); role == nil || len(role.Rules) != 1 {
		t.Errorf("no ClusterRole: %v", role)
	}
	switch {
	case inv.Listed(harden.KindRole) || inv.Unreadable("roles.rbac.authorization.k8s.io", "shop") != "not roles":
		t.Errorf("Roles seem readable: %v", inv.Unread)
	case !inv.Listed(harden.KindRoleBinding) || inv.Listed(harden.KindHTTPRoute):
		t.Error("what was listed and what the server lacks is not told apart")
	case inv.Clusterwide:
		t.Error("one namespace is taken for the whole cluster")
	case !inv.NoWorkloads("shop"):
		t.Error("Roles that may not be read make it doubtful that there are no workloads")
	}
}
