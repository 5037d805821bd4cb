package exposure

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcLBPublic finds load balancers that the internet reaches.
var SvcLBPublic = &harden.Fixer{
	ID:       "svc-lb-public",
	Title:    "load balancer is not internal",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A Service of type LoadBalancer is public, or nothing shows that it is internal.

Fields:

    spec.type, spec.loadBalancerClass, spec.ports
    status.loadBalancer.ingress
    metadata.annotations: scheme, internal and type of the provider

Allowed: a load balancer whose addresses are all private; one whose class or annotation
makes it internal. Addresses in the status beat annotations, because a load balancer is
rarely made anew when an annotation changes.

**Why it matters.** Whoever finds the address talks to the pods without passing an
ingress controller, its TLS, its authentication and its log. For what is not HTTP
(databases, queues, consoles) that is worse by one step.

**The fix.** The provider's annotation for an internal load balancer, where the provider
is known. It may make a new load balancer with a new address and name, so a person decides.

**Traps.** The AWS Load Balancer Controller makes internal load balancers by default, the
AWS cloud provider such that face the internet: which of them it is depends on the class
and on the type annotation. In a bare metal cluster a private address may still be
forwarded by a router. The Service of an ingress controller or gateway is a door on
purpose: the finding is one step milder.
`,
	Refs:  refs("ATT&CK T1133", "ATT&CK MS-TA9005", "Kubescape C-0256"),
	Reads: harden.InCluster(routeParts...),
	Check: checkSvcLBPublic,
	Fix:   func(p *harden.Pass, _ *harden.Finding) []harden.Fix { return makeInternal(p) },
}

func checkSvcLBPublic(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil || s.Spec.Type != corev1.ServiceTypeLoadBalancer {
		p.NotApplicable()
		return
	}
	e := p.Inventory.ServiceExposure(s)
	if !e.Outside() {
		return
	}
	f := harden.Finding{Field: "spec.type", Reason: "reached from the internet", Detail: "The load balancer is public: " + e.Why + "."}
	if e.Reachability == harden.PerhapsInternet {
		f.Reason, f.Detail = "not known to be internal", "Whether the load balancer is public could not be told: "+e.Why+"."
	}
	if door := doorOf(p.Inventory, s); door != "" {
		f.Severity, f.SeverityWhy = harden.Low, "it is the door of "+string(door)+", through which routes are led"
	} else if port := notHTTP(s); port != "" {
		f.Severity, f.SeverityWhy = harden.High, "port "+port+" is not known to be HTTP"
	}
	p.Report(f)
}

// notHTTP is the first port that does not look like HTTP, or "".
func notHTTP(s *corev1.Service) string {
	for _, port := range s.Spec.Ports {
		if !isHTTP(port) {
			return fmt.Sprint(port.Port)
		}
	}
	return ""
}

func isHTTP(port corev1.ServicePort) bool {
	if port.AppProtocol != nil {
		return strings.Contains(strings.ToLower(*port.AppProtocol), "http") || strings.Contains(strings.ToLower(*port.AppProtocol), "grpc")
	}
	switch port.Port {
	case 80, 443, 8080, 8443:
		return true
	}
	for _, prefix := range []string{"http", "web", "grpc", "h2"} {
		if strings.HasPrefix(port.Name, prefix) || strings.HasPrefix(port.TargetPort.StrVal, prefix) {
			return true
		}
	}
	return false
}

// makeInternal is the annotation that makes the load balancer of the pass internal.
func makeInternal(p *harden.Pass) []harden.Fix {
	s := serviceOf(p)
	const title = "make the load balancer internal"
	warning := "The load balancer may be made anew: address and DNS name change, and clients from outside lose their way in."
	set := func(key, value string) []harden.Fix {
		return draft(title, warning, annotate(p, map[string]any{key: value}))
	}
	switch p.Inventory.LoadBalancerOf(s) {
	case harden.ProviderAWSController:
		return set(harden.AWSScheme, "internal")
	case harden.ProviderAWSInTree:
		warning += " The AWS cloud provider does not change a load balancer that is there already: the Service has to be made anew."
		return set(harden.AWSInternal, "true")
	case harden.ProviderGCP:
		if s.Spec.LoadBalancerClass == nil {
			return set(harden.GCPType, "Internal")
		}
	case harden.ProviderAzure:
		return set(harden.AzureInternal, "true")
	case harden.ProviderOCI:
		if s.Annotations["oci.oraclecloud.com/load-balancer-type"] == "nlb" {
			return set("oci-network-load-balancer.oraclecloud.com/internal", "true")
		}
		return set(harden.OCIInternal, "true")
	}
	return manual(title, fmt.Sprintf("Make the load balancer of Service %s/%s internal in the way of its provider (%s: \"internal\", %s: \"true\", %s: \"Internal\", %s: \"true\", %s: \"true\", "+
		"or a private address pool), or set spec.type to ClusterIP and lead an Ingress to it. If it is meant to be public, waive the finding.",
		s.Namespace, s.Name, harden.AWSScheme, harden.AWSInternal, harden.GCPType, harden.AzureInternal, harden.OCIInternal))
}
