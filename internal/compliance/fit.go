package compliance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Providers of managed control planes.
const (
	EKS = "eks"
	GKE = "gke"
	AKS = "aks"
)

// azureCluster is a label that AKS gives to all nodes.
const azureCluster = "kubernetes.azure.com/cluster"

// Provider is the managed service that runs the control plane, or "" where none
// is recognised. Sources: the version that the servers of EKS and GKE report
// (v1.33.4-eks-…, v1.33.5-gke.…), and the labels of nodes of AKS.
func Provider(inv *harden.Inventory) string {
	switch version := inv.Cluster.Version; {
	case strings.Contains(version, "-eks-"):
		return EKS
	case strings.Contains(version, "-gke."):
		return GKE
	}
	for _, n := range inv.Nodes {
		if _, ok := n.Labels[azureCluster]; ok {
			return AKS
		}
	}
	return ""
}

// Fitting are the standards that say something about the inventory: the
// benchmark for its version and provider, and those that are for any cluster.
// Manifests have neither; what can be said about them is in the others. The
// baseline of the Pod Security Standards is left out: restricted holds it.
func Fitting(inv *harden.Inventory) []*Standard {
	var all []*Standard
	for _, s := range Standards() {
		switch {
		case s.ID == "pss-baseline":
		case s.Family == "cis" || s.Family == "cis-eks":
			if inv.Live() && s == benchmark(inv) {
				all = append(all, s)
			}
		case !s.Live || inv.Live():
			all = append(all, s)
		}
	}
	return all
}

// benchmark is that of CIS for the cluster.
func benchmark(inv *harden.Inventory) *Standard {
	if Provider(inv) == EKS {
		return newest("cis-eks")
	}
	return byMinor(inv.Cluster.Minor)
}

// byMinor is the benchmark for a minor version of the server, as kube-bench
// assigns them: the newest where the version is newer, or not known.
func byMinor(minor int) *Standard {
	for _, s := range Standards() {
		if s.minors && minor > 0 && minor >= s.from && (s.to == 0 || minor <= s.to) {
			return s
		}
	}
	return newest("cis")
}

func newest(family string) *Standard {
	var last *Standard
	for _, s := range Standards() {
		if s.Family == family {
			last = s
		}
	}
	return last
}

// Find is what a name means for an inventory: the standard of that id; or of a
// family (cis, cis-eks, pss, nsa, checklists) the benchmark for the version of the
// server, the newest one, or all where they do not replace each other.
func Find(name string, inv *harden.Inventory) ([]*Standard, error) {
	switch name {
	case "cis":
		return []*Standard{byMinor(inv.Cluster.Minor)}, nil
	case "cis-eks":
		return []*Standard{newest(name)}, nil
	}
	var found []*Standard
	for _, s := range Standards() {
		if s.ID == name || s.Family == name {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("unknown standard %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return found, nil
}

// Names are what Find takes: families, then ids.
func Names() []string {
	var families, ids []string
	for _, s := range Standards() {
		if !slices.Contains(families, s.Family) {
			families = append(families, s.Family)
		}
		ids = append(ids, s.ID)
	}
	return append(families, ids...)
}
