package exposure

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressBodySize finds proxies that take requests of any size.
var IngressBodySize = &harden.Fixer{
	ID:       "ingress-body-size",
	Title:    "takes requests of any size",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindConfigMap},
	Doc: `
The limit of the size of requests is switched off in ingress-nginx.

Fields:

    metadata.annotations['nginx.ingress.kubernetes.io/proxy-body-size']
    proxy-body-size in the ConfigMap of ingress-nginx

Allowed: any size but 0. Without the setting the limit is 1m, which is fine.

**Why it matters.** A client that sends without end fills the disk of the proxy, where
bodies are buffered, or the memory of the program, with little trouble for himself.

**The fix.** 10m, as a start. Only people know the largest upload, so a person decides.

**Traps.** Registries and file stores take large bodies on purpose: give them a large
limit rather than none. Other proxies have no such limit by default, and nothing is said
about them: it would be said of every route.
`,
	Refs:  refs("ATT&CK T1499"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressBodySize,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		const title, warning = "limit requests to 10m", "Larger requests are refused with status 413."
		if p.Item.Ref.Kind == harden.KindConfigMap.Kind {
			return draft(title, warning, harden.SetObject(p.Object, map[string]any{"data": map[string]any{"proxy-body-size": "10m"}}))
		}
		return draft(title, warning, annotate(p, map[string]any{nginxPrefix + "proxy-body-size": "10m"}))
	},
}

func checkIngressBodySize(p *harden.Pass) {
	field, value := "data.proxy-body-size", ""
	if p.Item.Ref.Kind == harden.KindConfigMap.Kind {
		data, ok := settingsOf(p)
		if !ok {
			p.NotApplicable()
			return
		}
		value = data["proxy-body-size"]
	} else {
		in := ingressOf(p)
		if in == nil {
			return
		}
		if p.Inventory.IngressControllerOf(in) != harden.IngressNginx {
			p.NotApplicable()
			return
		}
		field, value = annotationField(nginxPrefix+"proxy-body-size"), in.Annotations[nginxPrefix+"proxy-body-size"]
	}
	if strings.TrimRight(strings.TrimSpace(value), "kKmMgG") == "0" {
		p.Report(harden.Finding{Field: field, Reason: "no limit for requests", Detail: "proxy-body-size is " + quoted(value) + ": requests of any size are taken and buffered."})
	}
}

// IngressAccessLog finds doors that keep no log.
var IngressAccessLog = &harden.Fixer{
	ID:       "ingress-access-log",
	Title:    "keeps no access log",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindService, harden.KindConfigMap},
	Doc: `
A public door writes down nothing of who came.

Fields:

    metadata.annotations['alb.ingress.kubernetes.io/load-balancer-attributes'], and those of IngressClassParams
    metadata.annotations['service.beta.kubernetes.io/aws-load-balancer-attributes'], aws-load-balancer-access-log-enabled
    metadata.annotations['nginx.ingress.kubernetes.io/enable-access-log']
    disable-access-log in the ConfigMap of ingress-nginx

Allowed: access_logs.s3.enabled=true on AWS; a log of nginx that nobody switched off.
Load balancers of AWS that are internal are passed over.

**Why it matters.** After an attack the access log tells what was asked for, by whom and
since when. Without it there is nothing to look at.

**The fix.** The log of nginx is switched on. On AWS a bucket with a policy is needed,
which people have to make.

**Traps.** Somebody may have switched the log off for paths that robots ask every second;
then waive the finding. A network load balancer logs TLS listeners alone.
`,
	Refs:  refs("NSA logging"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressAccessLog,
	Fix:   fixIngressAccessLog,
}

const (
	s3Logs         = "access_logs.s3.enabled=true"
	awsAttributes  = "service.beta.kubernetes.io/aws-load-balancer-attributes"
	awsLogsEnabled = "service.beta.kubernetes.io/aws-load-balancer-access-log-enabled"
)

func checkIngressAccessLog(p *harden.Pass) {
	report := func(field, detail string) {
		p.Report(harden.Finding{Field: field, Reason: "no access log", Detail: detail})
	}
	switch p.Item.Ref.Kind {
	case harden.KindConfigMap.Kind:
		data, ok := settingsOf(p)
		if !ok {
			p.NotApplicable()
			return
		}
		if data["disable-access-log"] == "true" {
			report("data.disable-access-log", "disable-access-log is true: the controller writes no log of requests.")
		}
	case harden.KindService.Kind:
		s := serviceOf(p)
		if s == nil || s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Annotations[awsCertificate] == "" || !p.Inventory.ServiceExposure(s).Outside() {
			p.NotApplicable()
			return
		}
		if !strings.Contains(s.Annotations[awsAttributes], s3Logs) && s.Annotations[awsLogsEnabled] != "true" {
			report(annotationField(awsAttributes), "The attributes of the load balancer lack "+s3Logs+".")
		}
	default:
		in := ingressOf(p)
		if in == nil {
			return
		}
		switch controller := p.Inventory.IngressControllerOf(in); {
		case controller == harden.IngressNginx:
			if key := nginxPrefix + "enable-access-log"; in.Annotations[key] == "false" {
				report(annotationField(key), "enable-access-log is false: requests for the hosts of the Ingress are not logged.")
			}
		case controller == harden.AWSALB && p.Inventory.IngressExposure(in).Outside():
			if !strings.Contains(albOf(p.Inventory, in).attributes, s3Logs) {
				report(annotationField(albPrefix+"load-balancer-attributes"), "The attributes of the load balancer lack "+s3Logs+".")
			}
		default:
			p.NotApplicable()
		}
	}
}

func fixIngressAccessLog(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title, warning = "write the access log", "Logs grow with the requests."
	switch {
	case p.Item.Ref.Kind == harden.KindConfigMap.Kind:
		return draft(title, warning, harden.SetObject(p.Object, map[string]any{"data": map[string]any{"disable-access-log": "false"}}))
	case f.Field == annotationField(nginxPrefix+"enable-access-log"):
		return draft(title, warning, annotate(p, map[string]any{nginxPrefix + "enable-access-log": "true"}))
	}
	return manual(title, fmt.Sprintf("Make a bucket that the load balancer may write to, and add to %s of %s/%s: %s,access_logs.s3.bucket=BUCKET,access_logs.s3.prefix=PREFIX.", f.Field, p.Object.Namespace, p.Object.Name, s3Logs))
}

// IngressWAF tells of public load balancers without a firewall for the web.
var IngressWAF = &harden.Fixer{
	ID:       "ingress-waf",
	Title:    "has no web application firewall",
	Area:     harden.AreaExposure,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
A public ALB has neither a web ACL nor Shield.

Fields:

    metadata.annotations['alb.ingress.kubernetes.io/wafv2-acl-arn'], wafv2-acl-name, waf-acl-id,
        web-acl-id, shield-advanced-protection
    spec.wafv2AclArn and spec.wafv2AclName of IngressClassParams

Allowed: any of them. Internal load balancers and other controllers are passed over.

**Why it matters.** It is advice: a firewall stops the robots that try known holes, and
limits rates, while a program is being repaired. It replaces no repair.

**The fix.** By hand: a web ACL costs money and has rules that people choose.

**Traps.** The ACL may be attached outside of the cluster, which is not seen from here:
then the controller, where it manages none, leaves it alone.
`,
	Refs:  refs("Kubernetes AWS Load Balancer Controller: WAFv2 https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#wafv2-acl-arn"),
	Reads: harden.InCluster(routeParts...),
	Check: checkIngressWAF,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("attach a web ACL", fmt.Sprintf("Make a web ACL and set %swafv2-acl-arn of Ingress %s/%s to its ARN.", albPrefix, p.Object.Namespace, p.Object.Name))
	},
}

func checkIngressWAF(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil {
		return
	}
	if p.Inventory.IngressControllerOf(in) != harden.AWSALB || !p.Inventory.IngressExposure(in).Outside() {
		p.NotApplicable()
		return
	}
	for _, member := range albGroup(p.Inventory, in) {
		if hasWAF(p.Inventory, member) {
			return
		}
	}
	p.Report(harden.Finding{Field: annotationField(albPrefix + "wafv2-acl-arn"), Reason: "no web ACL", Detail: "The load balancer faces the internet and no web ACL is attached to it from here."})
}

func hasWAF(inv *harden.Inventory, in *networkingv1.Ingress) bool {
	for _, key := range []string{"wafv2-acl-arn", "wafv2-acl-name", "waf-acl-id", "web-acl-id"} {
		if in.Annotations[albPrefix+key] != "" {
			return true
		}
	}
	if in.Annotations[albPrefix+"shield-advanced-protection"] == "true" {
		return true
	}
	_, class := inv.IngressClassOf(in)
	params := inv.ClassParams(class)
	return params != nil && (harden.Has(params.Object, "spec", "wafv2AclArn") || harden.Has(params.Object, "spec", "wafv2AclName"))
}
