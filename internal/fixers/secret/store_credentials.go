package secret

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// StoreCredentials finds stores that log in with keys that do not end.
var StoreCredentials = &harden.Fixer{
	ID:       "secretstore-static-credentials",
	Title:    "opens its store to too many or with keys that do not end",
	Area:     harden.AreaSecret,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindSecretStore, harden.KindClusterSecretStore},
	Doc: `
A store of External Secrets logs in to AWS with access keys, or is open to all
namespaces.

Fields:

    spec.provider.aws.auth.secretRef
    spec.conditions   (ClusterSecretStore)

Allowed: auth.jwt.serviceAccountRef, or no auth at all (the operator's own identity,
by Pod Identity or IRSA). A ClusterSecretStore has conditions that name or select the
namespaces which may use it.

**Why it matters.** The access keys are one more Secret, which opens all others: it
does not end, works from anywhere, and stays in every backup. A ClusterSecretStore
without conditions (medium) lets whoever may make an ExternalSecret in any namespace
read whatever the store's identity may read.

**The fix.** auth.jwt.serviceAccountRef takes the place of the keys, with the
ServiceAccount of the namespace that has a role of AWS, if there is one alone.
Otherwise by hand: the role is for you to choose. It is for review, because the role
has to have the rights that the keys have.

**Traps.** Without auth the operator reads with its own role for everybody. The
access keys work until they are deleted in IAM: do that when the store is ready with
the role. conditions also shut out namespaces that use the store today.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552"},
		{Standard: "NSA", ID: "secrets"},
	},
	Reads: harden.InCluster(harden.KindClusterSecretStore),
	Check: checkStoreCredentials,
	Fix:   fixStoreCredentials,
}

func checkStoreCredentials(p *harden.Pass) {
	o := harden.Content[*unstructured.Unstructured](p.Item)
	if o == nil {
		p.NotApplicable()
		return
	}
	if keys, ok, _ := unstructured.NestedMap(o.Object, "spec", "provider", "aws", "auth", "secretRef"); ok && len(keys) > 0 {
		p.Report(harden.Finding{
			Discriminator: "keys", Field: "spec.provider.aws.auth.secretRef", Verdict: "static keys", Reason: "logs in to AWS with access keys",
			Detail: "spec.provider.aws.auth.secretRef names a Secret with access keys, which do not end.",
		})
	}
	if p.Object.Kind != harden.KindClusterSecretStore.Kind {
		return
	}
	if list, _, _ := unstructured.NestedSlice(o.Object, "spec", "conditions"); len(list) == 0 {
		p.Report(harden.Finding{
			Discriminator: "conditions", Field: "spec.conditions", Verdict: "open to all", Severity: harden.Medium, SeverityWhy: "it takes the right to make an ExternalSecret",
			Reason: "every namespace may use it", Detail: "Without spec.conditions an ExternalSecret of any namespace may read what the identity of this store may read.",
		})
	}
}

const roleAnnotation = "eks.amazonaws.com/role-arn"

func fixStoreCredentials(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if f.Discriminator == "conditions" {
		return []harden.Fix{{
			Title: "name the namespaces that may use the store", Class: harden.Review,
			Manual:  "Set spec.conditions: [{namespaces: [<those that use it>]}] (kubectl get externalsecrets -A shows who refers to " + p.Object.Name + "), or make a SecretStore in each namespace with an identity of its own.",
			Warning: "An ExternalSecret of a namespace that was forgotten is not refreshed any more.",
		}}
	}
	fix := harden.Fix{Title: "log in with a role instead of keys", Class: harden.Review, Warning: "Where the role may read less than the keys, ExternalSecrets of this store are not refreshed any more."}
	var accounts []string
	for name, sa := range p.Inventory.ServiceAccounts[p.Object.Namespace] {
		if sa.Annotations[roleAnnotation] != "" {
			accounts = append(accounts, name)
		}
	}
	const after = "When the store is ready, delete the access keys in IAM and then their Secret."
	if p.Object.Namespace == "" || len(accounts) != 1 {
		fix.Manual = "Make a ServiceAccount with the annotation " + roleAnnotation + " of a role that may read these secrets alone, set spec.provider.aws.auth: {jwt: {serviceAccountRef: {name: <account>}}}, and take auth.secretRef out. " + after
		return []harden.Fix{fix}
	}
	path := []string{"spec", "provider", "aws", "auth"}
	change := harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"provider": map[string]any{"aws": map[string]any{"auth": map[string]any{
		"jwt": map[string]any{"serviceAccountRef": map[string]any{"name": accounts[0]}},
	}}}}})
	change.Remove = []harden.Path{fieldpath.MakePathOrDie(path[0], path[1], path[2], path[3], "secretRef")}
	fix.Changes, fix.Manual = []harden.Change{change}, after
	fix.Evidence = []harden.Claim{
		{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "ServiceAccount " + accounts[0] + " is the only one of the namespace that has a role of AWS."},
		{Code: "E-SPEC", State: harden.Missing, Text: "Whether that role may read what the keys may read is not visible from Kubernetes."},
	}
	return []harden.Fix{fix}
}
