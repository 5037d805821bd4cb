package pod

import (
	"maps"
	"slices"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// controls are the checks of Pod Security that fixers for volumes, kernel and Windows settings stand for.
var controls = map[string][]*harden.Fixer{
	"apparmorprofile":            {AppArmorUnconfined},
	"hostpathvolumes":            {HostPathVolume},
	"hostprobesandhostlifecycle": {ProbeOrLifecycleHost},
	"procmount":                  {ProcMountUnmasked},
	"procmount_restricted":       {ProcMountUnmasked},
	"restrictedvolumes":          {RestrictedVolumeTypes, HostPathVolume, GitRepoVolume},
	"selinuxoptions":             {SELinuxOptionsCustom},
	"sysctls":                    {UnsafeSysctls},
	"windowshostprocess":         {WindowsHostProcess},
}

var upstreamMinors = []int{24, 27, 29, 31, 32, 34, 35, 37}

func TestUpstreamFailFixturesAreFound(t *testing.T) {
	seen := map[string]bool{}
	for _, level := range []string{"baseline", "restricted"} {
		for _, minor := range upstreamMinors {
			for _, pod := range fixtest.UpstreamPods(t, level, minor, "fail") {
				if controls[pod.Control] == nil {
					continue
				}
				seen[pod.Control] = true
				found := 0
				for _, fixer := range controls[pod.Control] {
					found += len(fixtest.Run(t, fixer, pod.YAML, fixtest.Minor(minor)))
				}
				if found == 0 {
					t.Errorf("%s: nothing is found", pod.Name)
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
				for _, fixer := range slices.Concat(slices.Collect(maps.Values(controls))...) {
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
