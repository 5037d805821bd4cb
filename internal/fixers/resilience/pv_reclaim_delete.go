package resilience

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PVReclaimDelete finds volumes that are deleted with their claim.
var PVReclaimDelete = &harden.Fixer{
	ID:       "pv-reclaim-delete",
	Title:    "is deleted with its claim",
	Area:     harden.AreaResilience,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    kindsOf(harden.KindPersistentVolume),
	Doc: `
The disk of a StatefulSet goes when somebody deletes the claim for it.

Fields:

    PersistentVolume spec.persistentVolumeReclaimPolicy, spec.claimRef
    StatefulSet spec.volumeClaimTemplates, spec.template.spec.volumes

Allowed: Retain, for volumes that a StatefulSet claims. Other volumes are not looked at,
nor those of the cluster's own namespaces. Which of them hold data of production nobody
can tell from here: that is for you.

**Why it matters.** Deleting a namespace, or a claim by mistake, deletes the data for good:
that is all an attacker with few rights needs, and all a tired person needs.

**The fix.** The policy becomes Retain, for review. It restarts nothing.

**Traps.** Volumes that are kept cost money until somebody deletes them, and are not used
again by themselves. New volumes get the policy of their StorageClass: a class with
reclaimPolicy: Retain is the lasting answer.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "reclaim policy", URL: "https://kubernetes.io/docs/tasks/administer-cluster/change-pv-reclaim-policy/"},
	},
	Reads: harden.InCluster(harden.Templates),
	Check: checkPVReclaimDelete,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "keep the volume when its claim is deleted", Class: harden.Review,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"persistentVolumeReclaimPolicy": string(corev1.PersistentVolumeReclaimRetain)}})},
			Warning: "A volume that is kept costs money until somebody deletes it.",
		}}
	},
}

func checkPVReclaimDelete(p *harden.Pass) {
	pv := harden.Content[*corev1.PersistentVolume](p.Item)
	if pv == nil || pv.Spec.ClaimRef == nil || harden.IsSystemNamespace(pv.Spec.ClaimRef.Namespace) {
		p.NotApplicable()
		return
	}
	by := statefulOf(p.Inventory, pv.Spec.ClaimRef)
	if by == nil {
		p.NotApplicable()
		return
	}
	if pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
		p.Report(harden.Finding{
			Field: "spec.persistentVolumeReclaimPolicy", Reason: "reclaim policy Delete",
			Detail: "The data of " + by.Ref.Long() + " is deleted with claim " + pv.Spec.ClaimRef.Name + ".",
		})
	}
}

// statefulOf is the StatefulSet that mounts the claim, or nil.
func statefulOf(inv *harden.Inventory, claim *corev1.ObjectReference) *harden.Workload {
	for _, w := range inv.WorkloadsIn(claim.Namespace) {
		if w.Ref.Kind == "StatefulSet" && claims(w, claim.Name) {
			return w
		}
	}
	return nil
}
