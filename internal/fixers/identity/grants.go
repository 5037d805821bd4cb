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

var bindingKinds = []schema.GroupKind{harden.KindRoleBinding, harden.KindClusterRoleBinding}

// powerRule makes a rule of one power of RBAC: it is about bindings, with one
// finding for each subject that gets the power by them. Instead says what to do
// by hand, as a sentence.
func powerRule(instead string, f harden.Fixer) *harden.Fixer {
	f.Area, f.Subject = harden.AreaIdentity, harden.SubjectObject
	if f.Kinds == nil {
		f.Kinds = bindingKinds
	}
	if f.Check == nil {
		f.Check = checkPower
	}
	f.Reads = harden.InCluster(rbac.Kinds...)
	if f.Fix == nil {
		f.Fix = func(p *harden.Pass, finding *harden.Finding) []harden.Fix { return fixPower(p, finding, instead) }
	}
	return &f
}

func checkPower(p *harden.Pass) {
	if !knowsRole(p) {
		return
	}
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if h := heldBy(grant, p.Fixer.ID); h != nil {
			p.Report(powerFinding(h))
		}
	}
}

// knowsRole reports whether it is known what the binding gives, and reports the
// binding as unknown where it is not.
func knowsRole(p *harden.Pass) bool {
	if role := roleOf(p); role != nil && role.Unknown != "" {
		p.Unknown(fmt.Sprintf("What %s %q allows is not known: %s.", role.Ref.Kind, harden.OneLine(role.Ref.Name), role.Unknown))
		return false
	}
	return true
}

func roleOf(p *harden.Pass) *rbac.Role {
	ref, _ := bindingOf(p.Item)
	return rbac.Of(p.Inventory).RoleOf(p.Object.Namespace, ref)
}

// bindingOf is the role and the subjects of a binding.
func bindingOf(o *harden.Object) (rbacv1.RoleRef, []rbacv1.Subject) {
	switch b := o.Content.(type) {
	case *rbacv1.ClusterRoleBinding:
		return b.RoleRef, b.Subjects
	case *rbacv1.RoleBinding:
		return b.RoleRef, b.Subjects
	}
	return rbacv1.RoleRef{}, nil
}

// heldBy is the power of the rule in the grant. Of what everybody has, the rules
// for anonymous and broad subjects speak.
func heldBy(grant *rbac.Grant, id string) *rbac.Held {
	if (grant.Subject.IsAnonymous() || grant.Subject.IsBroad()) && id != rbac.Everything {
		return nil
	}
	i := slices.IndexFunc(grant.Held, func(h *rbac.Held) bool { return h.Power.ID == id })
	if i < 0 {
		return nil
	}
	return grant.Held[i]
}

func powerFinding(h *rbac.Held) harden.Finding {
	grant := h.Grant
	f := harden.Finding{
		Discriminator: grant.Subject.String(), Field: "roleRef", Severity: h.Severity, SeverityWhy: h.Why,
		Reason: fmt.Sprintf("%s can %s", grant.Subject, h),
		Detail: fmt.Sprintf("By %s %q, %s gets in %s: %s.", grant.Role.Ref.Kind, harden.OneLine(grant.Role.Ref.Name), grant.Subject, grant.Where(), rbac.AllWords(h.Rules)),
	}
	expect(&f, grant)
	return f
}

// expect marks what a part of the cluster itself holds.
func expect(f *harden.Finding, grant *rbac.Grant) {
	if who := grant.Subject.Vendor(); who != "" {
		f.Status = harden.StatusExpected
		f.Excuse = &harden.Excuse{Reason: "the subject belongs to " + who, Source: "the name of " + grant.Subject.String()}
	}
}

func fixPower(p *harden.Pass, f *harden.Finding, instead string) []harden.Fix {
	h := heldAt(p, f)
	if h == nil {
		return []harden.Fix{{Title: "narrow the role, or delete it", Class: harden.Review, Manual: instead + " If nobody needs it: " + deleteCommand(p.Object) + "."}}
	}
	byHand := harden.Fix{Title: "give no more than is needed", Class: harden.Review, Manual: instead + " " + howToNarrow(p, h), Evidence: []harden.Claim{auditClaim()}}
	if fix, ok := takeAway(p, h, nil); ok {
		return []harden.Fix{fix, byHand}
	}
	return []harden.Fix{byHand}
}

// heldAt finds again what a finding is about.
func heldAt(p *harden.Pass, f *harden.Finding) *rbac.Held {
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if grant.Subject.String() == f.Discriminator {
			return heldBy(grant, f.Fixer.ID)
		}
	}
	return nil
}

func auditClaim() harden.Claim {
	return harden.Claim{Code: "E-AUDIT", State: harden.Missing, Text: "No audit log was looked at: whether the subject uses these rights is not known."}
}

// howToNarrow says which object has to change.
func howToNarrow(p *harden.Pass, h *rbac.Held) string {
	role := h.Grant.Role
	name := fmt.Sprintf("%s %q", role.Ref.Kind, harden.OneLine(role.Ref.Name))
	switch {
	case role.Aggregated && !role.Shipped:
		var from []string
		for _, part := range givers(p, h) {
			from = append(from, fmt.Sprintf("%q", harden.OneLine(part.Ref.Name)))
		}
		return fmt.Sprintf("The controller writes the rules of %s: change those of the ClusterRoles that it takes them from (%s), never its own.", name, strings.Join(from, ", "))
	case role.Shipped && h.Grant.Shipped:
		return fmt.Sprintf("These rules are not what Kubernetes ships with %s: take them out of it.", name)
	case role.Shipped:
		return fmt.Sprintf("The API server puts the rules of %s back at every start: make a role with the rules that are needed, bind that, and delete this binding.", name)
	}
	return fmt.Sprintf("Write the rules that are needed into %s, or make a role with them, bind that, and delete this binding: the roleRef of a binding cannot be changed.", name)
}

// givers are the roles whose rules have to change to take the power away: the
// role itself, or those that the controller takes its rules from.
func givers(p *harden.Pass, h *rbac.Held) []*rbac.Role {
	if !h.Grant.Role.Aggregated {
		return []*rbac.Role{h.Grant.Role}
	}
	var parts []*rbac.Role
	for _, part := range h.Grant.Role.Parts {
		if slices.Contains(rbac.In(part.Rules, h.Grant.Namespace, p.Inventory.Cluster.Minor), h.Power) {
			parts = append(parts, part)
		}
	}
	return parts
}

// takeAway is the change of roles that takes a power out of a grant and puts
// rules in its place. It fails where a role is not ours to change, where wildcards
// give the power, and where nothing would be left.
func takeAway(p *harden.Pass, h *rbac.Held, instead []rbacv1.PolicyRule) (harden.Fix, bool) {
	var changes []harden.Change
	var others []string
	for _, role := range givers(p, h) {
		rules, ok := rbac.Without(role.Rules, h.Power, h.Grant.Namespace)
		rules = append(rules, instead...)
		if !ok || role.Shipped || role.Aggregated || len(rules) == 0 {
			return harden.Fix{}, false
		}
		changes = append(changes, harden.SetObject(role.Ref, map[string]any{"rules": ruleList(rules)}))
		for _, b := range rbac.Of(p.Inventory).BindingsOf(role.Ref) {
			if b.Key() != h.Grant.Binding.Key() {
				others = append(others, harden.OneLine(b.Long()))
			}
		}
	}
	if len(changes) == 0 {
		return harden.Fix{}, false
	}
	claims := []harden.Claim{
		{Code: "E-RBAC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("These rules give it: %s.", rbac.AllWords(h.Rules)), Limits: "another binding may give the same"},
		auditClaim(),
	}
	if len(others) > 0 {
		claims = append(claims, harden.Claim{Code: "E-RBAC", State: harden.Refutes, Time: p.Inventory.Now, Text: "Others are bound to the same role and lose it too: " + strings.Join(others, ", ") + "."})
	}
	return harden.Fix{
		Title: "take it out of the role", Class: harden.Review, Evidence: claims, Changes: changes,
		Warning: "What the subject did by these rights is answered with 403 from then on.",
	}, true
}

// ruleList writes rules as plain JSON values.
func ruleList(rules []rbacv1.PolicyRule) []any {
	var list []any
	for _, r := range rules {
		rule := map[string]any{}
		for field, values := range map[string][]string{
			"verbs": r.Verbs, "apiGroups": r.APIGroups, "resources": r.Resources, "resourceNames": r.ResourceNames, "nonResourceURLs": r.NonResourceURLs,
		} {
			if len(values) > 0 {
				rule[field] = stringList(values)
			}
		}
		list = append(list, rule)
	}
	return list
}

func stringList(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}
