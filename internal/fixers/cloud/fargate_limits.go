package cloud

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// FargateLimits finds workloads on Fargate, where policies and agents do not reach.
var FargateLimits = &harden.Fixer{
	ID:       "fargate-limits",
	Title:    "runs on Fargate, where network policies and node agents do not reach",
	Area:     harden.AreaCloud,
	Severity: harden.Info,
	Subject:  harden.SubjectWorkload,
	Doc: `
Pods of the workload run on AWS Fargate.

Fields:

    label eks.amazonaws.com/fargate-profile and spec.nodeName of the live pods

Allowed: this is a note. What protects pods on other nodes is not there:
NetworkPolicies are not enforced by the VPC CNI, and there are no DaemonSets, so no agent of runtime detection, of
logs or of the network.

**Why it matters.** A list of policies that looks complete says nothing about these pods. In return each pod has a
virtual machine of its own and no node role to steal.

**The fix.** Security groups for pods (SecurityGroupPolicy) take the place of NetworkPolicies, and sidecars that of
agents. Both are decisions outside of the workload: there is text only.

**Traps.** Privileged containers, host networking and host ports are not possible there. GPUs and EBS volumes are not
either. Logs go by the ConfigMap aws-observability/aws-logging.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "network policies"},
		{Standard: "Kubernetes", ID: "EKS on Fargate", URL: "https://docs.aws.amazon.com/eks/latest/userguide/fargate.html"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !onAWS(p) {
			return
		}
		if len(running(p.Workload)) == 0 {
			p.NotApplicable()
			return
		}
		by := fargate(p.Workload)
		if by == "" {
			return
		}
		p.Report(harden.Finding{
			Field: p.Pod.Field("nodeName"), Reason: "on Fargate: no network policies, no agents",
			Detail: fmt.Sprintf("Its pods run on %s: NetworkPolicies do not hold there, and no DaemonSet looks at them.", by),
		})
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("protect it by what Fargate has",
			fmt.Sprintf("Give the pods of %s security groups by a SecurityGroupPolicy (vpcresources.k8s.aws) that admit what they need, and what watches them as sidecars; or run them on nodes.", p.Object), "")
	},
}
