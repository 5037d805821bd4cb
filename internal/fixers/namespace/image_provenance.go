package namespace

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ImageProvenance finds clusters that run any image, whoever built it.
var ImageProvenance = &harden.Fixer{
	ID:       "image-provenance",
	Title:    "nothing asks who built an image",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
No policy that verifies signatures of images is seen.

Fields:

    ClusterImagePolicy (policy.sigstore.dev), ImageValidatingPolicy (policies.kyverno.io)
    ClusterPolicy and Policy of Kyverno spec.rules[].verifyImages
    images of all pod templates: Connaisseur, Ratify, Portieris

Allowed: any of these.

**Why it matters.** Whoever can push to a registry, or answer in its name, decides what the cluster
runs. A signature that is checked at admission ties an image to the pipeline that built it.

**The fix.** Detection only: signing begins in the pipeline. The text says in which order.

**Traps.** Binary Authorization of Google, and checks by the container runtime on the nodes, are not
seen from here.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.5.1"},
		{Standard: "Kubescape", ID: "C-0289"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.KindNamespace, harden.AnyObject),
	Check: checkImageProvenance,
	Fix:   byHand("verify signatures at admission", "Sign in the pipeline (cosign, notation), then verify: Kyverno's verifyImages, Sigstore's policy-controller, Ratify or Connaisseur. Begin with a warning, and refuse when nothing is unsigned any more."),
}

var provenanceKinds = []schema.GroupKind{harden.KindClusterImagePolicy, harden.KindImageValidatingPolicy, harden.KindKyvernoClusterPolicy, harden.KindKyvernoPolicy}

func checkImageProvenance(p *harden.Pass) {
	seen := func(inv *harden.Inventory) string {
		if kind := have(inv, provenanceKinds[:2]...); kind != "" {
			return kind
		}
		for _, kind := range provenanceKinds[2:] {
			for _, u := range harden.All[*unstructured.Unstructured](inv, kind) {
				rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
				for _, r := range rules {
					if m, ok := r.(map[string]any); ok && m["verifyImages"] != nil {
						return kind.Kind
					}
				}
			}
		}
		return ""
	}
	if seen(p.Inventory) == "" && !p.Needs("", provenanceKinds...) {
		return
	}
	presence{
		agents: provenanceAgents, elsewise: seen,
		reason: "no verification of signatures seen",
		detail: "No policy verifies signatures, and no workload runs a verifier that is known here.",
	}.check(p)
}
