package namespace

import (
	"fmt"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// PSALevelRaisable finds namespaces that could demand more of their pods at no cost.
var PSALevelRaisable = &harden.Fixer{
	ID:       "psa-level-raisable",
	Title:    "could enforce a stricter level today",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
The namespace enforces a lower Pod Security level than all that runs in it meets.

Fields:

    metadata.labels['pod-security.kubernetes.io/enforce']

Allowed: the highest level that every template and every live pod meets. Not judged are
namespaces without the label (another rule), without workloads, and those of the cluster
and of vendors.

**Why it matters.** The work is done and nobody guards it: the next careless change takes
it back, and whoever may create pods here may create worse ones.

**The fix.** The level, at the version of the server. The judge is the code that API servers
run, over every template, those of CronJobs and of what is scaled to zero included, and
over live pods. Where all kinds could be read that is evidence; files are for review.

**Traps.** What something else creates now and then (an operator, a pipeline, a person who
debugs) is in no template, and is refused from then on.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "NSA", ID: "pod security enforcement"},
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkPSALevelRaisable,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if p.Namespace == nil {
			return nil
		}
		return []harden.Fix{enforcing(p, f, censusOf(p))}
	},
}

func checkPSALevelRaisable(p *harden.Pass) {
	if harden.IsSystemNamespace(p.NamespaceName) {
		p.NotApplicable()
		return
	}
	if p.Namespace == nil {
		reportUnread(p, harden.Finding{Field: "metadata.labels"})
		return
	}
	level := declares(p, api.EnforceLevelLabel)
	if level == "" || len(p.Inventory.WorkloadsIn(p.NamespaceName)) == 0 {
		p.NotApplicable()
		return
	}
	if level == podsecurity.Restricted {
		return
	}
	c := censusOf(p)
	if podsecurity.Lower(level, c.level) == c.level {
		return
	}
	if why := p.Inventory.UnreadWorkloads(p.NamespaceName); why != "" {
		p.Unknown("What was read meets " + c.level + ", but " + why + ".")
		return
	}
	p.Report(harden.Finding{
		Field: "metadata.labels[" + api.EnforceLevelLabel + "]", Reason: "enforces " + level + ", meets " + c.level,
		Detail: fmt.Sprintf("%d templates and %d pods meet %s, and %s is enforced.", c.templates, c.pods, c.level, level),
	})
}
