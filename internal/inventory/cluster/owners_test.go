package cluster

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	argoPath      = "/apis/argoproj.io/v1alpha1"
	kustomizePath = "/apis/kustomize.toolkit.fluxcd.io"
	withOwners    = `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [
		{"name": "argoproj.io", "versions": [{"groupVersion": "argoproj.io/v1alpha1"}]},
		{"name": "kustomize.toolkit.fluxcd.io", "versions": [{"groupVersion": "kustomize.toolkit.fluxcd.io/v1beta2"}]}]}`
)

func ownerObject(apiVersion, kind, namespace, name string) string {
	return fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"name": %q, "namespace": %q, "managedFields": [{"manager": "x"}]}, "spec": {"suspend": true}}`, apiVersion, kind, name, namespace)
}

func TestReadOwners(t *testing.T) {
	app := harden.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Application", Name: "shop"}
	kustomization := harden.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "apps", Name: "shop"}
	gone := refuse(http.StatusNotFound, "NotFound", "not found")
	for _, test := range []struct {
		name    string
		set     func(*server)
		ref     harden.Ref
		found   []string // APIVERSION NAMESPACE/NAME
		missing *harden.MissingOwner
	}{
		{
			name: "an older version is served", ref: kustomization,
			set: func(s *server) {
				s.on(kustomizePath+"/v1/namespaces/apps/kustomizations/shop", gone)
				s.on(kustomizePath+"/v1beta2/namespaces/apps/kustomizations/shop", answer(ownerObject("kustomize.toolkit.fluxcd.io/v1beta2", "Kustomization", "apps", "shop")))
			},
			found: []string{"kustomize.toolkit.fluxcd.io/v1beta2 apps/shop"},
		},
		{
			name: "it is gone", ref: kustomization,
			set: func(s *server) {
				s.on(kustomizePath+"/v1/namespaces/apps/kustomizations/shop", gone)
				s.on(kustomizePath+"/v1beta2/namespaces/apps/kustomizations/shop", gone)
			},
			missing: &harden.MissingOwner{Ref: kustomization, Why: "not found"},
		},
		{
			name: "it may not be read", ref: kustomization,
			set: func(s *server) {
				s.on(kustomizePath+"/v1/namespaces/apps/kustomizations/shop", forbidden(`kustomizations "shop" is forbidden: User "jane" cannot get it`))
			},
			missing: &harden.MissingOwner{Ref: kustomization, Forbidden: true, Why: `User "jane" cannot get it`},
		},
		{
			name: "in any namespace", ref: app,
			set: func(s *server) {
				s.on(argoPath+"/applications", answer(`{"metadata": {}, "items": [{"metadata": {"name": "other", "namespace": "a"}}, {"metadata": {"name": "shop", "namespace": "b"}}, {"metadata": {"name": "shop", "namespace": "c"}}]}`))
				s.on(argoPath+"/namespaces/b/applications/shop", answer(ownerObject(app.APIVersion, "Application", "b", "shop")))
				s.on(argoPath+"/namespaces/c/applications/shop", gone)
			},
			found: []string{"argoproj.io/v1alpha1 b/shop"},
		},
		{
			name: "not all namespaces may be listed", ref: app,
			set: func(s *server) {
				s.on(argoPath+"/applications", forbidden("applications is forbidden: no"))
				s.on(argoPath+"/namespaces/argocd/applications", answer(`{"metadata": {}, "items": [{"metadata": {"name": "shop", "namespace": "argocd"}}]}`))
				s.on(argoPath+"/namespaces/openshift-gitops/applications", forbidden("applications is forbidden: no"))
				s.on(argoPath+"/namespaces/argocd/applications/shop", answer(ownerObject(app.APIVersion, "Application", "argocd", "shop")))
			},
			found: []string{"argoproj.io/v1alpha1 argocd/shop"},
		},
		{
			name: "not all may be listed, and it is not where it usually is", ref: app,
			set: func(s *server) {
				s.on(argoPath+"/applications", forbidden("applications is forbidden: no"))
			},
			missing: &harden.MissingOwner{Ref: app, Forbidden: true, Why: "no"},
		},
		{
			name: "nobody has that name", ref: app,
			set:     func(s *server) { s.on(argoPath+"/applications", answer(listOf("1"))) },
			missing: &harden.MissingOwner{Ref: app, Why: "not found"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("/apis", answer(withOwners))
			test.set(s)
			r := newReader(t, s)
			if _, err := r.Cluster(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := r.ReadOwners(t.Context(), []harden.Ref{test.ref})
			var found []string
			for _, o := range got.Objects {
				found = append(found, o.GetAPIVersion()+" "+o.GetNamespace()+"/"+o.GetName())
				if len(o.GetManagedFields()) > 0 {
					t.Error("managedFields are kept")
				}
			}
			var missing []harden.MissingOwner
			if test.missing != nil {
				missing = append(missing, *test.missing)
			}
			if d := cmp.Diff(test.found, found); d != "" {
				t.Errorf("found (-want +got):\n%s", d)
			}
			if d := cmp.Diff(missing, got.Missing); d != "" {
				t.Errorf("missing (-want +got):\n%s", d)
			}
		})
	}

	t.Run("a group that the server does not have is not asked for", func(t *testing.T) {
		s := newServer(t)
		s.on("/apis", answer(`{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`))
		r := newReader(t, s)
		if _, err := r.Cluster(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := r.ReadOwners(t.Context(), []harden.Ref{kustomization, app})
		want := harden.OwnerFacts{Missing: []harden.MissingOwner{
			{Ref: kustomization, Why: "this API server has no kustomizations.kustomize.toolkit.fluxcd.io"}, {Ref: app, Why: "this API server has no applications.argoproj.io"},
		}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if n := s.count(argoPath + "/applications"); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})

	t.Run("names are listed once", func(t *testing.T) {
		s := newServer(t)
		s.on("/apis", answer(withOwners))
		r := newReader(t, s)
		if _, err := r.Cluster(t.Context()); err != nil {
			t.Fatal(err)
		}
		other := app
		other.Name = "other"
		r.ReadOwners(t.Context(), []harden.Ref{app, other})
		if n := s.count(argoPath + "/applications"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}
