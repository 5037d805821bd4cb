package cloud

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// VersionEOL finds clusters of a version that gets no more fixes.
var VersionEOL = &harden.Fixer{
	ID:       "k8s-version-eol",
	Title:    "runs a version of Kubernetes that gets no more fixes",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectCluster,
	Doc: `
The minor version of the API server is out of support.

Fields:

    gitVersion and minor of /version

Allowed: a version that the Kubernetes project still patches, or on EKS one in standard support. A version in
EKS's extended support is one lower: it gets fixes, for money and for a year.

**Why it matters.** Vulnerabilities that are found from now on stay open, and every month makes the way to
a supported version longer, since it goes minor by minor.

**The fix.** An upgrade, one minor version after the other: there is text only.

**Traps.** The last days of versions are a table in this program, with the day until which it can be trusted: after that a
version that it does not know, or whose end it had not seen come, is unknown. GKE, AKS, OpenShift and other
distributions patch for longer than upstream: where upstream's support is over and they are in charge the
verdict is unknown. The patch level is not judged.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "upgrading and application security practices"},
		{Standard: "Kubescape", ID: "C-0273"},
		{Standard: "Kubernetes", ID: "Releases", URL: "https://kubernetes.io/releases/"},
		{Standard: "Kubernetes", ID: "EKS release calendar", URL: "https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html"},
	},
	Reads: harden.ReadsNothing,
	Check: checkVersionEOL,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return byHand("upgrade",
			fmt.Sprintf("Look for APIs that the next version does not have any more (kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis), then upgrade the control plane of %s from 1.%d to 1.%d, then its nodes, and so on to a supported version.",
				p.Object.Name, serverMinor(p.Inventory), serverMinor(p.Inventory)+1),
			"An upgrade cannot be taken back: have a backup of etcd or of the objects.")
	},
}

// serverMinor is the minor version of the API server; 0 when it is not known.
func serverMinor(inv *harden.Inventory) int {
	if inv.Cluster.Minor != 0 {
		return inv.Cluster.Minor
	}
	return minorOf(inv.Cluster.Version)
}

func checkVersionEOL(p *harden.Pass) {
	minor := serverMinor(p.Inventory)
	if minor == 0 {
		p.Unknown("the server does not tell its version")
		return
	}
	now := p.Now()
	end, known := upstreamEnds[minor]
	finished := known && over(end, now) || before(upstreamEnds, minor)
	f := harden.Finding{Field: "gitVersion", Reason: fmt.Sprintf("1.%d is out of support", minor)}
	switch eks, inTable := eksEnds[minor]; {
	case platformOf(p.Inventory).eks && inTable:
		switch {
		case over(eks.extended, now):
			f.Detail = fmt.Sprintf("EKS ended even its extended support of 1.%d on %s.", minor, day(eks.extended))
		case over(eks.standard, now):
			f.Severity, f.SeverityWhy = harden.Medium, "extended support still brings fixes"
			f.Reason = fmt.Sprintf("1.%d is in extended support", minor)
			f.Detail = fmt.Sprintf("EKS ended its standard support of 1.%d on %s. Extended support costs extra and ends on %s; then EKS upgrades the cluster by itself.", minor, day(eks.standard), day(eks.extended))
		default:
			return
		}
	case platformOf(p.Inventory).eks && before(eksEnds, minor):
		f.Detail = fmt.Sprintf("EKS ended its support of 1.%d, the extended one too.", minor)
	case finished && distribution(p.Inventory) != "":
		p.Unknown(fmt.Sprintf("the Kubernetes project no longer patches 1.%d; until when %s does is not in the table of this program", minor, distribution(p.Inventory)))
		return
	case known && finished:
		f.Detail = fmt.Sprintf("The Kubernetes project ended its support of 1.%d on %s.", minor, day(end))
	case finished:
		f.Detail = fmt.Sprintf("The Kubernetes project ended its support of 1.%d long ago.", minor)
	case known || !over(supportKnownUntil, now):
		return
	default:
		p.Unknown(fmt.Sprintf("what this program knows about versions ends with %s, and 1.%d came later: use a newer version of it", day(supportKnownUntil), minor))
		return
	}
	p.Report(f)
}

// distribution names who patches the version for longer than the Kubernetes
// project, or "" where nothing tells of anybody.
func distribution(inv *harden.Inventory) string {
	version := inv.Cluster.Version
	for _, n := range inv.Nodes {
		if n.Labels["kubernetes.azure.com/cluster"] != "" {
			return "AKS"
		}
	}
	switch {
	case strings.Contains(version, "-eks-"):
		return "EKS"
	case inv.Cluster.OpenShift:
		return "OpenShift"
	case strings.Contains(version, "-gke."):
		return "GKE"
	}
	at := strings.IndexAny(version, "-+")
	if at < 0 {
		return ""
	}
	for _, upstream := range []string{"+k3s", "+rke2", "+k0s", "-alpha", "-beta", "-rc"} {
		if strings.HasPrefix(version[at:], upstream) {
			return ""
		}
	}
	return "whoever made " + harden.OneLine(version)
}
