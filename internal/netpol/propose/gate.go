package propose

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// judge lets a draft through only when nothing that is needed would be cut, and
// gathers what speaks for it.
func (d *drafter) judge(draft *Draft, m *made, after *netpol.World) {
	v := d.gate(draft.Flows, after, func(f *harden.Flow) bool { return d.engineSays(m, f) })
	if len(v.cut) > 0 {
		draft.Refused = "it would cut what is needed: " + enumerate(v.cut)
		return
	}
	d.limits(m, draft)
	if beside := d.ciliumPolicy(m, m.policy.Name); beside != nil {
		draft.Objects = append(draft.Objects, beside)
	}
	draft.Objects = append(draft.Objects, object(m.policy))
	draft.Instead = d.instead(m, draft)
	draft.Claims = slices.Concat(d.claims(draft, m), []harden.Claim{v.claim(d.inv)}, m.claims)
	draft.Warning = strings.Join(m.warnings, " ")
}

// A verdict is what a gate found about required flows.
type verdict struct {
	kept         int
	cut, unknown []string
}

// gate compares the answers for required flows. Those that are denied already
// are nobody's fault; those that the engine's own policy allows are passed over.
func (d *drafter) gate(needs []harden.Flow, after *netpol.World, elsewhere func(*harden.Flow) bool) verdict {
	var v verdict
	for i := range needs {
		f := &needs[i]
		if elsewhere(f) {
			v.kept++
			continue
		}
		before := d.world.Decide(f.From, f.To, f.Port)
		if before.Reach == harden.ReachDenied {
			continue
		}
		now := after.Decide(f.From, f.To, f.Port)
		text := fmt.Sprintf("%s to %s on %s", f.From, f.To, f.Port)
		switch {
		case now.Reach == harden.ReachDenied:
			v.cut = append(v.cut, fmt.Sprintf("%s (%s; %s)", text, f.Origins[0].Text, now.Why))
		case now.Reach == harden.ReachUnknown:
			v.unknown = append(v.unknown, fmt.Sprintf("%s (%s)", text, now.Why))
		case now.Partly && !before.Partly:
			v.unknown = append(v.unknown, text+" (for a part of them)")
		default:
			v.kept++
		}
	}
	return v
}

func (v *verdict) claim(inv *harden.Inventory) harden.Claim {
	if len(v.unknown) > 0 {
		return harden.Claim{Code: "E-SLICES", State: harden.Missing, Text: "Whether these connections stay allowed cannot be told: " + enumerate(v.unknown) + "."}
	}
	return harden.Claim{
		Code: "E-SLICES", State: harden.Holds, Time: inv.Now, Limits: "connections that nobody declared and nobody saw are cut",
		Text: fmt.Sprintf("All required connections stay allowed: %d.", v.kept),
	}
}

// engineSays reports whether it is the engine's policy that allows the flow.
func (d *drafter) engineSays(m *made, f *harden.Flow) bool {
	if len(m.engine) == 0 {
		return false
	}
	if m.direction == harden.Ingress {
		return d.onNodes(f.From)
	}
	return d.onNodes(f.To) || f.To.Kind == harden.PeerAPIServer || slices.Contains(m.engine, entityRule{"host", f.Port})
}

// instead are the policies that name hosts, in the place of those that open a
// port to the internet.
func (d *drafter) instead(m *made, draft *Draft) []*unstructured.Unstructured {
	hosts := d.byHost(m, m.policy.Name+"-hosts", draft.Flows)
	if hosts == nil {
		return nil
	}
	narrow := &made{subject: m.subject, direction: m.direction}
	d.build(narrow, slices.DeleteFunc(slices.Clone(draft.Flows), func(f harden.Flow) bool { return f.Host != "" }))
	if narrow.cannot != "" {
		return nil
	}
	narrow.policy.Name = m.policy.Name
	out := []*unstructured.Unstructured{hosts}
	if beside := d.ciliumPolicy(narrow, m.policy.Name); beside != nil {
		out = append(out, beside)
	}
	return append(out, object(narrow.policy))
}

// object is the policy as it is sent.
func object(policy any) *unstructured.Unstructured {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(policy)
	if err != nil {
		panic(fmt.Sprintf("propose: a policy of our own making cannot be converted: %v", err)) // it holds nothing from outside but strings
	}
	u := &unstructured.Unstructured{Object: fields}
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "status")
	return u
}

// enumerate joins the first few.
func enumerate(all []string) string {
	const most = 5
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}
