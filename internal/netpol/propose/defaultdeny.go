package propose

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// allowDNS is the policy that goes with a default deny of egress.
const allowDNS = "harden-allow-dns"

// defaultDeny drafts the policies that isolate every pod of the namespace, also
// those that are made tomorrow. All of today's must be isolated already, so that
// nothing changes for them.
func (d *drafter) defaultDeny(phase *Phase) {
	if why := d.webhook(); why != "" {
		phase.Refused = append(phase.Refused, why)
		return
	}
	for _, direction := range []harden.Direction{harden.Ingress, harden.Egress} {
		if d.denies(direction) {
			continue
		}
		phase.Drafts = append(phase.Drafts, d.denyAll(direction))
	}
}

// webhook says why a namespace that answers for the API server gets no default deny (T58).
func (d *drafter) webhook() string {
	for _, c := range d.inv.Net.Callees {
		if c.Namespace == d.namespace && c.Webhook != "" {
			return fmt.Sprintf("the API server asks webhook %s of %s here (Service %s). A pod that is made tomorrow to answer it would be cut off, and writes to the cluster would stall, "+
				"also with failurePolicy Ignore: the timeouts add up. Isolate its workloads one by one instead", c.Webhook, c.By, c.Service)
		}
	}
	return ""
}

// denies reports whether a policy selects every pod of the namespace in the direction.
func (d *drafter) denies(direction harden.Direction) bool {
	return slices.ContainsFunc(d.inv.NetworkPolicies[d.namespace], func(p *networkingv1.NetworkPolicy) bool {
		s := p.Spec.PodSelector
		if len(s.MatchLabels) > 0 || len(s.MatchExpressions) > 0 {
			return false
		}
		if len(p.Spec.PolicyTypes) > 0 {
			return slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyType(direction))
		}
		return direction == harden.Ingress || len(p.Spec.Egress) > 0
	})
}

func (d *drafter) denyAll(direction harden.Direction) Draft {
	draft := Draft{Direction: direction}
	var open []string
	for _, w := range d.spaces[d.namespace] {
		if w.Template.Spec.HostNetwork || w.IsStatic() {
			continue // policies do nothing for them
		}
		if d.world.Isolated(w.Ref, direction).State != harden.ReachDenied {
			open = append(open, w.Ref.String())
		}
	}
	name := "harden-default-deny-" + strings.ToLower(string(direction))
	switch {
	case len(open) > 0:
		draft.Refused = fmt.Sprintf("%s: not every workload is isolated yet: %s. Apply phase %s first", strings.ToLower(string(direction)), enumerate(open), strings.ToLower(string(direction)))
		return draft
	case d.exists(name):
		draft.Refused = fmt.Sprintf("NetworkPolicy %s is there already and does not select every pod: look at it, and delete it if it is of no use", name)
		return draft
	}
	var policies []*networkingv1.NetworkPolicy
	if direction == harden.Egress && !d.exists(allowDNS) {
		policies = append(policies, d.namespacePolicy(allowDNS, direction, AllowDNS(d.inv, d.namespace))) // before what it is an exception of
	}
	policies = append(policies, d.namespacePolicy(name, direction, nil))
	for _, f := range d.needs {
		if direction == harden.Ingress && within(f.To, d.namespace) || direction == harden.Egress && within(f.From, d.namespace) {
			draft.Flows = append(draft.Flows, f)
		}
	}
	v := d.gate(draft.Flows, d.world.With(policies...), func(f *harden.Flow) bool { return false })
	if len(v.cut) > 0 {
		draft.Refused, draft.Flows = "it would cut what is needed: "+enumerate(v.cut), nil
		return draft
	}
	for _, p := range policies {
		draft.Objects = append(draft.Objects, object(p))
	}
	draft.Claims = []harden.Claim{
		d.networkRead(),
		d.enforcement(),
		{Code: "E-LIVE", State: harden.Holds, Time: d.inv.Now, Text: "Every workload of the namespace is isolated already, so nothing changes for it.", Limits: "pods that are made without a workload that was read"},
		v.claim(d.inv),
	}
	draft.Warning = "A workload that is new in the namespace is cut off until a policy allows what it needs."
	return draft
}

func (d *drafter) namespacePolicy(name string, direction harden.Direction, egress []networkingv1.NetworkPolicyEgressRule) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace, Labels: map[string]string{managedBy: manager}},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyType(direction)}, Egress: egress},
	}
}
