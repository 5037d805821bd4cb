package cloud

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodeSingleZone finds clusters that end with one zone.
var NodeSingleZone = &harden.Fixer{
	ID:       "node-single-zone",
	Title:    "all nodes are in one zone",
	Area:     harden.AreaCloud,
	Severity: harden.Low,
	Subject:  harden.SubjectCluster,
	Doc: `
All nodes are in the same zone of the cloud.

Fields:

    metadata.labels['topology.kubernetes.io/zone'] of the nodes

Allowed: two zones or more.

**Why it matters.** When the zone fails everything stops, however many replicas there are.

**The fix.** Node groups or node classes in subnets of other zones: there is text only.

**Traps.** Zonal volumes (EBS) keep their pods in their zone: a workload with one replica does not gain
anything. Traffic between zones costs. Clusters whose nodes have no zone are not judged. Nodes that come and go may
all be in one zone by chance: what counts is what the groups allow.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "Running in multiple zones", URL: "https://kubernetes.io/docs/setup/best-practices/multiple-zones/"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		zones, nodes := map[string]bool{}, 0
		var zone string
		for _, n := range p.Inventory.Nodes {
			if z := n.Labels[corev1.LabelTopologyZone]; z != "" {
				zone, zones[z] = z, true
				nodes++
			}
		}
		switch len(zones) {
		case 0:
			p.NotApplicable()
		case 1:
			p.Report(harden.Finding{
				Field: "metadata.labels['" + corev1.LabelTopologyZone + "']", Reason: "all nodes are in zone " + harden.OneLine(zone),
				Detail: fmt.Sprintf("All %d nodes with a zone are in %s.", nodes, harden.OneLine(zone)),
			})
		}
	},
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("spread the nodes over zones", "Give the node groups or node classes subnets in two more zones, and spread the replicas (topologySpreadConstraints by topology.kubernetes.io/zone).", "Traffic between zones costs, and zonal volumes stay where they are.")
	},
}
