package cloud

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IMDSHostNetwork finds pods on the host's network of a cloud's node.
var IMDSHostNetwork = &harden.Fixer{
	ID:       "imds-host-network",
	Title:    "reaches the cloud's metadata service by the host's network",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods are on the network of the node, so that nothing keeps them from its credentials.

Fields:

    spec.hostNetwork
    spec.providerID of the nodes, which names the cloud

Allowed: hostNetwork false or unset, on clouds with a metadata service.

**Why it matters.** Neither NetworkPolicies nor a hop limit of 1 stop a pod on the host's network: to the
metadata service it is the node. One request brings the node's credentials.

**The fix.** hostNetwork false, as for host-network, whose finding holds the change; what the workload then
needs is for a person to see, so there is text only.

**Traps.** Agents of the network, storage and monitoring need the host's network: namespaces of the cluster
and of vendors are not judged here. Where the pods have to stay there, what the role of their nodes may do is what is
left to limit, and nodes of their own help.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1552.005"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		all := addresses(p.Inventory.Net.Engine)
		if len(all) == 0 || p.Workload.Finished || harden.IsSystemNamespace(p.Object.Namespace) {
			p.NotApplicable()
			return
		}
		if !p.Pod.Spec.HostNetwork {
			return
		}
		p.Report(harden.Finding{
			Field: p.Pod.Field("hostNetwork"), Reason: "on the host's network: reaches the metadata service",
			Detail: fmt.Sprintf("hostNetwork is true: the pods reach %s as the node does, whatever policies and the hop limit say.", strings.Join(plain(all), " and ")),
		})
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("take it off the host's network",
			fmt.Sprintf("Set hostNetwork: false in %s and reach it by a Service or a hostPort instead (see host-network). Where it has to stay: run it on nodes whose role may do little, and give it a role of its own.", p.Object),
			"Peers that reach it at the addresses of the nodes have to change.")
	},
}
