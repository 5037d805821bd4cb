package pod

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestT01PodLevelIdentityIsInherited(t *testing.T) {
	text := deployment(`
securityContext: {runAsUser: 10001, runAsNonRoot: true}
containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false}}]
`)
	for _, fixer := range []*harden.Fixer{RunAsNonRoot, RunAsRootUser, LowUID} {
		expect(t, fixer, text, nil)
	}
}

func TestT02ContainerLevelContextIsEnough(t *testing.T) {
	text := deployment(`
containers:
- name: web
  image: web:1
  securityContext:
    runAsNonRoot: true
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
`)
	for _, fixer := range append(slices.Clone(mine), ImageDefaultContext) {
		expect(t, fixer, text, nil)
	}
}

func TestT03OnlyTheContainerThatSaysFalse(t *testing.T) {
	expect(t, RunAsNonRoot, deployment(`
securityContext: {runAsNonRoot: true}
containers: [{name: web, image: web:1}, {name: log, image: log:1, securityContext: {runAsNonRoot: false}}]
`), []string{"log unknown-user medium"})
}

func TestT04GroupIsNotAskedFor(t *testing.T) {
	expect(t, RunAsNonRoot, deployment(`
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true, runAsUser: 1000}}]
`), nil)
}

func TestT06ImageUserDecides(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1}]`)
	for user, want := range map[string]string{
		"":            "web root high",
		"0:1000":      "web root high",
		"1000:0":      "web unenforced low",
		"65532:65532": "web unenforced low",
		"app":         "web unverifiable medium",
		"app:1000":    "web unverifiable medium",
	} {
		expect(t, RunAsNonRoot, text, []string{want}, fixtest.Image("web:1", harden.ImageFacts{Known: true, User: user}))
	}
	expect(t, RunAsNonRoot, text, []string{"web unknown-user medium"}, fixtest.Image("web:1", harden.ImageFacts{}))
}

func TestT07Contradiction(t *testing.T) {
	text := deployment(`
securityContext: {runAsNonRoot: true, runAsUser: 0}
containers: [{name: web, image: web:1}]
`)
	expect(t, RunAsNonRoot, text, []string{"web contradiction high"})
	if f := fixtest.Only(t, RunAsNonRoot, text); !strings.Contains(f.Reason, "cannot start") {
		t.Errorf("reason %q does not say that it cannot start", f.Reason)
	}
	expectAfter(t, text, []*harden.Fixer{RunAsNonRoot, RunAsRootUser}, `
securityContext: {runAsNonRoot: true}
containers: [{name: web, image: web:1}]
`)
}

func TestT08InitContainerAlone(t *testing.T) {
	hardened := `securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}`
	text := deployment(`
initContainers: [{name: setup, image: setup:1}]
containers: [{name: web, image: web:1, ` + hardened + `}]
`)
	for _, fixer := range []*harden.Fixer{RunAsNonRoot, AllowPrivilegeEscalation, DropAllCapabilities, NetRawCapability, SeccompProfileMissing, ReadOnlyRootFilesystem} {
		f := fixtest.Only(t, fixer, text)
		if want := (harden.ContainerRef{Kind: harden.InitContainer, Name: "setup"}); f.Container != want {
			t.Errorf("%s: found on %v, want %v", fixer.ID, f.Container, want)
		}
	}
}

func TestT11UserNamespace(t *testing.T) {
	text := deployment(`
hostUsers: false
containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]
`)
	expect(t, RunAsNonRoot, text, []string{"web root medium"}, fixtest.Minor(34))
	expect(t, RunAsRootUser, text, []string{"web high"}, fixtest.Minor(34))
	expect(t, DropAllCapabilities, text, []string{"web medium"}, fixtest.Minor(34))
	for _, minor := range []int{0, 35, 37} {
		expect(t, RunAsNonRoot, text, nil, fixtest.Minor(minor))
		expect(t, RunAsRootUser, text, nil, fixtest.Minor(minor))
		expect(t, DropAllCapabilities, text, []string{"web medium"}, fixtest.Minor(minor))
	}
}

func TestNonRootVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"root": {`
containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]`, []string{"web root high"}},
		"container number overrides the pod's root": {`
securityContext: {runAsUser: 0}
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}]`, []string{"web unenforced low"}},
		"pod false, all containers true": {`
securityContext: {runAsNonRoot: false}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, []string{"- pod-level-false low"}},
		"pod false, inherited": {`
securityContext: {runAsNonRoot: false}
containers: [{name: web, image: web:1}]`, []string{"web unknown-user medium", "- pod-level-false low"}},
		"Windows administrator": {`
os: {name: windows}
containers: [{name: web, image: web:1, securityContext: {windowsOptions: {runAsUserName: containeradministrator}}}]`, []string{"web root high"}},
		"Windows user of the pod": {`
os: {name: windows}
securityContext: {windowsOptions: {runAsUserName: ContainerUser}}
containers: [{name: web, image: web:1}]`, []string{"web unenforced low"}},
		"Windows, enforced": {`
os: {name: windows}
securityContext: {runAsNonRoot: true}
containers: [{name: web, image: web:1}]`, nil},
	} {
		t.Run(name, func(t *testing.T) { expect(t, RunAsNonRoot, deployment(test.spec), test.want) })
	}
}

func TestNonRootFixClasses(t *testing.T) {
	proven := `containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}]`
	unknown := `containers: [{name: web, image: web:1}]`
	expectClasses(t, fixtest.Fixes(t, RunAsNonRoot, deployment(proven)), "evidence")
	expectClasses(t, fixtest.Fixes(t, RunAsNonRoot, deployment(unknown)), "review")
	expectClasses(t, fixtest.Fixes(t, RunAsNonRoot, deployment(unknown), fixtest.Image("web:1", harden.ImageFacts{Known: true, User: "1000"})), "evidence")

	// A root image, or one with a named user, would not start: no change at all.
	for _, user := range []string{"", "app"} {
		fixes := fixtest.Fixes(t, RunAsNonRoot, deployment(unknown), fixtest.Image("web:1", harden.ImageFacts{Known: true, User: user}))
		expectClasses(t, fixes, "review")
		if len(fixes[0].Changes) != 0 || fixes[0].Manual == "" {
			t.Errorf("image user %q: got changes, want text: %+v", user, fixes[0])
		}
	}
}

func TestT39PodLevelOnlyWhenAllAreProven(t *testing.T) {
	both := deployment(`
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}, {name: log, image: log:1, securityContext: {runAsUser: 8}}]
`)
	expectAfter(t, both, []*harden.Fixer{RunAsNonRoot}, `
securityContext: {runAsNonRoot: true}
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}, {name: log, image: log:1, securityContext: {runAsUser: 8}}]
`)
	one := deployment(`
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}, {name: log, image: log:1}]
`)
	expectAfter(t, one, []*harden.Fixer{RunAsNonRoot}, `
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7, runAsNonRoot: true}}, {name: log, image: log:1, securityContext: {runAsNonRoot: true}}]
`)
	fixes := fixtest.AllFixes(t, RunAsNonRoot, one)
	expectClasses(t, fixes[0], "evidence")
	expectClasses(t, fixes[1], "review")
}

func TestPodLevelIsRefusedForInjectedContainers(t *testing.T) {
	text := deployment(`
containers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}, {name: log, image: log:1, securityContext: {runAsUser: 8}}]
`) + `
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec:
  containers: [{name: web, image: web:1}, {name: log, image: log:1}, {name: proxy, image: proxy:1}]
`
	for _, fixes := range fixtest.AllFixes(t, RunAsNonRoot, text) {
		for _, c := range fixes[0].Changes {
			if _, ok := c.Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["securityContext"]; ok {
				t.Errorf("pod-level change although a proxy is injected: %v", c.Set.Object)
			}
		}
	}
}

func TestPodLevelFalseIsFixed(t *testing.T) {
	for name, test := range map[string]struct{ before, after, class string }{
		"all containers say true": {
			`
securityContext: {runAsNonRoot: false}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, `
securityContext: {runAsNonRoot: true}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, "evidence",
		},
		"inherited": {
			`
securityContext: {runAsNonRoot: false}
containers: [{name: web, image: web:1}]`, `
securityContext: {}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, "safe",
		},
		"inherited with root": {
			`
securityContext: {runAsNonRoot: false, runAsUser: 0}
containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]`, `
securityContext: {}
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, "safe",
		},
		"all are proven": {
			`
securityContext: {runAsNonRoot: false, runAsUser: 5}
containers: [{name: web, image: web:1}, {name: log, image: log:1}]`, `
securityContext: {runAsNonRoot: true, runAsUser: 5}
containers: [{name: web, image: web:1}, {name: log, image: log:1}]`, "evidence",
		},
	} {
		t.Run(name, func(t *testing.T) {
			expectAfter(t, deployment(test.before), []*harden.Fixer{RunAsNonRoot, RunAsRootUser}, test.after)
			all := fixtest.AllFixes(t, RunAsNonRoot, deployment(test.before))
			expectClasses(t, all[len(all)-1], test.class)
		})
	}
}

func TestExplicitRootIsTakenAway(t *testing.T) {
	text := deployment(`
securityContext: {runAsUser: 0}
initContainers: [{name: setup, image: setup:1, securityContext: {runAsUser: 0}}]
containers: [{name: web, image: web:1}]
`)
	expect(t, RunAsRootUser, text, []string{"- high", "setup high"})
	expectAfter(t, text, []*harden.Fixer{RunAsRootUser, RunAsNonRoot}, `
securityContext: {}
initContainers: [{name: setup, image: setup:1, securityContext: {runAsNonRoot: true}}]
containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]
`)
	for _, fixes := range fixtest.AllFixes(t, RunAsRootUser, text) {
		expectClasses(t, fixes, "review")
	}
}
