package exposure

import (
	"encoding/json"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// hostsOf are the hosts of an Ingress, each once; "" stands for all others.
func hostsOf(in *networkingv1.Ingress) []string {
	var out []string
	add := func(host string) {
		if !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	for _, rule := range in.Spec.Rules {
		add(rule.Host)
	}
	if in.Spec.DefaultBackend != nil && len(in.Spec.Rules) == 0 {
		add("")
	}
	return out
}

// covers reports whether a name of a certificate is that of the host: itself, or
// with a star in the place of the first label.
func covers(name, host string) bool {
	name, host = strings.ToLower(name), strings.ToLower(host)
	if name == host {
		return true
	}
	parent, wild := strings.CutPrefix(name, "*.")
	_, domain, ok := strings.Cut(host, ".")
	return wild && ok && parent == domain
}

// withoutTLS are the hosts that no entry of spec.tls covers; an entry without
// hosts covers all.
func withoutTLS(in *networkingv1.Ingress) []string {
	var out []string
	for _, host := range hostsOf(in) {
		if !slices.ContainsFunc(in.Spec.TLS, func(tls networkingv1.IngressTLS) bool {
			return len(tls.Hosts) == 0 || slices.ContainsFunc(tls.Hosts, func(name string) bool { return host != "" && covers(name, host) })
		}) {
			out = append(out, host)
		}
	}
	return out
}

// hasTLS reports whether an Ingress serves HTTPS on some host.
func hasTLS(inv *harden.Inventory, in *networkingv1.Ingress) bool {
	return len(in.Spec.TLS) > 0 || endsTLS(inv, in) != ""
}

// endsTLS tells by what all hosts of an Ingress are served over TLS besides
// spec.tls, or "".
func endsTLS(inv *harden.Inventory, in *networkingv1.Ingress) string {
	a := in.Annotations
	switch controller := inv.IngressControllerOf(in); controller {
	case harden.AWSALB:
		if albOf(inv, in).https {
			return "its load balancer listens for HTTPS"
		}
	case harden.GKEIngress:
		for _, key := range []string{"networking.gke.io/managed-certificates", "ingress.gcp.kubernetes.io/pre-shared-cert", "networking.gke.io/certmap"} {
			if a[key] != "" {
				return "the annotation " + key
			}
		}
	case harden.IngressNginx:
		if a[nginxPrefix+"ssl-passthrough"] == "true" {
			return "the pods end TLS themselves"
		}
		if v, _ := nginxSetting(inv, "use-forwarded-headers"); v == "true" {
			return "something before the controller ends TLS (use-forwarded-headers)"
		}
		for _, proxy := range inv.Proxies() {
			if _, ok := proxy.Arg("--default-ssl-certificate"); ok && proxy.Controller == controller {
				return "the controller's default certificate"
			}
		}
	case harden.Traefik:
		if a["traefik.ingress.kubernetes.io/router.tls"] == "true" || strings.Contains(a["traefik.ingress.kubernetes.io/router.entrypoints"], "websecure") {
			return "its router"
		}
	case harden.AzureGateway:
		if a["appgw.ingress.kubernetes.io/appgw-ssl-certificate"] != "" {
			return "a certificate of the gateway"
		}
	case harden.OpenShift:
		if a["route.openshift.io/termination"] != "" {
			return "its route"
		}
	case harden.Tailscale:
		return "Tailscale"
	}
	for _, proxy := range inv.Proxies() {
		if proxy.Controller != inv.IngressControllerOf(in) {
			continue
		}
		for _, s := range proxy.Services {
			if s.Annotations[awsCertificate] != "" {
				return "the load balancer before the controller (" + awsCertificate + " of Service " + s.Name + ")"
			}
		}
	}
	return ""
}

const awsCertificate = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert"

// An alb is what the Ingresses of one group say together about their load balancer.
type alb struct {
	http, https, redirect bool
	policy, attributes    string
}

// albOf reads the annotations of an Ingress and of those that share its load balancer.
func albOf(inv *harden.Inventory, in *networkingv1.Ingress) alb {
	var out alb
	for _, member := range albGroup(inv, in) {
		a := member.Annotations
		_, class := inv.IngressClassOf(member)
		params := inv.ClassParams(class)
		certificate := a[albPrefix+"certificate-arn"] != "" || params != nil && harden.Has(params.Object, "spec", "certificateArn")
		var listeners []map[string]int
		if err := json.Unmarshal([]byte(a[albPrefix+"listen-ports"]), &listeners); err != nil || len(listeners) == 0 {
			listeners = []map[string]int{{"HTTP": 80}}
			if certificate {
				listeners = []map[string]int{{"HTTPS": 443}}
			}
		}
		for _, l := range listeners {
			_, http := l["HTTP"]
			_, https := l["HTTPS"]
			out.http, out.https = out.http || http, out.https || https
		}
		out.redirect = out.redirect || a[albPrefix+"ssl-redirect"] != ""
		for key, value := range a { // the way of before ssl-redirect
			out.redirect = out.redirect || strings.HasPrefix(key, albPrefix+"actions.") && strings.Contains(value, `"redirect"`) && strings.Contains(value, "HTTPS")
		}
		if v := a[albPrefix+"ssl-policy"]; v != "" {
			out.policy = v
		}
		out.attributes += a[albPrefix+"load-balancer-attributes"] + ","
		if params != nil {
			if v := harden.Text(params.Object, "spec", "sslPolicy"); v != "" {
				out.policy = v
			}
			for _, attribute := range harden.Maps(params.Object, "spec", "loadBalancerAttributes") {
				out.attributes += harden.Text(attribute, "key") + "=" + harden.Text(attribute, "value") + ","
			}
		}
	}
	return out
}

// albGroup are the Ingresses that share a load balancer with this one, which is among them.
func albGroup(inv *harden.Inventory, in *networkingv1.Ingress) []*networkingv1.Ingress {
	group := in.Annotations[albPrefix+"group.name"]
	if group == "" {
		return []*networkingv1.Ingress{in}
	}
	return harden.Derive(inv, ingressGroups, harden.KindIngress)[group]
}

// groups are the Ingresses of each group.
type groups map[string][]*networkingv1.Ingress

func ingressGroups(inv *harden.Inventory) groups {
	out := groups{}
	for _, in := range inv.Net.Ingresses {
		if group := in.Annotations[albPrefix+"group.name"]; group != "" {
			out[group] = append(out[group], in)
		}
	}
	return out
}
