package cloud

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// APIServerPublic finds clusters whose API server is on the internet.
var APIServerPublic = &harden.Fixer{
	ID:       "apiserver-public",
	Title:    "API server answers at a public address",
	Area:     harden.AreaCloud,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
The address by which this program reached the API server is one of the internet.

Fields:

    clusters[].cluster.server of the kubeconfig

Allowed: a private address, or a name of a private network.

**Why it matters.** Whoever finds the address may try stolen credentials and new bugs of the API server from
anywhere. Credentials are still needed: this is a note.

**The fix.** The endpoint is restricted at the cloud, to a private network or to the networks of those who
administer: there is text only.

**Traps.** No name is looked up, since that asks the network. A name, such as the endpoint of EKS, may lead to a private
or a public address, and the verdict is unknown. A public address that only some networks may reach looks the
same from one of them.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.4.1"},
		{Standard: "CIS EKS", ID: "5.4.2"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Kubescape", ID: "C-0227"},
		{Standard: "Kubescape", ID: "C-0228"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAPIServerPublic,
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("restrict the endpoint",
			"Limit it to the networks of those who administer (GKE: --enable-master-authorized-networks; EKS: publicAccessCidrs), or make it private and reach it by a VPN or a bastion.",
			"Pipelines and people outside of these networks no longer reach the API server.")
	},
}

func checkAPIServerPublic(p *harden.Pass) {
	server, err := url.Parse(p.Inventory.Cluster.Server)
	if err != nil || server.Hostname() == "" {
		p.NotApplicable()
		return
	}
	host := server.Hostname()
	address, err := netip.ParseAddr(host)
	switch {
	case err != nil && privateName(host):
	case err != nil:
		p.Unknown(fmt.Sprintf("whether %s leads to a public address was not looked up", harden.OneLine(host)))
	case ofInternet(address):
		p.Report(harden.Finding{
			Field: "clusters[].cluster.server", Reason: "API server at the public address " + host,
			Detail: fmt.Sprintf("This program reached the API server at %s. Whether a firewall lets others do so too cannot be seen from here.", host),
		})
	}
}

// privateName reports whether a name is only known within a machine, a cluster or a private network.
func privateName(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".local", ".internal", ".localhost", ".lan", ".svc", ".home.arpa"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
