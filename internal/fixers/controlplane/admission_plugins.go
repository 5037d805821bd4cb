package controlplane

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AdmissionPlugins finds API servers without the admission plugins that everything else leans on.
var AdmissionPlugins = &harden.Fixer{
	ID:       "cp-admission-plugins",
	Title:    "API server runs without an admission plugin that it needs",
	Area:     harden.AreaControlPlane,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
An admission plugin that limits what may be written is off, or one that admits everything is on.

Fields:

    --enable-admission-plugins, --disable-admission-plugins   of kube-apiserver (the mirror pod in kube-system)

Allowed: NodeRestriction enabled; AlwaysAdmit not enabled; NamespaceLifecycle, ServiceAccount and
PodSecurity, which are on by default, not disabled; DenyServiceExternalIPs enabled (advice). There is
one finding per plugin.

**Why it matters.** NodeRestriction holds a kubelet to its own Node and pods: without it the
credential of one node rewrites labels and taints of all, and draws the pods of others to itself.
ServiceAccount gives pods their tokens and refuses accounts that do not exist, NamespaceLifecycle
keeps objects out of namespaces that are going away, and without PodSecurity its labels say nothing. Without
DenyServiceExternalIPs whoever may make a Service may take the traffic to any address within the
cluster (info).

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** The list is added to the defaults; it does not replace them. DenyServiceExternalIPs refuses
new Services with spec.externalIPs and lets old ones be. AlwaysPullImages and EventRateLimit, which some
benchmarks ask for, are not judged: what they cost depends on the cluster.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.3"},
		{Standard: "CIS", ID: "1.2.10"},
		{Standard: "CIS", ID: "1.2.12"},
		{Standard: "CIS", ID: "1.2.13"},
		{Standard: "CIS", ID: "1.2.14"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Trivy", ID: "KCV-0003"},
		{Standard: "Trivy", ID: "KCV-0011"},
		{Standard: "Trivy", ID: "KCV-0016"},
		{Standard: "Kubescape", ID: "C-0122"},
		{Standard: "Kubescape", ID: "C-0125"},
		{Standard: "Kubescape", ID: "C-0126"},
		{Standard: "Kubescape", ID: "C-0127"},
		{Standard: "Kubescape", ID: "C-0283"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAdmissionPlugins,
	Fix:   fixAdmissionPlugins,
}

const (
	enablePlugins  = "enable-admission-plugins"
	disablePlugins = "disable-admission-plugins"
)

func checkAdmissionPlugins(p *harden.Pass) {
	c, ok := find(p, apiServer)
	if !ok {
		return
	}
	enabled, disabled := c.list(enablePlugins), c.list(disablePlugins)
	if slices.Contains(enabled, "AlwaysAdmit") {
		c.report(p, harden.Finding{
			Discriminator: "AlwaysAdmit", Verdict: "enabled", Reason: "AlwaysAdmit is on",
			Detail: c.say(enablePlugins) + ": AlwaysAdmit is deprecated and admits everything that no other plugin refuses.",
		})
	}
	for _, plugin := range []string{"NamespaceLifecycle", "ServiceAccount", "PodSecurity"} {
		if slices.Contains(disabled, plugin) {
			c.report(p, harden.Finding{
				Discriminator: plugin, Verdict: "disabled", Reason: plugin + " is switched off",
				Detail: c.say(disablePlugins) + ": " + plugin + " is on by default.",
			})
		}
	}
	if !slices.Contains(enabled, "NodeRestriction") {
		c.report(p, harden.Finding{
			Discriminator: "NodeRestriction", Verdict: "missing", Reason: "NodeRestriction is off",
			Detail: c.say(enablePlugins) + ": without NodeRestriction a kubelet may change the objects of other nodes.",
		})
	}
	if !slices.Contains(enabled, "DenyServiceExternalIPs") {
		c.report(p, harden.Finding{
			Discriminator: "DenyServiceExternalIPs", Verdict: "missing", Reason: "DenyServiceExternalIPs is off",
			Severity: harden.Info, SeverityWhy: "it matters only where people who make Services are not trusted",
			Detail: c.say(enablePlugins) + ": a Service with spec.externalIPs takes the traffic to any address within the cluster.",
		})
	}
}

func fixAdmissionPlugins(p *harden.Pass, f *harden.Finding) []harden.Fix {
	plugin := f.Discriminator
	switch f.Verdict {
	case "enabled":
		return byHand(p, "switch "+plugin+" off", fmt.Sprintf("take %s out of --%s.", plugin, enablePlugins))
	case "disabled":
		return byHand(p, "leave "+plugin+" on", fmt.Sprintf("take %s out of --%s.", plugin, disablePlugins))
	}
	return byHand(p, "switch "+plugin+" on", fmt.Sprintf("add %s to --%s.", plugin, enablePlugins))
}
