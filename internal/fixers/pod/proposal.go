package pod

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// refs reads references written as STANDARD ID.
func refs(list ...string) []harden.Reference {
	var out []harden.Reference
	for _, r := range list {
		standard, id, _ := strings.Cut(r, " ")
		ref := harden.Reference{Standard: standard, ID: id}
		if standard == "PSS" {
			ref.URL = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
		}
		out = append(out, ref)
	}
	return out
}

// seen is a claim that speaks for a fix, seen in this inventory.
func seen(p *harden.Pass, code, text, limits string) harden.Claim {
	return harden.Claim{Code: code, State: harden.Holds, Text: text, Limits: limits, Time: p.Inventory.Now}
}

// missing is a claim that nobody has looked into yet.
func missing(code, text string) harden.Claim {
	return harden.Claim{Code: code, State: harden.Missing, Text: text}
}

// proposing wraps the Fix of a fixer with the case that all of them share: what
// no change can reach is said in words. Want completes "…: ", as in
// "set runAsNonRoot: true". A fix of a finding with BlockedBy brings the first
// fix of the blocking finding along: its own change alone would be refused.
func proposing(want string, fix func(*harden.Pass, *harden.Finding) []harden.Fix) func(*harden.Pass, *harden.Finding) []harden.Fix {
	return func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if manual := byHand(p, f, want); manual != "" {
			return []harden.Fix{{Title: want, Class: harden.Review, Manual: manual}}
		}
		return fix(p, f)
	}
}

// byHand says what a person has to do where the object that holds the container
// cannot be changed; empty where it can.
func byHand(p *harden.Pass, f *harden.Finding, want string) string {
	switch {
	case f.Container.Kind == harden.EphemeralContainer:
		return fmt.Sprintf("An ephemeral container can be neither changed nor removed. When the debugging is over, replace the Pod: kubectl delete pod %s -n %s", f.Object.Name, f.Object.Namespace) +
			orphanNote(p)
	case f.Lens == harden.Injected:
		return fmt.Sprintf("Container %q is not in the template of %s: something adds it when Pods are created, such as a sidecar injector. In its configuration: %s.", f.Container.Name, p.Workload.Ref, want)
	case p.Workload != nil && p.Workload.IsStatic():
		return fmt.Sprintf("The kubelet of node %q runs this Pod from a file there (the staticPodPath of its configuration); what the API shows is a copy. In that file: %s.", p.Pod.Spec.NodeName, want)
	}
	return ""
}

func orphanNote(p *harden.Pass) string {
	if p.Workload != nil && p.Workload.Ref.Kind == "Pod" {
		return " (nothing recreates this Pod: keep its manifest)"
	}
	return ""
}
