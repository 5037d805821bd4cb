package cloud

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AuthUsers finds users and whole accounts of AWS that sign in to the cluster.
var AuthUsers = &harden.Fixer{
	ID:       "aws-auth-users",
	Title:    "lets users or whole accounts of AWS sign in",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
The ConfigMap aws-auth maps IAM users, or everybody of an account.

Fields:

    data.mapUsers, data.mapAccounts of ConfigMap kube-system/aws-auth

Allowed: neither. People and programs assume roles.

**Why it matters.** IAM users have keys that do not end, and are the ones that leak. An account in
mapAccounts lets every user of it sign in under its own ARN: what it may do then is whatever somebody bound to
that name, now or later.

**The fix.** Roles that people assume by their identity provider, with access entries. It is text only: a bad
edit of this ConfigMap locks everybody out.

**Traps.** A user that is kept for the case that nothing else works is a decision: waive it, with a date.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "authentication"},
		{Standard: "Kubescape", ID: "C-0232"},
		{Standard: "Kubernetes", ID: "EKS best practices: identity and access management", URL: "https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		m, ok := authOf(p)
		if !ok {
			return
		}
		var users, accounts []string
		for _, u := range m.users {
			users = append(users, u.arn())
		}
		for _, a := range m.accounts {
			accounts = append(accounts, harden.OneLine(a))
		}
		for _, kind := range []struct {
			key, what string
			list      []string
		}{{"mapUsers", "IAM users", users}, {"mapAccounts", "accounts", accounts}} {
			if len(kind.list) > 0 {
				p.Report(harden.Finding{
					Discriminator: kind.key, Field: "data." + kind.key, Reason: fmt.Sprintf("%d %s may sign in", len(kind.list), kind.what),
					Detail: fmt.Sprintf("%s has %s.", kind.key, some(kind.list)),
				})
			}
		}
	},
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return byHand("let people assume roles instead",
			"Make a role for each group of people or programs, give it an access entry (aws eks create-access-entry), and when it works take "+f.Discriminator+" out of kube-system/aws-auth."+handsOff,
			"Users who have no role yet can no longer sign in.")
	},
}
