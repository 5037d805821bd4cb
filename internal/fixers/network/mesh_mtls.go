package network

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MeshMTLSPermissive finds namespaces of a service mesh that take plain text.
var MeshMTLSPermissive = &harden.Fixer{
	ID:       "mesh-mtls-permissive",
	Title:    "the mesh takes connections in plain text",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectNamespace,
	Doc: `
The namespace is in a service mesh, and its pods accept connections without mutual TLS.

Fields:

    spec.mtls.mode, spec.portLevelMtls of Istio's PeerAuthentications
    labels istio-injection, istio.io/rev and istio.io/dataplane-mode of the namespace
    annotations linkerd.io/inject and config.linkerd.io/default-inbound-policy

Allowed: for Istio mode STRICT, from a PeerAuthentication of the namespace or of the
mesh's root namespace, and none that weakens it for single pods or ports. For Linkerd
a default inbound policy that demands an identity, or deny.

**Why it matters.** PERMISSIVE is the state of a migration, and the default: proxies take
plain text beside TLS, so whoever reaches the pod from outside of the mesh needs no
identity, and the rules of the mesh that go by identity do not hold for him.

**The fix.** A person makes it strict: a client that is not in the mesh, a probe of a
monitor or an old job is cut off. The text has the object. Whether all clients are in
the mesh is told by its own metrics.

**Traps.** Whoever has not looked at the network has not read PeerAuthentications, and the
verdict is unknown. A mode that is UNSET takes that of the mesh, and where nothing
is said, PERMISSIVE. The root namespace is taken to be istio-system. In ambient mode DISABLE is
not supported, and the node's proxy does the TLS. The default of Linkerd's control plane may be
changed at its installation: without an annotation it is unknown. Encryption by the
network engine (WireGuard or IPsec in Cilium) is not looked at; it knows nodes, not
callers.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
		{Standard: "ATT&CK", ID: "T1040"},
	},
	Reads: harden.InCluster(harden.Templates, harden.NetLists, harden.KindService, harden.Pods),
	Check: checkMeshMTLS,
	Fix:   fixMeshMTLS,
}

const peerAuthentications = "peerauthentications.security.istio.io"

// istioRoot is the root namespace of an installation that changed nothing.
const istioRoot = "istio-system"

func checkMeshMTLS(p *harden.Pass) {
	switch {
	case p.NamespaceName == istioRoot:
		p.NotApplicable()
	case inIstio(p):
		checkIstio(p)
	case p.Namespace != nil && slices.Contains([]string{"enabled", "ingress"}, p.Namespace.Annotations["linkerd.io/inject"]):
		checkLinkerd(p)
	default:
		p.NotApplicable()
	}
}

// inIstio reports whether pods of the namespace are in the mesh: by its labels, or by a proxy in them.
func inIstio(p *harden.Pass) bool {
	if ns := p.Namespace; ns != nil {
		if ns.Labels["istio-injection"] == "enabled" || ns.Labels["istio.io/dataplane-mode"] == "ambient" || ns.Labels["istio-injection"] == "" && ns.Labels["istio.io/rev"] != "" {
			return true
		}
	}
	proxy := func(c corev1.Container) bool { return c.Name == "istio-proxy" }
	for _, w := range indexOf(p.Inventory).workloads[p.NamespaceName] {
		for _, pod := range w.Pods {
			if slices.ContainsFunc(pod.Spec.Containers, proxy) || slices.ContainsFunc(pod.Spec.InitContainers, proxy) {
				return true
			}
		}
	}
	return false
}

func checkIstio(p *harden.Pass) {
	f := harden.Finding{Field: "PeerAuthentications"}
	around := p.Inventory.Around()
	why := "nobody has looked at the network"
	if around != nil {
		why = around.Unreadable(peerAuthentications, p.NamespaceName)
		if why == "" {
			why = around.Unreadable(peerAuthentications, istioRoot)
		}
	}
	if why != "" {
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason, f.Detail = "PeerAuthentications were not read", "Whether the proxies demand mutual TLS is not known: "+sentence(why)+"."
		p.Report(f)
		return
	}
	own, mesh := policiesOf(around, p.NamespaceName), policiesOf(around, istioRoot)
	mode, by := modeOf(own)
	if mode == "" {
		mode, by = modeOf(mesh)
	}
	if mode == "" {
		mode, by = "PERMISSIVE", "nothing says otherwise"
	}
	if mode != "STRICT" {
		f.Verdict, f.Reason = strings.ToLower(mode), "mutual TLS is "+mode
		f.Detail = fmt.Sprintf("The mode of the namespace is %s (%s): proxies take connections in plain text.", mode, by)
		p.Report(f)
		return
	}
	for _, o := range own {
		if weak := weakened(o); weak != "" {
			p.Report(harden.Finding{
				Field: "PeerAuthentications", Discriminator: o.GetName(), Verdict: "exception", Reason: fmt.Sprintf("PeerAuthentication %s takes plain text", o.GetName()),
				Detail: fmt.Sprintf("The namespace is STRICT (%s), and PeerAuthentication %q weakens it: %s.", by, o.GetName(), weak),
			})
		}
	}
}

// policiesOf are the PeerAuthentications of a namespace, the oldest first, as
// Istio takes them.
func policiesOf(inv *harden.Inventory, namespace string) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, o := range inv.Net.Routes {
		if o.GetKind() == "PeerAuthentication" && o.GroupVersionKind().Group == "security.istio.io" && o.GetNamespace() == namespace {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *unstructured.Unstructured) int {
		return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
	})
	return all
}

// modeOf is the mode of the first policy that is for the whole namespace.
func modeOf(all []*unstructured.Unstructured) (mode, by string) {
	for _, o := range all {
		if hasSelector(o) {
			continue
		}
		mode, _, _ := unstructured.NestedString(o.Object, "spec", "mtls", "mode")
		if mode == "UNSET" {
			mode = ""
		}
		return harden.OneLine(mode), fmt.Sprintf("PeerAuthentication %s/%s", o.GetNamespace(), o.GetName())
	}
	return "", ""
}

func hasSelector(o *unstructured.Unstructured) bool {
	set, _, _ := unstructured.NestedMap(o.Object, "spec", "selector", "matchLabels")
	return len(set) > 0
}

// weakened says how a policy admits plain text, for people, or "".
func weakened(o *unstructured.Unstructured) string {
	weak := func(mode string) bool { return mode == "PERMISSIVE" || mode == "DISABLE" }
	if mode, _, _ := unstructured.NestedString(o.Object, "spec", "mtls", "mode"); hasSelector(o) && weak(mode) {
		return "mode " + mode + " for the pods that it selects"
	}
	ports, _, _ := unstructured.NestedMap(o.Object, "spec", "portLevelMtls")
	var found []string
	for port := range ports {
		if mode, _, _ := unstructured.NestedString(ports, port, "mode"); weak(mode) {
			found = append(found, fmt.Sprintf("%s on port %s", mode, harden.OneLine(port)))
		}
	}
	slices.Sort(found)
	return list(found)
}

func checkLinkerd(p *harden.Pass) {
	const annotation = "config.linkerd.io/default-inbound-policy"
	f := harden.Finding{Field: "metadata.annotations[" + annotation + "]"}
	switch policy := p.Namespace.Annotations[annotation]; policy {
	case "all-authenticated", "cluster-authenticated", "deny":
		return
	case "":
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "Linkerd's default inbound policy is not known"
		f.Detail = "The namespace does not say " + annotation + ", so that the default of the control plane holds: all-unauthenticated unless its installation says otherwise, which is not read."
	default:
		f.Verdict, f.Reason = "linkerd", "Linkerd's default inbound policy is "+harden.OneLine(policy)
		f.Detail = fmt.Sprintf("%s is %q: callers need no identity.", annotation, harden.OneLine(policy))
	}
	p.Report(f)
}

func fixMeshMTLS(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.NamespaceName); ok {
		return []harden.Fix{fix}
	}
	const title, warning = "demand mutual TLS", "Clients outside of the mesh are refused from then on: see in the mesh's metrics that there are none."
	if strings.HasPrefix(f.Field, "metadata.") {
		return []harden.Fix{{
			Title: title, Class: harden.Review, Warning: warning,
			Manual: "Annotate the namespace with config.linkerd.io/default-inbound-policy: cluster-authenticated, and restart its pods.",
		}}
	}
	manual := fmt.Sprintf("Apply a PeerAuthentication (security.istio.io/v1) named default in namespace %s with spec.mtls.mode STRICT.", p.NamespaceName)
	if f.Verdict == "exception" {
		manual = fmt.Sprintf("Take the weaker mode out of PeerAuthentication %s/%s when its callers are in the mesh.", p.NamespaceName, f.Discriminator)
	}
	return []harden.Fix{{
		Title: title, Class: harden.Review, Manual: manual, Warning: warning,
		Evidence: []harden.Claim{{Code: "E-FLOWS", State: harden.Missing, Text: "Nobody looked whether every caller is in the mesh."}},
	}}
}
