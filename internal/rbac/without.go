package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Without are the rules less what gives the power in the namespace (empty: the
// cluster). It fails where wildcards give it, since nobody knows what else they
// are for.
func Without(rules []rbacv1.PolicyRule, p *Power, namespace string) ([]rbacv1.PolicyRule, bool) {
	if len(p.Access) == 0 {
		return nil, false
	}
	for i := range p.Access {
		a := &p.Access[i]
		if !a.holdsIn(namespace) {
			continue
		}
		var next []rbacv1.PolicyRule
		for j := range rules {
			left, ok := a.takeFrom(&rules[j])
			if !ok {
				return nil, false
			}
			next = append(next, left...)
		}
		rules = next
	}
	return rules, true
}

func (a *Access) takeFrom(rule *rbacv1.PolicyRule) ([]rbacv1.PolicyRule, bool) {
	var resources, verbs []string
	wild := false
	for _, resource := range a.Resources {
		for _, verb := range a.Verbs {
			if gives, _ := a.of(rule, verb, resource); !gives {
				continue
			}
			wild = wild || !slices.Contains(rule.Verbs, verb) || !slices.Contains(rule.APIGroups, a.Group) || !slices.Contains(rule.Resources, resource)
			resources, verbs = append(resources, resource), append(verbs, verb)
		}
	}
	switch {
	case len(resources) == 0:
		return []rbacv1.PolicyRule{*rule}, true
	case wild || hasStar(rule):
		return nil, false
	}
	var left []rbacv1.PolicyRule
	others, these := *rule, *rule
	others.Resources = minus(rule.Resources, resources)
	if len(others.Resources) > 0 {
		left = append(left, others)
	}
	these.Resources = minus(rule.Resources, others.Resources)
	these.Verbs = minus(rule.Verbs, verbs)
	if len(these.Verbs) > 0 {
		left = append(left, these)
	}
	return left, true
}

// hasStar reports whether the rule has a wildcard that stays behind what is taken out.
func hasStar(rule *rbacv1.PolicyRule) bool {
	return Wild(rule) || slices.ContainsFunc(rule.Resources, func(r string) bool { return strings.HasPrefix(r, "*/") })
}

func minus(list, less []string) []string {
	var left []string
	for _, s := range list {
		if !slices.Contains(less, s) {
			left = append(left, s)
		}
	}
	return left
}
