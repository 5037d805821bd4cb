package namespace

import (
	"fmt"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// PSAVersion finds namespaces whose Pod Security level means something else after
// the next upgrade, or means what it did years ago.
var PSAVersion = &harden.Fixer{
	ID:       "psa-version",
	Title:    "does not say which version of the level it enforces",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
The level that is enforced moves with the server, or was left behind.

Fields:

    metadata.labels['pod-security.kubernetes.io/enforce-version']

Allowed: a version of the last six minor releases, such as v1.36. Wrong are nothing and
"latest", which is the same, and older versions. Only namespaces that enforce baseline or
restricted are judged: "privileged" is the same in all versions.

**Why it matters.** Each release may add checks to a level. With "latest" an upgrade of the
control plane refuses pods that the day before were fine, and nobody sees it until the
next restart. A version of years ago lacks the checks of since.

**The fix.** The version of the server. Where nothing or "latest" is said that is what is in
force now: evidence. From an older version it is evidence when all templates and pods
meet the level by the newer checks.

**Traps.** A pinned version has to be raised with each upgrade; audit and warn at latest
tell beforehand what would be refused.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkPSAVersion,
	Fix:   fixPSAVersion,
}

// mostBehind is how many minor versions a pinned version may lie behind the server.
const mostBehind = 6

func checkPSAVersion(p *harden.Pass) {
	if harden.IsSystemNamespace(p.NamespaceName) {
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: "metadata.labels[" + api.EnforceVersionLabel + "]"}
	if p.Namespace == nil {
		reportUnread(p, f)
		return
	}
	if level := declares(p, api.EnforceLevelLabel); level == "" || level == podsecurity.Privileged {
		p.NotApplicable()
		return
	}
	label, set := p.Namespace.Labels[api.EnforceVersionLabel]
	version, err := api.ParseVersion(label)
	server := p.Inventory.Cluster.Minor
	switch {
	case !set || label == api.VersionLatest:
		f.Verdict, f.Reason = "latest", "enforces the latest version"
		f.Detail = "The checks of the level change with the next upgrade of the server."
	case err != nil:
		f.Verdict, f.Reason = "invalid", fmt.Sprintf("version %q does not exist", harden.OneLine(label))
		f.Detail = "The API server takes it for the latest version."
	case server > 0 && version.Minor() < server-mostBehind:
		f.Verdict, f.Reason = "old", fmt.Sprintf("version %s, and the server is v1.%d", label, server)
		f.Detail = "Checks that were added to the level since then are not made."
	default:
		return
	}
	p.Report(f)
}

func fixPSAVersion(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "pin the version of the level"
	version := serverVersion(p.Inventory)
	if p.Namespace == nil {
		return nil
	}
	if version == "" {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: "Set the label " + api.EnforceVersionLabel + " to the version of your server, such as v1.36."}}
	}
	claims := []harden.Claim{{
		Code: "E-PSA", State: harden.Holds, Time: p.Inventory.Now,
		Text: "The latest version is that of the server, " + version + ": nothing is refused that was not before.",
	}}
	switch c := censusOf(p); {
	case p.Inventory.Cluster.Minor > podsecurity.Newest():
		claims[0].State, claims[0].Text = harden.Refutes, "The checks of the server's own version are not known here; those of "+version+" may be fewer."
	case f.Verdict == "old" && podsecurity.Lower(c.level, declares(p, api.EnforceLevelLabel)) != declares(p, api.EnforceLevelLabel):
		claims = []harden.Claim{{Code: "E-PSA", State: harden.Refutes, Time: p.Inventory.Now, Text: "By " + version + " these would be refused: " + c.inTheWay(declares(p, api.EnforceLevelLabel)) + "."}}
	case f.Verdict == "old":
		claims = c.claims(p)
	}
	return []harden.Fix{{
		Title: title, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: setLabels(f, map[string]any{api.EnforceVersionLabel: version}),
		Warning: "It has to be raised with each upgrade of the server.",
	}}
}
