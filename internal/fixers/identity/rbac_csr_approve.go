package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// CSRApprove finds grants that approve certificates.
var CSRApprove = powerRule("Limit approve on signers to the one that it is for, by resourceNames.", harden.Fixer{
	ID:       "rbac-csr-approve",
	Title:    "may approve certificates",
	Severity: harden.Critical,
	Doc: `
A subject may approve certificate signing requests, for a signer.

Fields:

    rules[] of the role: certificatesigningrequests/approval with update or patch
    and, from this or another grant of the subject, approve on signers

Allowed: one of both alone, which does nothing.

**Why it matters.** Certificates are credentials that RBAC cannot take back. Who approves
requests of the signer kubernetes.io/kube-apiserver-client makes itself any user and any
group, but system:masters, which the API server refuses.

**The fix.** The verb is taken out of the role where the rule names it. An approver that is needed
gets "approve" on the one signer that it is for, by resourceNames.

**Traps.** The right needs two rules: the subresource is one, the signer is the other. They may
come by two bindings. Approvers of kubelets' certificates (signers
kubernetes.io/kubelet-serving and kube-apiserver-client-kubelet) are common and meant; check
that they look at who asks.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.11"},
		{Standard: "ATT&CK", ID: "T1098"},
		{Standard: "Kubescape", ID: "C-0280"},
		{Standard: "Kubernetes", ID: "Certificate signing requests", URL: "https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/"},
	},
})
