package pod

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// controls are the checks of Pod Security that fixers for volumes, kernel and Windows settings stand for.
var controls = map[string]*harden.Fixer{
	"apparmorprofile":            AppArmorUnconfined,
	"hostpathvolumes":            HostPathVolume,
	"hostprobesandhostlifecycle": ProbeOrLifecycleHost,
	"procmount":                  ProcMountUnmasked,
	"procmount_restricted":       ProcMountUnmasked,
	"restrictedvolumes":          RestrictedVolumeTypes,
	"selinuxoptions":             SELinuxOptionsCustom,
	"sysctls":                    UnsafeSysctls,
	"windowshostprocess":         WindowsHostProcess,
}

var upstreamMinors = []int{24, 27, 29, 31, 32, 34, 35, 37}

func TestUpstreamFailFixturesAreFound(t *testing.T) {
	seen := map[string]bool{}
	for _, level := range []string{"baseline", "restricted"} {
		for _, minor := range upstreamMinors {
			for _, pod := range fixtest.UpstreamPods(t, level, minor, "fail") {
				fixer := controls[pod.Control]
				if fixer == nil {
					continue
				}
				seen[pod.Control] = true
				if findings := fixtest.Run(t, fixer, pod.YAML, fixtest.Minor(minor)); len(findings) == 0 {
					t.Errorf("%s: %s finds nothing", pod.Name, fixer.ID)
				}
			}
		}
	}
	for control := range controls {
		if !seen[control] {
			t.Errorf("upstream has no fixture for %s any more", control)
		}
	}
}

func TestUpstreamPassFixturesAreClean(t *testing.T) {
	for _, level := range []string{"baseline", "restricted"} {
		for _, minor := range upstreamMinors {
			for _, pod := range fixtest.UpstreamPods(t, level, minor, "pass") {
				for _, fixer := range controls {
					for _, f := range fixtest.Run(t, fixer, pod.YAML, fixtest.Minor(minor)) {
						if level == "baseline" && f.Verdict == "user-namespace" {
							continue // restricted refuses it still
						}
						t.Errorf("%s: %s reports %s", pod.Name, fixer.ID, f.Reason)
					}
				}
			}
		}
	}
}
