package network

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AllowAll finds policies that admit everything.
var AllowAll = &harden.Fixer{
	ID:       "netpol-allow-all",
	Title:    "policy admits everything",
	Area:     harden.AreaNetwork,
	Severity: harden.Medium,
	Subject:  harden.SubjectNetworkPolicy,
	Doc: `
A rule of the policy has neither peers nor ports, so that it admits all.

Fields:

    spec.ingress[].from, spec.ingress[].ports
    spec.egress[].to, spec.egress[].ports

Allowed: rules that name peers, ports or both. A direction without any rule admits
nothing and is the strictest of all. There is one finding per direction.

**Why it matters.** Policies add up: one rule that admits everything undoes all others
for the pods that it selects, and the list of policies still looks as if somebody had
cared. It is often what stayed of an evening of debugging.

**The fix.** A person decides which flows the rule was for. The text names the
workloads that are open by it; the network view shows what they need.

**Traps.** "from: []" and a missing "from" are the same: no peers, hence everybody. A
rule with ports and without peers is not meant here, nor one with peers and without
ports. Rules of a direction that the policy does not isolate (it is not among its
policyTypes) do nothing and are passed over. An open egress in a policy that is about
ingress is legal and common, and still says that egress was looked at when it was not.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Trivy", ID: "KSV-0038"},
		{Standard: "Kubescape", ID: "C-0030"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindService),
	Check: checkAllowAll,
	Fix:   fixAllowAll,
}

func checkAllowAll(p *harden.Pass) {
	for _, d := range directions {
		for _, r := range rulesOf(p.NetworkPolicy, d) {
			if !r.isOpen() {
				continue
			}
			f := harden.Finding{
				Discriminator: string(d), Field: field(d), Verdict: "allow-all", Reason: fmt.Sprintf("%s: rule %d admits everything", d, r.n),
				Detail: fmt.Sprintf("Rule %d for %s has neither peers nor ports: it admits everything, whatever other rules and policies say. It selects %s.", r.n, d, whom(p)),
			}
			p.Report(f)
			break
		}
	}
}

// whom says which workloads the policy selects.
func whom(p *harden.Pass) string {
	switch selected := subjects(p.Inventory, p.NetworkPolicy); {
	case len(selected) > 0:
		return names(selected)
	case !p.Inventory.NoWorkloads(p.NetworkPolicy.Namespace):
		return "none of the workloads that were read"
	}
	return "nothing now"
}

func fixAllowAll(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	return []harden.Fix{{
		Title: "narrow the rule to the flows that are needed", Class: harden.Review,
		Manual: fmt.Sprintf("In %s of NetworkPolicy %s/%s, replace the rule without peers and ports by rules for the flows that %s need, or take %s out of spec.policyTypes "+
			"when the policy is not about it; the network view shows the flows that are known.", f.Field, p.Object.Namespace, p.Object.Name, whom(p), f.Discriminator),
		Warning: "What the rule let through and no other rule admits is denied from then on.",
	}}
}
