package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// DefaultUsed finds workloads without an account of their own.
var DefaultUsed = &harden.Fixer{
	ID:       "sa-default-used",
	Title:    "runs under the default ServiceAccount",
	Area:     harden.AreaIdentity,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods run under the ServiceAccount default.

Fields:

    spec.serviceAccountName
    spec.serviceAccount   (its old name; the API server keeps both equal)

Allowed: the name of any other account. Where no token is mounted the finding is
advice (info); where the default account has rights it is medium.

**Why it matters.** Whatever is given to the default account, today or next year, all
pods of the namespace get that name none. The audit log cannot tell them apart, nor can Vault, a
mesh or a cloud that trusts the account.

**The fix.** An account with the name of the workload is made, with the same
imagePullSecrets and without a token, and set in the pod template, which replaces the pods.
Whether the token may go is for a person to review. A second way keeps it, and rests on evidence
when the default account has no grants and no role of a cloud.

**Traps.** imagePullSecrets of the default account reach pods that name none of their own: without a
copy the new pods pull no private image. Policies of Vault, Istio or AWS (EKS Pod Identity) may
name the default account; what is outside of the cluster's API was not looked at. On OpenShift
the account's security context constraints may matter. An account that exists under the name of the
workload is not taken, since it may have rights.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.5"},
		{Standard: "CIS EKS", ID: "4.1.5"},
		{Standard: "CIS EKS", ID: "5.2.1"},
		{Standard: "NSA", ID: "service account tokens"},
		{Standard: "Kubescape", ID: "C-0189"},
		{Standard: "Kubescape", ID: "C-0225"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount).AndInCluster(rbac.Kinds...),
	Check: checkDefaultUsed,
	Fix:   fixDefaultUsed,
}

func checkDefaultUsed(p *harden.Pass) {
	if p.Workload.IsStatic() {
		p.NotApplicable()
		return
	}
	if harden.ServiceAccountName(p.Pod.Spec) != "default" {
		return
	}
	f := harden.Finding{
		Field: p.Pod.Field("serviceAccountName"), Reason: "runs under the default ServiceAccount",
		Detail: "No serviceAccountName is set: the pods share the account default with all others of the namespace that name none.",
	}
	if p.Pod.Spec.ServiceAccountName+p.Pod.Spec.DeprecatedServiceAccount != "" {
		f.Detail = "The pods share the account default with all others of the namespace that name none."
	}
	t := rbac.Of(p.Inventory).TokenOf(p.Workload)
	switch {
	case t.MountKnown && !t.Mounted:
		f.Severity, f.SeverityWhy = harden.Info, "no token of it is mounted"
	case len(t.Lines) > 0:
		f.Severity, f.SeverityWhy = harden.Medium, "the default ServiceAccount has rights"
		f.Detail += " It can " + t.Lines[0].String() + "."
	}
	p.Report(f)
}

func fixDefaultUsed(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("set serviceAccountName"); ok {
		return []harden.Fix{instead}
	}
	ns, name := p.Object.Namespace, p.Object.Name
	byHand := harden.Fix{
		Title: "give it an account of its own", Class: harden.Review,
		Manual: fmt.Sprintf("Make a ServiceAccount with the imagePullSecrets of default, bind what the workload needs, and set serviceAccountName. %q is taken already.", name),
	}
	if p.Object.Kind == "Pod" {
		byHand.Manual = "The account of a Pod cannot be changed: make it anew with a serviceAccountName."
		return []harden.Fix{byHand}
	}
	if p.Inventory.ServiceAccounts[ns][name] != nil {
		return []harden.Fix{byHand}
	}
	old := p.Inventory.ServiceAccounts[ns]["default"]
	claims := []harden.Claim{grantsClaim(p, "default"), cloudClaim(p, old), pullSecretsClaim(p, old)}
	if why := p.Inventory.Unreadable("serviceaccounts", ns); why != "" {
		claims = append(claims, harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: fmt.Sprintf("Whether a ServiceAccount %q exists is not known: %s.", name, why)})
	}
	mounts, known := p.Inventory.MountsToken(p.Workload)
	dedicated := func(title string, token bool, claims []harden.Claim) harden.Fix {
		return harden.Fix{
			Title: title, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
			Changes: []harden.Change{newAccount(p, name, old, token), harden.SetPodSpec(p.Object, accountFields(p, name))},
			Warning: "What outside of RBAC trusts the default account (Vault, a mesh, a cloud) does not know the new one.",
		}
	}
	without := dedicated("give it an account of its own, without a token", false, slices.Concat(claims, tokenClaims(p, mounts, known)))
	if !mounts && known {
		return []harden.Fix{without}
	}
	with := dedicated("give it an account of its own, with the token as before", true, slices.Concat(claims, trustClaims(p)))
	if len(signsOfUse(p)) > 0 || len(learntSigns(p)) > 0 {
		return []harden.Fix{with}
	}
	return []harden.Fix{without, with}
}

// newAccount is the change that makes an account like the old one.
func newAccount(p *harden.Pass, name string, old *corev1.ServiceAccount, token bool) harden.Change {
	fields := map[string]any{"automountServiceAccountToken": token}
	if old != nil && len(old.ImagePullSecrets) > 0 {
		var secrets []any
		for _, s := range old.ImagePullSecrets {
			secrets = append(secrets, map[string]any{"name": s.Name})
		}
		fields["imagePullSecrets"] = secrets
	}
	change := harden.SetObject(harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: p.Object.Namespace, Name: name}, fields)
	change.Verb = harden.Create
	return change
}

// grantsClaim says whether a ServiceAccount of the namespace has grants of its own.
func grantsClaim(p *harden.Pass, name string) harden.Claim {
	t := rbac.Of(p.Inventory).TokenOfAccount(p.Object.Namespace, name)
	own := slices.DeleteFunc(rbac.Of(p.Inventory).OfAccount(p.Object.Namespace, name), func(g *rbac.Grant) bool { return !g.Subject.IsAccount() })
	switch {
	case len(own) > 0:
		return harden.Claim{Code: "E-RBAC", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("ServiceAccount %q is bound: %s. Bind the new account to what the workload needs first.", name, own[0].Via())}
	case slices.ContainsFunc(t.Unknown, func(why string) bool { return why != rbac.OutsideScope }):
		return harden.Claim{Code: "E-RBAC", State: harden.Missing, Text: fmt.Sprintf("The grants of ServiceAccount %q are not wholly known: %s.", name, strings.Join(t.Unknown, "; "))}
	}
	limits := "what other authorizers allow; groups of the namespace hold for every account"
	if len(t.Unknown) > 0 {
		limits += "; " + rbac.OutsideScope
	}
	return harden.Claim{Code: "E-RBAC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("No binding names ServiceAccount %q.", name), Limits: limits}
}

// cloudAnnotations are those by which clouds give an account a role.
var cloudAnnotations = []string{"eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"}

func cloudClaim(p *harden.Pass, sa *corev1.ServiceAccount) harden.Claim {
	if sa == nil {
		return harden.Claim{Code: "E-SPEC", State: harden.Missing, Text: `ServiceAccount "default" was not read: whether it has the role of a cloud is not known.`}
	}
	for _, a := range cloudAnnotations {
		if v := sa.Annotations[a]; v != "" {
			return harden.Claim{Code: "E-SPEC", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("ServiceAccount %q has %s: %s, which the new account would not have.", sa.Name, a, harden.OneLine(v))}
		}
	}
	return harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("ServiceAccount %q has no annotation for the role of a cloud.", sa.Name), Limits: "EKS Pod Identity associations are not in the cluster's API"}
}

func pullSecretsClaim(p *harden.Pass, sa *corev1.ServiceAccount) harden.Claim {
	switch {
	case sa == nil:
		return harden.Claim{Code: "E-SPEC", State: harden.Missing, Text: `ServiceAccount "default" was not read: its imagePullSecrets are not known.`}
	case len(sa.ImagePullSecrets) == 0:
		return harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("ServiceAccount %q has no imagePullSecrets.", sa.Name)}
	}
	return harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("The imagePullSecrets of ServiceAccount %q are copied.", sa.Name)}
}

// tokenClaims say whether the pods can do without the token that they get now.
func tokenClaims(p *harden.Pass, mounts, known bool) []harden.Claim {
	if known && !mounts {
		return []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "No token is mounted now."}}
	}
	return slices.Concat([]harden.Claim{connectionClaim(p)}, imageSigns(p), broke(p))
}

// trustClaims say whether somebody else knows the pods by their token.
func trustClaims(p *harden.Pass) []harden.Claim {
	var claims []harden.Claim
	for _, sign := range signsOfUse(p) {
		claims = append(claims, harden.Claim{Code: sign.Code, State: harden.Missing, Text: sign.Text + " Who accepts the token has to know the new account."})
	}
	return claims
}

// accountFields name the account. The API server mirrors it into the old field
// (pkg/apis/core/v1/conversion.go), and reads the account from there once the new
// one is taken away: undo must take back both.
func accountFields(p *harden.Pass, name string) map[string]any {
	fields := map[string]any{"serviceAccountName": name}
	if p.Inventory.Live() {
		fields["serviceAccount"] = name
	}
	return fields
}
