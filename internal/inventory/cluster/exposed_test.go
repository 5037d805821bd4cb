package cluster

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func service(name, kind, selector string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Service", "metadata": {"name": %q, "namespace": "shop"}, "spec": {"type": %q, "selector": {%s}}}`, name, kind, selector)
}

func TestExposed(t *testing.T) {
	const path = "/api/v1/namespaces/shop/services"
	const web = `"app": "web"`
	for _, test := range []struct {
		name     string
		services []string
		want     string
	}{
		{"none", nil, ""},
		{"inside", []string{service("web", "ClusterIP", web)}, ""},
		{"a load balancer", []string{service("a", "ClusterIP", web), service("web", "LoadBalancer", web)}, "Service web of type LoadBalancer"},
		{"a port of the nodes", []string{service("web", "NodePort", web)}, "Service web of type NodePort"},
		{"of other pods", []string{service("web", "LoadBalancer", `"app": "web", "tier": "x"`)}, ""},
		{"of no pods", []string{service("web", "LoadBalancer", "")}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on(path, answer(listOf("1", test.services...)))
			w := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
			w.Template.Labels = map[string]string{"app": "web"}
			by, unread := newReader(t, s).Exposed(t.Context(), []string{"shop"}, []*harden.Workload{w})
			if by[w.Ref.Key()] != test.want || len(unread) > 0 {
				t.Errorf("got %v, unread %v, want %q", by, unread, test.want)
			}
		})
	}
	s := newServer(t)
	s.on(path, forbidden("x is forbidden: no Services"))
	by, unread := newReader(t, s).Exposed(t.Context(), []string{"shop"}, nil)
	if diff := cmp.Diff([]harden.Unread{{Resource: harden.Services, Namespace: "shop", Why: "no Services"}}, unread); diff != "" || len(by) > 0 {
		t.Errorf("forbidden: %v\n%s", by, diff)
	}
}
