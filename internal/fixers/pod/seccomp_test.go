package pod

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var seccompFixers = []*harden.Fixer{SeccompUnconfined, SeccompProfileMissing}

func TestSeccomp(t *testing.T) {
	for name, test := range map[string]struct {
		spec                string
		unconfined, missing []string
		after               string
	}{
		"nothing anywhere is one finding": {`
initContainers: [{name: setup, image: setup:1}]
containers: [{name: web, image: web:1}]`, nil, []string{"- medium"}, `
securityContext: {seccompProfile: {type: RuntimeDefault}}
initContainers: [{name: setup, image: setup:1}]
containers: [{name: web, image: web:1}]`},
		"one container differs": {`
containers: [{name: web, image: web:1}, {name: log, image: log:1, securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}}]`, nil, []string{"web medium"}, `
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}, {name: log, image: log:1, securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}}]`},
		"pod unconfined": {`
securityContext: {seccompProfile: {type: Unconfined}}
containers: [{name: web, image: web:1}]`, []string{"- high"}, nil, `
securityContext: {seccompProfile: {type: RuntimeDefault}}
containers: [{name: web, image: web:1}]`},
		"pod unconfined, overridden": {`
securityContext: {seccompProfile: {type: Unconfined}}
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]`, []string{"- low"}, nil, `
securityContext: {seccompProfile: {type: RuntimeDefault}}
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]`},
		"container unconfined": {`
securityContext: {seccompProfile: {type: RuntimeDefault}}
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: Unconfined}}}]`, []string{"web high"}, nil, `
securityContext: {seccompProfile: {type: RuntimeDefault}}
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]`},
		"privileged and unconfined": {`
containers: [{name: web, image: web:1, securityContext: {privileged: true, seccompProfile: {type: Unconfined}}}]`, []string{"web low"}, nil, `
containers: [{name: web, image: web:1, securityContext: {privileged: true, seccompProfile: {type: RuntimeDefault}}}]`},
		"unconfined and missing": {`
containers: [{name: web, image: web:1}, {name: log, image: log:1, securityContext: {seccompProfile: {type: Unconfined}}}]`, []string{"log high"}, []string{"web medium"}, `
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}, {name: log, image: log:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, SeccompUnconfined, deployment(test.spec), test.unconfined)
			expect(t, SeccompProfileMissing, deployment(test.spec), test.missing)
			expectAfter(t, deployment(test.spec), seccompFixers, test.after)
		})
	}
}

func TestSeccompClasses(t *testing.T) {
	expectClasses(t, fixtest.Fixes(t, SeccompProfileMissing, deployment(`containers: [{name: web, image: web:1}]`)), "review")
	expectClasses(t, fixtest.Fixes(t, SeccompUnconfined, deployment(`
securityContext: {seccompProfile: {type: Unconfined}}
containers: [{name: web, image: web:1}]`)), "review")
	expectClasses(t, fixtest.Fixes(t, SeccompUnconfined, deployment(`
securityContext: {seccompProfile: {type: Unconfined}}
containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]`)), "evidence")
}

func TestSeccompAnnotationCountsOnOldServers(t *testing.T) {
	text := strings.Replace(deployment(`containers: [{name: web, image: web:1}]`),
		"metadata: {labels: {app: web}}", `metadata: {labels: {app: web}, annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}`, 1)
	expect(t, SeccompUnconfined, text, []string{"web high"}, fixtest.Minor(26))
	expect(t, SeccompProfileMissing, text, nil, fixtest.Minor(26))
	expect(t, SeccompUnconfined, text, nil, fixtest.Minor(27))
	expect(t, SeccompProfileMissing, text, []string{"- medium"}, fixtest.Minor(27))
	after := fixtest.Repair(t, seccompFixers, text, fixtest.Minor(26))
	expect(t, SeccompUnconfined, after, nil, fixtest.Minor(26))
	if strings.Contains(after, "unconfined") {
		t.Errorf("the annotation stays:\n%s", after)
	}
}
