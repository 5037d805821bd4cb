package cloud

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EFSInTransit finds EFS volumes that are read and written in clear.
var EFSInTransit = &harden.Fixer{
	ID:       "efs-in-transit",
	Title:    "reads and writes EFS without encryption on the way",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindPersistentVolume, harden.KindStorageClass},
	Doc: `
A volume of Amazon EFS is mounted without TLS.

Fields:

    PersistentVolume: spec.csi (efs.csi.aws.com) volumeAttributes.encryptInTransit; spec.nfs.server
    StorageClass: provisioner efs.csi.aws.com, parameters.encryptInTransit

Allowed: encryptInTransit unset or "true" (the driver encrypts unless it is told not to, since version
0.4, with or without the mount option tls). An EFS mounted by plain NFS is never encrypted on the way.

**Why it matters.** NFS carries files in clear. Whoever sees the traffic between the node and the mount target
reads and changes them, and without TLS the file system's policy cannot ask for IAM authorization.

**The fix.** A volume's source cannot be changed: a person makes a new PersistentVolume for the same file
system, so there is text only.

**Traps.** Before version 0.4 of the driver the mount option tls decided; such a driver is years out of support.
A file system policy that denies aws:SecureTransport false makes clear mounts fail, and is how to prove that there are none.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Kubernetes", ID: "EFS CSI driver: encryption in transit", URL: "https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/README.md#encryption-in-transit"},
	},
	Reads: harden.ReadsNothing,
	Check: checkEFSInTransit,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		if p.Object.Kind == "StorageClass" {
			return byHand("make a class that encrypts", fmt.Sprintf("Make a copy of StorageClass %q without encryptInTransit, let manifests name it, and delete the old one. Volumes that exist need new PersistentVolumes.", p.Object.Name), "")
		}
		return byHand("mount it with TLS",
			fmt.Sprintf("Make a PersistentVolume for the same file system with the driver efs.csi.aws.com and without encryptInTransit: false, in the place of %q: delete claim and volume (persistentVolumeReclaimPolicy Retain keeps the data), make both anew, and restart the pods.", p.Object.Name),
			"The pods that use the volume restart.")
	},
}

const efsDriver = "efs.csi.aws.com"

// efsHost matches the mount targets of file systems.
var efsHost = regexp.MustCompile(`^([a-z0-9-]+\.)?fs-[0-9a-f]+\.efs\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

func checkEFSInTransit(p *harden.Pass) {
	var attributes map[string]string
	field := "parameters.encryptInTransit"
	switch o := p.Item.Content.(type) {
	case *storagev1.StorageClass:
		if o.Provisioner != efsDriver {
			p.NotApplicable()
			return
		}
		attributes = o.Parameters
	case *corev1.PersistentVolume:
		if nfs := o.Spec.NFS; nfs != nil && efsHost.MatchString(strings.ToLower(nfs.Server)) && !platformOf(p.Inventory).other {
			p.Report(harden.Finding{
				Field: "spec.nfs.server", Reason: "EFS by plain NFS", Verdict: "nfs",
				Detail: fmt.Sprintf("%s is mounted by NFS, which does not encrypt.", harden.OneLine(nfs.Server)),
			})
			return
		}
		if o.Spec.CSI == nil || o.Spec.CSI.Driver != efsDriver {
			p.NotApplicable()
			return
		}
		attributes, field = o.Spec.CSI.VolumeAttributes, "spec.csi.volumeAttributes.encryptInTransit"
	}
	if !maybeAWS(p) {
		return
	}
	if on, err := strconv.ParseBool(parameter(attributes, "encryptInTransit")); err == nil && !on {
		p.Report(harden.Finding{
			Field: field, Reason: "encryption on the way is switched off",
			Detail: "encryptInTransit is \"false\": files go over the network in clear.",
		})
	}
}
