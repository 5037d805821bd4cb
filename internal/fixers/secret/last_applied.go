package secret

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// LastApplied finds Secrets that carry a copy of themselves in an annotation.
var LastApplied = &harden.Fixer{
	ID:       "secret-last-applied",
	Title:    "has its data in an annotation too",
	Area:     harden.AreaSecret,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindSecret},
	Doc: `
The Secret was applied by kubectl, which keeps the whole manifest in an annotation.

Fields:

    metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']

Allowed: Secrets without it, such as those made by kubectl create, by server-side
apply, or by a controller. That the annotation is there is all that is looked at.

**Why it matters.** The annotation holds the data as it was applied. Tools that hide
the data of Secrets show it (kubectl describe does not, get -o yaml and dashboards
do), whoever reads only metadata gets it, and after the Secret was changed by other
means it still has the old value.

**The fix.** The annotation is removed. It is for review, because kubectl apply
without --server-side compares with it: without one it does not delete keys that are
no longer in the manifest, and writes the annotation anew. Apply Secrets on the server
from then on: kubectl apply --server-side.

**Traps.** A value that was in it is to be seen as known to all who could list
Secrets' metadata. A pipeline that applies on the client brings it back every time.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552.007"},
		{Standard: "Kubernetes", ID: "declarative object configuration", URL: "https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkLastApplied,
	Fix:   fixLastApplied,
}

func checkLastApplied(p *harden.Pass) {
	s := harden.Content[*harden.SecretMeta](p.Item)
	if s == nil {
		p.NotApplicable()
		return
	}
	if _, ok := s.Annotations[corev1.LastAppliedConfigAnnotation]; !ok {
		return
	}
	p.Report(harden.Finding{
		Field: "metadata.annotations[" + corev1.LastAppliedConfigAnnotation + "]", Reason: "its data is in an annotation",
		Detail: "kubectl apply left the whole Secret, with its data, in the annotation " + corev1.LastAppliedConfigAnnotation + ".",
	})
}

func fixLastApplied(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "remove the annotation", Class: harden.Review,
		Changes:  []harden.Change{harden.RemoveFrom(p.Object, fieldpath.MakePathOrDie("metadata", "annotations", corev1.LastAppliedConfigAnnotation))},
		Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "Nothing but kubectl apply without --server-side reads this annotation, and no pod restarts."}},
		Manual:   "Apply this Secret with kubectl apply --server-side from now on, or by a controller: kubectl apply on the client writes the annotation anew.",
		Warning:  "The next kubectl apply on the client does not delete keys that its manifest has no longer.",
	}}
}
