package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// PodCreate finds grants that make or change pods.
var PodCreate = powerRule("If the subject deploys, bind the role by RoleBindings in the namespaces that it deploys to, not for the cluster.", harden.Fixer{
	ID:       "rbac-pod-create",
	Title:    "may run pods",
	Severity: harden.High,
	Doc: `
A subject may create, update or patch pods, or a kind of workload.

Fields:

    rules[] of the role: pods, replicationcontrollers, deployments, daemonsets,
    statefulsets, replicasets, jobs, cronjobs

Allowed: reading, and the subresources status and scale.

**Why it matters.** A pod mounts any Secret and runs under any ServiceAccount of its
namespace: who may make one has all that they have. Without Pod Security it may be
privileged as well, and then it is the node. Kubernetes' own advice is to take such
a right for all of the namespace.

**The fix.** The verbs are taken out of the role where the rule names them. Continuous
delivery and operators need them: then keep them to the namespaces that they deploy to,
by RoleBindings, and enforce Pod Security there.

**Traps.** patch and update are as good as create: the image of a running Deployment is
changed by them. Names limit update and patch, and never create, whose name nobody knows
when RBAC is asked: a rule with resourceNames does not give it.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.4"},
		{Standard: "CIS EKS", ID: "4.1.4"},
		{Standard: "ATT&CK", ID: "T1610"},
		{Standard: "ATT&CK", ID: "MS-TA9008"},
		{Standard: "Trivy", ID: "KSV-0048"},
		{Standard: "Kubescape", ID: "C-0188"},
	},
})
