package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// WebhookDangling finds webhooks that nobody answers.
var WebhookDangling = &harden.Fixer{
	ID:       "webhook-dangling",
	Title:    "nobody answers the webhook",
	Area:     harden.AreaNamespace,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    webhookKinds,
	Doc: `
The Service of a webhook does not exist, or no pod is behind it.

Fields:

    webhooks[].clientConfig.service
    Service spec.selector, labels of pod templates and pods

Allowed: a Service that selects a workload which is not switched off. A Service without selector
has endpoints that somebody else writes and is not judged. Only clusters are judged.

**Why it matters.** With failurePolicy Fail whatever it is called for cannot be created or changed any
more (high). With Ignore each request waits for its timeout, and what it guarded is not (low).
Whoever may create a Service of that name in that namespace answers in its place.

**The fix.** A person decides: bring its server back, or delete the configuration that was left behind.

**Traps.** Some operators make their webhook before their pods: look again after a minute.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "good practices for webhooks", URL: "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/"},
	},
	Reads: harden.InCluster(harden.Scalers, harden.Templates, harden.KindService, harden.Pods),
	Check: checkWebhookDangling,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "bring its server back, or delete it", Class: harden.Review,
			Manual: "If what installed it is still in use, repair that. If it was left behind: kubectl delete " + p.Object.Kind + " " + p.Object.Name + ".",
		}}
	},
}

func checkWebhookDangling(p *harden.Pass) {
	if !p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	unread := ""
	for _, h := range hooksOf(p.Item) {
		s := h.client.Service
		if s == nil {
			continue
		}
		f := harden.Finding{Discriminator: h.name, Field: h.field("clientConfig.service"), Reason: "no Service " + harden.OneLine(s.Namespace+"/"+s.Name)}
		f.Detail = "The Service that answers it does not exist."
		if !h.fails {
			f.Severity, f.SeverityWhy = harden.Low, "requests go on without it, after a wait"
		}
		service := p.Inventory.Net.Service(s.Namespace, s.Name)
		switch {
		case service == nil && p.Inventory.Unreadable(harden.Services, s.Namespace) != "":
			unread = "services could not be read: " + p.Inventory.Unreadable(harden.Services, s.Namespace)
			continue
		case service != nil && len(service.Spec.Selector) == 0:
			continue
		case service != nil:
			if runs(p.Inventory, h.behind(p.Inventory)) {
				continue
			}
			if why := p.Inventory.UnreadWorkloads(s.Namespace); why != "" {
				unread = why
				continue
			}
			f.Reason, f.Detail = "no pod behind Service "+harden.OneLine(s.Namespace+"/"+s.Name), "No workload that is not switched off has the labels that the Service selects."
		}
		p.Report(f)
	}
	if len(p.Findings) == 0 && unread != "" {
		p.Unknown(unread + ".")
	}
}

func runs(inv *harden.Inventory, workloads []*harden.Workload) bool {
	for _, w := range workloads {
		if !w.Finished && (!w.HasReplicas() || inv.LeastReplicas(w) > 0 || len(w.Pods) > 0) {
			return true
		}
	}
	return false
}
