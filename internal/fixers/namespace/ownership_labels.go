package namespace

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// OwnershipLabels finds namespaces of which nobody knows whose they are.
var OwnershipLabels = &harden.Fixer{
	ID:       "ns-ownership-labels",
	Title:    "does not say whose it is",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectNamespace,
	Doc: `
Neither the namespace nor its workloads say who owns them and what they belong to.

Fields:

    metadata.labels and metadata.annotations of the Namespace
    metadata.labels of its workloads

Allowed: for the namespace a label or an annotation whose last part is team, owner,
contact, tenant, project, cost-center, department, part-of or the like; for each workload
app.kubernetes.io/name, app.kubernetes.io/instance, k8s-app or app. Namespaces of the cluster
itself and of vendors, and "default", are not looked at.

**Why it matters.** When something happens at night somebody has to be called. What belongs to nobody
is not updated, and nobody dares to delete it.

**The fix.** No change is proposed: whose it is cannot be read from the cluster. The text names
the labels.

**Traps.** Labels of a namespace may be what policies select by: add, do not rename.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0076"},
		{Standard: "Kubescape", ID: "C-0077"},
		{Standard: "Kubernetes", ID: "recommended labels", URL: "https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/"},
	},
	Reads: harden.InNamespace(harden.Templates),
	Check: checkOwnershipLabels,
	Fix:   byHand("say whose it is", "Label the namespace with who owns it (kubectl label namespace NAME team=…), and workloads with app.kubernetes.io/name and app.kubernetes.io/part-of in their manifests."),
}

var (
	ownerWords = []string{"team", "owner", "owners", "owned-by", "contact", "tenant", "project", "product", "cost-center", "costcenter", "department", "squad", "part-of", "projectid", "requester"}
	nameLabels = []string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app", "app"}
)

func checkOwnershipLabels(p *harden.Pass) {
	if harden.IsSystemNamespace(p.NamespaceName) || p.NamespaceName == "default" {
		p.NotApplicable()
		return
	}
	if p.Namespace == nil {
		if !p.Inventory.Live() {
			p.NotApplicable()
			return
		}
		p.Unknown("The Namespace was not read: " + whyUnread(p) + ".")
		return
	}
	if !owned(p.Namespace.Labels) && !owned(p.Namespace.Annotations) {
		p.Report(harden.Finding{Discriminator: "namespace", Field: "metadata.labels", Reason: "no label says whose it is", Detail: "No label or annotation of the namespace names a team, an owner or the like."})
	}
	var bare []string
	for _, w := range p.Inventory.WorkloadsIn(p.NamespaceName) {
		if w.Controller == nil && !slices.ContainsFunc(nameLabels, func(l string) bool { return w.Meta.Labels[l] != "" || w.Template.Labels[l] != "" }) {
			bare = append(bare, w.Ref.String())
		}
	}
	if len(bare) > 0 {
		p.Report(harden.Finding{Discriminator: "workloads", Field: "metadata.labels", Reason: plural(len(bare), "workload") + " without a name label", Detail: "None of " + strings.Join(nameLabels, ", ") + " is on " + few(bare) + "."})
	}
}

// owned reports whether a key speaks of an owner, by what follows its last slash or dot.
func owned(labels map[string]string) bool {
	for key, value := range labels {
		word := strings.ToLower(key[strings.LastIndexAny(key, "/.")+1:])
		if value != "" && slices.Contains(ownerWords, word) {
			return true
		}
	}
	return false
}
