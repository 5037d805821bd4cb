package identity

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Missing finds workloads whose account does not exist.
var Missing = &harden.Fixer{
	ID:       "sa-missing",
	Title:    "names a ServiceAccount that does not exist",
	Area:     harden.AreaIdentity,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pod template names a ServiceAccount that the namespace does not have.

Fields:

    spec.serviceAccountName, spec.serviceAccount

Allowed: the name of an account that exists. In manifests nothing is judged, since
the account may be elsewhere.

**Why it matters.** The API server refuses to make the pods. Those that run go on, until
one is lost: then nothing takes its place. And whoever may make the account decides what the
pods may do.

**The fix.** The account is made, without rights and without a token. It is a review:
bindings that wait for the name give it rights at once, and it may be the name that is wrong.

**Traps.** An account that was deleted after the pods were made leaves them with tokens
that the API server does not accept any more. Something that is being installed is missing
for a moment. The default account comes with the namespace and is not looked for.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0307"},
		{Standard: "Kubernetes", ID: "Service accounts", URL: "https://kubernetes.io/docs/concepts/security/service-accounts/"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount),
	Check: checkMissing,
	Fix:   fixMissing,
}

func checkMissing(p *harden.Pass) {
	if !p.Inventory.Live() || p.Workload.IsStatic() {
		p.NotApplicable()
		return
	}
	ns, name := p.Object.Namespace, harden.ServiceAccountName(p.Pod.Spec)
	if name == "default" || p.Inventory.ServiceAccounts[ns][name] != nil {
		return
	}
	if why := p.Inventory.Unreadable("serviceaccounts", ns); why != "" {
		p.Unknown("serviceaccounts could not be read: " + why)
		return
	}
	p.Report(harden.Finding{
		Field: p.Pod.Field("serviceAccountName"), Reason: fmt.Sprintf("ServiceAccount %q does not exist", name),
		Detail: fmt.Sprintf("Namespace %s has no ServiceAccount %q: no pod can be made until it has.", ns, name),
	})
}

func fixMissing(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	name := harden.ServiceAccountName(p.Pod.Spec)
	return []harden.Fix{{
		Title: fmt.Sprintf("make ServiceAccount %q", name), Class: harden.Review,
		Evidence: []harden.Claim{grantsClaim(p, name)},
		Changes:  []harden.Change{newAccount(p, name, nil, false)},
		Warning:  "The account gets what bindings to its name give; its pods get no token unless they ask for one.",
	}}
}
