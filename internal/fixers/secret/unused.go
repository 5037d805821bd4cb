package secret

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Unused finds Secrets that nothing refers to.
var Unused = &harden.Fixer{
	ID:       "secret-unused",
	Title:    "is referred to by nothing",
	Area:     harden.AreaSecret,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindSecret},
	Doc: `
No object that could be read names the Secret, and it is at least 90 days old.

Fields:

    metadata.creationTimestamp, metadata.ownerReferences, metadata.labels, type
    names of Secrets in workloads, ServiceAccounts, Ingresses, custom resources,
    ConfigMaps, environments and command lines of its namespace

Allowed: Secrets that something names, that have an owner, or that are young. Passed
over are those of Helm's releases, of ServiceAccounts and of bootstrap tokens, those
with labels by which programs find Secrets, and those of the cluster's own namespaces.

**Why it matters.** A credential that nobody uses is one that nobody replaces, and
nobody notices when it is used by somebody else. It is in every backup and in reach of
every right to read Secrets.

**The fix.** By hand, after a look at who made it: the data is gone for good.

**Traps.** What reads Secrets through the API names them in its code or nowhere at
all. A custom resource of a kind that is not read here may name it. A Secret of a
program that runs once a year looks unused. Look at the audit log before you delete.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "secrets"},
		{Standard: "Kubernetes", ID: "good practices for Secrets", URL: "https://kubernetes.io/docs/concepts/security/secrets-good-practices/"},
	},
	Reads: harden.InCluster(harden.KindServiceAccount, harden.Templates, harden.Pods, harden.AnyObject),
	Check: checkUnused,
	Fix:   fixUnused,
}

// unusedAge is how old a Secret has to be: one that is new may be waiting for its user.
const unusedAge = 90 * 24 * time.Hour

func checkUnused(p *harden.Pass) {
	s := harden.Content[*harden.SecretMeta](p.Item)
	if s == nil || !p.Inventory.Live() || !mayBeUnused(s) {
		p.NotApplicable()
		return
	}
	made := s.CreationTimestamp.Time
	if made.IsZero() || !p.Older(made, unusedAge-1) {
		return
	}
	names := harden.Derive(p.Inventory, newSecretNames, harden.Templates, harden.Pods, harden.KindServiceAccount, harden.AnyObject)
	if names.used[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}] {
		return
	}
	if why := unreadIn(p.Inventory, s.Namespace); why != "" {
		p.Unknown("what may name it could not be read: " + why)
		return
	}
	days := p.Days(made)
	p.Report(harden.Finding{
		Reason: fmt.Sprintf("nothing names it, for %d days at most", days),
		Detail: fmt.Sprintf("The Secret is %d days old, and no workload, ServiceAccount, Ingress, ConfigMap or custom resource that was read names it.", days),
	})
}

// mayBeUnused leaves out Secrets that are found by other means than their name.
func mayBeUnused(s *harden.SecretMeta) bool {
	switch s.Type {
	case corev1.SecretTypeServiceAccountToken, corev1.SecretTypeBootstrapToken, "helm.sh/release.v1", "":
		return false
	}
	if len(s.OwnerReferences) > 0 || harden.IsSystemNamespace(s.Namespace) {
		return false
	}
	for label := range s.Labels {
		if domain, _, ok := strings.Cut(label, "/"); !ok || domain != "app.kubernetes.io" && domain != "helm.sh" {
			return false
		}
	}
	for annotation := range s.Annotations {
		domain, _, _ := strings.Cut(annotation, "/")
		for _, maker := range []string{"cert-manager.io", "external-secrets.io", "sealedsecrets.bitnami.com", "reflector.v1.k8s.emberstack.com", "replicator.v1.mittwald.de", "reloader.stakater.com"} {
			if strings.HasSuffix(domain, maker) {
				return false
			}
		}
	}
	return true
}

func fixUnused(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "delete the Secret", Class: harden.Review,
		Manual: fmt.Sprintf("Find out who made it (kubectl get secret %s -n %s -o jsonpath='{.metadata.managedFields[*].manager}') and whether the audit log shows reads of it. Withdraw the credential where it was issued, then: kubectl delete secret %s -n %s.",
			p.Object.Name, p.Object.Namespace, p.Object.Name, p.Object.Namespace),
		Warning: "Its data cannot be brought back.",
	}}
}

// unreadIn tells why something in the namespace that may name a Secret could not be read, or "".
func unreadIn(inv *harden.Inventory, namespace string) string {
	for _, u := range inv.Unread {
		if (u.Namespace == "" || u.Namespace == namespace) && u.Resource != "nodes" && u.Resource != "namespaces" && u.Resource != harden.LessonsResource {
			return u.Resource + ": " + u.Why
		}
	}
	return ""
}
