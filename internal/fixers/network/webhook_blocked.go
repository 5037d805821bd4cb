package network

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// WebhookBlocked finds workloads that the API server calls and may not reach.
var WebhookBlocked = &harden.Fixer{
	ID:       "netpol-webhook-blocked",
	Title:    "the API server cannot reach it",
	Area:     harden.AreaNetwork,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods serve an admission or conversion webhook, or an aggregated API, and their
policies do not admit the API server.

Fields, of all policies that select the pods:

    spec.ingress[].from, spec.ingress[].ports
    clientConfig.service of webhook configurations and CustomResourceDefinitions
    spec.service of APIServices

Allowed: a rule that admits the API server on the port that the pods listen on behind
the Service that it calls.

**Why it matters.** Every write that the webhook is asked about waits until the call
times out, and then fails, or passes unseen with failurePolicy Ignore. Ignore does not
save the cluster: the timeouts of several webhooks add up to more than a request may
take, and pods cannot be created any more. An APIService that does not answer
stalls the deletion of namespaces.

**The fix.** A policy that admits the one port from any source. The API server comes
from the address of a node, from a tunnel or from outside of the cluster, and no
selector matches it everywhere; callers of a webhook are checked by TLS. It only adds
to what is admitted. Where the addresses of the control plane are known and do not
change, name them instead.

**Traps.** The port is that of the pods (targetPort), not that of the Service. A
container on the host's network is not subject to policies. Where webhooks or
APIServices may not be read, pods behind a Service with port 443 are unknown. An API
server that runs as a pod of the cluster, or calls through an agent, has the labels of
that pod.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "admission webhook availability", URL: "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/"},
		{Standard: "NSA", ID: "network policies"},
	},
	Reads: harden.InCluster(harden.KindNamespace, harden.KindNetworkPolicy, harden.Templates, harden.NetCallees, harden.NetLists, harden.OtherPolicies, harden.KindService, harden.Pods),
	Check: checkWebhookBlocked,
	Fix:   fixWebhookBlocked,
}

// A call is one port of the workload that the API server connects to.
type call struct {
	port harden.Port
	by   []string // who has it called, for people
}

// calls are those of the workload.
func calls(p *harden.Pass) []call {
	var all []call
	for _, s := range indexOf(p.Inventory).servicesOf(p.Workload) {
		for _, callee := range p.Inventory.Net.Callees {
			if callee.Namespace != s.Namespace || callee.Service != s.Name {
				continue
			}
			for _, sp := range s.Spec.Ports {
				n, ok := target(sp, p.Workload)
				if sp.Port != callee.Port || !ok || protocolOr(sp.Protocol) != corev1.ProtocolTCP {
					continue
				}
				port := harden.Port{Protocol: corev1.ProtocolTCP, Number: n}
				at := slices.IndexFunc(all, func(c call) bool { return c.port == port })
				if at < 0 {
					all, at = append(all, call{port: port}), len(all)
				}
				if by := caller(callee); !slices.Contains(all[at].by, by) {
					all[at].by = append(all[at].by, by)
				}
			}
		}
	}
	return all
}

func caller(c harden.Callee) string {
	text := c.By.String()
	if c.Webhook != "" {
		text += " (" + c.Webhook
		if c.Policy != "" {
			text += ", failurePolicy " + c.Policy
		}
		text += ")"
	}
	return harden.OneLine(text)
}

// calleeResources are where it stands whom the API server calls.
var calleeResources = []string{
	harden.ValidatingWebhookConfigurations, harden.MutatingWebhookConfigurations, harden.APIServices, harden.CustomResourceDefinitions,
}

func checkWebhookBlocked(p *harden.Pass) {
	if p.Pod.Spec.HostNetwork {
		p.NotApplicable()
		return
	}
	all := calls(p)
	if len(all) == 0 {
		checkUnknownCallee(p)
		return
	}
	if Isolated(p, harden.Ingress).State != harden.ReachDenied {
		return
	}
	for _, c := range all {
		d := fromAPIServer(p, c.port)
		f := harden.Finding{Field: "NetworkPolicies", Discriminator: c.port.String()}
		who := strings.Join(c.by[:min(len(c.by), mostNamed)], ", ")
		switch d.Reach {
		case harden.ReachAllowed:
			continue
		case harden.ReachUnknown:
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason = fmt.Sprintf("whether the API server reaches %s is not known", c.port)
			f.Detail = fmt.Sprintf("The API server calls %s for %s; whether its policies admit that is not known: %s.", c.port, who, sentence(d.Why))
		default:
			f.Verdict, f.Reason = "blocked", fmt.Sprintf("no policy admits the API server to %s", c.port)
			f.Detail = fmt.Sprintf("The API server calls %s for %s, and the policies that isolate the pods admit it from nowhere that it comes from (%s).", c.port, who, sentence(d.Why)) + enforcement(p.Inventory)
			Weigh(&f, p.Fixer.Severity, "", Idle(p.Workload))
		}
		p.Report(f)
	}
}

// fromAPIServer is whether the API server may connect to the port. It may call
// through a pod of kube-system, a tunnel's agent, which differs by platform.
func fromAPIServer(p *harden.Pass, port harden.Port) harden.Decision {
	to := harden.WorkloadPeer(p.Object)
	d := Decide(p.Inventory, harden.Peer{Kind: harden.PeerAPIServer}, to, port)
	agents := harden.Peer{Kind: harden.PeerNamespace, Namespace: metav1.NamespaceSystem}
	if d.Reach == harden.ReachDenied && Decide(p.Inventory, agents, to, port).Reach != harden.ReachDenied {
		return harden.Decision{Reach: harden.ReachUnknown, Why: "pods of kube-system are admitted, and whether the API server calls through one of them cannot be told"}
	}
	return d
}

// checkUnknownCallee reports pods that the API server may call, as far as that
// can be seen: nobody read whom it calls, and a Service offers the usual port.
func checkUnknownCallee(p *harden.Pass) {
	why := ""
	for _, resource := range append([]string{harden.Services}, calleeResources...) {
		if w := p.Inventory.Unreadable(resource, p.Object.Namespace); w != "" && why == "" {
			why = resource + " could not be read: " + w
		}
	}
	usual := slices.ContainsFunc(indexOf(p.Inventory).servicesOf(p.Workload), func(s *corev1.Service) bool {
		return slices.ContainsFunc(s.Spec.Ports, func(sp corev1.ServicePort) bool { return sp.Port == 443 })
	})
	if why == "" || !usual || Isolated(p, harden.Ingress).State != harden.ReachDenied {
		p.NotApplicable()
		return
	}
	p.Report(harden.Finding{
		Field: "NetworkPolicies", Status: harden.StatusUnknown, Verdict: "unknown", Reason: "whether the API server calls it is not known",
		Detail: fmt.Sprintf("Its pods are isolated for ingress, and a Service offers port 443 of them. Whether the API server calls it is not known: %s.", sentence(why)),
	})
}

func fixWebhookBlocked(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	all := calls(p)
	at := slices.IndexFunc(all, func(c call) bool { return c.port.String() == f.Discriminator })
	selector, others, cannot := propose.SelectorOf(p.Inventory, p.Workload)
	switch {
	case at < 0:
		return nil
	case selector == nil:
		return []harden.Fix{{Title: "admit the API server", Class: harden.Review, Manual: "No policy is drafted: " + cannot + "."}}
	}
	policy := newPolicy(p, "apiserver", networkingv1.NetworkPolicySpec{PodSelector: *selector, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}})
	for _, c := range all { // one policy admits all ports that are called
		policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{Ports: numbered(&c.port.Protocol, []int32{c.port.Number})})
	}
	change, ok := create(policy)
	if !ok {
		return nil
	}
	claims := []harden.Claim{
		{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("%s has the API server call %s.", strings.Join(all[at].by, ", "), all[at].port)},
		addingClaim(p, others, harden.Ingress),
	}
	return []harden.Fix{{
		Title: "admit the API server to " + all[at].port.String(), Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims, Changes: []harden.Change{change},
		Warning: "The port is open to every source: where the API server comes from differs by platform. Narrow it to the addresses of the control plane if they are known and stay.",
	}}
}
