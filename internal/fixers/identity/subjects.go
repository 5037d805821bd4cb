package identity

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// dropSubjects is the fix of a binding that must lose some of its subjects. The
// list is atomic: it is sent whole, without them. Why says what else to think of.
func dropSubjects(p *harden.Pass, title, why string, drop func(rbacv1.Subject) bool) harden.Fix {
	_, subjects := bindingOf(p.Item)
	var keep []any
	for _, s := range subjects {
		if drop(s) {
			continue
		}
		subject := map[string]any{"kind": s.Kind, "name": s.Name}
		if s.APIGroup != "" {
			subject["apiGroup"] = s.APIGroup
		}
		if s.Namespace != "" {
			subject["namespace"] = s.Namespace
		}
		keep = append(keep, subject)
	}
	fix := harden.Fix{
		Title: title, Class: harden.Review, Evidence: []harden.Claim{auditClaim()},
		Warning: strings.TrimSpace(why + " Whoever got in by this binding is answered with 403 from then on."),
	}
	if len(keep) == 0 {
		fix.Manual = fmt.Sprintf("The binding is for nobody else: %s.", deleteCommand(p.Object))
		return fix
	}
	fix.Changes = []harden.Change{harden.SetObject(p.Object, map[string]any{"subjects": keep})}
	return fix
}

// deleteCommand is what deletes an object.
func deleteCommand(r harden.Ref) string {
	command := fmt.Sprintf("kubectl delete %s %s", strings.ToLower(r.Kind), harden.OneLine(r.Name))
	if r.Namespace != "" {
		command += " -n " + harden.OneLine(r.Namespace)
	}
	return command
}
