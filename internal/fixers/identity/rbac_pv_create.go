package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// PVCreate finds grants that make PersistentVolumes.
var PVCreate = powerRule("Keep it to provisioners of storage; others claim volumes by a StorageClass.", harden.Fixer{
	ID:       "rbac-pv-create",
	Title:    "may make PersistentVolumes",
	Severity: harden.High,
	Doc: `
A subject may create persistentvolumes.

Fields:

    rules[] of the role: persistentvolumes with create

Allowed: persistentvolumeclaims, which a provisioner answers.

**Why it matters.** A PersistentVolume may be a directory of a node (hostPath, local). A pod
mounts it by a claim, which Pod Security allows at every level: so one gets at the
files of nodes around it.

**The fix.** The verb is taken out of the role where the rule names it. Provisioners of
storage need it, under an account of their own; people and applications use claims.

**Traps.** PersistentVolumes have no namespace: only a ClusterRoleBinding gives it. The
external provisioner of a CSI driver has it by its chart, and is what it is meant for.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.9"},
		{Standard: "CIS EKS", ID: "4.1.9"},
		{Standard: "ATT&CK", ID: "T1611"},
		{Standard: "Kubescape", ID: "C-0278"},
	},
})
