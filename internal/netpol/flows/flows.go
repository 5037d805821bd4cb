// Package flows works out which connections the workloads of a cluster need,
// from what is declared, referred to and was seen. It is pure.
//
// Probes of kubelets are no flows: they come from the pod's own node, which
// NetworkPolicies always let through.
package flows

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// All are the flows that are known in an inventory, in the order of
// harden.CompareFlows.
type All []harden.Flow

// Of works them out, once for each inventory.
func Of(inv *harden.Inventory) All { return harden.Derive(inv, find) }

func find(inv *harden.Inventory) All {
	f := &finder{index: newIndex(inv), flows: map[flowKey]*found{}}
	f.references()
	f.ingresses()
	f.gateways()
	f.virtualServices()
	f.outside()
	f.monitors()
	f.callees()
	f.control()
	f.identities()
	f.statefulPeers()
	f.observed()
	f.mesh()
	return f.all()
}

// A finder collects flows.
type finder struct {
	*index
	flows map[flowKey]*found
}

type flowKey struct {
	from, to harden.Peer
	port     harden.Port
	host     string
}

type found struct {
	origins                     []harden.FlowOrigin
	declared, observed, guessed bool
	volatile                    string
}

// A sureness is what an origin says about the need.
type sureness int

const (
	guess sureness = iota // by name alone
	declared
	observed
)

// maxOrigins is how many reasons for one flow are kept.
const maxOrigins = 8

// pods reports whether a peer is pods of the cluster.
func pods(p harden.Peer) bool { return p.Kind == harden.PeerWorkload || p.Kind == harden.PeerNamespace }

// add notes why a connection is needed. A connection of a peer that is no pod to
// another that is none is nobody's.
func (f *finder) add(from harden.Peer, t target, sure sureness, code, text string) {
	if !pods(from) && !pods(t.peer) || t.port.Number <= 0 || t.port.Number > 65535 {
		return
	}
	k := flowKey{from, t.peer, t.port, t.host}
	e := f.flows[k]
	if e == nil {
		e = &found{}
		f.flows[k] = e
	}
	switch sure {
	case guess:
		e.guessed = true
	case declared:
		e.declared = true
	case observed:
		e.observed = true
	}
	if e.volatile == "" {
		e.volatile = t.volatile
	}
	o := harden.FlowOrigin{Code: code, Text: harden.OneLine(text), Observed: sure == observed}
	if len(e.origins) < maxOrigins && !slices.Contains(e.origins, o) {
		e.origins = append(e.origins, o)
	}
}

func (f *finder) addAll(from harden.Peer, targets []target, sure sureness, code, text string) {
	for _, t := range targets {
		f.add(from, t, sure, code, text)
	}
}

func (f *finder) all() All {
	out := make(All, 0, len(f.flows))
	for k, e := range f.flows {
		flow := harden.Flow{From: k.from, To: k.to, Port: k.port, Host: k.host, Origins: e.origins, Volatile: e.volatile, Confidence: harden.ConfidenceLow}
		switch {
		case e.declared && e.observed:
			flow.Confidence = harden.ConfidenceHigh
		case e.declared || e.observed:
			flow.Confidence = harden.ConfidenceMedium
		}
		out = append(out, flow)
	}
	slices.SortFunc(out, harden.CompareFlows)
	return out
}
