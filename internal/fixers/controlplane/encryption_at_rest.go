package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// EncryptionAtRest finds API servers that store Secrets in etcd as they are.
var EncryptionAtRest = &harden.Fixer{
	ID:       "cp-encryption-at-rest",
	Title:    "Secrets lie in etcd without encryption",
	Area:     harden.AreaControlPlane,
	Severity: harden.High,
	Subject:  harden.SubjectWorkload,
	Doc: `
The API server writes Secrets to etcd as they are.

Fields:

    --encryption-provider-config   of kube-apiserver (the mirror pod in kube-system)

Allowed: the flag with a file whose first provider encrypts Secrets (kms v2, secretbox, aescbc).

**Why it matters.** Whoever gets a backup or the disk of etcd, or reaches its port, reads every
Secret and every token of the cluster. base64 is not encryption.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** The file itself is not visible from here: with "identity" as the first provider nothing is
encrypted in spite of the flag. What was written before stays as it is until it is written
anew. Keys in a file on the same disk protect backups of etcd alone; a KMS protects more. Losing
the key is losing the Secrets. On EKS (envelope encryption), GKE and AKS it is a setting of the provider.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.27"},
		{Standard: "CIS", ID: "1.2.28"},
		{Standard: "CIS EKS", ID: "5.3.1"},
		{Standard: "NSA", ID: "encryption"},
		{Standard: "Trivy", ID: "KCV-0030"},
		{Standard: "Kubescape", ID: "C-0066"},
		{Standard: "Kubescape", ID: "C-0141"},
		{Standard: "Kubernetes", ID: "Encrypting confidential data at rest", URL: "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if c, ok := find(p, apiServer); ok && !c.has("encryption-provider-config") {
			c.report(p, harden.Finding{
				Reason: "no encryption at rest",
				Detail: c.say("encryption-provider-config") + ": whoever reads etcd, its disk or a backup of it reads all Secrets.",
			})
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "encrypt Secrets in etcd",
			"set --encryption-provider-config to an EncryptionConfiguration for secrets with kms (version 2) or secretbox first and identity last, the same on all control plane nodes, and mount it read-only. "+
				"Then write all Secrets anew (kubectl get secrets --all-namespaces -o json | kubectl replace -f -), and take identity away when that is done.")
	},
}
