package namespace

import (
	"cmp"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// PSALiveViolations finds namespaces that would refuse what runs in them.
var PSALiveViolations = &harden.Fixer{
	ID:       "psa-live-violations",
	Title:    "would refuse its own pods at the next restart",
	Area:     harden.AreaNamespace,
	Severity: harden.High,
	Subject:  harden.SubjectNamespace,
	Doc: `
Workloads break the Pod Security level that their own namespace enforces.

Fields:

    metadata.labels['pod-security.kubernetes.io/enforce']
    metadata.labels['pod-security.kubernetes.io/enforce-version']
    pod templates and live pods of the namespace

Allowed: templates and pods that meet the level at that version. Jobs that are done and
pods that ended are not looked at. Where all that breaks it is scaled to zero or
suspended, the finding is medium.

**Why it matters.** The level is checked when a pod is created, and not before: what ran
when the label came goes on. With the next drain, crash of a node or rollout its pods are
refused, all of them, at a time that nobody chose. Meanwhile the namespace holds pods
that it claims not to.

**The fix.** The text lists what breaks the level and by which checks. A person repairs those
templates, or lowers the level until they are.

**Traps.** Exemptions (of users, runtime classes and namespaces) in the configuration of the
API server cannot be seen: what is exempt is not refused.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "NSA", ID: "pod security enforcement"},
		{Standard: "Kubernetes", ID: "Pod Security Admission", URL: "https://kubernetes.io/docs/concepts/security/pod-security-admission/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkPSALiveViolations,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if p.Namespace == nil {
			return nil
		}
		level := declares(p, api.EnforceLevelLabel)
		return []harden.Fix{{
			Title: "repair what breaks the level", Class: harden.Review,
			Manual: "Repair the templates of " + violating(p).inTheWay(level) + ". If that takes long, lower " + api.EnforceLevelLabel + " until it is done, and leave warn and audit as they are.",
		}}
	},
}

// violating counts what is to start again, at the version that the namespace pins.
func violating(p *harden.Pass) census {
	minor := p.Inventory.Cluster.Minor
	if version, err := api.ParseVersion(cmp.Or(p.Namespace.Labels[api.EnforceVersionLabel], api.VersionLatest)); err == nil && !version.Latest() {
		minor = version.Minor()
	}
	return countAt(p.Inventory, p.NamespaceName, minor, func(w *harden.Workload) bool { return !w.Finished })
}

func checkPSALiveViolations(p *harden.Pass) {
	f := harden.Finding{Field: "metadata.labels[" + api.EnforceLevelLabel + "]"}
	if p.Namespace == nil {
		reportUnread(p, f)
		return
	}
	level := declares(p, api.EnforceLevelLabel)
	if level == "" || level == podsecurity.Privileged || len(p.Inventory.WorkloadsIn(p.NamespaceName)) == 0 {
		p.NotApplicable()
		return
	}
	c := violating(p)
	names := c.inTheWay(level)
	if names == "" {
		if why := p.Inventory.UnreadWorkloads(p.NamespaceName); why != "" {
			p.Unknown(why + ".")
		}
		return
	}
	f.Reason, f.Detail = "workloads break its level "+level, "These are refused when they are created again: "+names+"."
	if !c.anyRuns(p.Inventory, level) {
		f.Severity, f.SeverityWhy = harden.Medium, "none of them runs now"
	}
	p.Report(f)
}

// anyRuns reports whether something that breaks the level runs now.
func (c census) anyRuns(inv *harden.Inventory, level string) bool {
	for _, o := range c.against {
		if len(o.verdict.Against(level)) == 0 {
			continue
		}
		off := false
		for _, w := range inv.WorkloadsIn(o.object.Namespace) {
			if w.Ref.Key() == o.object.Key() {
				off = w.Suspended && w.Ref.Kind != "Deployment" || w.Replicas != nil && *w.Replicas == 0
			}
		}
		if !off {
			return true
		}
	}
	return false
}
