package pod

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// withVolume is a Deployment with one volume, and mounts of it in container web; other adds to the pod spec.
func withVolume(source, mounts, other string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: data, %s}]
      containers: [{name: web, image: web:1, volumeMounts: [%s]}]
      %s
`, source, mounts, other)
}

// livePod is a Pod of that Deployment with another container.
const livePod = `
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec:
  volumes: [{name: data, hostPath: {path: /srv}}]
  containers:
  - {name: web, image: web:1}
  - {name: proxy, image: proxy:1, volumeMounts: [%s]}
`

// verdicts are severity, sub-verdict and discriminator of each finding.
func verdicts(findings []*harden.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Verdict, f.Discriminator)))
	}
	return all
}

// onlyFix is the only fix of the only finding.
func onlyFix(t *testing.T, fixer *harden.Fixer, yaml string, opts ...fixtest.Option) harden.Fix {
	t.Helper()
	fixes := fixtest.Fixes(t, fixer, yaml, opts...)
	if len(fixes) != 1 {
		t.Fatalf("%s: got %d fixes, want 1", fixer.ID, len(fixes))
	}
	return fixes[0]
}

// wantManual expects a text that contains says, and no changes.
func wantManual(t *testing.T, fix harden.Fix, says string) {
	t.Helper()
	if len(fix.Changes) > 0 || fix.Class != harden.Review || !strings.Contains(fix.Manual, says) {
		t.Errorf("fix = %+v, want a text with %q and no changes", fix, says)
	}
}

// wantRepaired makes the changes of all findings and expects none to be left.
func wantRepaired(t *testing.T, fixer *harden.Fixer, yaml string, opts ...fixtest.Option) string {
	t.Helper()
	after := fixtest.Repair(t, []*harden.Fixer{fixer}, yaml, opts...)
	if left := fixtest.Run(t, fixer, after, opts...); len(left) > 0 {
		t.Errorf("%s: still there after the fix: %v\n%s", fixer.ID, fixtest.Reasons(left), after)
	}
	return after
}

func TestHostPathVolume(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"mounted", withVolume("hostPath: {path: /srv}", "{name: data, mountPath: /data}", ""), []string{"medium  data /srv"}},
		{"path is cleaned", withVolume(`hostPath: {path: "/srv//x/../y/"}`, "{name: data, mountPath: /data, readOnly: true}", ""), []string{"medium  data /srv/y"}},
		{"not mounted", withVolume("hostPath: {path: /srv}", "", ""), []string{"info unmounted data /srv"}},
		{"mounted by an init container only", withVolume("hostPath: {path: /srv}", "", "initContainers: [{name: i, image: i, volumeMounts: [{name: data, mountPath: /d}]}]"), []string{"medium  data /srv"}},
		{"another type", withVolume("emptyDir: {}", "{name: data, mountPath: /data}", ""), nil},
		{"mounted by an injected container", withVolume("emptyDir: {}", "", "") + fmt.Sprintf(livePod, "{name: data, mountPath: /data}"), []string{"medium  data /srv"}},
		{"of a live pod, and no injected container mounts it", withVolume("emptyDir: {}", "", "") + fmt.Sprintf(livePod, ""), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, verdicts(fixtest.Run(t, HostPathVolume, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnmountedVolumeIsRemoved(t *testing.T) {
	for _, fixer := range []*harden.Fixer{HostPathVolume, HostPathSensitive, RuntimeSocketMount, RestrictedVolumeTypes, GitRepoVolume} {
		yaml := withVolume("hostPath: {path: /run}", "", "")
		switch fixer {
		case RestrictedVolumeTypes:
			yaml = withVolume("nfs: {server: s, path: /p}", "", "")
		case GitRepoVolume:
			yaml = withVolume("gitRepo: {repository: r}", "", "")
		}
		fix := onlyFix(t, fixer, yaml)
		if fix.Class != harden.Evidence {
			t.Errorf("%s: class is %s, want evidence", fixer.ID, fix.Class)
		}
		if path := fix.Changes[0].Remove[0].String(); path != `.spec.template.spec.volumes[name="data"]` {
			t.Errorf("%s: removes %s", fixer.ID, path)
		}
		wantRepaired(t, fixer, yaml)
	}
}

func TestUnmountedVolumeThatALivePodMountsNeedsReview(t *testing.T) {
	yaml := withVolume("hostPath: {path: /srv}", "", "")
	for mounts, want := range map[string]harden.Class{"": harden.Evidence, "{name: data, mountPath: /data}": harden.Review} {
		fixes := fixtest.AllFixes(t, HostPathVolume, yaml+fmt.Sprintf(livePod, mounts), fixtest.Live())
		if got := fixes[0][0].Class; got != want {
			t.Errorf("live pod mounts [%s]: class is %s, want %s", mounts, got, want)
		}
	}
}

func TestMountedHostPathIsLeftToAPerson(t *testing.T) {
	wantManual(t, onlyFix(t, HostPathVolume, withVolume("hostPath: {path: /srv}", "{name: data, mountPath: /data}", "")), "PersistentVolumeClaim")
	injected := withVolume("emptyDir: {}", "", "") + fmt.Sprintf(livePod, "{name: data, mountPath: /data}")
	wantManual(t, onlyFix(t, HostPathVolume, injected), "proxy")
}
