// Package namespace holds the fixers for what a namespace demands of its pods.
package namespace

import (
	"fmt"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
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

**The fix.** The highest level that everything in the namespace already meets is
enforced, at the version of the server so that an upgrade refuses nothing new. The
judge is the code that API servers run, over every template, those of CronJobs, of
what is scaled to zero and of bare pods included, and over live pods with what was
injected into them: the server's own dry run looks at running pods only. Where all
kinds could be read that is evidence. An empty namespace, one whose workloads could
not all be read, and files are for review. When something is below baseline nothing
is proposed but to repair it first. In namespaces of the cluster itself and of
vendors nothing is proposed.

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
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkPSAEnforceMissing,
	Fix:   fixPSAEnforceMissing,
}

func checkPSAEnforceMissing(p *harden.Pass) {
	f := harden.Finding{Field: "metadata.labels[" + api.EnforceLevelLabel + "]"}
	if p.Namespace == nil {
		reportUnread(p, f)
		return
	}
	if declares(p, api.EnforceLevelLabel) != "" {
		return
	}
	level, declared := p.Namespace.Labels[api.EnforceLevelLabel]
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

func fixPSAEnforceMissing(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "enforce a Pod Security level"
	switch {
	case p.Namespace == nil:
		return nil
	case harden.IsSystemNamespace(p.NamespaceName):
		return []harden.Fix{{
			Title: title, Class: harden.Review,
			Manual: "The namespace belongs to the cluster or to a vendor, whose pods may need anything: leave the label to them, and let nobody else create pods in it.",
		}}
	}
	c := censusOf(p)
	if c.level == podsecurity.Privileged {
		return []harden.Fix{{
			Title: title, Class: harden.Review, Evidence: []harden.Claim{{Code: "E-PSA", State: harden.Refutes, Time: p.Inventory.Now, Text: "Below baseline are " + c.inTheWay(podsecurity.Baseline) + "."}},
			Manual: "No level but privileged would let all of these be created again. In the way of baseline: " + c.inTheWay(podsecurity.Baseline) + ". Repair them, or move them to a namespace of their own.",
		}}
	}
	return []harden.Fix{enforcing(p, f, c)}
}
