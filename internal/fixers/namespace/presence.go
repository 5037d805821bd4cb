package namespace

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A presence is a rule that something is in the cluster.
type presence struct {
	agents []string // images, as for isOf
	// covers says that it has to run on every node.
	covers bool
	// elsewise finds it by other means than images: what it is, or "".
	elsewise func(*harden.Inventory) string
	reason   string
	detail   string
}

func (r presence) check(p *harden.Pass) {
	workloads := running(p.Inventory, r.agents)
	if len(workloads) == 0 {
		if r.elsewise != nil && r.elsewise(p.Inventory) != "" {
			return
		}
		if why := p.Inventory.UnreadWorkloads(""); why != "" {
			p.Unknown("None was seen, but " + why + ".")
			return
		}
		p.Report(harden.Finding{Reason: r.reason, Detail: r.detail})
		return
	}
	if !r.covers {
		return
	}
	var who []string
	on := map[string]bool{}
	for _, w := range workloads {
		if w.Ref.Kind != "DaemonSet" {
			return // how it covers nodes is its own business
		}
		who = append(who, w.Ref.Long())
		for _, pod := range w.Pods {
			on[pod.Spec.NodeName] = true
		}
	}
	bare, all := []string{}, 0
	for _, n := range p.Inventory.Nodes {
		if !takesAgents(n) {
			continue
		}
		all++
		if !on[n.Name] {
			bare = append(bare, n.Name)
		}
	}
	if len(bare) == 0 {
		return
	}
	f := harden.Finding{
		Verdict: "partial", Reason: fmt.Sprintf("runs on %d of %d nodes", all-len(bare), all),
		Detail: fmt.Sprintf("%s runs on %d of %d Linux nodes; not on %s.", strings.Join(who, ", "), all-len(bare), all, few(bare)),
	}
	f.Severity, f.SeverityWhy = harden.Medium, "it is there, and somebody believes that it sees every node"
	p.Report(f)
}

// takesAgents reports whether DaemonSets for Linux run on the node.
func takesAgents(n *corev1.Node) bool {
	os := n.Labels[corev1.LabelOSStable]
	return (os == "" || os == string(corev1.Linux)) && n.Labels["eks.amazonaws.com/compute-type"] != "fargate" && n.Labels["type"] != "virtual-kubelet"
}

// few names the first of them, and says how many more there are.
func few(names []string) string {
	if len(names) <= mostNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
}

// byHand is a fix in words.
func byHand(title, how string) func(*harden.Pass, *harden.Finding) []harden.Fix {
	return func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: how}}
	}
}

// have names the first of the kinds of which there are objects, or "".
func have(inv *harden.Inventory, kinds ...schema.GroupKind) string {
	for _, k := range kinds {
		if len(inv.Others[k]) > 0 {
			return k.Kind
		}
	}
	return ""
}
