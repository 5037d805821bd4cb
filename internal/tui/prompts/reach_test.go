package prompts

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestSentence(t *testing.T) {
	inside := func(name string) harden.Peer { return harden.WorkloadPeer(deployment(name)) }
	db := harden.WorkloadPeer(harden.Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "payments", Name: "db"})
	tcp := func(n int32) harden.Port { return harden.Port{Protocol: corev1.ProtocolTCP, Number: n} }
	type cell struct {
		to     harden.Peer
		port   harden.Port
		reach  harden.Reach
		partly bool
		needed bool
	}
	for _, test := range []struct {
		name  string
		cells []cell
		want  string
	}{
		{
			"ports of another namespace",
			[]cell{{to: db, port: tcp(5432), reach: harden.ReachAllowed}, {to: db, port: tcp(9090), reach: harden.ReachDenied}, {to: inside("api"), port: tcp(80), reach: harden.ReachAllowed}},
			"Deployment web may reach: StatefulSet db in payments on port 5432 and Deployment api on port 80.",
		},
		{"all of the namespace", []cell{
			{to: db, port: tcp(5432), reach: harden.ReachAllowed},
			{to: inside("a"), port: tcp(80), reach: harden.ReachAllowed},
			{to: inside("b"), port: tcp(0), reach: harden.ReachAllowed},
			{to: inside("c"), port: tcp(80), reach: harden.ReachAllowed},
			{to: harden.Peer{Kind: harden.PeerInternet}, port: tcp(443), reach: harden.ReachDenied},
		}, "Deployment web may reach: every workload of shop and StatefulSet db in payments on port 5432. It may not reach: the internet."},
		{"not all of the namespace", []cell{
			{to: inside("a"), port: tcp(0), reach: harden.ReachAllowed}, {to: inside("b"), port: tcp(80), reach: harden.ReachAllowed}, {to: inside("c"), port: tcp(80), reach: harden.ReachDenied},
		}, "Deployment web may reach: Deployment a and Deployment b on port 80. It may not reach: Deployment c."},
		{
			"a part",
			[]cell{{to: harden.Peer{Kind: harden.PeerNamespace, Namespace: "payments"}, port: tcp(80), reach: harden.ReachAllowed, partly: true}},
			"Deployment web may reach: a part of namespace payments.",
		},
		{
			"needed",
			[]cell{{to: db, port: tcp(5432), reach: harden.ReachDenied, needed: true}},
			"Deployment web may reach: nothing that is known. Needed but denied: StatefulSet db in payments on port 5432.",
		},
		{
			"not known",
			[]cell{{to: harden.Peer{Kind: harden.PeerNodes}, port: tcp(0), reach: harden.ReachUnknown}},
			"Deployment web may reach: nothing that is known. Not known: the nodes.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := &harden.NetworkView{Namespaces: []string{"shop"}, Peers: []harden.Peer{inside("web")}}
			for _, c := range test.cells {
				to := int32(len(v.Peers))
				for i, p := range v.Peers {
					if p == c.to {
						to = int32(i)
					}
				}
				if int(to) == len(v.Peers) {
					v.Peers = append(v.Peers, c.to)
				}
				flow := int32(0)
				if c.needed {
					v.Flows = append(v.Flows, harden.Flow{Confidence: harden.ConfidenceHigh})
					flow = int32(len(v.Flows))
				}
				v.Cells = append(v.Cells, harden.NetworkCell{To: to, Port: c.port, Before: c.reach, BeforePartly: c.partly, Flow: flow})
			}
			n := &networking{view: v, direction: harden.Egress}
			if got := n.sentence(n.grid(), 0); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
