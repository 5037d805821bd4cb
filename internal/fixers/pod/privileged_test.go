package pod

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestT10PrivilegedEphemeralContainer(t *testing.T) {
	clean := `securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}`
	text := deployment(`containers: [{name: web, image: web:1, `+clean+`}]`) + `
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec:
  containers: [{name: web, image: web:1}]
  ephemeralContainers: [{name: debug, image: busybox, securityContext: {privileged: true}}]
`
	f := fixtest.Only(t, PrivilegedContainer, text)
	if f.Object.String() != "Pod/web-1" || f.Container.String() != "ephemeral:debug" || f.Lens != harden.Injected {
		t.Errorf("found on %v %v under %v", f.Object, f.Container, f.Lens)
	}
	fixes := fixtest.Fixes(t, PrivilegedContainer, text)
	if len(fixes) != 1 || len(fixes[0].Changes) != 0 || !strings.Contains(fixes[0].Manual, "kubectl delete pod web-1 -n default") {
		t.Errorf("fixes %+v, want text that says how to replace the Pod", fixes)
	}
}

func TestInjectedAndStaticContainersAreRepairedByHand(t *testing.T) {
	injected := deployment(`containers: [{name: web, image: web:1}]`) + `
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec:
  containers: [{name: web, image: web:1}, {name: proxy, image: proxy:1, securityContext: {privileged: true}}]
`
	static := `
apiVersion: v1
kind: Pod
metadata: {name: etcd-n1, annotations: {kubernetes.io/config.mirror: abc}}
spec:
  nodeName: n1
  containers: [{name: etcd, image: etcd:1, securityContext: {privileged: true}}]
`
	for text, want := range map[string]string{injected: "injector", static: `node "n1"`} {
		fixes := fixtest.Fixes(t, PrivilegedContainer, text)
		if len(fixes) != 1 || len(fixes[0].Changes) != 0 || !strings.Contains(fixes[0].Manual, want) {
			t.Errorf("fixes %+v, want text with %q", fixes, want)
		}
	}
}

func TestT20PrivilegedBlocksPrivilegeEscalation(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, securityContext: {privileged: true}}]`)
	if f := fixtest.Only(t, AllowPrivilegeEscalation, text); f.BlockedBy != PrivilegedContainer.ID {
		t.Errorf("blocked by %q, want privileged-container", f.BlockedBy)
	}
	// The API refuses false for a privileged container: both change or none.
	after := `containers: [{name: web, image: web:1, securityContext: {privileged: false, allowPrivilegeEscalation: false}}]`
	expectAfter(t, text, []*harden.Fixer{AllowPrivilegeEscalation}, after)
	expectAfter(t, text, []*harden.Fixer{AllowPrivilegeEscalation, PrivilegedContainer}, after)

	expectAfter(t, deployment(`containers: [{name: web, image: web:1, securityContext: {privileged: true, capabilities: {add: [CAP_SYS_ADMIN]}}}]`),
		[]*harden.Fixer{AllowPrivilegeEscalation},
		`containers: [{name: web, image: web:1, securityContext: {privileged: false, allowPrivilegeEscalation: false, capabilities: {}}}]`)
}

func TestT21SysAdmin(t *testing.T) {
	accepted := deployment(`containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}}]`)
	expect(t, AllowPrivilegeEscalation, accepted, nil)
	expect(t, DangerousCapabilities, accepted, []string{"web critical"})
	for _, name := range []string{"SYS_ADMIN", "CAP_SYS_ADMIN"} {
		text := withCaps(`{add: [` + name + `]}`)
		if f := fixtest.Only(t, AllowPrivilegeEscalation, text); f.BlockedBy != DangerousCapabilities.ID {
			t.Errorf("%s: blocked by %q, want dangerous-capabilities", name, f.BlockedBy)
		}
		expectAfter(t, text, []*harden.Fixer{AllowPrivilegeEscalation, DangerousCapabilities}, `containers: [{name: web, image: web:1, securityContext: {capabilities: {}, allowPrivilegeEscalation: false}}]`)
	}
}

func TestT24PrivilegedHasNoSeccompFinding(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, securityContext: {privileged: true}}]`)
	expect(t, PrivilegedContainer, text, []string{"web critical"})
	for _, fixer := range []*harden.Fixer{SeccompProfileMissing, DropAllCapabilities, NetRawCapability} {
		expect(t, fixer, text, nil)
		if !fixtest.NotApplicable(t, fixer, text) {
			t.Errorf("%s passes a privileged container, where it says nothing", fixer.ID)
		}
	}
	expect(t, SeccompUnconfined, text, nil)
}

func TestT12LinuxRulesSkipWindows(t *testing.T) {
	text := deployment(`
nodeSelector: {kubernetes.io/os: windows}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]
`)
	for _, fixer := range mine {
		expect(t, fixer, text, nil)
	}
	for _, fixer := range []*harden.Fixer{
		RunAsRootUser, AllowPrivilegeEscalation, DropAllCapabilities, DangerousCapabilities, AddedCapabilitiesRestricted,
		NetRawCapability, PrivilegedContainer, HostPID, HostIPC, SeccompUnconfined, SeccompProfileMissing, ReadOnlyRootFilesystem,
	} {
		if !fixtest.NotApplicable(t, fixer, text) {
			t.Errorf("%s passes a Windows pod, where it says nothing", fixer.ID)
		}
	}
}

func TestT38ExplicitFalseIsLikeUnset(t *testing.T) {
	for _, fixer := range mine {
		unset := told(fixtest.Run(t, fixer, deployment(`containers: [{name: web, image: web:1}]`)))
		expect(t, fixer, deployment(`
hostNetwork: false
hostPID: false
hostIPC: false
containers: [{name: web, image: web:1, securityContext: {privileged: false}}]`), unset)
	}
}

func TestPrivilegedFix(t *testing.T) {
	expectAfter(t, deployment(`
containers:
- name: web
  image: web:1
  securityContext: {privileged: true}
  volumeMounts: [{name: kubelet, mountPath: /var/lib/kubelet, mountPropagation: Bidirectional}, {name: tmp, mountPath: /tmp}]
`), []*harden.Fixer{PrivilegedContainer}, `
containers:
- name: web
  image: web:1
  securityContext: {privileged: false}
  volumeMounts: [{name: kubelet, mountPath: /var/lib/kubelet, mountPropagation: HostToContainer}, {name: tmp, mountPath: /tmp}]
`)
}

func TestPrivilegeEscalationFix(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1}, {name: log, image: log:1, securityContext: {allowPrivilegeEscalation: true}}]`)
	expect(t, AllowPrivilegeEscalation, text, []string{"web medium", "log medium"})
	expectAfter(t, text, []*harden.Fixer{AllowPrivilegeEscalation}, `
containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false}}, {name: log, image: log:1, securityContext: {allowPrivilegeEscalation: false}}]
`)
}
