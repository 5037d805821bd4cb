package propose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// A drafter makes the proposal for one namespace.
type drafter struct {
	inv       *harden.Inventory
	namespace string
	byPeer    map[harden.Peer]*harden.Workload
	spaces    map[string][]*harden.Workload // by namespace, that run or will run again
	known     map[harden.Peer]*subject      // selectors of workloads of any namespace, as far as they were needed
	needs     []harden.Flow                 // that are required and touch the namespace
	world     *netpol.World
	dns       flows.DNS
	api       flows.APIServer
	nodes     []netip.Addr
	v4, v6    bool
}

func newDrafter(around *harden.Inventory, namespace string) *drafter {
	d := selecting(around, namespace)
	d.world, d.dns, d.api, d.nodes = netpol.Of(around), flows.DNSOf(around), flows.APIServerOf(around), flows.NodeAddresses(around)
	for _, f := range flows.Of(around) {
		if f.Required() && (within(f.From, namespace) || within(f.To, namespace)) {
			d.needs = append(d.needs, f)
		}
	}
	// Where nobody knows which families the cluster has, both are written: a block of the other one does nothing.
	e := around.Net.Engine
	d.v4, d.v6 = e.IPv4 || !e.IPv6, e.IPv6 || !e.IPv4
	return d
}

// within reports whether a peer is pods of the namespace.
func within(p harden.Peer, namespace string) bool {
	return (p.Kind == harden.PeerWorkload || p.Kind == harden.PeerNamespace) && p.Namespace == namespace
}

// selecting is as much of a drafter as selectors need.
func selecting(inv *harden.Inventory, namespace string) *drafter {
	d := &drafter{
		inv: inv, namespace: namespace,
		byPeer: map[harden.Peer]*harden.Workload{}, spaces: map[string][]*harden.Workload{}, known: map[harden.Peer]*subject{},
	}
	for _, w := range inv.Workloads {
		if !w.Finished {
			d.byPeer[harden.WorkloadPeer(w.Ref)] = w
			d.spaces[w.Ref.Namespace] = append(d.spaces[w.Ref.Namespace], w)
		}
	}
	return d
}

func (d *drafter) proposal() *Proposal {
	p := &Proposal{Namespace: d.namespace}
	for _, name := range harden.NetworkPhases() {
		p.Phases = append(p.Phases, Phase{Name: name})
	}
	if why := d.refusal(); why != "" {
		for i := range p.Phases {
			p.Phases[i].Refused = []string{why}
		}
		return p
	}
	d.perWorkload(&p.Phases[0], harden.Ingress)
	d.perWorkload(&p.Phases[1], harden.Egress)
	d.defaultDeny(&p.Phases[2])
	for i := range p.Phases {
		p.Phases[i].Warnings = append(p.Phases[i].Warnings, d.engineWarning()...)
	}
	return p
}

// refusal says why nothing at all is proposed for the namespace.
func (d *drafter) refusal() string {
	if harden.IsSystemNamespace(d.namespace) {
		return fmt.Sprintf("namespace %s belongs to the cluster or to its vendor, who decides what its pods may reach", d.namespace)
	}
	if why := d.inv.Unreadable(harden.NetworkPolicies, d.namespace); why != "" {
		return fmt.Sprintf("the NetworkPolicies of namespace %s could not be read (%s), so nobody knows what is isolated already", d.namespace, why)
	}
	return ""
}

func (d *drafter) engineWarning() []string {
	switch e := d.inv.Net.Engine; e.Enforces {
	case harden.NotEnforced:
		return []string{"Today these policies would do nothing: " + e.Why + "."}
	case harden.EnforcementUnknown:
		if e.Why != "" {
			return []string{"Whether policies are enforced cannot be told: " + e.Why + "."}
		}
	}
	return nil
}

// perWorkload drafts one direction of every workload that is not isolated yet.
func (d *drafter) perWorkload(phase *Phase, direction harden.Direction) {
	var policies []*networkingv1.NetworkPolicy
	at := map[int]*made{}
	for _, w := range d.spaces[d.namespace] {
		isolation := d.world.Isolated(w.Ref, direction)
		if isolation.State == harden.ReachDenied {
			continue
		}
		draft, m := d.draft(w, direction)
		if m != nil {
			if isolation.State == harden.ReachUnknown {
				m.claims = append(m.claims, harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "Whether policies isolate it already cannot be told: " + isolation.Why + "."})
			}
			policies = append(policies, m.policy)
			at[len(phase.Drafts)] = m
		}
		phase.Drafts = append(phase.Drafts, draft)
	}
	after := d.world.With(policies...)
	for i := range phase.Drafts {
		if m := at[i]; m != nil {
			d.judge(&phase.Drafts[i], m, after)
		}
	}
}

// draft works out the policy for one direction of a workload; nil where it is refused.
func (d *drafter) draft(w *harden.Workload, direction harden.Direction) (Draft, *made) {
	draft := Draft{Workload: w.Ref, Direction: direction}
	s := d.subject(w)
	if draft.Refused = d.refuse(w, s, direction); draft.Refused != "" {
		return draft, nil
	}
	draft.Flows = d.flowsOf(w, direction)
	m := &made{subject: s, direction: direction}
	d.build(m, draft.Flows)
	if m.cannot != "" {
		draft.Refused, draft.Flows = m.cannot, nil
		return draft, nil
	}
	m.policy.Name = d.policyName(w, direction)
	if d.exists(m.policy.Name) {
		draft.Refused, draft.Flows = fmt.Sprintf("NetworkPolicy %s is there already and does not isolate the pods: look at it, and delete it if it is of no use", m.policy.Name), nil
		return draft, nil
	}
	return draft, m
}

func (d *drafter) exists(name string) bool {
	return slices.ContainsFunc(d.inv.NetworkPolicies[d.namespace], func(p *networkingv1.NetworkPolicy) bool { return p.Name == name })
}

// flowsOf are the required flows that end at the workload, or begin there.
func (d *drafter) flowsOf(w *harden.Workload, direction harden.Direction) []harden.Flow {
	self := harden.WorkloadPeer(w.Ref)
	var out []harden.Flow
	for _, f := range d.needs {
		if direction == harden.Ingress && f.To == self || direction == harden.Egress && f.From == self {
			out = append(out, f)
		}
	}
	return out
}

// refuse says why no policy for the workload can be right.
func (d *drafter) refuse(w *harden.Workload, s *subject, direction harden.Direction) string {
	switch {
	case w.Template.Spec.HostNetwork:
		return "its pods use the host network, where most engines apply no policies: close its ports at the node"
	case w.IsStatic():
		return "a kubelet runs it from a file on its node; what the API shows is a copy"
	case flows.MeshOf(d.inv, w) == flows.Ambient:
		return "it is in Istio's ambient mode, where nodes carry all connections over port 15008 and policies do not see the real ports: write AuthorizationPolicies"
	case s.cannot != "":
		return s.cannot
	}
	if len(s.twins) > 0 {
		mine := d.shape(w, s, direction)
		for _, twin := range s.twins {
			if !slices.Equal(mine, d.shape(twin, s, direction)) {
				return fmt.Sprintf("%s has the same labels and needs other connections, so no selector tells the two apart: give one of them a label of its own", twin.Ref)
			}
		}
	}
	return ""
}

// shape is what a workload needs, for comparing it with another of the same labels (T68).
func (d *drafter) shape(w *harden.Workload, s *subject, direction harden.Direction) []string {
	same := map[harden.Peer]bool{harden.WorkloadPeer(s.workload.Ref): true}
	for _, t := range s.twins {
		same[harden.WorkloadPeer(t.Ref)] = true
	}
	var out []string
	for _, f := range d.flowsOf(w, direction) {
		other := f.From
		if direction == harden.Egress {
			other = f.To
		}
		who := other.String()
		if same[other] {
			who = "itself"
		}
		out = append(out, strings.Join([]string{who, f.Port.String(), f.Host}, " "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
