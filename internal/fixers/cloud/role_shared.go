package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RoleShared finds IAM roles that several applications hold.
var RoleShared = &harden.Fixer{
	ID:       "aws-role-shared",
	Title:    "shares an IAM role with other applications",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
The same IAM role is on ServiceAccounts of applications that have nothing to do with each other.

Fields:

    metadata.annotations['eks.amazonaws.com/role-arn'] of all ServiceAccounts

Allowed: one role for one application. Accounts of one namespace count as one application where they have
the same label app.kubernetes.io/instance or app.kubernetes.io/part-of.

**Why it matters.** The role has the rights that all of them need together, so that the weakest of them
holds the rights of the strongest, and CloudTrail cannot tell who did something.

**The fix.** Which of the rights belong to whom is in the policies of the role, on AWS: a person splits it,
so there is text only.

**Traps.** The same application in several namespaces (one for each environment) shares the data of all
environments by one role, which is what this is about. Roles by EKS Pod Identity are not visible in the
cluster.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.2.1"},
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubernetes", ID: "EKS best practices: one role for one application", URL: "https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html"},
	},
	Reads: harden.InCluster(harden.KindServiceAccount),
	Check: checkRoleShared,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("split the role",
			fmt.Sprintf("Make a role for %s/%s with what it needs and nothing more (IAM Access Analyzer makes a policy of what was used), let it trust system:serviceaccount:%s:%s alone, set it in %s and restart the pods.",
				p.Object.Namespace, p.Object.Name, p.Object.Namespace, p.Object.Name, roleAnnotation),
			"A right that was overlooked is missing at run time.")
	},
}

func checkRoleShared(p *harden.Pass) {
	if !maybeAWS(p) {
		return
	}
	arn := p.ServiceAccount.Annotations[roleAnnotation]
	if arn == "" {
		p.NotApplicable()
		return
	}
	var others []string
	for _, sa := range harden.Derive(p.Inventory, accountsByRole, harden.KindServiceAccount)[arn] {
		if sa != p.ServiceAccount && !sameApplication(sa, p.ServiceAccount) {
			others = append(others, sa.Namespace+"/"+sa.Name)
		}
	}
	if len(others) == 0 {
		return
	}
	p.Report(harden.Finding{
		Field: annotationField(roleAnnotation), Reason: fmt.Sprintf("shares its IAM role with %d other accounts", len(others)),
		Detail: fmt.Sprintf("%s is the role of %s too.", harden.OneLine(arn), some(others)),
	})
}

func sameApplication(a, b *corev1.ServiceAccount) bool {
	if a.Namespace != b.Namespace {
		return false
	}
	for _, label := range []string{"app.kubernetes.io/instance", "app.kubernetes.io/part-of"} {
		if v := a.Labels[label]; v != "" && v == b.Labels[label] {
			return true
		}
	}
	return false
}

// rolesHeld are the ServiceAccounts by the role that they are annotated with.
type rolesHeld map[string][]*corev1.ServiceAccount

func accountsByRole(inv *harden.Inventory) rolesHeld {
	out := rolesHeld{}
	for _, accounts := range inv.ServiceAccounts {
		for _, sa := range accounts {
			if arn := sa.Annotations[roleAnnotation]; arn != "" {
				out[arn] = append(out[arn], sa)
			}
		}
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b *corev1.ServiceAccount) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
	}
	return out
}

// some are the first of the names, and how many there are besides.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
