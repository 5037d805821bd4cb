package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// LogCollection finds clusters whose logs go when their nodes go.
var LogCollection = &harden.Fixer{
	ID:       "log-collection",
	Title:    "nothing collects the logs of the nodes",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
No agent that carries logs away from the nodes is seen, or it does not run on every node.

Fields:

    images of all pod templates
    spec.nodeName of the agent's pods, against the Linux nodes of the cluster

Allowed: one of these on every node: Fluent Bit, Fluentd, Vector, Promtail, Alloy, Grafana
Agent, Filebeat, Elastic Agent, Datadog, the CloudWatch agent, an OpenTelemetry collector,
Splunk's, Sumo Logic's, New Relic's, LogDNA's, Dynatrace's, Azure Monitor's. They are known by
the paths of their images. Nodes of Windows and of Fargate are not counted.

**Why it matters.** Logs on a node are rotated within hours and go with the pod. After an attack
there is nothing left to read, and whoever owns the node can change them.

**The fix.** Detection only: which product fits is a decision of people.

**Traps.** Agents on the host, sidecars, and collection by the provider are not seen from here.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "logging"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.AnyObject),
	Check: presence{
		agents: logAgents, covers: true,
		reason: "no collection of logs seen",
		detail: "No workload runs the image of a collector that is known here. One that runs outside of the cluster cannot be seen.",
	}.check,
	Fix: byHand("carry logs away from the nodes", "Run a collector as a DaemonSet that tolerates all taints, such as Fluent Bit or Vector, and send logs to a place that the cluster cannot delete from."),
}
