package pod

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestT31PathsThatHoldARuntimeSocket(t *testing.T) {
	for path, want := range map[string]bool{
		"/var/run":                            true,
		"/":                                   true,
		"/run":                                true,
		"/run/":                               true,
		"//var//run/docker.sock":              true,
		"/run/containerd":                     true,
		"/run/containerd/containerd.sock":     true,
		"/run/crio/crio.sock":                 true,
		"/run/user/1000/docker.sock":          true,
		"/var/snap/x/run/containerd.sock":     true,
		"/run/k3s":                            true,
		`\\\\.\\pipe\\docker_engine`:          true,
		"/var/run/myapp":                      false,
		"/run/containerd-shim-logs":           false,
		"/var":                                false, // /var/run is a link to /run, which is not below it
		"/var/lib/docker":                     false,
		"/run/docker.sock.bak":                false,
		"/opt/run":                            false,
		"/opt/var/run":                        false,
		"/var/lib/kubelet/device-plugins":     false,
		"/var/lib/kubelet/pods/docker.socket": false,
	} {
		findings := fixtest.Run(t, RuntimeSocketMount, withVolume(`hostPath: {path: "`+path+`"}`, "{name: data, mountPath: /data, readOnly: true}", ""))
		if got := len(findings) == 1 && findings[0].Severity == harden.Critical; got != want {
			t.Errorf("%s: found %v, want %v", path, fixtest.Reasons(findings), want)
		}
	}
}

func TestRuntimeSocketBySubPath(t *testing.T) {
	for subPath, want := range map[string]int{"run/docker.sock": 1, "srv": 0} {
		yaml := withVolume("hostPath: {path: /}", "{name: data, mountPath: /data, subPath: "+subPath+"}", "")
		if got := len(fixtest.Run(t, RuntimeSocketMount, yaml)); got != want {
			t.Errorf("subPath %s: %d findings, want %d", subPath, got, want)
		}
	}
}

func TestMountedRuntimeSocketIsLeftToAPerson(t *testing.T) {
	wantManual(t, onlyFix(t, RuntimeSocketMount, withVolume("hostPath: {path: /run}", "{name: data, mountPath: /data}", "")), "rootless")
}
