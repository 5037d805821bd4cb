package cluster

import (
	"context"
	"encoding/json"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// ReadWhole reads the whole cluster, as far as it may be read, with all that
// tells how pods are reached. Where namespaces may not be listed, or a kind not
// in all of them at once, it looks into the namespaces that are given. Progress,
// which may be nil, is told how many lists were read of how many that are known
// by then; it is called from several goroutines, one at a time.
//
// It does not touch what Watch goes on from. Values of ConfigMaps may be
// confidential: they are kept in memory alone. Errors are those of Read.
func (r *Reader) ReadWhole(ctx context.Context, namespaces []string, progress func(done, total int)) (*harden.Inventory, error) {
	s, err := r.read(ctx, reading{scope: harden.Scope{All: true}, known: namespaces, whole: true, steps: &steps{progress: progress}})
	if err != nil {
		return nil, err
	}
	if s.more, err = r.conversions(ctx); isFatal(err) {
		return nil, err
	}
	if err != nil {
		s.unread = append(s.unread, harden.Unread{Resource: harden.CustomResourceDefinitions, Why: why(err)})
	}
	return s.build(r.now())
}

const crdPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// wholeKinds are read besides those of every inventory.
func (r *Reader) wholeKinds() []*kind {
	slicesOf := r.client.DiscoveryV1()
	k := define("discovery.k8s.io/v1", "EndpointSlice", harden.EndpointSlices, true,
		func(ns string) lister[*discoveryv1.EndpointSliceList] { return slicesOf.EndpointSlices(ns) }, func(l *discoveryv1.EndpointSliceList) []discoveryv1.EndpointSlice { return l.Items })
	k.net = true
	return []*kind{k}
}

// conversions are the Services that convert custom resources. Definitions are
// large, so only that is kept of each page.
func (r *Reader) conversions(ctx context.Context) (out []harden.Callee, err error) {
	err = r.eachItem(ctx, crdPath, func(item json.RawMessage) {
		var v struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec struct {
				Conversion map[string]any `json:"conversion"`
			} `json:"spec"`
		}
		if json.Unmarshal(item, &v) != nil {
			return // not what the API says
		}
		ref := harden.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: v.Metadata.Name}
		o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"conversion": v.Spec.Conversion}}}
		out = append(out, inventory.CalleesOf(ref, o)...)
	})
	return out, classify(err)
}
