package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/propose"
)

// In each system the proposals allow what its flows.csv documents, DNS, the API
// server where a token is mounted, and nothing else.
func TestProposalsAllowWhatIsDocumentedAndDenyTheRest(t *testing.T) {
	for _, test := range []struct {
		system        string
		policies      int // that are proposed
		before, after harden.NetworkCounts
		kubelet       int // of those allowed after: from a pod's own node, which no policy keeps out
	}{
		{"microshop", 27, harden.NetworkCounts{Allowed: 558}, harden.NetworkCounts{Allowed: 92, Denied: 466}, 22},
		{"guestbook", 9, harden.NetworkCounts{Allowed: 90}, harden.NetworkCounts{Allowed: 26, Denied: 64}, 5},
		{"bookshop", 15, harden.NetworkCounts{Allowed: 205}, harden.NetworkCounts{Allowed: 47, Denied: 158}, 11},
		// What the API leaves to the engine is unknown: node-agent is on the host network.
		{"shop", 16, harden.NetworkCounts{Allowed: 313, Denied: 39, Unknown: 2}, harden.NetworkCounts{Allowed: 66, Denied: 260, Unknown: 28}, 10},
	} {
		t.Run(test.system, func(t *testing.T) {
			inv := nettest.Known(t, harden.EngineCalico, nettest.Folder(t, test.system))
			before := netpol.Of(inv)
			policies := proposed(t, inv, test.system)
			after := before.With(policies...)
			if len(policies) != test.policies {
				t.Errorf("%d policies, want %d", len(policies), test.policies)
			}
			expected := documented(t, inv, test.system)
			for f := range expected {
				if d := after.Decide(f.from, f.to, f.port); d.Reach != harden.ReachAllowed {
					t.Errorf("%s to %s on %s is documented, and %s: %s", f.from, f.to, f.port, d.Reach, d.Why)
				}
			}
			peers, cells := netpol.Cells(before, after, []string{test.system}, flows.Of(inv))
			view := harden.NetworkView{Peers: peers, Cells: cells}
			kubelet := 0
			for i := range cells {
				c := &cells[i]
				from, to := peers[c.From], peers[c.To]
				switch {
				case c.After == harden.ReachDenied:
				case from.Kind == harden.PeerNodes && c.AfterPartly:
					kubelet++
				case c.After == harden.ReachUnknown:
					if from.Workload.Name != "node-agent" && to.Workload.Name != "node-agent" {
						t.Errorf("%s to %s on %s is unknown", from, to, c.Port)
					}
				case c.After == harden.ReachAllowed && from.Workload.Name != "node-agent" && to.Workload.Name != "node-agent" && !expected.has(from, to, c.Port):
					t.Errorf("%s to %s on %s stays open and is not documented", from, to, c.Port)
				}
			}
			if kubelet != test.kubelet {
				t.Errorf("%d cells of kubelets, want %d", kubelet, test.kubelet)
			}
			if b, a := view.Counts(); b != test.before || a != test.after {
				t.Errorf("cells before %+v and after %+v, want %+v and %+v", b, a, test.before, test.after)
			}
		})
	}
}

// proposed applies phase after phase, as a person would, until nothing is left.
func proposed(t *testing.T, inv *harden.Inventory, namespace string) []*networkingv1.NetworkPolicy {
	t.Helper()
	var all []*networkingv1.NetworkPolicy
	for _, name := range harden.NetworkPhases() {
		next := *inv
		next.NetworkPolicies = map[string][]*networkingv1.NetworkPolicy{namespace: slices.Concat(inv.NetworkPolicies[namespace], all)}
		for _, phase := range propose.For(next.Fresh(), namespace).Phases {
			if phase.Name != name {
				continue
			}
			if len(phase.Refused) > 0 {
				t.Errorf("phase %s: %v", phase.Name, phase.Refused)
			}
			for _, d := range phase.Drafts {
				if d.Refused != "" && d.Workload.Name != "node-agent" { // on the host network
					t.Errorf("%s of %s: %s", d.Direction, d.Workload, d.Refused)
				}
				for _, o := range d.Objects {
					p := &networkingv1.NetworkPolicy{}
					if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, p); err != nil {
						t.Fatal(err)
					}
					all = append(all, p)
				}
			}
		}
	}
	return all
}

type connection struct {
	from, to harden.Peer
	port     harden.Port
}

type connections map[connection]bool

// has reports whether a connection is documented. Where whoever comes through a
// load balancer is let in, no policy can tell others from them.
func (c connections) has(from, to harden.Peer, port harden.Port) bool {
	return c[connection{from, to, port}] || c[connection{harden.Peer{Kind: harden.PeerLoadBalancer}, to, port}]
}

// documented are the connections of a system's flows.csv, and those to DNS and
// to the API server.
func documented(t *testing.T, inv *harden.Inventory, system string) connections {
	t.Helper()
	file, err := os.Open(filepath.Join(system, "flows.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := flows.ReadCSV(file, file.Name())
	if err != nil {
		t.Fatal(err)
	}
	out := connections{}
	peer := func(e harden.ObservedEnd) harden.Peer {
		for _, w := range inv.Workloads {
			if w.Ref.Namespace == e.Namespace && w.Ref.Kind == e.Kind && w.Ref.Name == e.Workload {
				return harden.WorkloadPeer(w.Ref)
			}
		}
		if e.Namespace != "" {
			t.Errorf("flows.csv names %s/%s, which is not there", e.Kind, e.Workload)
		}
		return harden.Peer{Kind: harden.PeerLoadBalancer}
	}
	for _, r := range rows {
		out[connection{peer(r.From), peer(r.To), r.Port}] = true
	}
	dns := harden.WorkloadPeer(harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "kube-system", Name: "coredns"})
	for _, w := range inv.Workloads {
		if w.Ref.Namespace != system || w.Template.Spec.HostNetwork {
			continue
		}
		from := harden.WorkloadPeer(w.Ref)
		for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
			port := harden.Port{Protocol: protocol, Number: 53}
			out[connection{from, dns, port}] = true
			out[connection{from, harden.Peer{Kind: harden.PeerNamespace, Namespace: "kube-system"}, port}] = true // as the matrix shows it
		}
		if mounts, known := inv.MountsToken(w); mounts || !known {
			out[connection{from, harden.Peer{Kind: harden.PeerAPIServer}, harden.Port{Protocol: corev1.ProtocolTCP, Number: 6443}}] = true
		}
	}
	return out
}

// What is read from files, as users read them, says the same.
func TestFilesSayTheSame(t *testing.T) {
	for _, system := range []string{"microshop", "guestbook", "bookshop", "shop"} {
		set, err := files.Load([]string{system}, nil, files.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines(nettest.Load(t, nettest.Folder(t, system))), lines(set.Inventory(fixtest.Now))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", system, diff)
		}
	}
}

func lines(inv *harden.Inventory) []string {
	var out []string
	for _, f := range flows.Of(inv) {
		out = append(out, fmt.Sprintf("%s to %s on %s: %s, %s", f.From, f.To, f.Port, f.Confidence, f.Origins[0].Text))
	}
	slices.Sort(out)
	return out
}
