package cloud

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IdentityNotInjected finds pods that run without the role of their account.
var IdentityNotInjected = &harden.Fixer{
	ID:       "aws-identity-not-injected",
	Title:    "runs without the IAM role of its ServiceAccount",
	Area:     harden.AreaCloud,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
The ServiceAccount has an IAM role, and a running pod did not get it.

Fields:

    metadata.annotations['eks.amazonaws.com/role-arn'] of the ServiceAccount
    env of the live pods: AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE (or those of EKS Pod Identity)

Allowed: every running pod has them in at least one container.

**Why it matters.** The role is added when a pod is made. A pod that is older than the annotation, or that was
made while the webhook did not answer, asks the node for its role instead: it may have too much, and it fails when
the metadata service is closed.

**The fix.** A restart. It is not a change of the object that would stay, so there is text with the command.

**Traps.** The webhook fails open: look whether it is there (mutatingwebhookconfiguration
pod-identity-webhook) when the restart changes nothing. The annotation
eks.amazonaws.com/skip-containers leaves containers out; a pod in which all are left out is reported here.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.2.1"},
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount),
	Check: checkIdentityNotInjected,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("restart the pods", restart(p.Object)+" Look first that the webhook is there: kubectl get mutatingwebhookconfiguration pod-identity-webhook.", "The pods restart, and from then on have the rights of the role instead of those of the node.")
	},
}

func restart(r harden.Ref) string {
	switch r.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return fmt.Sprintf("kubectl rollout restart %s/%s -n %s", strings.ToLower(r.Kind), r.Name, r.Namespace)
	}
	return fmt.Sprintf("Delete the pods of %s in %s, so that they are made anew.", r, r.Namespace)
}

func checkIdentityNotInjected(p *harden.Pass) {
	if !p.Inventory.Live() || !maybeAWS(p) {
		p.NotApplicable()
		return
	}
	sa := accountOf(p)
	if sa == nil || sa.Annotations[roleAnnotation] == "" || p.Workload.IsStatic() {
		p.NotApplicable()
		return
	}
	pods := running(p.Workload)
	if len(pods) == 0 {
		p.NotApplicable()
		return
	}
	var without []string
	for _, pod := range pods {
		if ownIdentity(&pod.Spec) == "" {
			without = append(without, pod.Name)
		}
	}
	if len(without) == 0 {
		return
	}
	p.Report(harden.Finding{
		Field: p.Pod.Field("serviceAccountName"), Reason: fmt.Sprintf("%d of %d pods run without the IAM role", len(without), len(pods)),
		Detail: fmt.Sprintf("ServiceAccount %s has %s, and %s got neither AWS_ROLE_ARN nor credentials of EKS Pod Identity: made before the annotation, or while the webhook did not answer.",
			sa.Name, harden.OneLine(sa.Annotations[roleAnnotation]), some(without)),
	})
}
