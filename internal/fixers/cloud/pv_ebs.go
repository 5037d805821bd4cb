package cloud

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PersistentVolumeEBS finds volumes in use that were made without encryption.
var PersistentVolumeEBS = &harden.Fixer{
	ID:       "pv-ebs-encryption",
	Title:    "is an EBS volume made without encryption",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindPersistentVolume},
	Doc: `
The volume is bound, and its StorageClass does not ask for encryption.

Fields:

    spec.csi.driver, spec.awsElasticBlockStore, spec.storageClassName, status.phase
    parameters.encrypted of the StorageClass

Allowed: volumes of a class with encrypted "true".

**Why it matters.** The data is on disk and in snapshots as it is. A better class helps new volumes alone.

**The fix.** A volume cannot be encrypted in place: it takes a snapshot, an encrypted copy of it and a new
volume, with the workload stopped. That is a plan for a person, so there is text only.

**Traps.** Whether the volume itself is encrypted is not in the API: the account may encrypt all volumes by default.
aws ec2 describe-volumes tells. A volume whose class is gone, or that was made by hand, is unknown. From files nothing
is known about volumes.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Kubescape", ID: "C-0264"},
	},
	Reads: harden.InCluster(harden.KindStorageClass),
	Check: checkPersistentVolumeEBS,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		volume := harden.Content[*corev1.PersistentVolume](p.Item)
		return byHand("move the data to an encrypted volume",
			fmt.Sprintf("Look whether it is encrypted after all: aws ec2 describe-volumes --volume-ids %s --query 'Volumes[].Encrypted'. If not: stop what writes to claim %s, make a snapshot, copy it with encryption (aws ec2 copy-snapshot --encrypted), "+
				"make a volume and a PersistentVolume of the copy, bind the claim anew, and start again. Keep the old volume (persistentVolumeReclaimPolicy: Retain) until the data is proven.", harden.OneLine(volumeID(volume)), claimOf(volume)),
			"The workload is down while its data moves.")
	},
}

func volumeID(v *corev1.PersistentVolume) string {
	if v.Spec.CSI != nil {
		return v.Spec.CSI.VolumeHandle
	}
	return v.Spec.AWSElasticBlockStore.VolumeID
}

func claimOf(v *corev1.PersistentVolume) string {
	if c := v.Spec.ClaimRef; c != nil {
		return c.Namespace + "/" + c.Name
	}
	return "of the volume"
}

func checkPersistentVolumeEBS(p *harden.Pass) {
	v := harden.Content[*corev1.PersistentVolume](p.Item)
	ebs := v.Spec.AWSElasticBlockStore != nil || v.Spec.CSI != nil && slices.Contains(ebsProvisioners, v.Spec.CSI.Driver)
	if !ebs || v.Status.Phase != corev1.VolumeBound || !p.Inventory.Live() || platformOf(p.Inventory).other {
		p.NotApplicable()
		return
	}
	if !p.Needs("", harden.KindStorageClass) {
		return
	}
	class := harden.Content[*storagev1.StorageClass](p.Inventory.Object(harden.KindStorageClass, "", v.Spec.StorageClassName))
	switch {
	case class == nil:
		p.Unknown(fmt.Sprintf("its StorageClass %q does not exist, so that nothing tells how it was made", v.Spec.StorageClassName))
	case plainEBS(class):
		p.Report(harden.Finding{
			Field: "spec.storageClassName", Reason: "made by class " + class.Name + ", without encryption",
			Detail: fmt.Sprintf("It holds claim %s, and its class %s does not ask for encryption. Whether the account encrypts all volumes by default cannot be seen from here.", claimOf(v), class.Name),
		})
	}
}
