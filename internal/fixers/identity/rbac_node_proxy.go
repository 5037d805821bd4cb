package identity

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// NodeProxy finds grants that reach the API of kubelets.
var NodeProxy = powerRule("", harden.Fixer{
	ID:       "rbac-node-proxy",
	Title:    "may use the API of kubelets",
	Severity: harden.Critical,
	Doc: `
A subject may use nodes/proxy, with whatever verb.

Fields:

    rules[] of the role: nodes/proxy

Allowed: nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz,
nodes/configz, nodes/spec.

**Why it matters.** nodes/proxy opens all of a kubelet's API, and commands run by it in
every container of every node. "get" is enough: a websocket is opened by it. The
kubelet does not ask RBAC about exec, and neither admission nor the audit log of the
API server sees what is sent to port 10250.

**The fix.** nodes/proxy is replaced by get on nodes/metrics, nodes/stats, nodes/pods,
nodes/healthz, nodes/configz and nodes/log, which kubelets ask for since fine-grained
authorization (KEP-2862, on by default since 1.33). It rests on evidence if the server
and all kubelets are 1.33 or newer and all that runs under the account is a client
known to need no more; otherwise it is a review.

**Traps.** It is not a read-only right, whatever the chart of a metrics agent says.
A client that goes through the API server (/api/v1/nodes/NAME/proxy/metrics) needs
nodes/proxy still, on every version: let it scrape the kubelets directly. A rule with
resources "*" in the core group has it too. Nodes have no namespace, so that no
RoleBinding gives it.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.10"},
		{Standard: "CIS EKS", ID: "4.1.10"},
		{Standard: "ATT&CK", ID: "T1609"},
		{Standard: "ATT&CK", ID: "MS-TA9030"},
		{Standard: "Trivy", ID: "KSV-0047"},
		{Standard: "Kubescape", ID: "C-0279"},
		{Standard: "Kubernetes", ID: "Kubelet authorization", URL: "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/"},
	},
	Fix: fixNodeProxy,
})

// fineGrained are the subresources that kubelets ask for instead of proxy.
var fineGrained = []string{"nodes/metrics", "nodes/stats", "nodes/pods", "nodes/healthz", "nodes/configz", "nodes/log"}

// fineGrainedSince is the minor version since which they do so by default.
const fineGrainedSince = 33

func fixNodeProxy(p *harden.Pass, f *harden.Finding) []harden.Fix {
	h := heldAt(p, f)
	if h == nil {
		return nil
	}
	byHand := harden.Fix{
		Title: "give what is needed of nodes", Class: harden.Review, Evidence: []harden.Claim{auditClaim()},
		Manual: fmt.Sprintf("Replace nodes/proxy by get on those of %s that the subject uses. %s", strings.Join(fineGrained, ", "), howToNarrow(p, h)),
	}
	fix, ok := takeAway(p, h, []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: fineGrained}})
	if !ok {
		return []harden.Fix{byHand}
	}
	fix.Title = "replace nodes/proxy by what it is used for"
	fix.Evidence = slices.DeleteFunc(fix.Evidence, func(c harden.Claim) bool { return c.Code == "E-AUDIT" })
	fix.Evidence = append(fix.Evidence, versionClaim(p), clientClaim(p, h.Grant.Subject))
	fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
	fix.Warning = "A client that goes through the proxy of the API server, or runs commands, is answered with 403 from then on."
	return []harden.Fix{fix, byHand}
}

// versionClaim says whether the server and all kubelets ask for the finer subresources.
func versionClaim(p *harden.Pass) harden.Claim {
	claim := harden.Claim{Code: "E-NODE", State: harden.Missing}
	minor := p.Inventory.Cluster.Minor
	switch {
	case minor == 0:
		claim.Text = "The version of the API server is not known."
		return claim
	case minor < fineGrainedSince:
		return harden.Claim{Code: "E-NODE", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("The API server is 1.%d; kubelets ask for the finer subresources since 1.%d.", minor, fineGrainedSince)}
	case len(p.Inventory.Nodes) == 0:
		claim.Text = "The nodes could not be read, so that the versions of their kubelets are not known."
		return claim
	}
	for _, n := range p.Inventory.Nodes {
		v, err := version.ParseGeneric(n.Status.NodeInfo.KubeletVersion)
		switch {
		case err != nil:
			claim.Text = fmt.Sprintf("The kubelet of node %s does not say its version.", n.Name)
			return claim
		case v.Major() == 1 && v.Minor() < fineGrainedSince:
			return harden.Claim{Code: "E-NODE", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("The kubelet of node %s is %s, which asks for nodes/proxy.", n.Name, harden.OneLine(n.Status.NodeInfo.KubeletVersion))}
		}
	}
	return harden.Claim{
		Code: "E-NODE", State: harden.Holds, Time: p.Inventory.Now,
		Text:   fmt.Sprintf("The API server is 1.%d, and all %d kubelets are 1.%d or newer.", minor, len(p.Inventory.Nodes), fineGrainedSince),
		Limits: "the feature KubeletFineGrainedAuthz may have been switched off",
	}
}

// metricsClients are repositories of programs that read metrics, stats and pods
// of kubelets directly, by the end of their path.
var metricsClients = []string{
	"metrics-server/metrics-server", "prometheus/prometheus", "victoriametrics/vmagent", "grafana/agent", "grafana/alloy", "newrelic/nri-kubernetes",
}

// clientClaim says whether all that runs under the account is a known client.
func clientClaim(p *harden.Pass, s rbac.Subject) harden.Claim {
	missing := func(format string, args ...any) harden.Claim {
		return harden.Claim{Code: "E-CATALOGUE", State: harden.Missing, Text: fmt.Sprintf(format, args...)}
	}
	if !s.IsAccount() {
		return missing("Which program uses the rights of %s is not known.", s)
	}
	var names []string
	for _, w := range usersOf(p.Inventory, s.Namespace, s.Name) {
		for _, c := range w.Template.Spec.Containers {
			if r, err := image.ParseReference(c.Image); err != nil || !slices.ContainsFunc(metricsClients, func(end string) bool { return strings.HasSuffix("/"+r.Path, "/"+end) }) {
				return missing("Container %s of %s is not known to need no more.", c.Name, w.Ref)
			}
		}
		names = append(names, w.Ref.String())
	}
	if len(names) == 0 {
		return missing("No workload that was read runs under %s.", s)
	}
	return harden.Claim{
		Code: "E-CATALOGUE", State: harden.Holds, Time: p.Inventory.Now,
		Text:   fmt.Sprintf("All that runs under %s reads metrics, stats and pods of kubelets: %s.", s, strings.Join(names, ", ")),
		Limits: "its configuration may go through the proxy of the API server",
	}
}
