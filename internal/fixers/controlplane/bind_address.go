package controlplane

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BindAddress finds controller managers and schedulers that listen beyond their node.
var BindAddress = &harden.Fixer{
	ID:       "cp-bind-address",
	Title:    "listens beyond its node",
	Area:     harden.AreaControlPlane,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
The controller manager or the scheduler listens on addresses that others reach.

Fields:

    --bind-address   of kube-controller-manager, kube-scheduler (the mirror pods in kube-system)

Allowed: a loopback address, as kubeadm sets it. Without the flag it is 0.0.0.0.

**Why it matters.** Nobody but the kubelet's probes has to reach these ports, and they run on the
network of the node: every pod and every neighbour of it may knock.

**The fix.** A person edits the static pod's file. The API cannot change it, so there is text only.

**Traps.** A Prometheus that scrapes the metrics of both needs another address; give it the node's own
address and firewall it, and say so in a waiver. The probes in the same file name the host that they ask: they have
to follow.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.3.7"},
		{Standard: "CIS", ID: "1.4.2"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Trivy", ID: "KCV-0039"},
		{Standard: "Trivy", ID: "KCV-0041"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		c, ok := find(p, controllerManager, scheduler)
		if !ok || loopback(c.flags["bind-address"]) {
			return
		}
		by := "0.0.0.0 by default"
		if c.has("bind-address") {
			by = harden.OneLine(c.flags["bind-address"])
		}
		c.report(p, harden.Finding{
			Reason: "listens beyond loopback",
			Detail: fmt.Sprintf("It listens on %s, on the network of the node: whoever reaches the node reaches it.", by),
		})
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand(p, "listen on loopback alone", "set --bind-address=127.0.0.1, and host: 127.0.0.1 in its probes.")
	},
}

// loopback reports whether an address, with or without a port, is of the node alone.
func loopback(address string) bool {
	if address == "localhost" {
		return true
	}
	if a, err := netip.ParseAddr(address); err == nil {
		return a.IsLoopback()
	}
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().IsLoopback()
}
