package identity

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

const systemMasters = "system:masters"

// SystemMasters finds what puts somebody into the group that no authorizer is asked about.
var SystemMasters = &harden.Fixer{
	ID:       "rbac-system-masters",
	Title:    "uses the group system:masters",
	Area:     harden.AreaIdentity,
	Severity: harden.Critical,
	Subject:  harden.SubjectObject,
	Kinds:    slices.Concat(bindingKinds, []schema.GroupKind{harden.KindCertificate}),
	Doc: `
Something names the group system:masters.

Fields:

    subjects of ClusterRoleBindings and RoleBindings
    spec.subject.organizations of Certificates of cert-manager

Allowed: the binding "cluster-admin" that Kubernetes ships.

**Why it matters.** The API server asks no authorizer about members of this group: they
may do everything, and no change of RBAC takes it from them. A certificate with the group
works until it expires, and cannot be revoked. It is a key for the day on which RBAC is
broken, and nothing for every day.

**The fix.** A review. Bindings lose the subject, which never needed one. For certificates the
text says what to do: name a group of your own, and bind that to what its members need.

**Traps.** Certificates for it cannot be had by a CertificateSigningRequest, which
the admission plugin CertificateSubjectRestriction refuses; whoever has the key of the
cluster's CA makes them anyway, and no object shows those. What aws-auth maps to the
group on EKS is found by aws-auth-masters.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.7"},
		{Standard: "Trivy", ID: "KSV-0123"},
		{Standard: "Kubescape", ID: "C-0246"},
		{Standard: "ATT&CK", ID: "MS-TA9019"},
	},
	Reads: harden.InCluster(rbac.Kinds...),
	Check: checkSystemMasters,
	Fix:   fixSystemMasters,
}

func checkSystemMasters(p *harden.Pass) {
	switch o := p.Item.Content.(type) {
	case *unstructured.Unstructured:
		organizations, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "subject", "organizations")
		if slices.Contains(organizations, systemMasters) {
			p.Report(harden.Finding{
				Field: "spec.subject.organizations", Verdict: "certificate", Reason: "a certificate for system:masters",
				Detail: "Its organizations are the groups of whoever shows it: if the API server trusts the issuer, they may do everything until it expires.",
			})
		}
	default:
		for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
			if grant.Subject.IsMasters() && !grant.Shipped {
				p.Report(harden.Finding{
					Field: "subjects", Verdict: "binding", Reason: "is bound to system:masters",
					Detail: "Members of the group may do everything without any binding; this one shows that somebody counts on the group.",
				})
			}
		}
	}
}

func fixSystemMasters(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{Title: "use a group of your own", Class: harden.Review, Evidence: []harden.Claim{auditClaim()}}
	if f.Verdict == "certificate" {
		fix.Manual = "Take " + systemMasters + " out of spec.subject.organizations, name a group of your own and bind that. The certificates that were issued stay good until they expire: only a new CA ends that."
	} else {
		fix = dropSubjects(p, "take the group out of the binding", "Members of the group need no binding.", func(s rbacv1.Subject) bool { return s.Kind == rbacv1.GroupKind && s.Name == systemMasters })
	}
	return []harden.Fix{fix}
}
