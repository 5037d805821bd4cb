package flows

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// callees are connections of the API server to webhooks and aggregated APIs.
func (f *finder) callees() {
	for _, c := range f.inv.Net.Callees {
		s := f.inv.Net.Service(c.Namespace, c.Service)
		if s == nil {
			continue
		}
		f.addAll(harden.Peer{Kind: harden.PeerAPIServer}, f.targets(s, servicePort{number: c.Port}), declared, "E-SLICES", fmt.Sprintf("%s calls Service %s", c.By, s.Name))
	}
}

// control are the connections that pods need of the cluster itself: names and,
// where a token is mounted, the API.
func (f *finder) control() {
	dns := DNSOf(f.inv)
	for _, w := range f.inv.Workloads {
		if w.Finished || w.Template.Spec.HostNetwork {
			continue
		}
		from := harden.WorkloadPeer(w.Ref)
		f.resolves(w, from, dns)
		if why := f.tokenUse(w); why != "" {
			f.addAll(from, f.apiServer(), declared, "E-LIVE", why)
		}
	}
}

func (f *finder) resolves(w *harden.Workload, from harden.Peer, dns DNS) {
	switch spec := &w.Template.Spec; spec.DNSPolicy {
	case corev1.DNSNone:
		if spec.DNSConfig == nil {
			return
		}
		for _, a := range parseAddresses(spec.DNSConfig.Nameservers) {
			for _, p := range port53 {
				f.addAll(from, f.atAddress(a, p), declared, "E-LIVE", "dnsConfig names the server")
			}
		}
	case corev1.DNSDefault:
		for _, kind := range []harden.PeerKind{harden.PeerPrivate, harden.PeerInternet} {
			for _, p := range port53 {
				f.add(from, target{peer: harden.Peer{Kind: kind}, port: p, volatile: "the servers are those of the node"}, declared, "E-LIVE", "dnsPolicy Default: names are resolved by the servers of the node")
			}
		}
	default:
		f.addAll(from, f.dnsTargets(dns), declared, "E-SLICES", dnsWhy(dns))
	}
}

var port53 = []harden.Port{{Protocol: corev1.ProtocolTCP, Number: 53}, {Protocol: corev1.ProtocolUDP, Number: 53}}

func dnsWhy(d DNS) string {
	if d.Service == nil {
		return "names are resolved by the DNS of the cluster, which was not read"
	}
	return fmt.Sprintf("names are resolved by Service %s/%s", d.Service.Namespace, d.Service.Name)
}

// dnsTargets are the pods that answer, as workloads where they were read, and
// the addresses of NodeLocal DNSCache.
func (x *index) dnsTargets(d DNS) []target {
	var out []target
	for _, w := range x.selected(d.Namespace, d.Selector) {
		for _, p := range d.Ports {
			out = append(out, target{peer: harden.WorkloadPeer(w.Ref), port: p})
		}
	}
	if len(out) == 0 {
		for _, p := range d.Ports {
			out = append(out, target{peer: harden.Peer{Kind: harden.PeerDNS}, port: p})
		}
	}
	for _, a := range d.Addresses {
		for _, p := range port53 {
			out = append(out, target{peer: blockOf(a), port: p})
		}
	}
	return out
}

// tokenUse tells why the pods of a workload may talk to the API server: a token
// for it is mounted, or would be by a ServiceAccount that was not read.
func (f *finder) tokenUse(w *harden.Workload) string {
	account := harden.ServiceAccountName(&w.Template.Spec)
	switch mounts, known := f.inv.MountsToken(w); {
	case !known:
		return fmt.Sprintf("a token of ServiceAccount %s is mounted, unless the account forbids it: it was not read", account)
	case mounts:
		return fmt.Sprintf("a token of ServiceAccount %s is mounted", account)
	}
	return ""
}

// identities are the addresses from which workloads get credentials of the cloud.
func (f *finder) identities() {
	for _, w := range f.inv.Workloads {
		if w.Finished || w.Template.Spec.HostNetwork {
			continue
		}
		from := harden.WorkloadPeer(w.Ref)
		if f.podIdentity(w) {
			for _, a := range podIdentityAgents {
				if a.Is4() || f.inv.Net.Engine.IPv6 {
					f.add(from, target{peer: blockOf(a), port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 80}}, declared, "E-LIVE", "EKS Pod Identity gives the pods credentials of AWS")
				}
			}
		}
		f.webIdentity(w, from)
	}
}

// podIdentityAgents are the addresses of the EKS Pod Identity Agent.
var podIdentityAgents = parseAddresses([]string{"169.254.170.23", "fd00:ec2::23"})

// podIdentity reports whether the Pod Identity webhook has set the pods up, or
// the template does what it would do. Associations are no objects of the cluster.
func (f *finder) podIdentity(w *harden.Workload) bool {
	specs := []*corev1.PodSpec{&w.Template.Spec}
	for _, p := range w.Pods {
		specs = append(specs, &p.Spec)
	}
	for _, spec := range specs {
		for _, c := range containers(spec) {
			if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" }) {
				return true
			}
		}
	}
	return false
}

func (f *finder) webIdentity(w *harden.Workload, from harden.Peer) {
	sa := f.inv.ServiceAccounts[w.Ref.Namespace][harden.ServiceAccountName(&w.Template.Spec)]
	https := harden.Port{Protocol: corev1.ProtocolTCP, Number: 443}
	switch {
	case sa != nil && sa.Annotations["iam.gke.io/gcp-service-account"] != "", sa != nil && sa.Annotations["iam.gke.io/return-principal-id-as-email"] != "":
		const why = "GKE Workload Identity gives the pods credentials of Google Cloud"
		f.add(from, target{peer: harden.Peer{Kind: harden.PeerMetadata}, port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 80}}, declared, "E-LIVE", why)
		f.add(from, target{peer: blockOf(gkeMetadata), port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 988}}, declared, "E-LIVE", why)
	case w.Template.Labels["azure.workload.identity/use"] == "true":
		f.add(from, hostTarget("login.microsoftonline.com", https), declared, "E-LIVE", "Azure Workload Identity exchanges the pods' token there")
	case sa != nil && sa.Annotations["eks.amazonaws.com/role-arn"] != "":
		f.add(from, hostTarget("sts.amazonaws.com", https), declared, "E-LIVE", "IAM roles for service accounts exchange the pods' token there")
	}
}

var gkeMetadata = parseAddresses([]string{"169.254.169.252"})[0]

// statefulPeers are the pods of a StatefulSet, which often talk to each other:
// on all ports that they declare. With one replica there is nobody to talk to now.
func (f *finder) statefulPeers() {
	for _, w := range f.inv.Workloads {
		if w.Ref.Kind != "StatefulSet" || w.Finished {
			continue
		}
		sure := declared
		if w.Replicas == nil || *w.Replicas == 1 {
			sure = guess
		}
		p := harden.WorkloadPeer(w.Ref)
		for _, port := range declaredPorts(w) {
			f.add(p, target{peer: p, port: port}, sure, "E-PORTS", "the pods of a StatefulSet may talk to each other")
		}
	}
}
