package exposure

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcLBSourceRanges finds public load balancers that admit every address.
var SvcLBSourceRanges = &harden.Fixer{
	ID:       "svc-lb-source-ranges",
	Title:    "load balancer admits every address",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A public load balancer opens a port that is not for the public, to everybody.

Fields:

    spec.loadBalancerSourceRanges
    metadata.annotations: source ranges, prefix lists, security groups, allowed IP ranges
    spec.ports, spec.type

Allowed: ranges other than 0.0.0.0/0 and ::/0; a prefix list, security group or service
tag of the provider. Ports 80 and 443 are for the public, and Services with these alone
are passed over, as are internal load balancers.

**Why it matters.** Scanners reach every public address within hours. A list of the
networks that have business here is the cheapest wall that there is.

**The fix.** By hand, because only people know who the clients are. Where ranges are
written but ignored, the attribute that makes them work is proposed.

**Traps.** A network load balancer with targets of type ip hides the client's address
from whoever filters by it, unless preserve_client_ip.enabled=true: then source ranges
that are written have no effect, except where the controller gives the load balancer a
security group of its own. Which kinds of load balancers know ranges at all differs from
provider to provider.
`,
	Refs:  refs("ATT&CK T1133"),
	Reads: harden.ReadsNothing,
	Check: checkSvcLBSourceRanges,
	Fix:   fixSvcLBSourceRanges,
}

const (
	awsTargetType    = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"
	awsTargetAttrs   = "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes"
	preserveClientIP = "preserve_client_ip.enabled=true"
	oldSourceRanges  = "service.beta.kubernetes.io/load-balancer-source-ranges"
)

// otherWalls are annotations that name what a provider filters by instead.
var otherWalls = []string{
	"service.beta.kubernetes.io/aws-load-balancer-security-group-prefix-lists",
	"service.beta.kubernetes.io/aws-load-balancer-security-groups",
	"service.beta.kubernetes.io/azure-allowed-service-tags",
	"service.beta.kubernetes.io/azure-allowed-ip-ranges",
	"oci.oraclecloud.com/oci-network-security-groups",
}

// sourceRanges are the networks that the Service admits; none: all.
func sourceRanges(s *corev1.Service) []string {
	if len(s.Spec.LoadBalancerSourceRanges) > 0 {
		return s.Spec.LoadBalancerSourceRanges
	}
	var ranges []string
	for r := range strings.SplitSeq(s.Annotations[oldSourceRanges], ",") {
		if r = strings.TrimSpace(r); r != "" {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// open is the range that admits everybody, or "".
func open(ranges []string) string {
	for _, r := range ranges {
		if strings.HasSuffix(strings.TrimSpace(r), "/0") {
			return r
		}
	}
	return ""
}

func hasOtherWall(s *corev1.Service) bool {
	for _, key := range otherWalls {
		if s.Annotations[key] != "" {
			return true
		}
	}
	return false
}

// ignoresRanges reports whether the load balancer does not see its clients' addresses.
func ignoresRanges(inv *harden.Inventory, s *corev1.Service) bool {
	ip := s.Annotations[awsTargetType] == "ip" || s.Annotations[harden.AWSType] == "nlb-ip"
	return ip && inv.LoadBalancerOf(s) == harden.ProviderAWSController && !strings.Contains(s.Annotations[awsTargetAttrs], preserveClientIP)
}

// walled reports whether something limits who reaches the load balancer.
func walled(inv *harden.Inventory, s *corev1.Service) bool {
	ranges := sourceRanges(s)
	return hasOtherWall(s) || len(ranges) > 0 && open(ranges) == "" && !ignoresRanges(inv, s)
}

func checkSvcLBSourceRanges(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil || s.Spec.Type != corev1.ServiceTypeLoadBalancer || !p.Inventory.ServiceExposure(s).Outside() || forThePublic(s) {
		p.NotApplicable()
		return
	}
	const field = "spec.loadBalancerSourceRanges"
	ranges := sourceRanges(s)
	switch everybody := open(ranges); {
	case hasOtherWall(s):
	case len(ranges) == 0:
		p.Report(harden.Finding{
			Field: field, Reason: "no source ranges", Detail: fmt.Sprintf("Nothing limits who reaches %s of the load balancer, which is not known to be internal.", ports(s)),
		})
	case everybody != "":
		p.Report(harden.Finding{Field: field, Reason: everybody + " admits everybody", Detail: fmt.Sprintf("The range %s admits every address to %s.", everybody, ports(s))})
	case ignoresRanges(p.Inventory, s):
		p.Report(harden.Finding{
			Field: annotationField(awsTargetAttrs), Verdict: "ranges-ignored", Reason: "ranges ignored: client IP not preserved",
			Detail: "Its targets are of type ip and client addresses are not preserved (" + preserveClientIP + "), so what filters by source ranges does not see clients: the ranges have no effect unless the load balancer has a security group of its own.",
		})
	}
}

// forThePublic reports whether the Service opens the ports of the web alone.
func forThePublic(s *corev1.Service) bool {
	for _, port := range s.Spec.Ports {
		if !isPublicPort(port) {
			return false
		}
	}
	return true
}

// isPublicPort reports whether the port is one that is made for everybody.
func isPublicPort(port corev1.ServicePort) bool { return port.Port == 80 || port.Port == 443 }

// ports says which ports are not for everybody.
func ports(s *corev1.Service) string {
	var out []string
	for _, port := range s.Spec.Ports {
		if isPublicPort(port) {
			continue
		}
		out = append(out, fmt.Sprintf("%d/%s", port.Port, protocol(port)))
	}
	if len(out) == 1 {
		return "port " + out[0]
	}
	return "ports " + strings.Join(out, ", ")
}

func protocol(port corev1.ServicePort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}

func fixSvcLBSourceRanges(p *harden.Pass, f *harden.Finding) []harden.Fix {
	s := serviceOf(p)
	if f.Verdict == "ranges-ignored" {
		value := preserveClientIP
		if now := s.Annotations[awsTargetAttrs]; now != "" {
			value = withoutAttribute(now, "preserve_client_ip.enabled") + value
		}
		return draft("preserve client addresses", "Security groups of the pods must admit the clients then, and a pod that calls its own load balancer may be cut off.",
			annotate(p, map[string]any{awsTargetAttrs: value}))
	}
	return manual("limit who may connect", fmt.Sprintf("List the networks of the clients in spec.loadBalancerSourceRanges of Service %s/%s, such as [\"198.51.100.0/24\"]; the list is replaced as a whole. "+
		"Flow logs of the load balancer tell who they are.", s.Namespace, s.Name))
}

// withoutAttribute is a list KEY=VALUE,… without one key, with a comma at its end if there is anything left.
func withoutAttribute(list, key string) string {
	var kept []string
	for _, a := range splitAttributes(list) {
		if k, _, _ := strings.Cut(a, "="); strings.TrimSpace(k) != key && strings.TrimSpace(a) != "" {
			kept = append(kept, a)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return strings.Join(kept, ",") + ","
}

// splitAttributes splits at commas that no backslash escapes.
func splitAttributes(list string) []string {
	var out []string
	part := ""
	for item := range strings.SplitSeq(list, ",") {
		if before, ok := strings.CutSuffix(item, `\`); ok {
			part += before + `\,`
			continue
		}
		out = append(out, part+item)
		part = ""
	}
	if part != "" {
		out = append(out, part)
	}
	return out
}
