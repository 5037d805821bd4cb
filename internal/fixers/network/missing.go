package network

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// checkMissing reports a workload that no policy isolates in the direction.
func checkMissing(p *harden.Pass, d harden.Direction, up, open string) {
	if p.Pod.Spec.HostNetwork {
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: "NetworkPolicies"}
	switch iso := Isolated(p, d); iso.State {
	case harden.ReachDenied:
		return
	case harden.ReachUnknown:
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason = "whether a policy isolates it is not known"
		f.Detail = fmt.Sprintf("Whether a policy isolates its pods for %s is not known: %s.", d, sentence(iso.Why))
	default:
		f.Verdict, f.Reason = "missing", "no policy isolates it for "+strings.ToLower(string(d))
		f.Detail = fmt.Sprintf("No policy isolates its pods for %s: %s.", d, open) + enforcement(p.Inventory)
		Weigh(&f, p.Fixer.Severity, up, Idle(p.Workload))
	}
	p.Report(f)
}

// sentence is a reason as the end of a sentence.
func sentence(why string) string {
	if why == "" {
		return "the policies were not evaluated"
	}
	return trimStop(harden.OneLine(why))
}

// fixMissing proposes the policies for the workload.
func fixMissing(p *harden.Pass, d harden.Direction) []harden.Fix {
	if fix, ok := OfVendor(p.Object.Namespace); ok {
		return []harden.Fix{fix}
	}
	return propose.Fixes(p.Inventory, p.Object.Namespace, p.Object, d)
}

// OfVendor is what to say instead of a fix in a namespace that belongs to the
// cluster or to a vendor.
func OfVendor(namespace string) (fix harden.Fix, ok bool) {
	if !harden.IsSystemNamespace(namespace) {
		return harden.Fix{}, false
	}
	return harden.Fix{
		Title: "leave the policies to whoever owns the namespace", Class: harden.Review,
		Manual: fmt.Sprintf("Namespace %q belongs to the cluster or to a vendor, who knows what its pods have to reach: ask for policies there. A wrong one stops the cluster.", namespace),
	}, true
}
