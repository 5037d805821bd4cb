package inventory

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// ClusterScoped reports whether objects of the kind have no namespace: the
// built-in kinds, and those of policies and gateways. Of other kinds nobody
// knows without asking a server; most have one.
func ClusterScoped(kind string) bool { return clusterScoped[kind] }

var clusterScoped = func() map[string]bool {
	kinds := map[string]bool{
		"Namespace": true, "Node": true, "PersistentVolume": true, "ClusterRole": true, "ClusterRoleBinding": true,
		"StorageClass": true, "CSIDriver": true, "CSINode": true, "VolumeAttachment": true, "PriorityClass": true,
		"IngressClass": true, "RuntimeClass": true, "CustomResourceDefinition": true, "APIService": true,
		"MutatingWebhookConfiguration": true, "ValidatingWebhookConfiguration": true,
		"ValidatingAdmissionPolicy": true, "ValidatingAdmissionPolicyBinding": true,
		"MutatingAdmissionPolicy": true, "MutatingAdmissionPolicyBinding": true,
		"CertificateSigningRequest": true, "FlowSchema": true, "PriorityLevelConfiguration": true,
		"ClusterTrustBundle": true, "DeviceClass": true, "ResourceSlice": true, "ServiceCIDR": true, "IPAddress": true,
		"CiliumClusterwideNetworkPolicy": true, "GlobalNetworkPolicy": true, "AdminNetworkPolicy": true,
		"BaselineAdminNetworkPolicy": true, "ClusterNetworkPolicy": true, "GatewayClass": true,
	}
	for _, k := range harden.ObjectKinds() {
		if k.Cluster {
			kinds[k.Kind] = true
		}
	}
	return kinds
}()
