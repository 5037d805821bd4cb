package cloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func service(meta, host string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop%s}\nspec: {type: LoadBalancer, ports: [{port: 443}]}\nstatus: {loadBalancer: {ingress: [{hostname: '%s'}]}}\n", meta, host)
}

func ingress(name, annotations, host string) string {
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: %s, namespace: shop, annotations: {%s}}\nspec: {ingressClassName: alb}\nstatus: {loadBalancer: {ingress: [{hostname: '%s'}]}}\n", name, annotations, host)
}

func ingressClass(controller, parameters string) string {
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: alb}\nspec: {controller: %s%s}\n", controller, parameters)
}

func TestLBScheme(t *testing.T) {
	const (
		classic, inner, nlb = "a1-2.eu-west-1.elb.amazonaws.com", "internal-a1-2.eu-west-1.elb.amazonaws.com", "k8s-1.elb.eu-west-1.amazonaws.com"
		public              = "fail safe internet-facing"
	)
	byLBC := func(s string) string {
		return strings.Replace(s, "{type:", "{loadBalancerClass: service.k8s.aws/nlb, type:", 1)
	}
	alb := ingressClass("ingress.k8s.aws/alb", "")
	params := ", parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: p}"
	scheme := "---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nmetadata: {name: p}\nspec: {scheme: internal}\n"
	for _, test := range []struct{ name, yaml, want string }{
		{"public by name", service("", classic), public},
		{"internal by name", service("", inner), "fail safe internal"},
		{"NLB of the cloud controller", service(", annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}", nlb), "fail review internet-facing"},
		{"NLB of the controller", byLBC(service("", nlb)), "fail review internal"},
		{"no name yet", byLBC(service("", "")), "fail review internal"},
		{"said", service(", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internal}", inner), "pass"},
		{"said in the old way", service(", annotations: {service.beta.kubernetes.io/aws-load-balancer-internal: 'true'}", inner), "pass"},
		{"of somebody else", strings.Replace(service("", classic), "{type:", "{loadBalancerClass: tailscale, type:", 1), "does not apply"},
		{"no load balancer", strings.Replace(service("", ""), "LoadBalancer,", "ClusterIP,", 1), "does not apply"},
		{"ALB", alb + ingress("a", "", classic), public},
		{"internal ALB", alb + ingress("a", "", inner), "fail safe internal"},
		{"ALB, said", alb + ingress("a", "alb.ingress.kubernetes.io/scheme: internal", inner), "pass"},
		{"ALB, said by the class", ingressClass("ingress.k8s.aws/alb", params) + scheme + ingress("a", "", inner), "pass"},
		{"ALB, the class's parameters not read", ingressClass("ingress.k8s.aws/alb", params) + ingress("a", "", inner), "does not apply"},
		{"ALB, said in the group", alb + ingress("a", "alb.ingress.kubernetes.io/group.name: g", inner) + ingress("b", "alb.ingress.kubernetes.io/group.name: g, alb.ingress.kubernetes.io/scheme: internal", inner), "pass"},
		{"another class", ingressClass("k8s.io/ingress-nginx", "") + ingress("a", "", classic), "does not apply"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := verdict(t, LBScheme, test.yaml, eks...)
			if got == "fail" {
				fix := fixtest.Fixes(t, LBScheme, test.yaml, eks...)[0]
				for _, v := range fix.Changes[0].Set.GetAnnotations() {
					got += " " + fix.Class.String() + " " + v
				}
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if fix := fixtest.Fixes(t, LBScheme, service("", classic), eks...)[0]; fix.Evidence[0].State != harden.Holds {
		t.Errorf("the name proves the scheme: %+v", fix.Evidence)
	}
}
