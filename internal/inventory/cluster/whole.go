package cluster

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
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

const (
	configMapPage = 100 // each may have a megabyte
	crdPath       = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
)

// routeGroups and monitorGroup are those of which the kinds below are served in
// whatever version.
const (
	gatewayGroup       = "gateway.networking.k8s.io"
	istioGroup         = "networking.istio.io"
	istioSecurityGroup = "security.istio.io"
	monitoringGroup    = "monitoring.coreos.com"
)

// wholeKinds are read besides those of every inventory. The kinds of custom
// resources are those that the server has, in the newest version of each.
func (r *Reader) wholeKinds(ctx context.Context, who identity) ([]*kind, error) {
	slicesOf, nets, core := r.client.DiscoveryV1(), r.client.NetworkingV1(), r.client.CoreV1()
	out := []*kind{
		define("discovery.k8s.io/v1", "EndpointSlice", harden.EndpointSlices, true,
			func(ns string) lister[*discoveryv1.EndpointSliceList] { return slicesOf.EndpointSlices(ns) }, func(l *discoveryv1.EndpointSliceList) []discoveryv1.EndpointSlice { return l.Items }),
		define("networking.k8s.io/v1", "IngressClass", harden.IngressClasses, false,
			func(string) lister[*networkingv1.IngressClassList] { return nets.IngressClasses() }, func(l *networkingv1.IngressClassList) []networkingv1.IngressClass { return l.Items }),
		define("v1", "ConfigMap", harden.ConfigMaps, true,
			func(ns string) lister[*corev1.ConfigMapList] { return core.ConfigMaps(ns) }, func(l *corev1.ConfigMapList) []corev1.ConfigMap { return l.Items }),
	}
	out[len(out)-1].limit = configMapPage
	plurals, err := r.pluralsOf(ctx, who, []string{gatewayGroup, istioGroup, istioSecurityGroup, monitoringGroup})
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		group, plural, name string
		cluster             bool
	}{
		{gatewayGroup, "gatewayclasses", "GatewayClass", true},
		{gatewayGroup, "gateways", "Gateway", false},
		{gatewayGroup, "httproutes", "HTTPRoute", false},
		{gatewayGroup, "grpcroutes", "GRPCRoute", false},
		{gatewayGroup, "tlsroutes", "TLSRoute", false},
		{gatewayGroup, "tcproutes", "TCPRoute", false},
		{gatewayGroup, "udproutes", "UDPRoute", false},
		{istioGroup, "virtualservices", "VirtualService", false},
		{istioGroup, "serviceentries", "ServiceEntry", false},
		{istioSecurityGroup, "peerauthentications", "PeerAuthentication", false},
		{monitoringGroup, "servicemonitors", "ServiceMonitor", false},
		{monitoringGroup, "podmonitors", "PodMonitor", false},
		{monitoringGroup, "prometheuses", "Prometheus", false},
	} {
		// Servers list the versions of a group newest and most stable first.
		i := slices.IndexFunc(who.groups[c.group], func(gv string) bool { return slices.Contains(plurals[gv], c.plural) })
		if i >= 0 {
			version := who.groups[c.group][i][len(c.group)+1:]
			out = append(out, custom(r.others, c.group, version, c.plural, c.name, !c.cluster))
		}
	}
	for _, k := range out {
		k.net = true
	}
	return out, nil
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
