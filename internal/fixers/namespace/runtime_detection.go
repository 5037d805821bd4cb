package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// RuntimeDetection finds clusters in which nothing watches what containers do.
var RuntimeDetection = &harden.Fixer{
	ID:       "runtime-detection",
	Title:    "nothing watches what containers do",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
No agent that detects attacks at runtime is seen, or it does not run on every node.

Fields:

    images of all pod templates
    spec.nodeName of the agent's pods, against the Linux nodes of the cluster

Allowed: one of these on every node: Falco, Tetragon, KubeArmor, Aqua or Tracee, the agent of
GuardDuty, Sysdig, NeuVector, StackRox, Prisma Cloud, CrowdStrike, Microsoft Defender, Wiz,
Lacework, Deepfence, Kubescape's node agent, SentinelOne, Wazuh, Google's Container Threat
Detection. They are known by the paths of their images. Nodes of Windows and of Fargate are
not counted.

**Why it matters.** A shell in a web server, a miner, a read of the token: all of that is seen
by nobody unless something looks. An agent that misses some nodes (medium) is worse than it
seems: those are where a pod with tolerations is put.

**The fix.** Detection only: which product fits is a decision of people. The text names free ones.

**Traps.** Agents on the host, or of a provider, that run outside of Kubernetes are not seen from
here, nor is an image that was renamed. Waive the finding then.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "threat detection"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.AnyObject),
	Check: presence{
		agents: detectionAgents, covers: true,
		reason: "no runtime detection seen",
		detail: "No workload runs the image of an agent that is known here. One that runs outside of the cluster cannot be seen.",
	}.check,
	Fix: byHand("watch what containers do", "Run an agent as a DaemonSet that tolerates all taints, such as Falco, Tetragon or KubeArmor, and send what it finds to where somebody reads it."),
}
