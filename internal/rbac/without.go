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
	for _, resource := range a.Resources {
		for _, verb := range a.Verbs {
			if gives, _ := a.of(rule, verb, resource); gives {
				resources, verbs = append(resources, resource), append(verbs, verb)
			}
		}
	}
	whole := len(a.Verbs) == len(anyVerb)
	switch {
	case len(resources) == 0:
		return []rbacv1.PolicyRule{*rule}, true
	case slices.Contains(rule.APIGroups, rbacv1.APIGroupAll), slices.ContainsFunc(rule.Resources, isPattern),
		slices.Contains(rule.Verbs, rbacv1.VerbAll) && !whole:
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
	if len(these.Verbs) > 0 && !whole {
		left = append(left, these)
	}
	return left, true
}

// isPattern reports whether an entry of resources stands for more than itself.
func isPattern(resource string) bool {
	return resource == rbacv1.ResourceAll || strings.HasPrefix(resource, "*/")
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
