package pod

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestRestrictedVolumeTypes(t *testing.T) {
	const mount = "{name: data, mountPath: /data}"
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"nfs", withVolume("nfs: {server: s, path: /p}", mount, ""), []string{"low  data nfs"}},
		{"hostPath", withVolume("hostPath: {path: /srv}", mount, ""), nil},  // host-path-volume
		{"gitRepo", withVolume("gitRepo: {repository: r}", mount, ""), nil}, // git-repo-volume
		{"csi", withVolume("csi: {driver: d}", mount, ""), nil},
		{"image", withVolume("image: {reference: r}", mount, ""), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, verdicts(fixtest.Run(t, RestrictedVolumeTypes, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVolumeWithoutSource(t *testing.T) {
	yaml := withVolume("", "{name: data, mountPath: /data}", "")
	if found := fixtest.Run(t, RestrictedVolumeTypes, yaml); len(found) > 0 {
		t.Errorf("a manifest without a source means emptyDir, got %v", fixtest.Reasons(found))
	}
	// A server fills in emptyDir: what arrives empty is of a type newer than this program.
	fixtest.Only(t, RestrictedVolumeTypes, yaml, fixtest.Live())
}

func TestRestrictedVolumeAdvice(t *testing.T) {
	wantManual(t, onlyFix(t, RestrictedVolumeTypes, withVolume("nfs: {server: s, path: /p}", "{name: data, mountPath: /data}", "")), "PersistentVolume that names the same storage")
}
