package cloud

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// LBScheme finds load balancers of AWS that do not say whether they face the internet.
var LBScheme = &harden.Fixer{
	ID:       "lb-scheme-implicit",
	Title:    "does not say whether its load balancer faces the internet",
	Area:     harden.AreaCloud,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService, harden.KindIngress},
	Doc: `
Whether the load balancer is internal or faces the internet is left to a default.

Fields:

    Service of type LoadBalancer: annotations service.beta.kubernetes.io/aws-load-balancer-scheme and
    aws-load-balancer-internal
    Ingress of an ALB: annotation alb.ingress.kubernetes.io/scheme, or spec.scheme of the IngressClassParams

Allowed: one of them is set. In an IngressGroup one member is enough.

**Why it matters.** The default depends on who makes the load balancer: the cloud controller of Kubernetes makes
one that faces the internet, the AWS Load Balancer Controller and EKS Auto Mode make an internal one. The same
manifest is private on one cluster and public on the next, or becomes so with an add-on.

**The fix.** The scheme in force is written down: nothing changes then. It is proven by the name of the
load balancer, where that begins with internal- or belongs to an ALB or a Classic Load Balancer. An NLB's name
does not tell: then the default of whoever makes it is proposed, and it is a review.

**Traps.** Setting the other scheme replaces the load balancer and its address. The name of a Service's load
balancer is in its status, so manifests from files are not judged.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubernetes", ID: "AWS Load Balancer Controller: scheme", URL: "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/"},
	},
	Reads: harden.InCluster(harden.KindIngressClass, harden.KindIngress),
	Check: checkLBScheme,
	Fix:   fixLBScheme,
}

const (
	schemeService  = "service.beta.kubernetes.io/aws-load-balancer-scheme"
	internalOld    = "service.beta.kubernetes.io/aws-load-balancer-internal"
	typeService    = "service.beta.kubernetes.io/aws-load-balancer-type"
	schemeIngress  = "alb.ingress.kubernetes.io/scheme"
	groupIngress   = "alb.ingress.kubernetes.io/group.name"
	classIngress   = "kubernetes.io/ingress.class"
	internal       = "internal"
	internetFacing = "internet-facing"
)

func checkLBScheme(p *harden.Pass) {
	if !onAWS(p) {
		return
	}
	var key string
	switch o := p.Item.Content.(type) {
	case *corev1.Service:
		key = schemeService
		if o.Spec.Type != corev1.ServiceTypeLoadBalancer || !ofAWS(o) {
			p.NotApplicable()
			return
		}
		if o.Annotations[schemeService] != "" || o.Annotations[internalOld] != "" {
			return
		}
	case *networkingv1.Ingress:
		key = schemeIngress
		said, ok := ingressScheme(p.Inventory, o)
		if !ok {
			p.NotApplicable()
			return
		}
		if said {
			return
		}
	}
	scheme, proof, _ := inForce(p.Item)
	p.Report(harden.Finding{
		Field: annotationField(key), Reason: "scheme of the load balancer is not set",
		Detail: fmt.Sprintf("It is %s: %s.", scheme, proof),
	})
}

// ofAWS reports whether the load balancer of a Service is one of AWS: other classes are those of somebody else.
func ofAWS(s *corev1.Service) bool {
	class := s.Spec.LoadBalancerClass
	return class == nil || *class == "service.k8s.aws/nlb" || *class == "eks.amazonaws.com/nlb"
}

// ingressScheme tells whether the scheme of the ALB is set anywhere; ok is false where there is no ALB.
func ingressScheme(inv *harden.Inventory, o *networkingv1.Ingress) (said, ok bool) {
	name := o.Annotations[classIngress]
	if o.Spec.IngressClassName != nil {
		name = *o.Spec.IngressClassName
	}
	class := harden.Content[*networkingv1.IngressClass](inv.Object(harden.KindIngressClass, "", name))
	switch {
	case class != nil && (class.Spec.Controller == "ingress.k8s.aws/alb" || class.Spec.Controller == "eks.amazonaws.com/alb"):
		if params := class.Spec.Parameters; params != nil {
			group := ""
			if params.APIGroup != nil {
				group = *params.APIGroup
			}
			kind := schema.GroupKind{Group: group, Kind: params.Kind}
			content := harden.Content[*unstructured.Unstructured](inv.Object(kind, "", params.Name))
			if content == nil {
				return false, false // what they say is not known
			}
			if scheme, _, _ := unstructured.NestedString(content.Object, "spec", "scheme"); scheme != "" {
				return true, true
			}
		}
	case class == nil && name == "alb":
	default:
		return false, false
	}
	if o.Annotations[schemeIngress] != "" {
		return true, true
	}
	if group := o.Annotations[groupIngress]; group != "" {
		return slices.ContainsFunc(inv.Net.Ingresses, func(other *networkingv1.Ingress) bool {
			return other.Annotations[groupIngress] == group && other.Annotations[schemeIngress] != ""
		}), true
	}
	return false, true
}

// inForce is the scheme that the load balancer has, what tells it, and whether that proves it.
func inForce(o *harden.Object) (scheme, proof string, proven bool) {
	var hosts []string
	fallback, by := internal, "the AWS Load Balancer Controller's default"
	switch o := o.Content.(type) {
	case *corev1.Service:
		for _, at := range o.Status.LoadBalancer.Ingress {
			hosts = append(hosts, at.Hostname)
		}
		if kind := o.Annotations[typeService]; o.Spec.LoadBalancerClass == nil && kind != "external" && kind != "nlb-ip" {
			fallback, by = internetFacing, "the cloud controller's default"
		}
	case *networkingv1.Ingress:
		for _, at := range o.Status.LoadBalancer.Ingress {
			hosts = append(hosts, at.Hostname)
		}
	}
	for _, host := range hosts {
		switch {
		case !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn"):
		case strings.HasPrefix(host, "internal-"):
			return internal, "its name is " + harden.OneLine(host), true
		case strings.Contains(host, ".elb.amazonaws.com"): // NAME.REGION.elb.amazonaws.com is an ALB or a Classic one, NAME.elb.REGION.amazonaws.com an NLB
			return internetFacing, "its name, " + harden.OneLine(host) + ", does not begin with internal-", true
		}
	}
	return fallback, by, false
}

func fixLBScheme(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	key := schemeService
	if p.Object.Kind == "Ingress" {
		key = schemeIngress
	}
	scheme, proof, proven := inForce(p.Item)
	claim := harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "The name of the load balancer does not tell its scheme: " + scheme + " is " + proof + "."}
	warning := "If the load balancer has the other scheme, it is replaced, and its address with it: look at it first (aws elbv2 describe-load-balancers)."
	if proven {
		claim = harden.Claim{Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now, Text: "The load balancer is " + scheme + ": " + proof + "."}
		warning = ""
	}
	return []harden.Fix{{
		Title: "say that it is " + scheme, Class: harden.ClassOf(harden.Safe, claim), Evidence: []harden.Claim{claim}, Warning: warning,
		Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: scheme}}})},
	}}
}
