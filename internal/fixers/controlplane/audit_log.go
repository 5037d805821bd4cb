package controlplane

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AuditLog finds API servers that write no audit log.
var AuditLog = &harden.Fixer{
	ID:       "cp-audit-log",
	Title:    "API server writes no audit log",
	Area:     harden.AreaControlPlane,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
Nothing tells afterwards who did what in the cluster.

Fields:

    --audit-policy-file
    --audit-log-path, --audit-webhook-config-file
    --audit-log-maxage, --audit-log-maxbackup, --audit-log-maxsize

Allowed: a policy and a place to write to. For a log file, 30 days, 10 files and 100 megabytes or more;
a log that goes to standard output ("-") is rotated by the node.

**Why it matters.** Audit events are the only record of who read which Secret, who opened a shell
in which pod, and what a stolen token was used for. Without a policy file nothing is logged even where
a path is set. Files that are kept too shortly are gone before anybody looks (low).

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** The policy and the directory of the log have to be mounted into the pod, or the API server does not
start. Requests for Secrets, ConfigMaps and TokenReviews belong to level Metadata, or the log holds what
it should protect. Rotation flags that are not set keep everything, until the disk is full. What
the policy logs is in a file and not visible from here. On EKS, GKE and AKS logging is a setting of
the provider.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.16"},
		{Standard: "CIS", ID: "1.2.17"},
		{Standard: "CIS", ID: "1.2.18"},
		{Standard: "CIS", ID: "1.2.19"},
		{Standard: "CIS", ID: "3.2.1"},
		{Standard: "NSA", ID: "logging"},
		{Standard: "Trivy", ID: "KCV-0019"},
		{Standard: "Trivy", ID: "KCV-0020"},
		{Standard: "Trivy", ID: "KCV-0021"},
		{Standard: "Trivy", ID: "KCV-0022"},
		{Standard: "Kubescape", ID: "C-0067"},
		{Standard: "Kubescape", ID: "C-0130"},
		{Standard: "Kubescape", ID: "C-0131"},
		{Standard: "Kubescape", ID: "C-0132"},
		{Standard: "Kubescape", ID: "C-0133"},
		{Standard: "Kubernetes", ID: "Auditing", URL: "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAuditLog,
	Fix:   fixAuditLog,
}

// rotation is what CIS asks for at least.
var rotation = []struct {
	flag  string
	least int
	unit  string
}{
	{"audit-log-maxage", 30, "days"},
	{"audit-log-maxbackup", 10, "files"},
	{"audit-log-maxsize", 100, "megabytes"},
}

func checkAuditLog(p *harden.Pass) {
	c, ok := find(p, apiServer)
	if !ok {
		return
	}
	var lacking []string
	if !c.has("audit-policy-file") {
		lacking = append(lacking, "no policy (--audit-policy-file)")
	}
	if !c.has("audit-log-path") && !c.has("audit-webhook-config-file") {
		lacking = append(lacking, "no place to write to (--audit-log-path, --audit-webhook-config-file)")
	}
	if len(lacking) > 0 {
		c.report(p, harden.Finding{
			Verdict: "off", Reason: "no audit log",
			Detail: "The API server has " + strings.Join(lacking, " and ") + ": no audit event is written.",
		})
		return
	}
	if path := c.flags["audit-log-path"]; path == "" || path == "-" {
		return
	}
	var low []string
	for _, r := range rotation {
		if n, err := strconv.Atoi(c.flags[r.flag]); err != nil || n < r.least {
			low = append(low, fmt.Sprintf("%s (asked for are %d %s)", c.say(r.flag), r.least, r.unit))
		}
	}
	if len(low) > 0 {
		c.report(p, harden.Finding{
			Discriminator: "rotation", Verdict: "rotation", Reason: "audit log is not kept as long as asked for",
			Severity: harden.Low, SeverityWhy: "there is a log, only how it is kept falls short",
			Detail: strings.Join(low, "; ") + ".",
		})
	}
}

func fixAuditLog(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if f.Verdict == "rotation" {
		return byHand(p, "keep the audit log", "set --audit-log-maxage=30, --audit-log-maxbackup=10 and --audit-log-maxsize=100, or more, as far as the disk of the node goes.")
	}
	return byHand(p, "write an audit log",
		"set --audit-policy-file to a policy (start with level Metadata for everything), --audit-log-path=/var/log/kubernetes/audit/audit.log, --audit-log-maxage=30, --audit-log-maxbackup=10 and --audit-log-maxsize=100, "+
			"and mount the file (read-only) and the directory by hostPath volumes. Then ship the log off the node.")
}
