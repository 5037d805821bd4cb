package cloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func class(name, parameters string) string {
	return fmt.Sprintf("---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: %s}\nprovisioner: ebs.csi.aws.com\nparameters: {%s}\n", name, parameters)
}

func volume(class, source string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {storageClassName: %s, %s}\nstatus: {phase: Bound}\n", class, source)
}

func asDefault(class string) string {
	return strings.Replace(class, "{name: gp3}", "{name: gp3, annotations: {storageclass.kubernetes.io/is-default-class: 'true'}}", 1)
}

func TestT95StorageClassEBS(t *testing.T) {
	claim := "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {storageClassName: gp3}\n"
	plain, encrypted := class("gp3", "type: gp3"), class("gp3-encrypted", "encrypted: 'true'")
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string
	}{
		{"absent", plain, nil, "fail"},
		{"false", class("gp3", "encrypted: 'false'"), nil, "fail"},
		{"true", class("gp3", "encrypted: 'true'"), nil, "pass"},
		{"the key in capitals", class("gp3", "ENCRYPTED: 'true'"), nil, "pass"},
		{"the key with a capital", class("gp3", "Encrypted: 'true'"), nil, "pass"},
		{"of the tree", strings.Replace(plain, "ebs.csi.aws.com", "kubernetes.io/aws-ebs", 1), nil, "fail"},
		{"of Auto Mode", strings.Replace(plain, "ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", 1), nil, "fail"},
		{"another provisioner", strings.Replace(plain, "ebs.csi.aws.com", "rancher.io/local-path", 1), nil, "does not apply"},
		{"superseded", plain + encrypted, nil, "pass"},
		{"superseded, still the default", asDefault(plain) + encrypted, nil, "fail"},
		{"superseded, still claimed", plain + encrypted + claim, nil, "fail"},
		{"superseded, claims not read", plain + encrypted, []fixtest.Option{fixtest.Unreadable("persistentvolumeclaims", "forbidden")}, "fail"},
		{"a copy that is not encrypted either", plain + class("gp3-encrypted", "type: gp3"), nil, "fail, fail"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, StorageClassEBS, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	finding := fixtest.Only(t, StorageClassEBS, plain)
	if !strings.Contains(finding.Detail, "account") {
		t.Errorf("the finding does not say that the account's default is not visible: %s", finding.Detail)
	}
}

func TestT95FixNeverEditsTheParametersOfAClass(t *testing.T) {
	old := asDefault(class("gp3", "type: gp3, Encrypted: 'false'"))
	changes := fixtest.Fixes(t, StorageClassEBS, old)[0].Changes
	if len(changes) != 2 || changes[0].Verb != harden.Create || changes[1].Verb != harden.Apply {
		t.Fatalf("changes are %+v, want a new class and then the old one", changes)
	}
	made := changes[0].Set.Object
	if diff := cmp.Diff(map[string]any{"type": "gp3", "encrypted": "true"}, made["parameters"]); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	want := map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata": map[string]any{"name": "gp3", "annotations": map[string]any{defaultClass: "false"}},
	}
	if diff := cmp.Diff(want, changes[1].Set.Object); diff != "" {
		t.Errorf("change of the old class (-want +got):\n%s", diff)
	}
	if again := fixtest.AllFixes(t, StorageClassEBS, old+class("gp3-encrypted", "encrypted: 'true'"))[0]; len(again[0].Changes) > 0 {
		t.Errorf("the new class exists, and is made again: %+v", again)
	}
}

func TestVolumes(t *testing.T) {
	const ebs = "csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1}"
	efs := func(attributes string) string {
		return volume("efs", "csi: {driver: efs.csi.aws.com, volumeHandle: fs-1, volumeAttributes: {"+attributes+"}}")
	}
	efsClass := func(parameters string) string {
		return strings.Replace(class("efs", parameters), "ebs.csi.aws.com", "efs.csi.aws.com", 1)
	}
	nfs := func(server string) string { return volume("efs", "nfs: {server: "+server+", path: /}") }
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		opts  []fixtest.Option
		want  string
	}{
		{"of a plain class", PersistentVolumeEBS, class("gp3", "type: gp3") + volume("gp3", ebs), eks, "fail"},
		{"of the tree", PersistentVolumeEBS, class("gp3", "type: gp3") + volume("gp3", "awsElasticBlockStore: {volumeID: v}"), eks, "fail"},
		{"of an encrypted class", PersistentVolumeEBS, class("gp3", "encrypted: 'true'") + volume("gp3", ebs), eks, "pass"},
		{"of no class", PersistentVolumeEBS, volume("gp2", ebs), eks, "unknown"},
		{"classes not read", PersistentVolumeEBS, volume("gp2", ebs), append([]fixtest.Option{fixtest.Unreadable("storageclasses.storage.k8s.io", "forbidden")}, eks...), "unknown"},
		{"not bound", PersistentVolumeEBS, strings.Replace(class("gp3", "type: gp3")+volume("gp3", ebs), "Bound", "Released", 1), eks, "does not apply"},
		{"another driver", PersistentVolumeEBS, volume("gp3", "hostPath: {path: /d}"), eks, "does not apply"},
		{"files", PersistentVolumeEBS, class("gp3", "type: gp3") + volume("gp3", ebs), nil, "does not apply"},
		{"EFS, nothing said", EFSInTransit, efs(""), nil, "pass"},
		{"EFS, on", EFSInTransit, efs("encryptInTransit: 'true'"), nil, "pass"},
		{"EFS, off", EFSInTransit, efs("encryptInTransit: 'false'"), nil, "fail"},
		{"EFS, off in other words", EFSInTransit, efs("EncryptInTransit: '0'"), nil, "fail"},
		{"EFS class, off", EFSInTransit, efsClass("encryptInTransit: 'false'"), nil, "fail"},
		{"EFS class", EFSInTransit, efsClass("provisioningMode: efs-ap"), nil, "pass"},
		{"another class", EFSInTransit, class("gp3", "type: gp3"), nil, "does not apply"},
		{"EFS by NFS", EFSInTransit, nfs("fs-0123abcd.efs.eu-west-1.amazonaws.com"), nil, "fail"},
		{"EFS by NFS, in one zone", EFSInTransit, nfs("eu-west-1a.fs-0123abcd.efs.eu-west-1.amazonaws.com"), nil, "fail"},
		{"NFS", EFSInTransit, nfs("nas.example.com"), nil, "does not apply"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func nodeClass(version, spec string) string {
	return "---\napiVersion: karpenter.k8s.aws/" + version + "\nkind: EC2NodeClass\nmetadata: {name: default}\nspec: {" + spec + "}\n"
}

func TestNodeClasses(t *testing.T) {
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		want  string
	}{
		{"defaults", NodeClassIMDS, nodeClass("v1", "role: r"), "pass"},
		{"defaults of v1beta1", NodeClassIMDS, nodeClass("v1beta1", "role: r"), "fail"},
		{"tokens optional", NodeClassIMDS, nodeClass("v1", "metadataOptions: {httpTokens: optional}"), "fail"},
		{"two hops", NodeClassIMDS, nodeClass("v1", "metadataOptions: {httpTokens: required, httpPutResponseHopLimit: 2}"), "fail"},
		{"no endpoint", NodeClassIMDS, nodeClass("v1", "metadataOptions: {httpEndpoint: disabled, httpTokens: optional}"), "pass"},
		{"no devices", NodeClassEBS, nodeClass("v1", "role: r"), "pass"},
		{"two disks", NodeClassEBS, nodeClass("v1", "blockDeviceMappings: [{deviceName: a, ebs: {encrypted: true}}, {deviceName: b, ebs: {encrypted: false}}, {deviceName: c, ebs: {volumeSize: 1Gi}}]"), "fail b, fail c"},
		{"malformed", NodeClassEBS, nodeClass("v1", "blockDeviceMappings: [a, {ebs: b}]"), "pass"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
