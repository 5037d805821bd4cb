package harden

import "strings"

// IsSystemNamespace reports whether a namespace belongs to the cluster or to a vendor's
// part of it. Whoever owns it decides what may run there; the names are those
// that the providers' documentation gives.
func IsSystemNamespace(name string) bool {
	switch name {
	case "config-management-system", "amazon-cloudwatch", "amazon-guardduty",
		"aws-observability", "tigera-operator", "gatekeeper-system", "longhorn-system", "rook-ceph":
		return true
	}
	for _, prefix := range []string{"kube-", "gke-managed-", "gmp-", "anthos-", "calico-", "cilium", "azure-", "openshift", "cattle-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
