package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Held is a power that a grant has.
type Held struct {
	Power *Power
	Grant *Grant
	// Rules are those of the role that give it.
	Rules []rbacv1.PolicyRule
	// Names are the objects that it is limited to; nil: it is not.
	Names []string
	// Severity is that of the power, moved for the reasons in Why.
	Severity harden.Severity
	Why      string
}

// held are the powers of the grant. One that can do everything has that alone:
// all others are said with it.
func (g *Graph) held(grant *Grant) []*Held {
	if len(grant.Rules) == 0 || grant.Subject.IsMasters() {
		return nil
	}
	var all []*Held
	for _, m := range g.matches(grant) {
		p := m.power
		if p.Accounts && !grant.Subject.IsAccount() || !g.hasWith(grant, p) {
			continue
		}
		h := &Held{Power: p, Grant: grant, Rules: m.rules, Names: m.names}
		h.judge()
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b *Held) int { return int(b.Severity) - int(a.Severity) })
	return all
}

// A match is a power that rules give somewhere.
type match struct {
	power *Power
	rules []rbacv1.PolicyRule
	names []string
}

type matchKey struct {
	role      *Role
	shipped   bool
	namespace string // empty, kube-system, or other for all that are alike
}

// matches are the powers of the grant's rules, which are looked for once for all
// bindings of a role.
func (g *Graph) matches(grant *Grant) []match {
	key := matchKey{grant.Role, grant.Shipped, grant.Namespace}
	if key.namespace != "" && key.namespace != systemNamespace {
		key.namespace = "other"
	}
	found, ok := g.found[key]
	if ok {
		return found
	}
	everything := false
	for _, p := range powers {
		if everything && (p.ID != "rbac-wildcard" || grant.Namespace == "") {
			continue
		}
		rules, names := p.in(grant.Rules, grant.Namespace, g.inv.Cluster.Minor)
		if len(rules) == 0 || p.NamedIsFine && names != nil && grant.Namespace != "" {
			continue
		}
		everything = everything || p.ID == Everything
		found = append(found, match{p, rules, names})
	}
	g.found[key] = found
	return found
}

// hasWith reports whether the subject has what the power needs besides.
func (g *Graph) hasWith(grant *Grant, p *Power) bool {
	with := Power{Access: p.With}
	return len(p.With) == 0 || slices.ContainsFunc(g.bySubject[grant.Subject], func(other *Grant) bool {
		rules, _ := with.in(other.Role.Rules, other.Namespace, g.inv.Cluster.Minor)
		return len(rules) > 0
	})
}

// judge moves the severity by where the grant holds, for what, and for whom.
func (h *Held) judge() {
	h.Severity = h.Power.Severity
	var why []string
	if ns := h.Grant.Namespace; ns != "" && ns != systemNamespace && h.Power.In < h.Severity {
		h.Severity = h.Power.In
		why = append(why, "in "+h.Grant.Where()+" only")
	}
	if h.Names != nil && h.Power.ID != "rbac-system-configmap-write" {
		h.Severity--
		why = append(why, "for named objects only")
	}
	if h.Grant.Subject.IsPerson() {
		h.Severity--
		why = append(why, "held by people, no pod carries their credentials")
	}
	h.Severity = max(h.Severity, harden.Low)
	if h.Severity != h.Power.Severity {
		h.Why = strings.Join(why, "; ")
	}
}

// String is what can be done, and where.
func (h *Held) String() string {
	where := " in " + h.Grant.Where()
	switch {
	case h.Names != nil:
		where += ", of " + harden.OneLine(strings.Join(h.Names, ", ")) + " only"
	case h.Grant.Namespace == "" && h.Power.In != 0:
		where = " in all of the cluster"
	case h.Grant.Namespace == "":
		where = ""
	}
	if h.Power.Each != "" {
		return h.Power.Each + " " + strings.Join(h.resources(), ", ") + where
	}
	return h.Power.Can + where
}

// resources are those of the power that the rules give.
func (h *Held) resources() []string {
	var given []string
	for i := range h.Power.Access {
		a := &h.Power.Access[i]
		for _, resource := range a.Resources {
			one := Power{Access: []Access{{Verbs: a.Verbs, Group: a.Group, Resources: []string{resource}, Cluster: a.Cluster, Namespace: a.Namespace}}}
			if rules, _ := one.in(h.Rules, h.Grant.Namespace, 0); len(rules) > 0 {
				given = append(given, resource)
			}
		}
	}
	return given
}

// In are the rules that give the power in a namespace, or in the cluster if that
// is empty. Names are those that all of them are limited to; nil: one is not.
func (p *Power) in(rules []rbacv1.PolicyRule, namespace string, minor int) (give []rbacv1.PolicyRule, names []string) {
	free := false
	for i := range rules {
		rule := &rules[i]
		gives, limited := p.of(rule, namespace, minor)
		if !gives {
			continue
		}
		give = append(give, *rule)
		if !limited {
			free = true
			continue
		}
		for _, n := range rule.ResourceNames {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if free || len(give) == 0 {
		return give, nil
	}
	slices.Sort(names)
	return give, names
}

func (p *Power) of(rule *rbacv1.PolicyRule, namespace string, minor int) (gives, limited bool) {
	switch p.ID {
	case Everything:
		return Everywhere(rule), false
	case "rbac-wildcard":
		return Wild(rule), len(rule.ResourceNames) > 0
	}
	limited = true
	for i := range p.Access {
		a := &p.Access[i]
		if !a.holdsIn(namespace) || a.Before > 0 && minor >= a.Before || !hasOrAll(rule.APIGroups, a.Group) {
			continue
		}
		for _, resource := range a.Resources {
			for _, verb := range a.Verbs {
				if g, l := a.of(rule, verb, resource); g {
					gives, limited = true, limited && l
				}
			}
		}
	}
	return gives, limited
}

func (a *Access) holdsIn(namespace string) bool {
	if namespace == "" {
		return true
	}
	return !a.Cluster && (a.Namespace == "" || a.Namespace == namespace)
}

func (a *Access) of(rule *rbacv1.PolicyRule, verb, resource string) (gives, limited bool) {
	if !allows(rule, verb, a.Group, resource) {
		return false, false
	}
	if len(rule.ResourceNames) == 0 {
		return true, false
	}
	if !limits(verb, resource) {
		return false, false
	}
	if a.Names != nil && !slices.ContainsFunc(rule.ResourceNames, func(n string) bool { return slices.Contains(a.Names, n) }) {
		return false, false
	}
	return true, true
}

// In lists the powers that rules give if they are bound in a namespace, or in
// the cluster if that is empty, whoever the subject is.
func In(rules []rbacv1.PolicyRule, namespace string, minor int) []*Power {
	var all []*Power
	for _, p := range powers {
		if give, _ := p.in(rules, namespace, minor); len(give) > 0 {
			all = append(all, p)
		}
	}
	return all
}
