package pod

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var hostFixers = []*harden.Fixer{HostNetwork, HostPID, HostIPC, HostPort}

func TestHostNamespaces(t *testing.T) {
	text := deployment(`
hostNetwork: true
hostPID: true
hostIPC: true
containers: [{name: web, image: web:1}]
`)
	for _, fixer := range []*harden.Fixer{HostNetwork, HostPID, HostIPC} {
		expect(t, fixer, text, []string{"- high"})
		expectClasses(t, fixtest.Fixes(t, fixer, text), "review")
	}
	expectAfter(t, text, hostFixers, `
hostNetwork: false
hostPID: false
hostIPC: false
containers: [{name: web, image: web:1}]
`)
}

func TestHostPIDIsCriticalWhereItIsATakeover(t *testing.T) {
	for security, want := range map[string]string{
		`{privileged: true}`:                     "- critical",
		`{capabilities: {add: [SYS_PTRACE]}}`:    "- critical",
		`{runAsUser: 0}`:                         "- critical",
		`{runAsUser: 65534}`:                     "- high",
		`{runAsNonRoot: true, privileged: null}`: "- high",
	} {
		expect(t, HostPID, deployment(`
hostPID: true
containers: [{name: web, image: web:1, securityContext: `+security+`}]`), []string{want})
	}
}

func TestT30HostNetworkCoversItsPorts(t *testing.T) {
	defaulted := deployment(`
hostNetwork: true
containers: [{name: web, image: web:1, ports: [{containerPort: 80, hostPort: 80}]}]
`)
	plain := deployment(`
hostNetwork: true
containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]
`)
	for _, text := range []string{defaulted, plain} {
		expect(t, HostNetwork, text, []string{"- high"})
		expect(t, HostPort, text, nil)
		expectAfter(t, text, hostFixers, `
hostNetwork: false
containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]
`)
	}
}

// The API refuses other ports with hostNetwork; a file may hold them.
func TestHostNetworkDoesNotCoverOtherPorts(t *testing.T) {
	expect(t, HostPort, deployment(`
hostNetwork: true
containers: [{name: web, image: web:1, ports: [{containerPort: 80, hostPort: 8080}]}]
`), []string{"web medium"})
}

func TestHostProcessNeedsHostNetwork(t *testing.T) {
	text := deployment(`
os: {name: windows}
hostNetwork: true
containers: [{name: web, image: web:1, securityContext: {windowsOptions: {hostProcess: true}}}]
`)
	if f := fixtest.Only(t, HostNetwork, text); f.BlockedBy != WindowsHostProcess.ID {
		t.Errorf("blocked by %q, want windows-host-process", f.BlockedBy)
	}
	after := `
os: {name: windows}
hostNetwork: false
containers: [{name: web, image: web:1, securityContext: {windowsOptions: {hostProcess: false}}}]
`
	expectAfter(t, text, []*harden.Fixer{HostNetwork}, after)
	expectAfter(t, text, []*harden.Fixer{HostNetwork, WindowsHostProcess}, after)
}

func TestHostPort(t *testing.T) {
	text := deployment(`
containers:
- name: dns
  image: dns:1
  ports:
  - {containerPort: 53, hostPort: 53, protocol: UDP}
  - {containerPort: 53, hostPort: 5353}
  - {containerPort: 9153, hostPort: 0}
`)
	expect(t, HostPort, text, []string{"dns medium", "dns medium"})
	ids := map[string]bool{}
	for _, f := range fixtest.Run(t, HostPort, text) {
		ids[f.ID()] = true
	}
	if len(ids) != 2 {
		t.Errorf("the ports have the identities %v", ids)
	}
	expectAfter(t, text, hostFixers, `
containers:
- name: dns
  image: dns:1
  ports:
  - {containerPort: 53, protocol: UDP}
  - {containerPort: 53}
  - {containerPort: 9153, hostPort: 0}
`)
}

func TestT113SharedContainerPortIsLeftToAPerson(t *testing.T) {
	text := deployment(`
containers: [{name: web, image: web:1, ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80, hostPort: 8080, protocol: TCP}]}]
`)
	expect(t, HostPort, text, []string{"web medium", "web medium"})
	for _, fixes := range fixtest.AllFixes(t, HostPort, text) {
		if len(fixes) != 1 || len(fixes[0].Changes) != 0 || fixes[0].Manual == "" {
			t.Errorf("got %+v, want text only", fixes)
		}
	}
	if fixes := fixtest.Fixes(t, HostNetwork, deployment(`
hostNetwork: true
containers: [{name: web, image: web:1, ports: [{containerPort: 80, hostPort: 80, hostIP: 10.0.0.1}, {containerPort: 80, hostPort: 80, hostIP: 10.0.0.2}]}]
`)); len(fixes[0].Changes) != 0 || fixes[0].Manual == "" {
		t.Errorf("got %+v, want text only", fixes)
	}
}
