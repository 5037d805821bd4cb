package cloud

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// StorageClassEBS finds classes that make EBS volumes without encryption.
var StorageClassEBS = &harden.Fixer{
	ID:       "storageclass-ebs-encryption",
	Title:    "makes EBS volumes that are not encrypted",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindStorageClass},
	Doc: `
The StorageClass does not ask for encrypted volumes.

Fields:

    provisioner   ebs.csi.aws.com, ebs.csi.eks.amazonaws.com, kubernetes.io/aws-ebs
    parameters.encrypted   (whatever the case of the key)

Allowed: encrypted "true". The driver's default is false.

**Why it matters.** Whoever gets a snapshot of the volume, or a right to share or copy it, reads the data. Encryption
also puts a key with its own policy between the data and everybody with rights on EC2.

**The fix.** The parameters of a class cannot be changed: a class NAME-encrypted is made as its copy, and when it
was the default one the new one becomes that, first. The old class stays: manifests name it. Volumes that exist
stay as they are (see pv-ebs-encryption).

**Traps.** An account may encrypt all EBS volumes by default, which is not visible from here: then this is a matter of
saying so. A chart that names the old class keeps using it. Once nothing uses it, no claim names it and an
encrypted copy stands beside it, an old class that is not the default passes; delete it then. A key of your own (kmsKeyId) needs a grant
for the driver's role.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Kubescape", ID: "C-0264"},
		{Standard: "Kubernetes", ID: "EBS CSI driver: parameters", URL: "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md"},
	},
	Reads: harden.InCluster(harden.KindPersistentVolumeClaim, harden.KindStorageClass),
	Check: checkStorageClassEBS,
	Fix:   fixStorageClassEBS,
}

const defaultClass = "storageclass.kubernetes.io/is-default-class"

// ebsProvisioners are those of the driver, of EKS Auto Mode's, and of the tree.
var ebsProvisioners = []string{"ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs"}

// parameter reads a parameter as the drivers do, whatever the case of its key.
func parameter(parameters map[string]string, key string) string {
	for k, v := range parameters {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}

// plainEBS reports whether the class makes EBS volumes and does not ask for encryption.
func plainEBS(class *storagev1.StorageClass) bool {
	return slices.Contains(ebsProvisioners, class.Provisioner) && !strings.EqualFold(parameter(class.Parameters, "encrypted"), "true")
}

func checkStorageClassEBS(p *harden.Pass) {
	class := harden.Content[*storagev1.StorageClass](p.Item)
	if !slices.Contains(ebsProvisioners, class.Provisioner) {
		p.NotApplicable()
		return
	}
	if !maybeAWS(p) || !plainEBS(class) || superseded(p.Inventory, class) {
		return
	}
	kind := "class"
	if isDefault(class) {
		kind = "default class"
	}
	p.Report(harden.Finding{
		Field: "parameters.encrypted", Reason: kind + " makes volumes without encryption",
		Detail: "parameters.encrypted is not \"true\", and the driver's default is false. Whether the account encrypts all volumes by default cannot be seen from here.",
	})
}

func isDefault(class *storagev1.StorageClass) bool { return class.Annotations[defaultClass] == "true" }

// superseded reports whether an encrypted copy stands beside a class that nothing uses.
func superseded(inv *harden.Inventory, class *storagev1.StorageClass) bool {
	twin := harden.Content[*storagev1.StorageClass](inv.Object(harden.KindStorageClass, "", encryptedName(class)))
	if twin == nil || twin.Provisioner != class.Provisioner || plainEBS(twin) || isDefault(class) {
		return false
	}
	if slices.ContainsFunc(inv.Unread, func(u harden.Unread) bool { return u.Resource == "persistentvolumeclaims" }) {
		return false // of any namespace
	}
	for _, claim := range harden.All[*corev1.PersistentVolumeClaim](inv, harden.KindPersistentVolumeClaim) {
		if claim.Spec.StorageClassName != nil && *claim.Spec.StorageClassName == class.Name {
			return false
		}
	}
	return true
}

func encryptedName(class *storagev1.StorageClass) string { return class.Name + "-encrypted" }

func fixStorageClassEBS(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	class := harden.Content[*storagev1.StorageClass](p.Item)
	name := encryptedName(class)
	if p.Inventory.Object(harden.KindStorageClass, "", name) != nil {
		return byHand("use an encrypted class instead",
			fmt.Sprintf("StorageClass %q exists already: see that its parameters.encrypted is \"true\", make it the default one (annotation %s) and let manifests name it instead of %q. Delete %q when no claim names it any more.", name, defaultClass, class.Name, class.Name),
			"Volumes that exist stay as they are.")
	}
	body, err := encryptedCopy(p.Object, class)
	if err != nil {
		return byHand("make an encrypted class", fmt.Sprintf("Make a copy of StorageClass %q with parameters.encrypted \"true\".", class.Name), "")
	}
	target := harden.Ref{APIVersion: p.Object.APIVersion, Kind: p.Object.Kind, Name: name}
	fix := harden.Fix{
		Title: "make class " + name + ", with encryption", Class: harden.Review,
		Changes:  []harden.Change{{Target: target, Verb: harden.Create, Set: body}},
		Evidence: []harden.Claim{{Code: "E-OWNER", State: harden.Missing, Text: "Nobody looked which manifests and charts name the old class."}},
		Warning:  fmt.Sprintf("Claims and manifests that name %q go on making volumes without encryption, and volumes that exist stay as they are.", class.Name),
	}
	if isDefault(class) {
		fix.Title += ", and let it be the default"
		fix.Changes = append(fix.Changes, harden.SetObject(p.Object, map[string]any{"metadata": map[string]any{"annotations": map[string]any{defaultClass: "false"}}}))
	}
	return []harden.Fix{fix}
}

// encryptedCopy is a new class that differs from the old one in its name and its encryption.
func encryptedCopy(r harden.Ref, class *storagev1.StorageClass) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(class)
	if err != nil {
		return nil, err
	}
	parameters := map[string]any{"encrypted": "true"}
	for k, v := range class.Parameters {
		if !strings.EqualFold(k, "encrypted") {
			parameters[k] = v
		}
	}
	content["parameters"] = parameters
	content["apiVersion"], content["kind"] = r.APIVersion, r.Kind
	content["metadata"] = map[string]any{"name": encryptedName(class)}
	body := &unstructured.Unstructured{Object: content}
	if isDefault(class) {
		body.SetAnnotations(map[string]string{defaultClass: "true"})
	}
	return body, nil
}
