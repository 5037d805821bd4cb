package exposure

import (
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressWeakTLS finds doors that still speak TLS 1.0 or 1.1.
var IngressWeakTLS = &harden.Fixer{
	ID:       "ingress-weak-tls",
	Title:    "speaks old versions of TLS",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindService, harden.KindConfigMap, harden.KindIstioGateway, harden.KindHTTPProxy},
	Doc: `
A load balancer or proxy that ends TLS accepts versions below 1.2.

Fields:

    metadata.annotations['alb.ingress.kubernetes.io/ssl-policy'], spec.sslPolicy of IngressClassParams
    metadata.annotations['service.beta.kubernetes.io/aws-load-balancer-ssl-negotiation-policy']
    ssl-protocols in the ConfigMap of ingress-nginx
    spec.servers[].tls.minProtocolVersion of Istio's Gateway
    spec.virtualhost.tls.minimumProtocolVersion of Contour's HTTPProxy

Allowed: a policy of AWS from TLS-1-2, FS-1-2 or TLS13-1-2 on; ssl-protocols TLSv1.2 and
TLSv1.3 (the default); no minimum below 1.2.

**Why it matters.** TLS 1.0 and 1.1 have known weaknesses and were given up by browsers in
2020; rules for card payments and health data forbid them. On AWS they are what one gets
without saying anything (ELBSecurityPolicy-2016-08).

**The fix.** The policy ELBSecurityPolicy-TLS13-1-2-2021-06, or the list of versions. It is
safe once the access log shows that no client needs the old ones; nobody looked, so a
person decides.

**Traps.** A flag of the AWS controller (--default-ssl-policy) changes the default and is
honoured where its arguments were read.
`,
	Refs:  refs("NSA encryption"),
	Reads: harden.InCluster(routeAndBackendParts...),
	Check: checkIngressWeakTLS,
	Fix:   fixIngressWeakTLS,
}

const (
	goodPolicy      = "ELBSecurityPolicy-TLS13-1-2-2021-06"
	defaultPolicy   = "ELBSecurityPolicy-2016-08"
	awsPolicy       = "service.beta.kubernetes.io/aws-load-balancer-ssl-negotiation-policy"
	goodNginx       = "TLSv1.2 TLSv1.3"
	contourMinimum  = "minimumProtocolVersion"
	missingTLSStats = "Nobody has seen in an access log which versions of TLS the clients use."
)

// oldPolicy matches the predefined policies of AWS that allow TLS 1.0 or 1.1.
var oldPolicy = regexp.MustCompile(`2014-|2015-|2016-08|TLS-1-[01]-|FS-2018-06|FS-1-1-|TLS13-1-[01]-`)

// oldVersions matches lists of versions with SSL, TLS 1.0 or TLS 1.1.
var oldVersions = regexp.MustCompile(`(?i)\b(SSLv[23]|TLSv1|TLSv1\.1)(\s|$)`)

func checkIngressWeakTLS(p *harden.Pass) {
	weak := func(field, value string) {
		p.Report(harden.Finding{Field: field, Reason: "TLS below 1.2: " + harden.OneLine(value), Detail: fmt.Sprintf("In force for %s is %s, which accepts TLS 1.0 or 1.1.", field, quoted(value))})
	}
	switch p.Item.Ref.Kind {
	case harden.KindIngress.Kind:
		in := ingressOf(p)
		if in == nil {
			return
		}
		lb := albOf(p.Inventory, in)
		if p.Inventory.IngressControllerOf(in) != harden.AWSALB || !lb.https {
			p.NotApplicable()
			return
		}
		if policy, said := policyOr(p.Inventory, lb.policy); oldPolicy.MatchString(policy) {
			weak(annotationField(albPrefix+"ssl-policy"), policy+said)
		}
	case harden.KindService.Kind:
		s := serviceOf(p)
		if s == nil || s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Annotations[awsCertificate] == "" {
			p.NotApplicable()
			return
		}
		if policy, said := policyOr(p.Inventory, s.Annotations[awsPolicy]); oldPolicy.MatchString(policy) {
			weak(annotationField(awsPolicy), policy+said)
		}
	case harden.KindConfigMap.Kind:
		data, ok := settingsOf(p)
		if !ok {
			p.NotApplicable()
			return
		}
		if v := data["ssl-protocols"]; oldVersions.MatchString(v) {
			weak("data.ssl-protocols", v)
		}
	default:
		checkCustomTLS(p, weak)
	}
}

func checkCustomTLS(p *harden.Pass, weak func(field, value string)) {
	o := customOf(p)
	if v := harden.Text(o, "spec", "virtualhost", "tls", contourMinimum); v == "1.0" || v == "1.1" {
		weak("spec.virtualhost.tls."+contourMinimum, v)
	}
	for _, server := range harden.Maps(o, "spec", "servers") {
		if v := harden.Text(server, "tls", "minProtocolVersion"); v == "TLSV1_0" || v == "TLSV1_1" {
			weak("spec.servers.tls.minProtocolVersion", v)
			return
		}
	}
}

// policyOr is the policy that is in force where the object says none, with a remark that it is the default.
func policyOr(inv *harden.Inventory, policy string) (inForce, said string) {
	if policy != "" {
		return policy, ""
	}
	if v := harden.Derive(inv, policyFlag, harden.Templates); v != "" {
		return string(v), " (default of the controller)"
	}
	return defaultPolicy, " (default)"
}

// flag is the policy that the AWS Load Balancer Controller is started with.
type flag string

func policyFlag(inv *harden.Inventory) flag {
	for _, w := range inv.Workloads {
		if w.Template.Labels["app.kubernetes.io/name"] != "aws-load-balancer-controller" {
			continue
		}
		if v, ok := (&harden.Proxy{Workload: w}).Arg("--default-ssl-policy"); ok {
			return flag(v)
		}
	}
	return ""
}

func fixIngressWeakTLS(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	const title, warning = "accept TLS 1.2 and 1.3 only", "Clients that know neither 1.2 nor 1.3 cannot connect any more."
	fix := func(c harden.Change) []harden.Fix { return checked(title, warning, missingTLSStats, c) }
	spec := func(fields map[string]any) harden.Change {
		return harden.SetObject(p.Object, map[string]any{"spec": fields})
	}
	switch p.Item.Ref.Kind {
	case harden.KindIngress.Kind:
		return fix(annotate(p, map[string]any{albPrefix + "ssl-policy": goodPolicy}))
	case harden.KindService.Kind:
		return fix(annotate(p, map[string]any{awsPolicy: goodPolicy}))
	case harden.KindConfigMap.Kind:
		return fix(harden.SetObject(p.Object, map[string]any{"data": map[string]any{"ssl-protocols": goodNginx}}))
	case harden.KindHTTPProxy.Kind:
		return fix(spec(map[string]any{"virtualhost": map[string]any{"tls": map[string]any{contourMinimum: "1.2"}}}))
	}
	servers := deepCopy(customOf(p), "spec", "servers")
	for _, s := range servers {
		server, _ := s.(map[string]any)
		if tls, ok := server["tls"].(map[string]any); ok && (harden.Text(tls, "minProtocolVersion") == "TLSV1_0" || harden.Text(tls, "minProtocolVersion") == "TLSV1_1") {
			tls["minProtocolVersion"] = "TLSV1_2"
		}
	}
	return fix(spec(map[string]any{"servers": servers}))
}
