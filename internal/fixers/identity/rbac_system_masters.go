package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

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
	Kinds:    slices.Concat(bindingKinds, []schema.GroupKind{harden.KindConfigMap, harden.KindCertificate}),
	Doc: `
Something names the group system:masters.

Fields:

    subjects of ClusterRoleBindings and RoleBindings
    data.mapRoles and data.mapUsers of the ConfigMap kube-system/aws-auth
    spec.subject.organizations of Certificates of cert-manager

Allowed: the binding "cluster-admin" that Kubernetes ships.

**Why it matters.** The API server asks no authorizer about members of this group: they
may do everything, and no change of RBAC takes it from them. A certificate with the group
works until it expires, and cannot be revoked. It is a key for the day on which RBAC is
broken, and nothing for every day.

**The fix.** A review. Bindings lose the subject, which never needed one. For a mapping of AWS roles
and for certificates the text says what to do: map to a group of your own, and bind that
to what its members need.

**Traps.** Certificates for it cannot be had by a CertificateSigningRequest, which
the admission plugin CertificateSubjectRestriction refuses; whoever has the key of the
cluster's CA makes them anyway, and no object shows those. Access entries of EKS have
replaced aws-auth and refuse the group; they are not in the cluster's API.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.7"},
		{Standard: "Trivy", ID: "KSV-0123"},
		{Standard: "Kubescape", ID: "C-0246"},
		{Standard: "ATT&CK", ID: "MS-TA9019"},
	},
	Check: checkSystemMasters,
	Fix:   fixSystemMasters,
}

func checkSystemMasters(p *harden.Pass) {
	switch o := p.Item.Content.(type) {
	case *corev1.ConfigMap:
		checkAWSAuth(p, o)
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

// A mapping is an entry of aws-auth.
type mapping struct {
	RoleARN  string   `json:"rolearn"`
	UserARN  string   `json:"userarn"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

func checkAWSAuth(p *harden.Pass, o *corev1.ConfigMap) {
	if o.Namespace != "kube-system" || o.Name != "aws-auth" {
		p.NotApplicable()
		return
	}
	for _, key := range []string{"mapRoles", "mapUsers"} {
		var mappings []mapping
		if err := yaml.Unmarshal([]byte(o.Data[key]), &mappings); err != nil {
			p.Unknown(fmt.Sprintf("data.%s is not YAML that can be read.", key))
			continue
		}
		for _, m := range mappings {
			if !slices.Contains(m.Groups, systemMasters) {
				continue
			}
			who := harden.OneLine(m.RoleARN + m.UserARN)
			p.Report(harden.Finding{
				Discriminator: who, Field: "data." + key, Verdict: "aws-auth", Reason: "maps " + who + " to system:masters",
				Detail: fmt.Sprintf("Whoever may take on %s in AWS may do everything in the cluster, and RBAC cannot limit it.", who),
			})
		}
	}
}

func fixSystemMasters(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{Title: "use a group of your own", Class: harden.Review, Evidence: []harden.Claim{auditClaim()}}
	switch f.Verdict {
	case "aws-auth":
		fix.Manual = fmt.Sprintf("In data.%s of ConfigMap kube-system/aws-auth, give %s a group of your own instead of %s, and bind that to a role with what its members need; or make an access entry for it "+
			"(aws eks create-access-entry) and delete the mapping. Keep another way in while you do it: a mistake locks everybody out.", strings.TrimPrefix(f.Field, "data."), f.Discriminator, systemMasters)
		fix.Warning = "Who comes in by this mapping can do no more than the new group may."
	case "certificate":
		fix.Manual = "Take " + systemMasters + " out of spec.subject.organizations, name a group of your own and bind that. The certificates that were issued stay good until they expire: only a new CA ends that."
	default:
		fix = dropSubjects(p, "take the group out of the binding", "Members of the group need no binding.", func(s rbacv1.Subject) bool { return s.Kind == rbacv1.GroupKind && s.Name == systemMasters })
	}
	return []harden.Fix{fix}
}
