package namespace

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ResourceQuota finds namespaces that may take everything the cluster has.
var ResourceQuota = &harden.Fixer{
	ID:       "resource-quota",
	Title:    "may take everything that the cluster has",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectNamespace,
	Doc: `
No quota bounds what a namespace uses.

Fields:

    ResourceQuota spec.hard

Allowed: any ResourceQuota. Namespaces of the cluster itself and of vendors are not looked at,
nor in files those whose Namespace is not among them. One without workloads is info.

**Why it matters.** Who may create pods here, by right or with a stolen token, may create as many as
fit into the cluster, and load balancers that cost money. One namespace stops all others.

**The fix.** A quota of twice what all templates ask for with all their replicas (those of an
autoscaler at its most), for cpu, memory, pods, load balancers and node ports. It is evidence
where all that could be counted. Where a template lacks requests or a limit for memory nothing
is proposed: from then on its pods would be refused, so those come first.

**Traps.** A rollout needs room for pods that are too many for a while. What a pipeline starts now and
then is in no template. Pods that a quota refuses show only in the events of their controller.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "resource policies"},
		{Standard: "ATT&CK", ID: "T1499"},
		{Standard: "Trivy", ID: "KSV-0040"},
		{Standard: "Kubescape", ID: "C-0009"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.KindResourceQuota),
	Check: func(p *harden.Pass) {
		if bounded(p, harden.KindResourceQuota, func(*harden.Object) bool { return true }) {
			return
		}
		reportUnbounded(p, harden.Finding{Reason: "no ResourceQuota", Detail: "Nothing bounds how many pods, how much cpu and memory, and how many load balancers the namespace has."})
	},
	Fix: fixResourceQuota,
}

// bounded reports whether the namespace has an object of the kind that counts, or
// cannot be judged, which it says.
func bounded(p *harden.Pass, kind schema.GroupKind, counts func(*harden.Object) bool) bool {
	if harden.IsSystemNamespace(p.NamespaceName) || !p.Inventory.Live() && p.Namespace == nil {
		p.NotApplicable()
		return true
	}
	for _, o := range p.Inventory.InNamespace(kind, p.NamespaceName) {
		if counts(o) {
			return true
		}
	}
	return !p.Needs(p.NamespaceName, kind)
}

func reportUnbounded(p *harden.Pass, f harden.Finding) {
	if p.Inventory.NoWorkloads(p.NamespaceName) {
		f.Severity, f.SeverityWhy = harden.Info, "no workload is in the namespace now"
	}
	p.Report(f)
}

const quotaTitle = "bound what the namespace may use"

func fixResourceQuota(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	u := usageOf(p.Inventory, p.NamespaceName)
	switch {
	case len(u.without) > 0:
		return []harden.Fix{{
			Title: quotaTitle, Class: harden.Review,
			Manual: "First give every container requests for cpu and memory and a limit for memory: a quota refuses pods without them. They are missing in " + few(u.without) + ". A LimitRange with defaults does it for new pods. Then create a ResourceQuota of about twice what is in use.",
		}}
	case u.pods == 0:
		return []harden.Fix{{Title: quotaTitle, Class: harden.Review, Manual: "Nothing runs here now that tells how much is needed: create a ResourceQuota for what the namespace is meant for."}}
	}
	claims := []harden.Claim{{
		Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now,
		Text:   "Every template has requests for cpu and memory and a limit for memory, and the quota is twice the sum of all.",
		Limits: "Pods that a pipeline or a person starts now and then are not counted.",
	}}
	missing := func(text string) {
		claims = append(claims, harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: text})
	}
	if !p.Inventory.Live() {
		missing("Files do not show what else runs in the namespace.")
	}
	if why := p.Inventory.UnreadWorkloads(p.NamespaceName); why != "" {
		missing(why + ".")
	}
	for _, resource := range []string{harden.HorizontalPodAutoscalers, harden.Services} {
		if why := p.Inventory.Unreadable(resource, p.NamespaceName); why != "" {
			missing(resource + " could not be read: " + why + ".")
		}
	}
	if len(u.uncounted) > 0 {
		missing("How many pods these will have is not known: " + few(u.uncounted) + ".")
	}
	ref := harden.Ref{APIVersion: "v1", Kind: "ResourceQuota", Namespace: p.NamespaceName, Name: harden.OwnName("quota")}
	return []harden.Fix{{
		Title: quotaTitle, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.CreateObject(ref, map[string]any{"spec": map[string]any{"hard": map[string]any{
			"requests.cpu": twice(u.cpu), "requests.memory": twice(u.memory), "limits.memory": twice(u.limit),
			"pods":                   resource.NewQuantity(max(10, 2*u.pods), resource.DecimalSI).String(),
			"services.loadbalancers": resource.NewQuantity(2*u.loadBalancers, resource.DecimalSI).String(),
			"services.nodeports":     resource.NewQuantity(2*u.nodePort, resource.DecimalSI).String(),
		}}})},
		Warning: "From then on pods without requests or a limit for memory are refused, and so is what goes beyond the quota.",
	}}
}

func twice(q resource.Quantity) string {
	q.Add(q.DeepCopy())
	return q.String()
}
