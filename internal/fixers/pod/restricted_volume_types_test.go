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
		{"hostPath", withVolume("hostPath: {path: /srv}", mount, ""), []string{"low  data hostPath"}},
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
	for source, says := range map[string]string{
		"nfs: {server: s, path: /p}":  "PersistentVolume that names the same storage",
		"gitRepo: {repository: r}":    "init container",
		"hostPath: {path: /srv/data}": "host-path-volume",
	} {
		wantManual(t, onlyFix(t, RestrictedVolumeTypes, withVolume(source, "{name: data, mountPath: /data}", "")), says)
	}
}
