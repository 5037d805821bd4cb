package cloud

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodeClassEBS finds Karpenter's node classes whose nodes have disks without encryption.
var NodeClassEBS = &harden.Fixer{
	ID:       "nodeclass-ebs",
	Title:    "makes nodes with disks that are not encrypted",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindEC2NodeClass},
	Doc: `
Disks of nodes of this EC2NodeClass are not asked to be encrypted.

Fields:

    spec.blockDeviceMappings[].ebs.encrypted

Allowed: true on each device that is listed. Without a list Karpenter encrypts the disks itself.

**Why it matters.** The disk of a node holds the images, the logs and the writable layers of all its pods,
emptyDir volumes and Secrets that were swapped or written there. A snapshot of it is all of that.

**The fix.** encrypted: true on each device; the list is set as a whole. Karpenter sees the nodes as drifted
and replaces them, so it is a review.

**Traps.** An account may encrypt all EBS volumes by default, and an encrypted snapshot makes encrypted disks: neither
is visible from here. With a customer managed key (kmsKeyID) the role that starts instances has to be allowed to use it.
Node classes of EKS Auto Mode are always encrypted.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Kubernetes", ID: "Karpenter: spec.blockDeviceMappings", URL: "https://karpenter.sh/docs/concepts/nodeclasses/#specblockdevicemappings"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNodeClassEBS,
	Fix:   fixNodeClassEBS,
}

// devices are the block device mappings of the class.
func devices(p *harden.Pass) []any {
	class := harden.Content[*unstructured.Unstructured](p.Item)
	if class == nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(class.Object, "spec", "blockDeviceMappings")
	return list
}

// plainDisk reports whether the device is a disk that is not asked to be encrypted.
func plainDisk(device any) (name string, yes bool) {
	d, ok := device.(map[string]any)
	if !ok {
		return "", false
	}
	ebs, ok := d["ebs"].(map[string]any)
	if !ok || ebs["encrypted"] == true {
		return "", false
	}
	name, _ = d["deviceName"].(string)
	return name, true
}

func checkNodeClassEBS(p *harden.Pass) {
	if !maybeAWS(p) {
		return
	}
	for _, device := range devices(p) {
		if name, plain := plainDisk(device); plain {
			name = harden.OneLine(name)
			p.Report(harden.Finding{
				Discriminator: name, Field: fmt.Sprintf("spec.blockDeviceMappings[%s].ebs.encrypted", name), Reason: "disk " + name + " is not encrypted",
				Detail: "ebs.encrypted is not true. Whether the account encrypts all volumes by default cannot be seen from here.",
			})
		}
	}
}

func fixNodeClassEBS(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	list := runtime.DeepCopyJSONValue(devices(p)).([]any)
	for _, device := range list {
		if _, plain := plainDisk(device); plain {
			device.(map[string]any)["ebs"].(map[string]any)["encrypted"] = true
		}
	}
	return []harden.Fix{{
		Title: "encrypt the disks of new nodes", Class: harden.Review,
		Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"blockDeviceMappings": list}})},
		Warning: "Karpenter replaces all nodes of the class.",
	}}
}
