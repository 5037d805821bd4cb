package identity

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// Shared finds accounts with rights that unrelated workloads use.
var Shared = &harden.Fixer{
	ID:       "sa-shared",
	Title:    "is used by workloads that have nothing to do with each other",
	Area:     harden.AreaIdentity,
	Severity: harden.Info,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
Several unrelated workloads run under one ServiceAccount that has rights.

Fields:

    spec.serviceAccountName of the workloads of the namespace
    bindings of the ServiceAccount

Allowed: one account for each application. Workloads with the same
app.kubernetes.io/instance, part-of or name, app or Helm release belong together.

**Why it matters.** Each of them has the rights that one of them needs, and nobody dares to
take a right away, since nobody knows who uses it.

**The fix.** A person decides who needs what: make an account for each, bind it, and set
it. The text names the workloads.

**Traps.** The default account is the business of default-sa-bound. Parts of one
application that share nothing but the account are taken for unrelated when their
labels say nothing: give them app.kubernetes.io/part-of.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "RBAC"},
		{Standard: "Kubescape", ID: "C-0053"},
	},
	Reads: harden.InNamespace(harden.Templates).AndInCluster(rbac.Kinds...),
	Check: checkShared,
	Fix:   fixShared,
}

func checkShared(p *harden.Pass) {
	sa := p.ServiceAccount
	if sa.Name == "default" {
		p.NotApplicable()
		return
	}
	all := usersOf(p.Inventory, sa.Namespace, sa.Name)
	if len(all) < 2 || related(all) {
		return
	}
	t := rbac.Of(p.Inventory).TokenOfAccount(sa.Namespace, sa.Name)
	switch {
	case len(t.Lines) > 0:
		p.Report(harden.Finding{
			Field: "metadata.name", Reason: fmt.Sprintf("%d unrelated workloads share its rights", len(all)),
			Detail: fmt.Sprintf("%s run under it; each can %s.", workloadNames(all), t.Lines[0]),
		})
	case len(t.Unknown) > 0 && p.Inventory.Live():
		p.Unknown("Its rights are not wholly known: " + strings.Join(t.Unknown, "; ") + ".")
	}
}

// belongings are labels that say which application something is of.
var belongings = []string{"app.kubernetes.io/instance", "app.kubernetes.io/part-of", "app.kubernetes.io/name", "app", "release"}

// related reports whether all workloads say that they are of one application.
func related(all []*harden.Workload) bool {
	same := func(value func(*harden.Workload) string) bool {
		first := value(all[0])
		for _, w := range all {
			if first == "" || value(w) != first {
				return false
			}
		}
		return true
	}
	for _, label := range belongings {
		if same(func(w *harden.Workload) string { return w.Meta.Labels[label] }) || same(func(w *harden.Workload) string { return w.Template.Labels[label] }) {
			return true
		}
	}
	return same(func(w *harden.Workload) string { return w.Meta.Annotations["meta.helm.sh/release-name"] })
}

func workloadNames(all []*harden.Workload) string {
	var names []string
	for _, w := range all {
		names = append(names, w.Ref.String())
	}
	return strings.Join(names, ", ")
}

func fixShared(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	all := usersOf(p.Inventory, p.ServiceAccount.Namespace, p.ServiceAccount.Name)
	return []harden.Fix{{
		Title: "give each workload an account of its own", Class: harden.Review,
		Manual: fmt.Sprintf("For each of %s: make a ServiceAccount, bind it to what that one needs, and set serviceAccountName.", workloadNames(all)),
	}}
}
