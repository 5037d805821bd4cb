package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

const dashboard = "kubernetes-dashboard"

// Dashboard finds the Kubernetes Dashboard with all rights, or in the open.
var Dashboard = &harden.Fixer{
	ID:       "rbac-dashboard",
	Title:    "opens the cluster by the Kubernetes Dashboard",
	Area:     harden.AreaIdentity,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    slices.Concat(bindingKinds, []schema.GroupKind{harden.KindService, harden.KindIngress}),
	Doc: `
The Kubernetes Dashboard can do everything, or is reached from outside.

Fields:

    subjects and roleRef of bindings: accounts called kubernetes-dashboard, or in the
    namespace of that name, with all rights
    spec.type of Services called kubernetes-dashboard…: LoadBalancer, NodePort
    rules of Ingresses that lead to such a Service

Allowed: its own small role and a ClusterIP that people reach by kubectl port-forward.

**Why it matters.** The Dashboard shows and changes the cluster in a browser. With its own
account bound to cluster-admin, whoever gets past its login has that too, and early
versions let everybody skip the login: this is how a car maker's cluster came to mine coins.

**The fix.** A review, by hand: let users log in with a token of their own, delete the binding,
and make the Service a ClusterIP.

**Traps.** The sample user "admin-user" of its documentation has all rights too: its token, once
copied, is good for as long as it was made for. A Service behind an authenticating proxy is
exposed all the same, and needs a waiver.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0014"},
		{Standard: "ATT&CK", ID: "MS-TA9005"},
	},
	Reads: harden.InCluster(rbac.Kinds...),
	Check: checkDashboard,
	Fix:   fixDashboard,
}

func checkDashboard(p *harden.Pass) {
	switch o := p.Item.Content.(type) {
	case *corev1.Service:
		if !isDashboard(o.Namespace, o.Name) {
			p.NotApplicable()
		} else if o.Spec.Type == corev1.ServiceTypeLoadBalancer || o.Spec.Type == corev1.ServiceTypeNodePort {
			p.Report(harden.Finding{Field: "spec.type", Verdict: "service", Reason: fmt.Sprintf("the Dashboard is a %s", o.Spec.Type), Detail: "The Service is reached from outside of the cluster; its users log in with tokens of the cluster."})
		}
	case *networkingv1.Ingress:
		checkDashboardIngress(p, o)
	default:
		for _, grant := range rbac.Of(p.Inventory).ByBinding(p.Object) {
			if !grant.Subject.IsAccount() || !isDashboard(grant.Subject.Namespace, grant.Subject.Name) {
				continue
			}
			if h := heldBy(grant, rbac.Everything); h != nil {
				f := powerFinding(h)
				f.Severity, f.SeverityWhy, f.Verdict = harden.High, "", "binding"
				p.Report(f)
			}
		}
	}
}

// isDashboard reports whether a name is one that its chart or its manifests give.
func isDashboard(namespace, name string) bool {
	return namespace == dashboard || name == dashboard || strings.HasPrefix(name, dashboard+"-")
}

func checkDashboardIngress(p *harden.Pass, o *networkingv1.Ingress) {
	var backends []*networkingv1.IngressBackend
	if o.Spec.DefaultBackend != nil {
		backends = append(backends, o.Spec.DefaultBackend)
	}
	for _, r := range o.Spec.Rules {
		if r.HTTP == nil {
			continue
		}
		for i := range r.HTTP.Paths {
			backends = append(backends, &r.HTTP.Paths[i].Backend)
		}
	}
	for _, b := range backends {
		if b.Service != nil && isDashboard(o.Namespace, b.Service.Name) {
			p.Report(harden.Finding{
				Field: "spec.rules", Verdict: "ingress", Reason: "leads to the Dashboard",
				Detail: fmt.Sprintf("It leads to Service %q, at which users log in with tokens of the cluster.", b.Service.Name),
			})
			return
		}
	}
	p.NotApplicable()
}

func fixDashboard(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{Title: "close the Dashboard", Class: harden.Review, Warning: "Whoever uses it that way is locked out."}
	switch f.Verdict {
	case "service":
		fix.Manual = "Make the Service a ClusterIP, and let its users run kubectl port-forward."
	case "ingress":
		fix.Manual = "Take the path to the Dashboard out of the Ingress, or put a proxy that authenticates in front of it."
	default:
		fix.Manual = "Let users log in with tokens of their own, and delete the binding: " + deleteCommand(p.Object)
	}
	return []harden.Fix{fix}
}
