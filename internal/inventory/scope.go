package inventory

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ClusterScoped reports whether objects of the kind have no namespace: the
// built-in kinds, and those of policies and gateways. Of other kinds nobody
// knows without asking a server; most have one. What harden knows of a kind counts
// before its name: a Role has a namespace in RBAC, and none where it is one of a cloud.
func ClusterScoped(kind schema.GroupKind) bool {
	if known, ok := harden.ObjectKindOf(kind); ok {
		return known.Cluster
	}
	return clusterScoped[kind.Kind]
}

var clusterScoped = map[string]bool{
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
