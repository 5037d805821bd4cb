package identity

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// AggregateEscalation finds roles that add dangerous rights to view, edit and admin.
var AggregateEscalation = &harden.Fixer{
	ID:       "rbac-aggregate-escalation",
	Title:    "adds dangerous rights to a shipped role",
	Area:     harden.AreaIdentity,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindClusterRole},
	Doc: `
The rules of a ClusterRole get into view, edit or admin, and give what these do not
have by themselves.

Fields:

    metadata.labels["rbac.authorization.k8s.io/aggregate-to-view"], …-edit, …-admin
    rules

Allowed: rules for kinds of one's own, and what the shipped role gives anyway.

**Why it matters.** A controller copies the rules into the shipped role. Whoever was
given "view" to look around can read Secrets from then on, or run commands, and no
binding has changed.

**The fix.** The rules are taken out of the role where they name what they give: make a
role of its own for them, and bind that to those who need it. It is a review.

**Traps.** What is changed is this role, never the one that it is copied into: the controller writes
that again. "edit" reads Secrets and runs pods by itself, so that for edit and admin only
what goes further is found, such as writing roles. "edit" goes into "admin", and "view" into
both. Wildcards for kinds of an operator's own are common, and not meant here.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1098.006"},
		{Standard: "Kubernetes", ID: "Aggregated ClusterRoles", URL: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAggregateEscalation,
	Fix:   fixAggregateEscalation,
}

func checkAggregateEscalation(p *harden.Pass) {
	role := harden.Content[*rbacv1.ClusterRole](p.Item)
	if _, shipped := rbac.ShippedRules("", role.Name); shipped {
		p.NotApplicable()
		return
	}
	aggregated := false
	for _, into := range []string{"view", "edit", "admin"} {
		if role.Labels[rbac.AggregateLabel+into] != "true" {
			continue
		}
		aggregated = true
		if powers := addedTo(p, role.Rules, into); len(powers) > 0 {
			var can []string
			for _, power := range powers {
				can = append(can, power.Can)
			}
			p.Report(harden.Finding{
				Discriminator: into, Field: "metadata.labels", Reason: fmt.Sprintf("whoever has %q can %s", into, can[0]),
				Detail: fmt.Sprintf("The label %s%s adds its rules to ClusterRole %q, whose subjects can then: %s.", rbac.AggregateLabel, into, into, strings.Join(can, "; ")),
			})
		}
	}
	if !aggregated {
		p.NotApplicable()
	}
}

// addedTo are the powers that the rules give in any namespace and that a shipped
// role does not have.
func addedTo(p *harden.Pass, rules []rbacv1.PolicyRule, into string) []*rbac.Power {
	shipped, _ := rbac.ShippedRules("", into)
	return slices.DeleteFunc(rbac.In(rbac.Uncovered(rules, shipped), "", p.Inventory.Cluster.Minor), func(power *rbac.Power) bool {
		return power.ID == "rbac-wildcard" || power.Severity < harden.High
	})
}

func fixAggregateEscalation(p *harden.Pass, f *harden.Finding) []harden.Fix {
	role := harden.Content[*rbacv1.ClusterRole](p.Item)
	byHand := harden.Fix{
		Title: "keep it out of the shipped role", Class: harden.Review, Evidence: []harden.Claim{auditClaim()},
		Manual: fmt.Sprintf("Take the label %s%s off, or move these rules into a ClusterRole without such labels, and bind that to those who need them.", rbac.AggregateLabel, f.Discriminator),
	}
	rules := role.Rules
	for _, power := range addedTo(p, role.Rules, f.Discriminator) {
		left, ok := rbac.Without(rules, power, "")
		if !ok {
			return []harden.Fix{byHand}
		}
		rules = left
	}
	if len(rules) == 0 {
		return []harden.Fix{byHand}
	}
	return []harden.Fix{{
		Title: "take the rules out of the role", Class: harden.Review, Evidence: []harden.Claim{auditClaim()},
		Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"rules": ruleList(rules)})},
		Warning: fmt.Sprintf("Whoever has %q loses these rights.", f.Discriminator),
	}, byHand}
}
