// Package rbac tells who may do what: it joins bindings, roles and subjects to
// grants, and names what grants are dangerous for. It knows RBAC alone; what other
// authorizers of a server allow (Node, webhooks, ABAC) is not in the API.
package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// A Request is what an authorizer is asked about.
type Request struct {
	Verb        string
	Group       string
	Resource    string
	Subresource string
	Name        string // empty for create and for lists, and when any name is meant
	Namespace   string // empty for what has none, and for all namespaces
}

// allows reports whether the rule gives a verb on a resource (RESOURCE or
// RESOURCE/SUBRESOURCE) of a group, whatever the name. As in the authorizer of
// Kubernetes (pkg/apis/rbac/v1/evaluation_helpers.go), * stands for every
// resource and subresource, */SUB for one subresource of all, and "pods/*" for nothing.
func allows(rule *rbacv1.PolicyRule, verb, group, resource string) bool {
	return hasOrAll(rule.Verbs, verb) && hasOrAll(rule.APIGroups, group) && givesResource(rule.Resources, resource)
}

func hasOrAll(list []string, want string) bool {
	return slices.Contains(list, want) || slices.Contains(list, rbacv1.VerbAll)
}

func givesResource(resources []string, want string) bool {
	if hasOrAll(resources, want) {
		return true
	}
	_, sub, ok := strings.Cut(want, "/")
	return ok && slices.Contains(resources, "*/"+sub)
}

// limits reports whether resourceNames can limit the verb. The name of what is
// to be created is not known when RBAC is asked, nor are those of a collection:
// a rule with resourceNames never gives these.
func limits(verb, resource string) bool {
	return verb != "deletecollection" && (verb != "create" || strings.Contains(resource, "/"))
}

// Allows reports whether one of the rules gives what is asked for.
func Allows(rules []rbacv1.PolicyRule, r Request) bool {
	resource := r.Resource
	if r.Subresource != "" {
		resource += "/" + r.Subresource
	}
	for i := range rules {
		rule := &rules[i]
		if !allows(rule, r.Verb, r.Group, resource) {
			continue
		}
		if len(rule.ResourceNames) == 0 || r.Name != "" && limits(r.Verb, resource) && slices.Contains(rule.ResourceNames, r.Name) {
			return true
		}
	}
	return false
}

// Uncovered are the parts of the rules that the others do not give, each with
// one verb, one group, one resource and at most one name.
func Uncovered(rules, others []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			for _, url := range rule.NonResourceURLs {
				if !slices.ContainsFunc(others, func(o rbacv1.PolicyRule) bool { return hasOrAll(o.Verbs, verb) && givesURL(o.NonResourceURLs, url) }) {
					left = append(left, rbacv1.PolicyRule{Verbs: []string{verb}, NonResourceURLs: []string{url}})
				}
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					left = append(left, uncovered(rule.ResourceNames, verb, group, resource, others)...)
				}
			}
		}
	}
	return left
}

func uncovered(names []string, verb, group, resource string, others []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	part := func(names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names}
	}
	given := func(name string) bool {
		return slices.ContainsFunc(others, func(o rbacv1.PolicyRule) bool {
			return allows(&o, verb, group, resource) && (len(o.ResourceNames) == 0 || name != "" && slices.Contains(o.ResourceNames, name))
		})
	}
	if len(names) == 0 {
		if given("") {
			return nil
		}
		return []rbacv1.PolicyRule{part()}
	}
	var left []rbacv1.PolicyRule
	for _, name := range names {
		if !given(name) {
			left = append(left, part(name))
		}
	}
	return left
}

func givesURL(given []string, url string) bool {
	return slices.ContainsFunc(given, func(g string) bool {
		prefix, open := strings.CutSuffix(g, "*")
		return g == url || open && strings.HasPrefix(url, prefix)
	})
}
