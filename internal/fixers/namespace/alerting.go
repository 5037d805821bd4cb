package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Alerting finds clusters that wake nobody.
var Alerting = &harden.Fixer{
	ID:       "alerting",
	Title:    "nothing tells people that something is wrong",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
No alerts are seen.

Fields:

    PrometheusRule, Alertmanager, AlertmanagerConfig (monitoring.coreos.com)
    API group monitoring.googleapis.com
    images of all pod templates: Alertmanager, vmalert, Mimir, Robusta, Datadog, New Relic,
    Dynatrace, Splunk, the CloudWatch agent, Azure Monitor

Allowed: any of these. What the alerts say, and whether somebody reads them, is not seen.

**Why it matters.** An attack that nobody hears of goes on. Restarts, refused logins and spent
quotas are its first signs.

**The fix.** Detection only: who is to be told what is a decision of people.

**Traps.** Alerts by a provider on its own metrics are not seen from here.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "threat detection"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.AnyObject),
	Check: presence{
		agents: alertAgents,
		elsewise: func(inv *harden.Inventory) string {
			if inv.Cluster.Groups["monitoring.googleapis.com"] {
				return "monitoring.googleapis.com"
			}
			return have(inv, harden.KindPrometheusRule, harden.KindAlertmanager, harden.KindAlertmanagerConfig)
		},
		reason: "no alerts seen",
		detail: "There are no rules for alerts, and no workload runs something that alerts and is known here.",
	}.check,
	Fix: byHand("let somebody be told", "Write alerts for what an attack shows first: restarts, pods that admission refuses, 401 and 403 of the API server, nodes that are full; and send them to people."),
}
