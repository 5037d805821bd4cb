package secret

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ExternalStore finds namespaces whose credentials are kept in the cluster alone.
var ExternalStore = &harden.Fixer{
	ID:       "external-secret-store",
	Title:    "keeps its credentials in the cluster alone",
	Area:     harden.AreaSecret,
	Severity: harden.Info,
	Subject:  harden.SubjectNamespace,
	Doc: `
The namespace has Secrets that somebody made, and none that comes from a store.

Fields:

    Secrets of type Opaque without an owner
    ExternalSecret, SecretProviderClass, SealedSecret and Vault's resources

Allowed: a namespace without such Secrets, or with one of these resources. Secrets
that an operator makes for itself, those of Helm's releases and those of the cluster's
own namespaces do not count. For files the rule does not apply: what they lack may be
applied from elsewhere.

**Why it matters.** What is only in the cluster came from a laptop or a pipeline,
where a copy is. Nobody sees when it is read, it has no history and no date on which
it has to be replaced, and it is lost with the cluster. Where an operator for a store
runs already, this namespace goes past it and the finding is medium.

**The fix.** By hand: the text has an ExternalSecret to fill in, or a
SecretProviderClass. Which store, and under which key, is for you to say.

**Traps.** External Secrets writes the value into a Secret of the cluster all the
same: encryption at rest and rights to read Secrets matter as before. The Secrets
Store CSI driver does so only with secretObjects. A SealedSecret is a store of its
own kind: the key to it is in the cluster.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.4.2"},
		{Standard: "CIS EKS", ID: "4.4.2"},
		{Standard: "Kubescape", ID: "C-0208"},
		{Standard: "Kubescape", ID: "C-0234"},
	},
	Reads: harden.InCluster(harden.KindClusterExternalSecret, harden.KindExternalSecret, harden.KindSealedSecret, harden.KindSecret, harden.KindSecretProviderClass),
	Check: checkExternalStore,
	Fix:   fixExternalStore,
}

// storeGroups are API groups of operators that bring credentials from elsewhere.
var storeGroups = []string{"external-secrets.io", "secrets-store.csi.x-k8s.io", "bitnami.com", "secrets.hashicorp.com", "onepassword.com", "secrets.infisical.com", "secrets.doppler.com"}

func checkExternalStore(p *harden.Pass) {
	inv, ns := p.Inventory, p.NamespaceName
	if !inv.Live() || harden.IsSystemNamespace(ns) {
		p.NotApplicable()
		return
	}
	if !p.Needs(ns, harden.KindSecret, harden.KindExternalSecret, harden.KindSecretProviderClass, harden.KindSealedSecret) {
		return
	}
	var own []string
	for _, o := range inv.InNamespace(harden.KindSecret, ns) {
		s := harden.Content[*harden.SecretMeta](o)
		switch {
		case s == nil || s.Type != corev1.SecretTypeOpaque:
		case fromStore(s):
			return
		case len(s.OwnerReferences) == 0:
			own = append(own, s.Name)
		}
	}
	if len(inv.Others[harden.KindClusterExternalSecret]) > 0 {
		return // it makes Secrets in namespaces that it selects, perhaps in this one
	}
	used := len(inv.InNamespace(harden.KindExternalSecret, ns)) + len(inv.InNamespace(harden.KindSecretProviderClass, ns)) + len(inv.InNamespace(harden.KindSealedSecret, ns))
	if len(own) == 0 || used > 0 {
		return
	}
	f := harden.Finding{
		Reason: fmt.Sprintf("%d Secrets of type Opaque come from no store", len(own)),
		Detail: "These Secrets were made in the cluster, and nothing in the namespace brings any from a store: " + strings.Join(own[:min(len(own), 8)], ", ") + ".",
	}
	if len(own) == 1 {
		f.Reason = "Secret " + own[0] + " comes from no store"
	}
	for _, group := range storeGroups {
		if inv.Cluster.Groups[group] {
			f.Severity, f.SeverityWhy = harden.Medium, "the cluster has "+group+", and this namespace does not use it"
			break
		}
	}
	p.Report(f)
}

// fromStore knows Secrets that an operator fills from elsewhere without owning them
// in a way that the API shows by kind.
func fromStore(s *harden.SecretMeta) bool {
	for _, owner := range s.OwnerReferences {
		for _, group := range storeGroups {
			if strings.HasPrefix(owner.APIVersion, group+"/") {
				return true
			}
		}
	}
	for _, key := range []string{"reconcile.external-secrets.io/created-by", "reconcile.external-secrets.io/managed", "secrets-store.csi.k8s.io/managed"} {
		if _, ok := s.Labels[key]; ok {
			return true
		}
	}
	return false
}

func fixExternalStore(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	store, version := storeFor(p.Inventory, p.NamespaceName)
	draft := "Install an operator for your store first, such as External Secrets, and make a SecretStore for the namespace with an identity of its own."
	if store != "" {
		draft = "Put the values into the store, and let External Secrets bring them:\n\n" + externalSecret(p.NamespaceName, "<name of the Secret>", store, version, []string{"<key>"})
	} else if p.Inventory.Cluster.Groups["secrets-store.csi.x-k8s.io"] {
		draft = "Put the values into the store, and let the CSI driver mount them:\n\napiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: <name>, namespace: " + p.NamespaceName +
			"}\nspec:\n  provider: aws\n  parameters:\n    objects: |\n      - {objectName: <name in the store>, objectType: secretsmanager}\n\nThe pod mounts it as a csi volume of driver secrets-store.csi.k8s.io."
	}
	return []harden.Fix{{Title: "bring the credentials from a store", Class: harden.Review, Manual: draft}}
}
