package cloud

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodePublicIP finds nodes that the internet may reach.
var NodePublicIP = &harden.Fixer{
	ID:       "node-public-ip",
	Title:    "has a public address",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindNode},
	Doc: `
The node has an address of the internet.

Fields:

    status.addresses[] of type ExternalIP

Allowed: none, or one of a private network.

**Why it matters.** Node ports, host ports, the kubelet and ssh are on that address: only a firewall outside
of the cluster, which is not visible here, keeps strangers from them. A compromised pod may take orders from the internet
without passing a gateway that somebody watches.

**The fix.** Nodes belong into private subnets with a NAT gateway or endpoints. That is done at the node
group or node class: there is text only.

**Traps.** Clusters at the edge and nodes of game servers need public addresses: waive them. Some providers call
an address of a private network ExternalIP; those pass.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.4.3"},
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1133"},
		{Standard: "Kubescape", ID: "C-0229"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !p.Inventory.Live() {
			p.NotApplicable()
			return
		}
		var public []string
		for _, a := range harden.Content[*corev1.Node](p.Item).Status.Addresses {
			if address, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeExternalIP && ofInternet(address) {
				public = append(public, a.Address)
			}
		}
		if len(public) > 0 {
			p.Report(harden.Finding{
				Field: "status.addresses", Reason: "public address " + public[0],
				Detail: fmt.Sprintf("The node has %s. Whether a firewall is in front of it cannot be seen from here.", strings.Join(public, " and ")),
			})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("move the nodes into private subnets",
			fmt.Sprintf("Let the node group or node class of %q use private subnets (on EKS: subnets without MapPublicIpOnLaunch; Karpenter: spec.associatePublicIPAddress: false), with a NAT gateway or VPC endpoints for what they pull, and replace the nodes.", p.Object.Name),
			"Clients that use the addresses of nodes lose them.")
	},
}

// shared is the address space of carriers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

func ofInternet(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a)
}
