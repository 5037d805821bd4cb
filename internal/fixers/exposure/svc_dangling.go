package exposure

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcDangling finds Services that lead to no pods.
var SvcDangling = &harden.Fixer{
	ID:       "svc-dangling",
	Title:    "selects no pods",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
The selector of a Service matches no pod and no pod template of its namespace.

Fields:

    spec.selector
    metadata.labels of pods, and of the pod templates of workloads

Allowed: a selector that matches something, be it scaled to zero; no selector, which
leaves the endpoints to somebody else.

**Why it matters.** Whoever may create pods there gets the traffic by giving one the right
labels: the name, its address and perhaps a public load balancer wait for him. More often
it is a typing error, and requests fail.

**The fix.** By hand: delete the Service, or correct its selector.

**Traps.** Only live clusters are judged: in files the workload may be somewhere else.
Workloads that run only now and then keep their template in a CronJob, which is looked at,
or in a custom resource, which is not.
`,
	Refs:  refs("Kubescape C-0293"),
	Reads: harden.InNamespace(harden.Templates, harden.Pods),
	Check: checkSvcDangling,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("delete it or correct its selector", fmt.Sprintf("If nothing is to serve it any more, delete Service %s/%s; else let spec.selector match the labels of its pods.", p.Object.Namespace, p.Object.Name))
	},
}

func checkSvcDangling(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil || len(s.Spec.Selector) == 0 || isFiles(p) {
		p.NotApplicable()
		return
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for _, w := range workloadsIn(p.Inventory, s.Namespace) {
		if harden.Selects(s, w) {
			return
		}
		for _, pod := range w.Pods {
			if selector.Matches(labels.Set(pod.Labels)) {
				return
			}
		}
	}
	if why := unreadWorkloads(p.Inventory, s.Namespace); why != "" {
		p.Unknown(why)
		return
	}
	p.Report(harden.Finding{
		Field: "spec.selector", Reason: "selects no pods",
		Detail: fmt.Sprintf("No pod and no pod template in namespace %s has the labels %s.", s.Namespace, quoted(selector.String())),
	})
}

// unreadWorkloads tells which workloads of the namespace could not be read, or "".
func unreadWorkloads(inv *harden.Inventory, namespace string) string {
	for _, resource := range []string{
		"pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch", "cronjobs.batch", "replicationcontrollers",
	} {
		if why := inv.Unreadable(resource, namespace); why != "" {
			return resource + " could not be read: " + why
		}
	}
	return ""
}
