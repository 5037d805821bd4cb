package identity

import (
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// Anonymous finds grants for those who show no credential at all.
var Anonymous = powerRule("", harden.Fixer{
	ID:       "rbac-anonymous",
	Title:    "gives rights to everybody without a credential",
	Severity: harden.Critical,
	Doc: `
A binding names system:anonymous or system:unauthenticated.

Fields:

    subjects of ClusterRoleBindings and RoleBindings

Allowed: what the role system:public-info-viewer of Kubernetes gives: the version and
whether the server is well. kubeadm lets everybody read the ConfigMap cluster-info of
kube-public, by which nodes join; that is expected.

**Why it matters.** Whoever reaches the API server, from the internet in many clusters,
has these rights. Nobody is named in the audit log.

**The fix.** The subject is taken out of the binding, as a review: look first who relies on it, such
as a load balancer that asks for the health of the server.

**Traps.** A grant for the user system:anonymous and one for the group
system:unauthenticated are the same. The group system:authenticated does not have
anonymous requests in it, but everybody else: see rbac-authenticated-broad. Clusters that
were made before Kubernetes 1.14 gave system:discovery to everybody, and may still do.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.1"},
		{Standard: "ATT&CK", ID: "T1078.001"},
		{Standard: "ATT&CK", ID: "MS-TA9005"},
		{Standard: "Trivy", ID: "KSV-0122"},
		{Standard: "Kubescape", ID: "C-0262"},
	},
	Check: checkAnonymous,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{dropSubjectOf(p, f, "Nobody who shows no credential needs it, but perhaps a health check.")}
	},
})

// joining is what kubeadm lets everybody read in kube-public.
var joining = []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"cluster-info"}}}

func checkAnonymous(p *harden.Pass) {
	if !anySubject(p, rbac.Subject.IsAnonymous) || !knowsRole(p) {
		return
	}
	public, _ := rbac.ShippedRules("", "system:public-info-viewer")
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if !grant.Subject.IsAnonymous() {
			continue
		}
		beyond := rbac.Uncovered(grant.Rules, public)
		if len(beyond) == 0 {
			continue
		}
		f := everybodyFinding(grant, beyond)
		if p.Object.Namespace == "kube-public" && len(rbac.Uncovered(beyond, joining)) == 0 {
			f.Status = harden.StatusExpected
			f.Excuse = &harden.Excuse{Reason: "nodes that join read where the cluster is", Source: "kubeadm"}
		}
		p.Report(f)
	}
}

func anySubject(p *harden.Pass, is func(rbac.Subject) bool) bool {
	for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
		if is(grant.Subject) {
			return true
		}
	}
	return false
}

func everybodyFinding(grant *rbac.Grant, beyond []rbacv1.PolicyRule) harden.Finding {
	what := rbac.AllWords(beyond)
	reason := fmt.Sprintf("%s gets %q in %s", grant.Subject, harden.OneLine(grant.Role.Ref.Name), grant.Where())
	if len(grant.Held) > 0 {
		reason = fmt.Sprintf("%s can %s", grant.Subject, grant.Held[0])
	}
	return harden.Finding{
		Discriminator: grant.Subject.String(), Field: "subjects", Reason: reason,
		Detail: fmt.Sprintf("By %s %q, %s gets beyond what Kubernetes ships: %s.", grant.Role.Ref.Kind, harden.OneLine(grant.Role.Ref.Name), grant.Subject, what),
	}
}

// dropSubjectOf takes the subject of a finding out of its binding.
func dropSubjectOf(p *harden.Pass, f *harden.Finding, why string) harden.Fix {
	return dropSubjects(p, "take "+f.Discriminator+" out of the binding", why, func(s rbacv1.Subject) bool {
		return rbac.SubjectOf(s, p.Object.Namespace).String() == f.Discriminator
	})
}
