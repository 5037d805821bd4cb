package identity

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DeprecatedField finds manifests that use the old name of serviceAccountName.
var DeprecatedField = &harden.Fixer{
	ID:       "sa-deprecated-field",
	Title:    "uses serviceAccount instead of serviceAccountName",
	Area:     harden.AreaIdentity,
	Severity: harden.Info,
	Subject:  harden.SubjectWorkload,
	Doc: `
A manifest sets serviceAccount, the old name of serviceAccountName.

Fields:

    spec.serviceAccount, spec.serviceAccountName

Allowed: serviceAccountName alone, or both with the same value. Only manifests are
judged: the API server fills in both.

**Why it matters.** Where both are set and differ, serviceAccountName counts, and the
pods run under another account than a reader of the manifest thinks. Tools that know
the new name alone see the default account.

**The fix.** The manifest says serviceAccountName, with the account that counts now, and
no longer serviceAccount. It is safe: what the API server stores stays the same.

**Traps.** A server-side apply of the old field alone lets its manager own that field
only; changing to the new one moves the ownership too.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0294"},
	},
	Reads: harden.ReadsNothing,
	Check: checkDeprecatedField,
	Fix:   fixDeprecatedField,
}

func checkDeprecatedField(p *harden.Pass) {
	if p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	old, name := p.Pod.Spec.DeprecatedServiceAccount, p.Pod.Spec.ServiceAccountName
	if old == "" || old == name {
		return
	}
	f := harden.Finding{Field: p.Pod.Field("serviceAccount"), Reason: "serviceAccount is the old name of the field", Detail: fmt.Sprintf("serviceAccount is %q and serviceAccountName is not set.", old)}
	if name != "" {
		f.Reason = "serviceAccount and serviceAccountName differ"
		f.Detail = fmt.Sprintf("serviceAccount is %q and serviceAccountName is %q, which is the one that counts.", old, name)
	}
	p.Report(f)
}

func fixDeprecatedField(p *harden.Pass, f *harden.Finding) []harden.Fix {
	change := harden.SetPodSpec(f.Object, map[string]any{"serviceAccountName": harden.ServiceAccountName(p.Pod.Spec)})
	change.Remove = []harden.Path{harden.PodSpecPath(f.Object, "serviceAccount")}
	return []harden.Fix{{
		Title: "say serviceAccountName", Class: harden.Safe, Changes: []harden.Change{change},
		Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "The API server stores both fields with the value of serviceAccountName, or of serviceAccount where that is not set."}},
	}}
}
