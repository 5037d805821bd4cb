package namespace

import (
	"strings"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// PSAWarnAudit finds namespaces that say nothing when a pod falls short of "restricted".
var PSAWarnAudit = &harden.Fixer{
	ID:       "psa-warn-audit",
	Title:    "does not warn of insecure pods",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
Nobody is told when a pod is made that the strictest level would refuse.

Fields:

    metadata.labels['pod-security.kubernetes.io/warn']
    metadata.labels['pod-security.kubernetes.io/audit']

Allowed: restricted for both, whatever is enforced.

**Why it matters.** With "warn" whoever applies a Deployment reads at once what is
wrong with it; enforcing alone shows it only in the events of a ReplicaSet. With
"audit" the same is in the audit log. Both are how a namespace gets ready for a
stricter level without a bad day.

**The fix.** The labels warn and audit are set to restricted. That refuses nothing
and restarts nothing, so it is safe.

**Traps.** A pipeline that takes warnings for errors (kubectl --warnings-as-errors)
stops. Audit annotations need an audit policy to be seen. Namespaces of the cluster
itself and of vendors are not looked at: what runs there is theirs to decide.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "NSA", ID: "pod security enforcement"},
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkPSAWarnAudit,
	Fix:   fixPSAWarnAudit,
}

var psaNotices = []string{api.WarnLevelLabel, api.AuditLevelLabel}

// lacking are the labels that do not say restricted.
func lacking(p *harden.Pass) []string {
	var out []string
	for _, label := range psaNotices {
		if declares(p, label) != podsecurity.Restricted {
			out = append(out, label)
		}
	}
	return out
}

func checkPSAWarnAudit(p *harden.Pass) {
	if harden.IsSystemNamespace(p.NamespaceName) {
		p.NotApplicable()
		return
	}
	f := harden.Finding{Field: "metadata.labels"}
	if p.Namespace == nil {
		reportUnread(p, f)
		return
	}
	labels := lacking(p)
	if len(labels) == 0 {
		return
	}
	var modes []string
	for _, l := range labels {
		modes = append(modes, strings.TrimPrefix(l, "pod-security.kubernetes.io/"))
	}
	f.Reason = strings.Join(modes, " and ") + " below restricted"
	f.Detail = "Without " + strings.Join(labels, " and ") + " at restricted, a pod that falls short of it is made without a word."
	p.Report(f)
}

func fixPSAWarnAudit(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if p.Namespace == nil {
		return nil
	}
	labels := map[string]any{}
	for _, l := range lacking(p) {
		labels[l] = podsecurity.Restricted
	}
	return []harden.Fix{{
		Title: "warn of pods below restricted", Class: harden.Safe, Changes: setLabels(f, labels),
		Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "Warnings and audit annotations refuse nothing, and labels of a namespace restart nothing."}},
		Warning:  "Clients that take warnings for errors stop at those of Pod Security.",
	}}
}
