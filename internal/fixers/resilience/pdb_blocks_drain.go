package resilience

import (
	"fmt"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PDBBlocksDrain finds budgets that no eviction can keep.
var PDBBlocksDrain = &harden.Fixer{
	ID:       "pdb-blocks-drain",
	Title:    "keeps nodes from being drained",
	Area:     harden.AreaResilience,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    kindsOf(harden.KindPodDisruptionBudget),
	Doc: `
A PodDisruptionBudget allows no eviction at all.

Fields:

    spec.maxUnavailable, spec.minAvailable
    spec.replicas of the workloads that it selects, or minReplicas of their autoscaler
    status.expectedPods, status.conditions[DisruptionAllowed]

Allowed: whatever leaves one pod to evict. Wrong are maxUnavailable of 0, minAvailable
of 100 % or of as many pods as there are at least, a pod that two budgets select (no
eviction is allowed then), and in a cluster a budget that has not allowed any for more
than an hour. What selects nothing is another rule's.

**Why it matters.** Nodes that cannot be drained are not upgraded. Security updates of
kernel and kubelet wait, until somebody deletes pods by force and with them the
protection that the budget was meant to give.

**The fix.** maxUnavailable becomes 1 where it is 0 and two replicas or more run; that is
for review. In all other cases the text says what to change: more replicas, or a
budget that leaves one.

**Traps.** A budget of 0 is sometimes meant: "ask me first". Then waive the finding. A
single replica cannot be drained without a gap, with any budget.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "disruption budgets", URL: "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/"},
	},
	Reads: harden.InNamespace(harden.Templates, harden.Pods, harden.Scalers, harden.KindPodDisruptionBudget),
	Check: checkPDBBlocksDrain,
	Fix:   fixPDBBlocksDrain,
}

func kindsOf[T any](kinds ...T) []T { return kinds }

const steadily = time.Hour

func checkPDBBlocksDrain(p *harden.Pass) {
	b := budgetsOf(p.Inventory).all[p.Object.Key()]
	if b == nil || len(b.workloads) == 0 {
		p.NotApplicable()
		return
	}
	if twice := selectedTwice(p.Inventory, b); len(twice) > 0 {
		p.Report(harden.Finding{
			Discriminator: "two-budgets", Verdict: "two-budgets", Field: "spec.selector",
			Reason: "pods have two budgets", Detail: "No pod that two budgets select can be evicted: " + strings.Join(twice, ", ") + ".",
		})
	}
	pods := int32(0)
	for _, w := range b.workloads {
		pods += p.Inventory.LeastReplicas(w)
	}
	f := harden.Finding{Verdict: "never"}
	spec := b.content.Spec
	switch least, most := spec.MinAvailable, spec.MaxUnavailable; {
	case most != nil && isNone(most):
		f.Field, f.Reason = "spec.maxUnavailable", "maxUnavailable is "+most.String()
		f.Detail = "None of the pods may be unavailable, so none is ever evicted."
	case least != nil && least.Type == intstr.String && least.StrVal == "100%":
		f.Field, f.Reason, f.Detail = "spec.minAvailable", "minAvailable is 100%", "All pods have to be available, so none is ever evicted."
	case least != nil && least.Type == intstr.Int && pods > 0 && least.IntVal >= pods && everyoneScales(b.workloads):
		f.Field, f.Reason = "spec.minAvailable", fmt.Sprintf("minAvailable is %d of %d", least.IntVal, pods)
		f.Detail = fmt.Sprintf("At least %d pods run, by spec.replicas or what their autoscaler keeps, and %d have to be available: with no more than that none is evicted.", pods, least.IntVal)
	default:
		since := neverSince(p, b.content)
		if since == nil {
			return
		}
		f.Verdict, f.Field, f.Reason = "not-now", "status.disruptionsAllowed", "has allowed no eviction for long"
		f.Detail = fmt.Sprintf("%d of %d pods are healthy, and it needs %d; it has allowed none since %s.", b.content.Status.CurrentHealthy, b.content.Status.ExpectedPods, b.content.Status.DesiredHealthy, since.UTC().Format(time.RFC3339))
	}
	f.Discriminator = "blocked"
	p.Report(f)
}

func isNone(v *intstr.IntOrString) bool {
	return v.Type == intstr.Int && v.IntVal == 0 || v.Type == intstr.String && v.StrVal == "0%"
}

// everyoneScales reports whether replicas are known of all of them.
func everyoneScales(workloads []*harden.Workload) bool {
	for _, w := range workloads {
		if !w.HasReplicas() {
			return false
		}
	}
	return true
}

func selectedTwice(inv *harden.Inventory, b *budget) []string {
	var out []string
	for _, w := range b.workloads {
		for _, other := range budgetsOf(inv).of[w.Ref.Key()] {
			if other != b {
				out = append(out, w.Ref.String()+" by "+other.ref.String())
			}
		}
	}
	return out
}

// neverSince tells since when a budget of running pods has allowed nothing; nil
// where it does, or did a while ago.
func neverSince(p *harden.Pass, b *policyv1.PodDisruptionBudget) *metav1.Time {
	if !p.Inventory.Live() || b.Status.ExpectedPods == 0 || b.Status.DisruptionsAllowed > 0 {
		return nil
	}
	c := meta.FindStatusCondition(b.Status.Conditions, policyv1.DisruptionAllowedCondition)
	if c == nil || c.Status != metav1.ConditionFalse || !p.Older(c.LastTransitionTime.Time, steadily-1) {
		return nil
	}
	return &c.LastTransitionTime
}

func fixPDBBlocksDrain(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "let one pod be evicted"
	b := budgetsOf(p.Inventory).all[p.Object.Key()]
	if b == nil {
		return nil
	}
	how := "Run more replicas than minAvailable asks for, or say maxUnavailable: 1 in its place."
	switch {
	case f.Verdict == "two-budgets":
		how = "Delete one of the two budgets, or correct the selector of one."
	case f.Verdict == "not-now":
		how = "Find out why its pods are not ready (kubectl describe pod). With unhealthyPodEvictionPolicy: AlwaysAllow pods that are not ready can be evicted all the same."
	case f.Field == "spec.maxUnavailable":
		for _, w := range b.workloads {
			if p.Inventory.LeastReplicas(w) < 2 {
				return []harden.Fix{{Title: title, Class: harden.Review, Manual: fmt.Sprintf("%s has one replica: if it can have a second copy, run two, then set maxUnavailable: 1; if not, delete the budget, and accept a gap when its node is drained.", w.Ref)}}
			}
		}
		return []harden.Fix{{
			Title: title, Class: harden.Review,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"maxUnavailable": int64(1)}})},
			Warning: "Somebody may have set 0 on purpose, to be asked before a pod goes.",
		}}
	}
	return []harden.Fix{{Title: title, Class: harden.Review, Manual: how}}
}
