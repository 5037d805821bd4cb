package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// ClusterAdmin finds bindings that give all rights.
var ClusterAdmin = powerRule("Find out what the subject does (an audit log, or the manifests of its vendor), and give it a role with that.", harden.Fixer{
	ID:       "rbac-cluster-admin",
	Title:    "may do everything",
	Severity: harden.Critical,
	Doc: `
A subject has all verbs on all resources.

Fields:

    roleRef and subjects of ClusterRoleBindings and RoleBindings
    rules of the role: apiGroups, resources and verbs that are all "*"

Allowed: the binding that Kubernetes ships, to the group system:masters, and those of
the control plane.

**Why it matters.** Whoever has one credential of the subject owns the cluster: every
Secret, every node, every pod. For a ServiceAccount it takes one bug in one pod that
carries its token. People who log in are one step less severe (high), and so is a
RoleBinding, which gives the same within one namespace.

**The fix.** A review: write a role with what the subject uses, bind that, and delete
this binding. An audit log tells what that is; nobody else can.

**Traps.** The role does not have to be called cluster-admin: any rule with three
wildcards is as much. The default binding "cluster-admin" is passed over, but not what
somebody added to its subjects. All other rules about RBAC are silent about such a grant:
they would say the same twenty times.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.1"},
		{Standard: "CIS EKS", ID: "4.1.1"},
		{Standard: "NSA", ID: "RBAC"},
		{Standard: "ATT&CK", ID: "T1078.003"},
		{Standard: "ATT&CK", ID: "T1098.006"},
		{Standard: "ATT&CK", ID: "MS-TA9019"},
		{Standard: "Trivy", ID: "KSV-0111"},
		{Standard: "Trivy", ID: "KSV-0044"},
		{Standard: "Kubescape", ID: "C-0035"},
		{Standard: "Kubescape", ID: "C-0185"},
	},
})
