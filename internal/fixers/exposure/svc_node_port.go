package exposure

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcNodePort finds ports that are open on every node.
var SvcNodePort = &harden.Fixer{
	ID:       "svc-node-port",
	Title:    "opens ports on every node",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A Service opens a port on every node of the cluster.

Fields:

    spec.type
    spec.allocateLoadBalancerNodePorts
    status.addresses of Nodes

Allowed: ClusterIP; a LoadBalancer with allocateLoadBalancerNodePorts: false where its
load balancer sends to pods and not to nodes.

**Why it matters.** The port is open on all nodes, past load balancers and what they
filter, and NetworkPolicies often see the node as the peer and not the client. Where a
node has a public address the port is on the internet: one step worse.

**The fix.** spec.type: ClusterIP, or no node ports for a load balancer that needs none.
A person decides, for clients may use the port.

**Traps.** An ALB with targets of type instance and GKE's Ingress without network
endpoint groups send to node ports: such Services need theirs. Turning the allocation off
does not free ports that are allocated already. Whether nodes have public addresses is
not known from files.
`,
	Refs:  refs("ATT&CK T1133", "Kubescape C-0256", "Kubescape C-0044"),
	Reads: harden.ReadsNothing,
	Check: checkSvcNodePort,
	Fix:   fixSvcNodePort,
}

func checkSvcNodePort(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil {
		p.NotApplicable()
		return
	}
	switch s.Spec.Type {
	case corev1.ServiceTypeNodePort:
		e := p.Inventory.ServiceExposure(s)
		f := harden.Finding{Field: "spec.type", Reason: "type NodePort", Detail: fmt.Sprintf("The Service opens %s on every node; %s.", nodePorts(s), e.Why)}
		if e.Reachability == harden.FromInternet {
			f.Severity, f.SeverityWhy = harden.Medium, e.Why
		}
		p.Report(f)
	case corev1.ServiceTypeLoadBalancer:
		if allocates := s.Spec.AllocateLoadBalancerNodePorts; allocates != nil && !*allocates {
			return
		}
		if why := needsNoNodePorts(p.Inventory, s); why != "" {
			p.Report(harden.Finding{
				Field: "spec.allocateLoadBalancerNodePorts", Verdict: "needless", Reason: "node ports that nothing needs",
				Detail: "The Service gets ports on every node although " + why + ".",
			})
		}
	default:
		p.NotApplicable()
	}
}

func nodePorts(s *corev1.Service) string {
	var out []string
	for _, port := range s.Spec.Ports {
		if number := fmt.Sprint(port.NodePort); port.NodePort != 0 && !slices.Contains(out, number) {
			out = append(out, number)
		}
	}
	switch len(out) {
	case 0:
		return "ports"
	case 1:
		return "port " + out[0]
	}
	return "ports " + strings.Join(out, ", ")
}

// needsNoNodePorts says why the load balancer does not use node ports, or "".
func needsNoNodePorts(inv *harden.Inventory, s *corev1.Service) string {
	if inv.LoadBalancerOf(s) == harden.ProviderAWSController && (s.Annotations[awsTargetType] == "ip" || s.Annotations[harden.AWSType] == "nlb-ip") {
		return "its load balancer sends to pods (targets of type ip)"
	}
	if class := s.Spec.LoadBalancerClass; class != nil && strings.HasPrefix(*class, "io.cilium/") {
		return "Cilium serves its address without them"
	}
	return ""
}

func fixSvcNodePort(p *harden.Pass, f *harden.Finding) []harden.Fix {
	s := serviceOf(p)
	if f.Verdict == "needless" {
		return draft("allocate no node ports", "Ports that are allocated already stay until they are taken out of spec.ports.",
			harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"allocateLoadBalancerNodePorts": false}}))
	}
	if by := sendsToNodes(p.Inventory, s); by != "" {
		return manual("send to pods instead of nodes", fmt.Sprintf("Ingress %s sends to the node ports of the Service. Let it send to pods first (alb.ingress.kubernetes.io/target-type: ip, "+
			"or cloud.google.com/neg: '{\"ingress\": true}' on the Service), then set spec.type to ClusterIP.", by))
	}
	return draft("make it reachable from within the cluster only", "Who connects to the port of a node, be it a client or a load balancer outside of the cluster, is cut off.",
		harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"type": "ClusterIP"}}))
}

// sendsToNodes is the Ingress whose load balancer sends to the node ports of the Service, or "".
func sendsToNodes(inv *harden.Inventory, s *corev1.Service) string {
	for _, in := range inv.Net.Ingresses {
		if in.Namespace != s.Namespace {
			continue
		}
		r := inv.RouteOf(in)
		toNodes := r.Controller == harden.AWSALB && in.Annotations[albPrefix+"target-type"] != "ip" ||
			r.Controller == harden.GKEIngress && !strings.Contains(s.Annotations["cloud.google.com/neg"], `"ingress"`)
		for _, rule := range r.Rules {
			for _, b := range rule.Backends {
				if toNodes && b.Service == s.Name {
					return in.Name
				}
			}
		}
	}
	return ""
}
