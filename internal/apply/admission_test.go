package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// mutating is a policy that changes every Deployment of the namespace, and its binding.
func mutating(namespace, expression string) string {
	return fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: '%[2]s'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s}`, namespace, expression)
}

func denying(namespace string) string {
	return fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}
  validations:
  - {expression: "false", message: "no changes on Fridays"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}`, namespace)
}

func TestT116AdmissionThatInterferes(t *testing.T) {
	const container = `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: "web", %s}]}}}}`
	for _, test := range []struct {
		name   string
		policy func(namespace string) string
		want   []string
	}{
		{
			"changes something else",
			func(ns string) string { return mutating(ns, fmt.Sprintf(container, `imagePullPolicy: "Always"`)) },
			[]string{`.spec.template.spec.containers[name="web"].imagePullPolicy`, "which nobody asked for"},
		},
		{
			"takes the fix back",
			func(ns string) string {
				return mutating(ns, fmt.Sprintf(container, `securityContext: Object.spec.template.spec.containers.securityContext{runAsNonRoot: false}`))
			},
			[]string{`.spec.template.spec.containers[name="web"].securityContext.runAsNonRoot`, "sets it back"},
		},
		{"refuses", denying, []string{"no changes on Fridays", "an admission policy of the cluster does not allow this change"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.create(deploymentYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			t.Cleanup(func() { b.dropPolicies() })
			b.applyAs(test.policy(b.namespace))
			p := b.plan("rule", nonRoot(ref))
			// The server takes a moment to enforce a new policy.
			b.until("the policy does not show in the dry run", func() bool {
				b.DryRun(t.Context(), p.Objects[0])
				return !p.Objects[0].DryRun.OK()
			})
			before := b.read(ref).GetResourceVersion()
			report := b.run(p, harden.ApplyOptions{})
			b.wantPhases(report, harden.Refused)
			b.wantMessage(report, test.want...)
			if got := b.read(ref).GetResourceVersion(); got != before {
				t.Error("the object was changed")
			}
		})
	}
}

func (b *bench) dropPolicies() {
	for _, kind := range []string{"mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "validatingadmissionpolicies", "validatingadmissionpolicybindings"} {
		// The test's context is over by now.
		if out, err := b.lab.Kubectl(context.Background(), "delete", kind, b.namespace, "--ignore-not-found"); err != nil {
			b.Errorf("%v\n%s", err, out)
		}
	}
}

func TestWarningsOfTheServer(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	b.kubectl("label", "namespace", b.namespace, "pod-security.kubernetes.io/warn=restricted")
	op := b.objectPlan("rule", nonRoot(b.ref("apps/v1", "Deployment", "web")))
	b.DryRun(t.Context(), op)
	if !op.DryRun.OK() || len(op.DryRun.Warnings) != 1 || !strings.Contains(op.DryRun.Warnings[0], "would violate PodSecurity") {
		t.Errorf("dry run %+v, want it accepted with one warning of Pod Security", op.DryRun)
	}
}
