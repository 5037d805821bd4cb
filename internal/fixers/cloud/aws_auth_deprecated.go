package cloud

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AuthDeprecated finds clusters that still tell who somebody is by a ConfigMap.
var AuthDeprecated = &harden.Fixer{
	ID:       "aws-auth-deprecated",
	Title:    "tells who may sign in by a ConfigMap instead of access entries",
	Area:     harden.AreaCloud,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
The ConfigMap aws-auth is in use. EKS calls it deprecated.

Fields:

    ConfigMap kube-system/aws-auth

Allowed: none, with access entries in its place.

**Why it matters.** Whoever may write this one ConfigMap makes itself administrator, one wrong space
locks everybody out, and CloudTrail does not see it change. Access entries are changed by the API of EKS, with
IAM's own rights and records.

**The fix.** Entry after entry moves to access entries, then the authentication mode becomes API. It
happens on AWS and cannot be turned back, so there is text only.

**Traps.** Entries of managed node groups and Fargate are made by EKS itself and come as access entries once the mode
allows them. Self-managed nodes need one of type EC2_LINUX or EC2_WINDOWS.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "4.1.7"},
		{Standard: "Kubescape", ID: "C-0285"},
		{Standard: "Kubernetes", ID: "EKS: from aws-auth to access entries", URL: "https://docs.aws.amazon.com/eks/latest/userguide/migrating-access-entries.html"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		m, ok := authOf(p)
		switch {
		case !ok:
		case p.Inventory.Live() && !platformOf(p.Inventory).eks:
			p.NotApplicable() // access entries are of EKS alone
		case len(m.roles)+len(m.users)+len(m.accounts) > 0:
			p.Report(harden.Finding{Field: "data", Reason: "aws-auth is in use", Detail: "Access entries of EKS replace this ConfigMap."})
		}
	},
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("move to access entries",
			"aws eks update-cluster-config --name CLUSTER --access-config authenticationMode=API_AND_CONFIG_MAP, then an access entry for each entry of kube-system/aws-auth, then take the entries out one after the other, and at last authenticationMode=API."+handsOff,
			"The mode cannot be set back.")
	},
}
