package rbac

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Words say what a rule gives: VERBS on RESOURCES.GROUP of NAMES.
func Words(rule rbacv1.PolicyRule) string {
	on := strings.Join(rule.NonResourceURLs, ", ")
	if len(rule.Resources) > 0 {
		var groups []string
		for _, g := range rule.APIGroups {
			if g == "" {
				g = "core"
			}
			groups = append(groups, g)
		}
		on = strings.Join(rule.Resources, ", ")
		if len(groups) != 1 || groups[0] != "core" {
			on += " (" + strings.Join(groups, ", ") + ")"
		}
	}
	text := strings.Join(rule.Verbs, ", ") + " on " + on
	if len(rule.ResourceNames) > 0 {
		text += " named " + strings.Join(rule.ResourceNames, ", ")
	}
	return harden.OneLine(text)
}

// AllWords are Words of some rules: those after the third are counted.
func AllWords(rules []rbacv1.PolicyRule) string {
	const most = 3
	var all []string
	for i, r := range rules {
		if i == most {
			all = append(all, "and "+plural(len(rules)-most, "more rule"))
			break
		}
		all = append(all, Words(r))
	}
	return strings.Join(all, "; ")
}
