package pod

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// refs reads references written as STANDARD ID.
func refs(list ...string) []harden.Reference {
	var out []harden.Reference
	for _, r := range list {
		standard, id, _ := strings.Cut(r, " ")
		if rest, ok := strings.CutPrefix(r, "CIS EKS "); ok {
			standard, id = "CIS EKS", rest
		}
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
		if instead, ok := f.OutOfReach(want); ok {
			return []harden.Fix{instead}
		}
		return remember(p, f, fix(p, f))
	}
}
