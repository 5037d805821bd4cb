package pod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const onWindows = "nodeSelector: {kubernetes.io/os: windows}, "

func TestWindowsHostProcess(t *testing.T) {
	const on, off = "securityContext: {windowsOptions: {hostProcess: true}}", "securityContext: {windowsOptions: {hostProcess: false}}"
	for _, test := range []struct {
		name, spec string
		want       []string
	}{
		{"unset", "containers: [{name: a, image: a}]", nil},
		{"false", off + ", containers: [{name: a, image: a, " + off + "}]", nil},
		{"pod", on + ", containers: [{name: a, image: a}]", []string{"critical///the pod is a HostProcess pod"}},
		{"pod and containers", on + ", initContainers: [{name: i, image: i, " + on + "}], containers: [{name: a, image: a, " + on + "}]", []string{
			"critical///the pod is a HostProcess pod", "critical//init:i/is a process of the node", "critical//app:a/is a process of the node",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := withTemplate("", test.spec)
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, WindowsHostProcess, yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantRepaired(t, WindowsHostProcess, yaml)
			// The API server refuses a pod whose parts disagree: every fix is complete by itself.
			for _, fixes := range fixtest.AllFixes(t, WindowsHostProcess, yaml) {
				spec := podSpecOf(fixes[0]).(map[string]any)
				if len(spec) != strings.Count(test.spec, on) {
					t.Errorf("the fix sets %v, want every place that says true", spec)
				}
			}
		})
	}
}

func TestT12WindowsPodOSUnset(t *testing.T) {
	required := "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}}}, "
	for _, test := range []struct {
		name, spec string
		want       []string
	}{
		{"Linux", "containers: [{name: a, image: a}]", nil},
		{"declared", "os: {name: windows}, containers: [{name: a, image: a}]", nil},
		{"node selector", onWindows + "containers: [{name: a, image: a}]", []string{"low///Windows, but spec.os is unset"}},
		{"affinity", required + "containers: [{name: a, image: a}]", []string{"low///Windows, but spec.os is unset"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := withTemplate("", test.spec)
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, WindowsPodOSUnset, yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantRepaired(t, WindowsPodOSUnset, yaml)
			for _, linux := range []*harden.Fixer{AppArmorUnconfined, SELinuxOptionsCustom, ProcMountUnmasked, UnsafeSysctls} {
				if test.name != "Linux" && !fixtest.NotApplicable(t, linux, yaml) {
					t.Errorf("%s: a rule about Linux applies", linux.ID)
				}
			}
		})
	}
}

func TestWindowsPodOSFix(t *testing.T) {
	fix := onlyFix(t, WindowsPodOSUnset, withTemplate("", onWindows+"securityContext: {runAsNonRoot: true}, containers: [{name: a, image: a}]"))
	if fix.Class != harden.Evidence {
		t.Errorf("class is %s, want evidence: %v", fix.Class, fix.Evidence)
	}
	for _, linux := range []string{
		"hostPID: true", "shareProcessNamespace: false", "hostUsers: false", "securityContext: {fsGroup: 0}", "securityContext: {seccompProfile: {type: RuntimeDefault}}",
	} {
		wantManual(t, onlyFix(t, WindowsPodOSUnset, withTemplate("", onWindows+linux+", containers: [{name: a, image: a}]")), "do nothing on Windows")
	}
	fix = onlyFix(t, WindowsPodOSUnset, withTemplate("", onWindows+"containers: [{name: a, image: a, securityContext: {privileged: false}}]"))
	wantManual(t, fix, "containers[a].securityContext.privileged")
}

func TestWindowsByChanceNeedsReview(t *testing.T) {
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {nodeName: n, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Node
metadata: {name: n, labels: {kubernetes.io/os: windows}}
`
	if fix := onlyFix(t, WindowsPodOSUnset, pod); fix.Class != harden.Review {
		t.Errorf("class is %s: that it runs on Windows does not prove that it must", fix.Class)
	}
}
