// Package namespace holds the fixers for what a namespace demands of its pods.
package namespace

import (
	"fmt"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PSAEnforceMissing finds namespaces that declare no Pod Security level.
var PSAEnforceMissing = &harden.Fixer{
	ID:       "psa-enforce-missing",
	Title:    "declares no Pod Security level",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectNamespace,
	Doc: `
The namespace does not say which pods it accepts.

Fields:

    metadata.labels['pod-security.kubernetes.io/enforce']

Allowed: privileged, baseline, restricted. Any of them is a declaration; whether
the level could be higher is another question.

**Why it matters.** Without the label, what holds is the default of the API server's
configuration, which is "privileged" unless somebody changed it. Then whoever may
create a pod in the namespace may create one that owns the node. A label also
guards what was hardened: the next careless change is refused.

**The fix.** Detection only. The highest level that all workloads already meet has to
be found first, templates of CronJobs and of what is scaled to zero included,
since the server's own dry run looks at running pods only.

**Traps.** "Not declared" is not "unprotected": the default of the server, its
exemptions, and policy engines such as Kyverno, Gatekeeper or Kubewarden cannot be
seen from here. A pod that breaks the level is refused when it is created, so a
Deployment goes on until its next pod. A level that does not exist is refused by
the API server. A namespace without workloads is low. Where the Namespace may not
be read, or is not among the files, the verdict is unknown.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "NSA", ID: "pod security enforcement"},
		{Standard: "Kubescape", ID: "C-0192"},
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/"},
	},
	Check: checkPSAEnforceMissing,
}

func checkPSAEnforceMissing(p *harden.Pass) {
	f := harden.Finding{Field: "metadata.labels[" + api.EnforceLevelLabel + "]"}
	if p.Namespace == nil {
		f.Status, f.Verdict = harden.StatusUnknown, "unknown"
		f.Reason, f.Detail = "the Namespace was not read", "Which Pod Security level it declares is not known: "+whyUnread(p)+"."
		p.Report(f)
		return
	}
	level, declared := p.Namespace.Labels[api.EnforceLevelLabel]
	if _, err := api.ParseLevel(level); declared && err == nil {
		return
	}
	f.Verdict, f.Reason = "not-declared", "enforce level is not declared"
	f.Detail = "The namespace has no label " + api.EnforceLevelLabel + ". A default of the server or a policy engine may apply; neither can be seen from here."
	if declared {
		f.Verdict, f.Reason = "invalid-level", fmt.Sprintf("enforce level %q does not exist", level)
		f.Detail = fmt.Sprintf("%s is %q; the levels are privileged, baseline and restricted.", api.EnforceLevelLabel, level)
	}
	if p.Inventory.NoWorkloads(p.NamespaceName) {
		f.Severity, f.SeverityWhy = harden.Low, "no workload is in the namespace now"
	}
	p.Report(f)
}

func whyUnread(p *harden.Pass) string {
	if why := p.Inventory.Unreadable("namespaces", p.NamespaceName); why != "" {
		return why
	}
	if p.Inventory.Live() {
		return "it does not exist or may not be read"
	}
	return "it is not among the files"
}
