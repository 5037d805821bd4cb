// Package identity holds the fixers for what a workload is to the API server.
package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// TokenAutomount finds workloads that are given an API token without asking for it.
var TokenAutomount = &harden.Fixer{
	ID:       "sa-token-automount",
	Title:    "gets an API token mounted",
	Area:     harden.AreaIdentity,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
Every container of the pod gets a token of its ServiceAccount for the Kubernetes API.

Fields:

    spec.automountServiceAccountToken
    automountServiceAccountToken of the ServiceAccount

Allowed: false at the pod, or false at the ServiceAccount while the pod says nothing.
The pod's value wins, then the ServiceAccount's, then true. Where the ServiceAccount
cannot be read the verdict is unknown, not unset.

**Why it matters.** Most workloads never talk to the API server, and the token is the
first thing that somebody looks for who got into a container. With it come all
rights of the ServiceAccount, today's and those that are granted next year. It is
medium where the token can read something beyond what every account may, and high
where it can take the cluster over.

**The fix.** automountServiceAccountToken becomes false in the pod template, which
replaces the pods. It is for a person to review: that no binding names the ServiceAccount, nothing in
the workload points to the token and no client of the API is in the images speaks for it, but one
look at connections does not see a client that calls now and then. Where somebody bound the ServiceAccount, something in the workload points
to the token, or a rollout without it failed, there is another way only: a projected token that
lives for an hour in the one container that needs it.

**Traps.** Vault's injector needs the token with no RBAC at all
(hashicorp/vault-k8s#601); Consul and older Linkerd use it too. Tokens for clouds
and meshes (IRSA, EKS Pod Identity, Istio) are volumes of their own and keep
working, but an agent that uses both still needs this one
(aws/amazon-eks-pod-identity-webhook#67). A mount of one's own at
/var/run/secrets/kubernetes.io/serviceaccount replaces the automatic one. The
check of kube-bench 5.1.6 wants the field at the ServiceAccount as well; the pod's
alone is enough for Kubernetes.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.6"},
		{Standard: "NSA", ID: "service account tokens"},
		{Standard: "ATT&CK", ID: "T1528"},
		{Standard: "Trivy", ID: "KSV-0036"},
		{Standard: "Kubescape", ID: "C-0034"},
		{Standard: "Kubescape", ID: "C-0261"},
		{Standard: "Kubescape", ID: "C-0190"},
		{Standard: "CIS EKS", ID: "4.1.6"},
		{Standard: "ATT&CK", ID: "T1552"},
		{Standard: "ATT&CK", ID: "MS-TA9016"},
		{Standard: "ATT&CK", ID: "MS-TA9026"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount).AndInCluster(rbac.Kinds...),
	Check: checkTokenAutomount,
	Fix:   fixTokenAutomount,
}

func checkTokenAutomount(p *harden.Pass) {
	spec := p.Pod.Spec
	if p.Workload.IsStatic() {
		p.NotApplicable() // the admission plugin passes mirror pods over
		return
	}
	if !harden.NeedsTokenMount(spec) {
		return
	}
	f := harden.Finding{Field: p.Pod.Field("automountServiceAccountToken")}
	account := harden.ServiceAccountName(spec)
	sa := p.Inventory.ServiceAccounts[p.Object.Namespace][account]
	switch own := spec.AutomountServiceAccountToken; {
	case own != nil && !*own:
		return
	case own != nil:
		f.Verdict, f.Reason = "pod", "the pod asks for the token of "+account
		f.Detail = fmt.Sprintf("automountServiceAccountToken is true: every container gets a token of ServiceAccount %q.", account)
	case sa == nil:
		f.Status, f.Verdict, f.Reason = harden.StatusUnknown, "unknown", "ServiceAccount "+account+" was not read"
		f.Detail = fmt.Sprintf("The pod does not say whether it wants a token, so ServiceAccount %q decides: %s.", account, whyUnread(p))
	case sa.AutomountServiceAccountToken == nil:
		f.Verdict, f.Reason = "default", "gets the token of "+account+" by default"
		f.Detail = fmt.Sprintf("Neither the pod nor ServiceAccount %q says otherwise: every container gets a token.", account)
	case !*sa.AutomountServiceAccountToken:
		return
	default:
		f.Verdict, f.Reason = "service-account", "gets the token of "+account
		f.Detail = fmt.Sprintf("ServiceAccount %q sets automountServiceAccountToken: true, and the pod says nothing.", account)
	}
	weigh(p, &f)
	p.Report(f)
}

// weigh moves the severity by what the token can do.
func weigh(p *harden.Pass, f *harden.Finding) {
	if f.Status != harden.StatusFail {
		return
	}
	t := rbac.Of(p.Inventory).TokenOf(p.Workload)
	if len(t.Lines) == 0 {
		return
	}
	switch worst := t.Lines[0]; {
	case len(t.Takeover()) > 0:
		f.Severity, f.SeverityWhy = harden.High, "the token can take the cluster over"
		f.Detail += " The token can " + worst.String() + "."
	case t.Reads():
		f.Severity, f.SeverityWhy = harden.Medium, "the token has rights beyond what every ServiceAccount has"
		f.Detail += " The token can " + worst.String() + "."
	}
}

func whyUnread(p *harden.Pass) string {
	if why := p.Inventory.Unreadable("serviceaccounts", p.Object.Namespace); why != "" {
		return "it could not be read: " + why
	}
	if p.Inventory.Live() {
		return "it does not exist"
	}
	return "it is not among the files"
}

func fixTokenAutomount(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if signs := tokenSigns(p); len(signs) > 0 {
		return scopedToken(p, signs)
	}
	claims := tokenNeed(p)
	return []harden.Fix{{
		Title:    "set automountServiceAccountToken: false",
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"automountServiceAccountToken": false})},
		Warning:  "A process that talks to the Kubernetes API will not find its token.",
	}}
}

// ownTokens are the volumes with a ServiceAccount token that somebody asked for.
func ownTokens(spec *corev1.PodSpec) []string {
	var names []string
	for _, v := range spec.Volumes {
		if v.Projected == nil || strings.HasPrefix(v.Name, harden.AutomaticTokenVolume) {
			continue
		}
		if slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil }) {
			names = append(names, v.Name)
		}
	}
	return names
}

// injectedContainer is a container of a live pod that the template does not have.
func injectedContainer(w *harden.Workload) string {
	if w.Ref.Kind == "Pod" {
		return ""
	}
	declared := map[string]bool{}
	for _, c := range slices.Concat(w.Template.Spec.InitContainers, w.Template.Spec.Containers) {
		declared[c.Name] = true
	}
	for _, pod := range w.Pods {
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			if !declared[c.Name] {
				return c.Name
			}
		}
	}
	return ""
}
