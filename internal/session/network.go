package session

import (
	"context"
	"errors"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// network reads what the network is made of, in all namespaces that may be read.
func (g *gathering) network(ctx context.Context) error {
	g.say("the network", 0, 0)
	whole, err := g.session.source.whole(ctx, g.inv.Scope, func(done, total int) { g.say("the network", done, total) })
	if err != nil {
		return err
	}
	g.session.learn(harden.Facts{Whole: whole.Fresh(), Flows: g.session.looker.flows()})
	return nil
}

// errNotLooked says what has to come before Network.
var errNotLooked = errors.New("nobody has looked at the network yet")

// phaseOf tells which findings a phase of a proposal repairs.
var phaseOf = map[string]harden.NetworkPhaseName{
	"netpol-missing-ingress": harden.PhaseIngress,
	"netpol-missing-egress":  harden.PhaseEgress,
	"netpol-no-default-deny": harden.PhaseDefaultDeny,
}

// Network tells who can talk to whom in the namespaces, those of the scope when
// there are none, before and after what is proposed. The network must have been
// looked at, by Gather with EvidenceOptions.Network.
func (s *Session) Network(ctx context.Context, namespaces []string) (*harden.NetworkView, error) {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	if snap == nil || snap.Inventory.Whole == nil {
		return nil, errNotLooked
	}
	around := snap.Inventory.Around()
	if len(namespaces) == 0 {
		namespaces = snap.Inventory.Scope
	}
	v := &harden.NetworkView{Namespaces: slices.Sorted(slices.Values(namespaces)), Engine: around.Net.Engine, Unread: around.Unread, Time: snap.Inventory.Whole.Now}
	v.Namespaces = slices.Compact(v.Namespaces)
	for _, f := range flows.Of(around) {
		if touchesAny(f.From, v.Namespaces) || touchesAny(f.To, v.Namespaces) {
			v.Flows = append(v.Flows, f)
		}
	}
	var drafts []*networkingv1.NetworkPolicy
	for _, ns := range v.Namespaces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, p := range propose.For(around, ns).Phases {
			phase := phaseView(ns, p, snap.Findings)
			for _, o := range phase.Policies {
				if policy := typedPolicy(o); policy != nil {
					drafts = append(drafts, policy)
				}
			}
			v.Phases = append(v.Phases, phase)
		}
	}
	before := netpol.Of(around)
	after := before.With(drafts...)
	v.Peers, v.Cells = netpol.Cells(before, after, v.Namespaces, v.Flows)
	v.Explain = func(from, to harden.Peer, port harden.Port) (harden.Decision, harden.Decision) {
		return before.Decide(from, to, port), after.Decide(from, to, port)
	}
	return v, ctx.Err()
}

// touchesAny reports whether the peer lies in one of the namespaces, which may be
// "": that of manifests that name none.
func touchesAny(p harden.Peer, namespaces []string) bool {
	return (p.Kind == harden.PeerWorkload || p.Kind == harden.PeerNamespace) && slices.Contains(namespaces, p.Namespace)
}

// phaseView is a phase with the findings that it repairs.
func phaseView(namespace string, p propose.Phase, findings []*harden.Finding) harden.NetworkPhase {
	out := harden.NetworkPhase{Namespace: namespace, Name: p.Name, Refused: slices.Clone(p.Refused), Warnings: slices.Clone(p.Warnings)}
	for _, d := range p.Drafts {
		subject := ""
		if d.Workload.Name != "" {
			subject = d.Workload.String() + ": "
		}
		out.Policies = append(out.Policies, d.Objects...)
		if d.Refused != "" {
			out.Refused = append(out.Refused, subject+d.Refused)
		}
		if d.Warning != "" {
			out.Warnings = append(out.Warnings, subject+d.Warning)
		}
	}
	open := false
	for _, f := range findings {
		if phaseOf[f.Fixer.ID] != p.Name || f.Status != harden.StatusFail || (f.Object.Namespace != namespace && (f.Object.Kind != "Namespace" || f.Object.Name != namespace)) {
			continue
		}
		open = true
		if slices.ContainsFunc(p.Drafts, func(d propose.Draft) bool { return len(d.Objects) > 0 && repairs(d, f) }) {
			out.Findings = append(out.Findings, f)
		}
	}
	out.Done = !open
	return out
}

// repairs reports whether the draft is for the finding.
func repairs(d propose.Draft, f *harden.Finding) bool {
	if d.Workload.Name == "" {
		return f.Object.Kind == "Namespace" && (f.Discriminator == "" || strings.EqualFold(f.Discriminator, string(d.Direction)))
	}
	return d.Workload.Key() == f.Object.Key()
}

func typedPolicy(u *unstructured.Unstructured) *networkingv1.NetworkPolicy {
	if u.GroupVersionKind() != networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy") {
		return nil
	}
	p := &networkingv1.NetworkPolicy{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, p) != nil {
		return nil // drafts are made of typed policies
	}
	return p
}
