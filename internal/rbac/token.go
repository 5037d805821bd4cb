package rbac

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Token is what the API token of a pod can do.
type Token struct {
	Account Subject
	// Mounted says that the pods get it; MountKnown that this is known.
	Mounted, MountKnown bool
	// Lines say what it can do beyond what every ServiceAccount may, from the worst.
	Lines []TokenLine
	// Unknown are sentence fragments about what could not be seen; nil: all was.
	Unknown []string
}

// A TokenLine is one thing that a token can do.
type TokenLine struct {
	Severity harden.Severity
	Held     *Held // nil for what is no danger by itself
	Can      string
	Via      string // BINDING -> ROLE
	Read     bool   // something is read by it
}

// String is what it can do, and by which binding.
func (l TokenLine) String() string { return l.Can + " (" + l.Via + ")" }

// rank orders lines of one severity: by their powers, then what is none.
func (l TokenLine) rank() int {
	if l.Held == nil {
		return len(powers)
	}
	return slices.Index(powers, l.Held.Power)
}

// TokenOf is what the token of the workload's pods can do.
func (g *Graph) TokenOf(w *harden.Workload) Token {
	t := g.TokenOfAccount(w.Ref.Namespace, harden.ServiceAccountName(&w.Template.Spec))
	t.Mounted, t.MountKnown = g.inv.MountsToken(w)
	return t
}

// TokenOfAccount is what tokens of a ServiceAccount can do, mounted or not. It is
// worked out once for all workloads that run under it.
func (g *Graph) TokenOfAccount(namespace, name string) Token {
	key := Account(namespace, name)
	if t, ok := g.tokens.Load(key); ok {
		return t.(Token)
	}
	t := g.tokenOfAccount(namespace, name)
	g.tokens.Store(key, t)
	return t
}

func (g *Graph) tokenOfAccount(namespace, name string) Token {
	t := Token{Account: Account(namespace, name), Unknown: g.Unknown(namespace, name)}
	for _, grant := range g.OfAccount(namespace, name) {
		for _, h := range grant.Held {
			t.Lines = append(t.Lines, TokenLine{Severity: h.Severity, Held: h, Can: h.String(), Via: grant.Via(), Read: true})
		}
		if others := grant.others(); len(others) > 0 {
			t.Lines = append(t.Lines, TokenLine{Can: AllWords(others) + " in " + grant.Where(), Via: grant.Via(), Read: slices.ContainsFunc(others, reads)})
		}
	}
	slices.SortStableFunc(t.Lines, func(a, b TokenLine) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.rank(), b.rank()), strings.Compare(a.Can, b.Can), strings.Compare(a.Via, b.Via))
	})
	return t
}

// others are the rules of the grant that give no power.
func (g *Grant) others() []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for i, rule := range g.Rules {
		dangerous := slices.ContainsFunc(g.Held, func(h *Held) bool {
			return h.Power.ID == Everything || slices.ContainsFunc(h.Rules, func(r rbacv1.PolicyRule) bool { return sameRule(r, g.Rules[i]) })
		})
		if !dangerous {
			left = append(left, rule)
		}
	}
	return left
}

func sameRule(a, b rbacv1.PolicyRule) bool {
	return slices.Equal(a.Verbs, b.Verbs) && slices.Equal(a.APIGroups, b.APIGroups) && slices.Equal(a.Resources, b.Resources) &&
		slices.Equal(a.ResourceNames, b.ResourceNames) && slices.Equal(a.NonResourceURLs, b.NonResourceURLs)
}

func reads(rule rbacv1.PolicyRule) bool {
	return slices.ContainsFunc(rule.Verbs, func(v string) bool { return v == rbacv1.VerbAll || slices.Contains(read, v) })
}

// Worst is the severity of the worst that the token can do; Info when that is
// nothing, or nothing by itself dangerous.
func (t Token) Worst() harden.Severity {
	if len(t.Lines) == 0 {
		return harden.Info
	}
	return t.Lines[0].Severity
}

// Takeover are the things by which whoever has the token owns the cluster.
func (t Token) Takeover() []TokenLine {
	return slices.DeleteFunc(slices.Clone(t.Lines), func(l TokenLine) bool { return l.Severity < harden.Critical })
}

// Reads reports whether the token can read anything beyond what every ServiceAccount may.
func (t Token) Reads() bool {
	return slices.ContainsFunc(t.Lines, func(l TokenLine) bool { return l.Read })
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
