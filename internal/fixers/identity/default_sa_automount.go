package identity

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DefaultAutomount finds default accounts that hand their token to every pod.
var DefaultAutomount = &harden.Fixer{
	ID:       "default-sa-automount",
	Title:    "gives its token to every pod that names no account",
	Area:     harden.AreaIdentity,
	Severity: harden.Low,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
The ServiceAccount default has automountServiceAccountToken unset or true.

Fields:

    automountServiceAccountToken of the ServiceAccount default

Allowed: false. Accounts with other names are not meant here.

**Why it matters.** A pod that names no account and says nothing about tokens gets that of
the default account. It is what every pod gets that was written without a thought of it.

**The fix.** automountServiceAccountToken becomes false at the ServiceAccount, which
restarts nothing and holds for pods that are made from then on. It is safe where no workload of the
namespace gets its token that way. Else it is for a person to review, with what is known of each of
those, as for sa-token-automount.

**Traps.** The value of the pod wins over that of the account. Pods that run keep their token
until they are replaced: a workload that needs it fails at its next rollout, weeks
later. Vault's injector and the like need the token without any grant. Every new namespace has a new
default account.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.1.5"},
		{Standard: "Kubescape", ID: "C-0189"},
	},
	Reads: harden.ReadsNothing,
	Check: checkDefaultAutomount,
	Fix:   fixDefaultAutomount,
}

func checkDefaultAutomount(p *harden.Pass) {
	sa := p.ServiceAccount
	if sa.Name != "default" {
		p.NotApplicable()
		return
	}
	value := sa.AutomountServiceAccountToken
	if value != nil && !*value {
		return
	}
	f := harden.Finding{Field: "automountServiceAccountToken", Reason: "hands out its token by default", Detail: "automountServiceAccountToken is not set, which means true."}
	if value != nil {
		f.Reason, f.Detail = "hands out its token", "automountServiceAccountToken is true."
	}
	p.Report(f)
}

func fixDefaultAutomount(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{
		Title:   "set automountServiceAccountToken: false",
		Changes: []harden.Change{harden.SetObject(f.Object, map[string]any{"automountServiceAccountToken": false})},
	}
	getters := tokenGetters(p, p.ServiceAccount.Namespace)
	switch {
	case !p.Inventory.Live():
		fix.Class = harden.Review
		fix.Evidence = []harden.Claim{{Code: "E-SPEC", State: harden.Missing, Text: "Which workloads of the namespace are not among the files is not known."}}
	case len(getters) == 0 && allWorkloadsRead(p, p.ServiceAccount.Namespace):
		fix.Class = harden.Safe
		fix.Evidence = []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "No workload of the namespace gets its token by this account's default."}}
		return []harden.Fix{fix}
	case len(getters) == 0:
		fix.Class = harden.Review
		fix.Evidence = []harden.Claim{{Code: "E-SPEC", State: harden.Missing, Text: "Not all workloads of the namespace could be read."}}
	default:
		for _, w := range getters {
			of := *p
			of.Workload, of.Object, of.Fixer = w, w.Ref, TokenAutomount
			of.Pod = harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, p.Inventory.Nodes)
			for _, c := range tokenNeed(&of) {
				c.Text = fmt.Sprintf("%s: %s", w.Ref, c.Text)
				fix.Evidence = append(fix.Evidence, c)
			}
		}
		fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
	}
	fix.Warning = "Pods that are made from then on get no token; one that needs it fails at its next start."
	return []harden.Fix{fix}
}

// tokenGetters are the workloads that get their token by the default of the default account.
func tokenGetters(p *harden.Pass, namespace string) []*harden.Workload {
	var all []*harden.Workload
	for _, w := range usersOf(p.Inventory, namespace, "default") {
		spec := &w.Template.Spec
		if spec.AutomountServiceAccountToken == nil && harden.NeedsTokenMount(spec) && !w.IsStatic() {
			all = append(all, w)
		}
	}
	return all
}

// workloadResources are the resources of objects that carry pod templates.
var workloadResources = []string{
	"pods", "replicationcontrollers", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch", "cronjobs.batch",
}

func allWorkloadsRead(p *harden.Pass, namespace string) bool {
	for _, resource := range workloadResources {
		if p.Inventory.Unreadable(resource, namespace) != "" {
			return false
		}
	}
	return true
}
