package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// Takeover finds workloads whose token is enough to own the cluster.
var Takeover = &harden.Fixer{
	ID:       "workload-takeover",
	Title:    "carries a token that can take the cluster over",
	Area:     harden.AreaIdentity,
	Severity: harden.Critical,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods mount a token whose ServiceAccount can take over the cluster in one step.

Fields:

    spec.serviceAccountName, spec.automountServiceAccountToken, projected volumes
    all bindings of the ServiceAccount and of the groups that it is in

Allowed: a token that cannot, or no token. What counts is each critical right of the rbac
rules: do everything, escalate, bind or impersonate, nodes/proxy, making tokens, approving
certificates, changing admission, changing ConfigMaps of kube-system.

**Why it matters.** It is the path from one bug to the whole cluster: a request that
runs code in one container reads the token from its file and uses it. Where something outside
of the cluster reaches the pods the finding is critical; elsewhere it takes a foothold first, and is high.

**The fix.** The parts are repaired one by one: the rules that the detail names narrow the
grant, sa-token-automount takes the token away where it is not used. Otherwise keep the
workload apart: its own nodes, no way in from the internet, an image that is small.

**Traps.** Operators, controllers of delivery and agents of nodes are meant to have such rights,
and are what an attacker looks for first; a waiver with a reason is then the right answer.
RoleBindings of other namespaces count too, where they were read. What cloud roles can do is not
looked at here.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0267"},
		{Standard: "Kubescape", ID: "C-0272"},
		{Standard: "ATT&CK", ID: "T1528"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount).AndInCluster(rbac.Kinds...),
	Check: checkTakeover,
	Fix:   fixTakeover,
}

func checkTakeover(p *harden.Pass) {
	if p.Workload.IsStatic() {
		p.NotApplicable()
		return
	}
	t := rbac.Of(p.Inventory).TokenOf(p.Workload)
	takeover := t.Takeover()
	unknown := slices.DeleteFunc(slices.Clone(t.Unknown), func(why string) bool { return why == rbac.OutsideScope })
	switch {
	case t.MountKnown && !t.Mounted:
		return
	case len(takeover) == 0 && len(unknown) > 0 && p.Inventory.Live():
		p.Unknown("What its token can do is not wholly known: " + strings.Join(unknown, "; ") + ".")
		return
	case len(takeover) == 0:
		return
	case !t.MountKnown:
		p.Unknown(fmt.Sprintf("ServiceAccount %q, which decides whether a token is mounted, was not read; its grants would take the cluster over.", t.Account.Name))
		return
	}
	var lines []string
	for _, l := range takeover {
		lines = append(lines, l.String())
	}
	f := harden.Finding{
		Field: p.Pod.Field("serviceAccountName"), Reason: fmt.Sprintf("its token (%s) can %s", harden.OneLine(t.Account.Name), takeover[0].Can),
		Detail: "Whoever runs code in one of its containers can " + strings.Join(lines, "; ") + ".",
	}
	if by := p.Inventory.ExposedBy(p.Workload); by == "" {
		f.Severity, f.SeverityWhy = harden.High, "no way in from outside of the cluster is known"
	} else {
		f.Detail += " It is reached from outside by " + by + "."
	}
	p.Report(f)
}

func fixTakeover(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("run it under an account with less"); ok {
		return []harden.Fix{instead}
	}
	t := rbac.Of(p.Inventory).TokenOf(p.Workload)
	var parts []string
	for _, l := range t.Takeover() {
		parts = append(parts, fmt.Sprintf("%s of %s", l.Held.Power.ID, harden.OneLine(l.Held.Grant.Binding.Long())))
	}
	return []harden.Fix{{
		Title: "narrow what its token can do", Class: harden.Review, Evidence: []harden.Claim{auditClaim()},
		Manual: "Repair the parts: " + strings.Join(parts, ", ") + ". If nothing in it talks to the API server, sa-token-automount takes the token away.",
	}}
}
