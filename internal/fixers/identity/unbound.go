package identity

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// wildcardKinds are bindings, and roles that nothing is bound to.
var wildcardKinds = slices.Concat(bindingKinds, []schema.GroupKind{harden.KindRole, harden.KindClusterRole})

func checkWildcard(p *harden.Pass) {
	rules, isRole := rulesOf(p.Item)
	if !isRole {
		checkPower(p)
		return
	}
	wild := slices.DeleteFunc(slices.Clone(rules), func(r rbacv1.PolicyRule) bool { return !rbac.Wild(&r) })
	shipped, _ := rbac.ShippedRules(p.Object.Namespace, p.Object.Name)
	if len(rbac.Uncovered(wild, shipped)) == 0 {
		return
	}
	if len(rbac.Of(p.Inventory).BindingsOf(p.Object)) > 0 {
		p.NotApplicable() // it is judged by each of its bindings
		return
	}
	kinds := []schema.GroupKind{harden.KindRoleBinding}
	if p.Object.Namespace == "" {
		kinds = bindingKinds
	}
	if !p.Needs(p.Object.Namespace, kinds...) {
		return
	}
	f := harden.Finding{
		Field: "rules", Severity: harden.Info, SeverityWhy: "nothing is bound to the role", Verdict: "unbound",
		Reason: "has wildcards, and no binding yet", Detail: fmt.Sprintf("No binding that was read refers to it. Once one does, its subjects get: %s.", rbac.AllWords(wild)),
	}
	if !p.Inventory.Live() {
		f.SeverityWhy = "no binding among the files refers to the role"
	}
	p.Report(f)
}

// rulesOf are the rules of a role; false for other objects.
func rulesOf(o *harden.Object) ([]rbacv1.PolicyRule, bool) {
	switch r := o.Content.(type) {
	case *rbacv1.ClusterRole:
		return r.Rules, true
	case *rbacv1.Role:
		return r.Rules, true
	}
	return nil, false
}
