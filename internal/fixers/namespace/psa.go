package namespace

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/pod-security-admission/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// A census is what Pod Security would say to everything that runs, or may run,
// in a namespace.
type census struct {
	level           string // the highest that all of them meet
	templates, pods int
	against         []objection // to levels above, in the order of the inventory
}

// An objection is one object that keeps the namespace from a level.
type objection struct {
	object  harden.Ref
	verdict podsecurity.Verdict
}

// count judges every template, whether or not it runs now (CronJobs, what is
// scaled to zero, finished Jobs), and every live pod: what webhooks and people
// add to pods is in no template. A pod counts apart from its template only
// where it is worse.
func count(inv *harden.Inventory, namespace string) census {
	return countAt(inv, namespace, inv.Cluster.Minor, func(*harden.Workload) bool { return true })
}

// countAt is count by the checks of a minor version, of the workloads that are kept.
func countAt(inv *harden.Inventory, namespace string, minor int, keep func(*harden.Workload) bool) census {
	c := census{level: podsecurity.Restricted}
	add := func(object harden.Ref, v podsecurity.Verdict) {
		c.level = podsecurity.Lower(c.level, v.Level)
		if len(v.Forbidden) > 0 {
			c.against = append(c.against, objection{object, v})
		}
	}
	for _, w := range inv.WorkloadsIn(namespace) {
		if !keep(w) {
			continue
		}
		template := podsecurity.Evaluate(&w.Template.ObjectMeta, &w.Template.Spec, minor)
		add(w.Ref, template)
		if w.Ref.Kind == "Pod" {
			c.pods++
			continue
		}
		c.templates++
		for _, pod := range w.Pods {
			c.pods++
			live := podsecurity.Evaluate(&pod.ObjectMeta, &pod.Spec, minor)
			if podsecurity.Lower(live.Level, template.Level) == live.Level && live.Level != template.Level {
				add(harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}, live)
			}
		}
	}
	return c
}

// mostNamed bounds how many objects a text names.
const mostNamed = 5

// inTheWay names the objects that do not meet the level, with upstream's reasons.
func (c census) inTheWay(level string) string {
	var names []string
	more := 0
	for _, o := range c.against {
		controls := o.verdict.Against(level)
		if len(controls) == 0 {
			continue
		}
		if len(names) == mostNamed {
			more++
			continue
		}
		var reasons []string
		for _, control := range controls {
			reasons = append(reasons, control.Reason)
		}
		names = append(names, fmt.Sprintf("%s (%s)", o.object, strings.Join(reasons, ", ")))
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// claims are the evidence for enforcing the level of a census.
func (c census) claims(p *harden.Pass) []harden.Claim {
	inv, version := p.Inventory, "the newest version known here"
	if inv.Cluster.Minor > 0 {
		version = fmt.Sprintf("Kubernetes 1.%d", min(inv.Cluster.Minor, podsecurity.Newest()))
	}
	claims := []harden.Claim{{
		Code: "E-PSA", State: harden.Holds, Time: inv.Now,
		Text: fmt.Sprintf("By the checks of %s, everything that was read meets %s: %d templates, those of CronJobs and of what is scaled to zero included, and %d pods.", version, c.level, c.templates, c.pods),
		Limits: "Pods that something other than these workloads makes, older revisions that somebody rolls back to, and what a webhook adds to pods that do not run now, " +
			"are not among them. Exemptions and defaults of the server cannot be seen.",
	}}
	missing := func(format string, args ...any) {
		claims = append(claims, harden.Claim{Code: "E-PSA", State: harden.Missing, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case !inv.Live():
		missing("Files do not show what else runs in the namespace.")
	case c.templates+c.pods == 0:
		missing("Nothing in the namespace shows what is meant to run there.")
	}
	for _, resource := range harden.WorkloadResources {
		if why := inv.Unreadable(resource, p.NamespaceName); why != "" {
			missing("%s could not be read: %s.", resource, why)
		}
	}
	return claims
}

// A censuses keeps what was counted, by namespace: several rules ask.
type censuses struct{ by sync.Map }

// censusOf is that of the namespace of the pass, at the version of the server.
func censusOf(p *harden.Pass) census {
	kept := harden.Derive(p.Inventory, func(*harden.Inventory) *censuses { return &censuses{} })
	made, _ := kept.by.LoadOrStore(p.NamespaceName, sync.OnceValue(func() census { return count(p.Inventory, p.NamespaceName) }))
	return made.(func() census)()
}

// setLabels is the change of Pod Security labels of the namespace.
func setLabels(f *harden.Finding, labels map[string]any) []harden.Change {
	return []harden.Change{harden.SetObject(f.Object, map[string]any{"metadata": map[string]any{"labels": labels}})}
}

// reportUnread says that nothing is known of a namespace that was not read.
func reportUnread(p *harden.Pass, f harden.Finding) {
	f.Status, f.Verdict = harden.StatusUnknown, "unknown"
	f.Reason, f.Detail = "the Namespace was not read", "Which Pod Security level it declares is not known: "+whyUnread(p)+"."
	p.Report(f)
}

func whyUnread(p *harden.Pass) string {
	if why := p.Inventory.Unreadable("namespaces", p.NamespaceName); why != "" {
		return why
	}
	if p.Inventory.Live() {
		return "it does not exist or may not be read"
	}
	return "it is not among the files"
}

// declares is the level that the namespace's label for a mode names, "" when it
// names none that exists.
func declares(p *harden.Pass, label string) string {
	level, err := api.ParseLevel(p.Namespace.Labels[label])
	if err != nil {
		return ""
	}
	return string(level)
}

// enforcing is the fix that enforces the level of a census at the version of the server.
func enforcing(p *harden.Pass, f *harden.Finding, c census) harden.Fix {
	claims := c.claims(p)
	labels := map[string]any{api.EnforceLevelLabel: c.level}
	if version := serverVersion(p.Inventory); version != "" {
		labels[api.EnforceVersionLabel] = version
	}
	fix := harden.Fix{
		Title: "enforce " + c.level, Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims, Changes: setLabels(f, labels),
		Warning: "From then on a pod below " + c.level + " is refused when it is created; its Deployment is not.",
	}
	if c.level == podsecurity.Baseline {
		fix.Warning += " In the way of restricted: " + c.inTheWay(podsecurity.Restricted) + "."
	}
	return fix
}

// serverVersion is that of the server as a label says it, or the newest that is
// known here; "" where the server's is not known.
func serverVersion(inv *harden.Inventory) string {
	if inv.Cluster.Minor == 0 {
		return ""
	}
	return fmt.Sprintf("v1.%d", min(inv.Cluster.Minor, podsecurity.Newest()))
}
