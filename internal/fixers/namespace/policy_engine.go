package namespace

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// PolicyEngine finds clusters that accept whatever they are given.
var PolicyEngine = &harden.Fixer{
	ID:       "policy-engine",
	Title:    "nothing refuses insecure objects",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectCluster,
	Doc: `
No policy guards what is created in the cluster.

Fields:

    ValidatingAdmissionPolicyBindings
    ClusterPolicy and Policy of Kyverno, ValidatingPolicy, ImageValidatingPolicy
    constraints of Gatekeeper, ClusterAdmissionPolicy and AdmissionPolicy of Kubewarden
    labels pod-security.kubernetes.io/enforce of namespaces: baseline, restricted

Allowed: any one of these; whether it refuses or only reports is another rule's. On OpenShift
its own admission does it.

**Why it matters.** What was hardened stays so only as long as nobody applies something else. Without
a policy that is a matter of luck, and of how many people may create pods.

**The fix.** Detection only: which engine fits is a decision of people. Pod Security labels cost
nothing, and psa-enforce-missing proposes them.

**Traps.** Where another webhook judges pods the finding is info: it may be an engine that is not
known here. The default of the API server's own configuration cannot be seen.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.2.1"},
		{Standard: "Kubescape", ID: "C-0192"},
		{Standard: "Kubescape", ID: "C-0068"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.KindNamespace, harden.AnyObject),
	Check: checkPolicyEngine,
	Fix:   byHand("let something refuse what is insecure", "Begin with Pod Security labels on each namespace. For more, bind ValidatingAdmissionPolicies, or run Kyverno, Gatekeeper or Kubewarden: at first with warnings, then refusing."),
}

var policyKinds = []schema.GroupKind{
	harden.KindValidatingAdmissionPolicyBinding, harden.KindKyvernoClusterPolicy, harden.KindKyvernoPolicy, harden.KindValidatingPolicy,
	harden.KindImageValidatingPolicy, harden.KindClusterAdmissionPolicy, harden.KindAdmissionPolicy,
}

func checkPolicyEngine(p *harden.Pass) {
	inv := p.Inventory
	if inv.Cluster.OpenShift {
		p.NotApplicable()
		return
	}
	if have(inv, policyKinds...) != "" {
		return
	}
	for kind, list := range inv.Others {
		if kind.Group == harden.ConstraintGroup && len(list) > 0 {
			return
		}
	}
	for _, ns := range inv.Namespaces {
		if level := ns.Labels[api.EnforceLevelLabel]; level == podsecurity.Baseline || level == podsecurity.Restricted {
			return
		}
	}
	if why := inv.Unreadable("namespaces", ""); why != "" {
		p.Unknown("namespaces could not be read: " + why + ".")
		return
	}
	if !p.Needs("", policyKinds...) {
		return
	}
	f := harden.Finding{
		Reason: "no admission policy seen",
		Detail: "There are no policies of Kyverno, Gatekeeper or Kubewarden, no binding of a ValidatingAdmissionPolicy, and no namespace enforces a Pod Security level.",
	}
	if hook := podJudge(inv); hook != "" {
		f.Severity, f.SeverityWhy = harden.Info, "a webhook judges pods, and may be an engine that is not known here: "+hook
	}
	p.Report(f)
}
