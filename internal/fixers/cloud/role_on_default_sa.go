package cloud

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RoleOnDefaultSA finds IAM roles that every pod of a namespace gets.
var RoleOnDefaultSA = &harden.Fixer{
	ID:       "aws-role-on-default-sa",
	Title:    "gives an IAM role to all pods without an account of their own",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
The ServiceAccount "default" carries an IAM role.

Fields:

    metadata.annotations['eks.amazonaws.com/role-arn'] of ServiceAccount default

Allowed: no role on "default"; each workload that uses AWS has an account with a role of its own.

**Why it matters.** A pod that names no account runs under "default", so that whatever somebody starts in
the namespace, a debugging pod or the sidecar of a chart, holds the role's rights on AWS.

**The fix.** A person gives the workloads that use the role accounts of their own, then takes the annotation
away: that it is needed cannot be seen from here, so there is text only.

**Traps.** The trust policy of the role names the account
(system:serviceaccount:NAMESPACE:default): it has to name the new one before the pods move. An
association of EKS Pod Identity with "default" does the same and is not visible in the cluster.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.2.1"},
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubescape", ID: "C-0225"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !maybeAWS(p) {
			return
		}
		if p.Object.Name != "default" {
			p.NotApplicable()
			return
		}
		if arn := p.ServiceAccount.Annotations[roleAnnotation]; arn != "" {
			p.Report(harden.Finding{
				Field: annotationField(roleAnnotation), Reason: "IAM role on the account default",
				Detail: fmt.Sprintf("Every pod of %s that names no ServiceAccount gets %s.", p.Object.Namespace, harden.OneLine(arn)),
			})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		ns := p.Object.Namespace
		return byHand("move the role to accounts of the workloads that use it",
			fmt.Sprintf("For each workload of %s that uses AWS make a ServiceAccount with the annotation %s, let the role trust system:serviceaccount:%s:NAME, and set serviceAccountName. "+
				"Then take the annotation away: kubectl annotate serviceaccount default -n %s %s-", ns, roleAnnotation, ns, ns, roleAnnotation),
			"Pods that use the role and still run under default lose it when they restart.")
	},
}

// annotationField is the path of an annotation for people.
func annotationField(key string) string { return "metadata.annotations['" + key + "']" }
