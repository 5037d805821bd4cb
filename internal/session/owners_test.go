package session

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An ownerWorld answers as a cluster that has some of the tellers.
type ownerWorld struct {
	objects map[string]*unstructured.Unstructured // by Ref.Long
	asked   [][]string
}

func (w *ownerWorld) read(_ context.Context, refs []harden.Ref) (facts harden.OwnerFacts) {
	var names []string
	for _, r := range refs {
		names = append(names, r.Long())
		if o := w.objects[r.Long()]; o != nil {
			facts.Objects = append(facts.Objects, o)
		} else {
			facts.Missing = append(facts.Missing, harden.MissingOwner{Ref: r, Why: "not found"})
		}
	}
	w.asked = append(w.asked, names)
	return facts
}

func custom(apiVersion, kind, name string, labels map[string]string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": spec}}
	u.SetNamespace("apps")
	u.SetName(name)
	u.SetLabels(labels)
	return u
}

func TestOwnersAreFollowedAndKept(t *testing.T) {
	byKustomization := map[string]string{"kustomize.toolkit.fluxcd.io/name": "infra", "kustomize.toolkit.fluxcd.io/namespace": "apps"}
	w := &ownerWorld{objects: map[string]*unstructured.Unstructured{
		"apps/HelmRelease/shop":    custom("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", byKustomization, map[string]any{"chartRef": map[string]any{"kind": "HelmChart", "name": "shop"}}),
		"apps/Kustomization/infra": custom("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "infra", byKustomization, map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "infra"}}),
		"apps/HelmChart/shop":      custom("source.toolkit.fluxcd.io/v1", "HelmChart", "shop", nil, map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "infra"}}),
	}}
	one := custom("apps/v1", "Deployment", "one", map[string]string{"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"}, nil)
	other := custom("apps/v1", "Deployment", "other", byKustomization, nil)
	var cache ownerCache
	now := time.Unix(1000, 0)
	about := func(o *unstructured.Unstructured) (harden.OwnerFacts, error) {
		return cache.about(t.Context(), map[harden.Key]*unstructured.Unstructured{{Name: o.GetName()}: o}, now, w.read)
	}
	facts, err := about(one)
	if err != nil || len(facts.Objects) != 3 || len(facts.Missing) != 1 {
		t.Fatalf("got %+v, %v", facts, err)
	}
	rounds := [][]string{{"apps/HelmRelease/shop"}, {"apps/HelmChart/shop", "apps/Kustomization/infra"}, {"apps/GitRepository/infra"}}
	if d := cmp.Diff(rounds, w.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	if _, err := about(other); err != nil || len(w.asked) != len(rounds) {
		t.Errorf("what is known was asked again: %v, %v", w.asked, err)
	}
	now = now.Add(ownersFresh + time.Second)
	if _, err := about(other); err != nil || len(w.asked) == len(rounds) {
		t.Errorf("what is old was not asked again: %v", err)
	}

	t.Run("what a cancelled look did not find is asked again", func(t *testing.T) {
		var cache ownerCache
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		objects := map[harden.Key]*unstructured.Unstructured{{}: one}
		if _, err := cache.about(ctx, objects, now, w.read); err == nil {
			t.Error("no error")
		}
		if facts, err := cache.about(t.Context(), objects, now, w.read); err != nil || len(facts.Objects) != 3 {
			t.Errorf("got %+v, %v", facts, err)
		}
	})
}
