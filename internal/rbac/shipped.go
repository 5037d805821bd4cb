package rbac

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
)

// shippedText is written by shipped_gen.go.
//
//go:embed shipped.txt
var shippedText string

// shipped is one role or binding that Kubernetes makes by itself, in every
// version that the table knows.
type shipped struct {
	rules    []rbacv1.PolicyRule // of a role
	role     string              // of a binding: KIND NAME
	subjects []Subject           // of a binding
	labels   []string            // those that add a role to aggregated ones
}

// shippedTable is by KIND [NAMESPACE/]NAME.
var shippedTable = sync.OnceValue(func() map[string]*shipped {
	table := map[string]*shipped{}
	var at *shipped
	for line := range strings.Lines(shippedText) {
		line = strings.TrimRight(line, "\n")
		body, indented := strings.CutPrefix(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !indented:
			at = &shipped{}
			table[line] = at
		default:
			at.read(strings.Fields(body))
		}
	}
	// The controller writes the rules of these three from those of the others.
	for _, name := range []string{"view", "edit", "admin"} {
		for key, s := range table {
			if slices.Contains(s.labels, AggregateLabel+name) && key != "ClusterRole "+name {
				table["ClusterRole "+name].rules = append(table["ClusterRole "+name].rules, s.rules...)
			}
		}
	}
	return table
})

func (s *shipped) read(words []string) {
	switch words[0] {
	case "ClusterRole", "Role":
		s.role = strings.Join(words, " ")
	case rbacv1.ServiceAccountKind:
		namespace, name, _ := strings.Cut(words[1], "/")
		s.subjects = append(s.subjects, Subject{Kind: words[0], Namespace: namespace, Name: name})
	case rbacv1.UserKind, rbacv1.GroupKind:
		s.subjects = append(s.subjects, Subject{Kind: words[0], Name: words[1]})
	case "label":
		s.labels = append(s.labels, words[1])
	default:
		rule := rbacv1.PolicyRule{Verbs: split(words[0])}
		if words[1] == "url" {
			rule.NonResourceURLs = split(words[2])
		} else {
			rule.APIGroups, rule.Resources = split(words[1]), split(words[2])
			if len(words) > 3 {
				rule.ResourceNames = split(words[3])
			}
		}
		s.rules = append(s.rules, rule)
	}
}

func split(words string) []string {
	list := strings.Split(words, ",")
	for i, w := range list {
		if w == "-" {
			list[i] = ""
		}
	}
	return list
}

// AggregateLabel begins the labels by which rules of a ClusterRole get into the
// shipped roles view, edit and admin.
const AggregateLabel = "rbac.authorization.k8s.io/aggregate-to-"

// ShippedRules are the rules of a role as Kubernetes ships it, in all versions
// together; false for roles that it does not ship. Namespace is empty for a ClusterRole.
func ShippedRules(namespace, name string) ([]rbacv1.PolicyRule, bool) {
	s := shippedTable()[shippedKey("ClusterRole", "Role", namespace, name)]
	if s == nil {
		return nil, false
	}
	return s.rules, true
}

func shippedKey(cluster, namespaced, namespace, name string) string {
	if namespace == "" {
		return cluster + " " + name
	}
	return namespaced + " " + namespace + "/" + name
}
