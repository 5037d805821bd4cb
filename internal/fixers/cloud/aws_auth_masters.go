package cloud

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const masters = "system:masters"

// AuthMasters finds identities of AWS that RBAC does not limit.
var AuthMasters = &harden.Fixer{
	ID:       "aws-auth-masters",
	Title:    "makes identities of AWS members of system:masters",
	Area:     harden.AreaCloud,
	Severity: harden.Critical,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
The ConfigMap aws-auth puts a role or a user of AWS into the group system:masters.

Fields:

    data.mapRoles, data.mapUsers of ConfigMap kube-system/aws-auth, groups of each entry

Allowed: groups that are bound to roles by RBAC, or access entries of EKS. There is one finding per identity.

**Why it matters.** system:masters may do everything, and no role and no binding can take it back. Whoever
may assume the role on AWS, by a trust policy that is not visible here, is administrator of the cluster.

**The fix.** An access entry of EKS with a policy such as AmazonEKSClusterAdminPolicy for the few who need
it, and groups of your own for the others; then the entry goes. It is text only: a bad edit of
this ConfigMap locks everybody out.

**Traps.** The identity that created the cluster is administrator without standing here. Access entries need the
cluster's authentication mode API or API_AND_CONFIG_MAP, and win over this ConfigMap. CI systems
often hold such a role.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.7"},
		{Standard: "NSA", ID: "RBAC"},
		{Standard: "ATT&CK", ID: "MS-TA9019"},
		{Standard: "Trivy", ID: "KSV-0123"},
		{Standard: "Kubescape", ID: "C-0246"},
		{Standard: "Kubernetes", ID: "EKS access entries", URL: "https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		m, ok := authOf(p)
		if !ok {
			return
		}
		for _, e := range slices.Concat(m.roles, m.users) {
			if inGroup(e, masters) {
				p.Report(harden.Finding{
					Discriminator: e.arn(), Field: "data", Reason: "system:masters: " + e.arn(),
					Detail: fmt.Sprintf("%s is a member of %s: it may do everything, and RBAC cannot limit it.", e.arn(), masters),
				})
			}
		}
	},
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return byHand("give it an access entry instead",
			fmt.Sprintf("Where %[1]s has to stay administrator: aws eks create-access-entry --cluster-name CLUSTER --principal-arn %[1]s and aws eks associate-access-policy with AmazonEKSClusterAdminPolicy. "+
				"Otherwise map it to a group of your own and bind that to what it needs. When it signs in by the new way, take the entry out of kube-system/aws-auth.%[2]s", f.Discriminator, handsOff),
			"Whoever uses the identity loses what the new way does not give.")
	},
}
