package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestNetworkNeedsALook(t *testing.T) {
	s, err := OpenFiles([]string{"../../examples/shop"}, nil, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Network(t.Context(), nil); !errors.Is(err, errNotLooked) {
		t.Errorf("before anything was read: %v", err)
	}
	if _, err := s.Load(t.Context(), harden.Scope{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Network(t.Context(), nil); !errors.Is(err, errNotLooked) {
		t.Errorf("before a look: %v", err)
	}
}

// One namespace is looked at, and the other end may be anywhere.
func TestNetworkOfANamespace(t *testing.T) {
	s, err := OpenFiles([]string{"../../examples/shop"}, nil, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), harden.Scope{Namespaces: []string{"shop"}}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Network: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Network(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v.Namespaces, []string{"shop"}) {
		t.Errorf("namespaces %q", v.Namespaces)
	}
	before, after := v.Counts()
	if before.Allowed == 0 || after.Denied <= before.Denied {
		t.Errorf("before %+v, after %+v: the proposal denies nothing", before, after)
	}
	if !slices.ContainsFunc(v.Peers, func(p harden.Peer) bool { return p.Kind == harden.PeerNamespace && p.Namespace == "payments" }) {
		t.Errorf("peers %v: what lies outside of the scope is missing", v.Peers)
	}
	for i := range v.Cells {
		c := &v.Cells[i]
		if c.Flow > 0 && v.Flows[c.Flow-1].Required() && c.Before == harden.ReachAllowed && c.After == harden.ReachDenied {
			t.Errorf("%s -> %s %s is needed and cut", v.Peers[c.From], v.Peers[c.To], c.Port)
		}
	}
	// What the phases make repairs findings of the snapshot, and each finding is in one phase.
	seen := map[*harden.Finding]bool{}
	for _, p := range v.Phases {
		if p.Namespace != "shop" {
			t.Errorf("phase %s of %s", p.Name, p.Namespace)
		}
		if len(p.Policies) > 0 && len(p.Findings) == 0 {
			t.Errorf("phase %s makes %d policies and repairs nothing", p.Name, len(p.Policies))
		}
		for _, f := range p.Findings {
			if seen[f] || !slices.Contains(snap.Findings, f) {
				t.Errorf("phase %s: finding %s", p.Name, f.ID())
			}
			seen[f] = true
		}
	}
	api := slices.IndexFunc(v.Peers, func(p harden.Peer) bool { return p.Workload.Name == "api" })
	was, is := v.Explain(v.Peers[api], harden.Peer{Kind: harden.PeerMetadata}, harden.Port{Protocol: "TCP", Number: 80})
	if was.Reach != harden.ReachAllowed || is.Reach != harden.ReachDenied || len(is.By) == 0 {
		t.Errorf("metadata from api: %+v, then %+v", was, is)
	}
}
