package harden

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// An ObjectKind is a kind of which Objects are read.
type ObjectKind struct {
	schema.GroupKind
	// Version is that of the type of k8s.io/api; empty for custom resources, of
	// which the newest served one is read.
	Version string
	Plural  string
	Cluster bool // its objects have no namespace
}

// Resource is the plural with the group, as in Unread.
func (k ObjectKind) Resource() string {
	if k.Group == "" {
		return k.Plural
	}
	return k.Plural + "." + k.Group
}

// Custom reports whether the kind is one of custom resources.
func (k ObjectKind) Custom() bool { return k.Version == "" }

// Kinds that rules name.
var (
	KindNode                  = schema.GroupKind{Kind: "Node"}
	KindService               = schema.GroupKind{Kind: "Service"}
	KindConfigMap             = schema.GroupKind{Kind: "ConfigMap"}
	KindSecret                = schema.GroupKind{Kind: "Secret"}
	KindPersistentVolume      = schema.GroupKind{Kind: "PersistentVolume"}
	KindPersistentVolumeClaim = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	KindResourceQuota         = schema.GroupKind{Kind: "ResourceQuota"}
	KindLimitRange            = schema.GroupKind{Kind: "LimitRange"}

	KindRole               = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "Role"}
	KindRoleBinding        = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}
	KindClusterRole        = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}
	KindClusterRoleBinding = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}

	KindIngress      = schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	KindIngressClass = schema.GroupKind{Group: "networking.k8s.io", Kind: "IngressClass"}

	KindPodDisruptionBudget     = schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}
	KindHorizontalPodAutoscaler = schema.GroupKind{Group: "autoscaling", Kind: HorizontalPodAutoscaler}

	KindStorageClass = schema.GroupKind{Group: "storage.k8s.io", Kind: "StorageClass"}
	KindCSIDriver    = schema.GroupKind{Group: "storage.k8s.io", Kind: "CSIDriver"}

	KindValidatingWebhookConfiguration   = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}
	KindMutatingWebhookConfiguration     = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}
	KindValidatingAdmissionPolicy        = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}
	KindValidatingAdmissionPolicyBinding = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}

	KindGatewayClass     = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}
	KindGateway          = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "Gateway"}
	KindHTTPRoute        = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}
	KindGRPCRoute        = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "GRPCRoute"}
	KindTLSRoute         = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "TLSRoute"}
	KindTCPRoute         = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "TCPRoute"}
	KindUDPRoute         = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "UDPRoute"}
	KindReferenceGrant   = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "ReferenceGrant"}
	KindBackendTLSPolicy = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "BackendTLSPolicy"}

	KindIstioGateway       = schema.GroupKind{Group: "networking.istio.io", Kind: "Gateway"}
	KindVirtualService     = schema.GroupKind{Group: "networking.istio.io", Kind: "VirtualService"}
	KindServiceEntry       = schema.GroupKind{Group: "networking.istio.io", Kind: "ServiceEntry"}
	KindPeerAuthentication = schema.GroupKind{Group: "security.istio.io", Kind: "PeerAuthentication"}
	KindIngressRoute       = schema.GroupKind{Group: "traefik.io", Kind: "IngressRoute"}
	KindMiddleware         = schema.GroupKind{Group: "traefik.io", Kind: "Middleware"}
	KindHTTPProxy          = schema.GroupKind{Group: "projectcontour.io", Kind: "HTTPProxy"}
	KindIngressClassParams = schema.GroupKind{Group: "elbv2.k8s.aws", Kind: "IngressClassParams"}

	KindExternalSecret        = schema.GroupKind{Group: "external-secrets.io", Kind: "ExternalSecret"}
	KindClusterExternalSecret = schema.GroupKind{Group: "external-secrets.io", Kind: "ClusterExternalSecret"}
	KindSecretStore           = schema.GroupKind{Group: "external-secrets.io", Kind: "SecretStore"}
	KindClusterSecretStore    = schema.GroupKind{Group: "external-secrets.io", Kind: "ClusterSecretStore"}
	KindSecretProviderClass   = schema.GroupKind{Group: "secrets-store.csi.x-k8s.io", Kind: "SecretProviderClass"}
	KindSealedSecret          = schema.GroupKind{Group: "bitnami.com", Kind: "SealedSecret"}
	KindCertificate           = schema.GroupKind{Group: "cert-manager.io", Kind: "Certificate"}
	KindIssuer                = schema.GroupKind{Group: "cert-manager.io", Kind: "Issuer"}
	KindClusterIssuer         = schema.GroupKind{Group: "cert-manager.io", Kind: "ClusterIssuer"}

	KindEC2NodeClass        = schema.GroupKind{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass"}
	KindEKSNodeClass        = schema.GroupKind{Group: "eks.amazonaws.com", Kind: "NodeClass"}
	KindSecurityGroupPolicy = schema.GroupKind{Group: "vpcresources.k8s.aws", Kind: "SecurityGroupPolicy"}
	KindIAMPolicy           = schema.GroupKind{Group: "iam.services.k8s.aws", Kind: "Policy"}
	KindIAMRole             = schema.GroupKind{Group: "iam.services.k8s.aws", Kind: "Role"}

	KindUpboundIAMPolicy      = schema.GroupKind{Group: "iam.aws.upbound.io", Kind: "Policy"}
	KindUpboundIAMRole        = schema.GroupKind{Group: "iam.aws.upbound.io", Kind: "Role"}
	KindUpboundIAMRolePolicy  = schema.GroupKind{Group: "iam.aws.upbound.io", Kind: "RolePolicy"}
	KindCrossplaneIAMPolicy   = schema.GroupKind{Group: "iam.aws.crossplane.io", Kind: "Policy"}
	KindCrossplaneIAMRole     = schema.GroupKind{Group: "iam.aws.crossplane.io", Kind: "Role"}
	KindEKSIngressClassParams = schema.GroupKind{Group: "eks.amazonaws.com", Kind: "IngressClassParams"}

	KindKyvernoClusterPolicy   = schema.GroupKind{Group: "kyverno.io", Kind: "ClusterPolicy"}
	KindKyvernoPolicy          = schema.GroupKind{Group: "kyverno.io", Kind: "Policy"}
	KindPolicyException        = schema.GroupKind{Group: "kyverno.io", Kind: "PolicyException"}
	KindValidatingPolicy       = schema.GroupKind{Group: "policies.kyverno.io", Kind: "ValidatingPolicy"}
	KindImageValidatingPolicy  = schema.GroupKind{Group: "policies.kyverno.io", Kind: "ImageValidatingPolicy"}
	KindConstraintTemplate     = schema.GroupKind{Group: "templates.gatekeeper.sh", Kind: "ConstraintTemplate"}
	KindClusterAdmissionPolicy = schema.GroupKind{Group: "policies.kubewarden.io", Kind: "ClusterAdmissionPolicy"}
	KindAdmissionPolicy        = schema.GroupKind{Group: "policies.kubewarden.io", Kind: "AdmissionPolicy"}
	KindClusterImagePolicy     = schema.GroupKind{Group: "policy.sigstore.dev", Kind: "ClusterImagePolicy"}

	KindPrometheusRule          = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "PrometheusRule"}
	KindAlertmanager            = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "Alertmanager"}
	KindAlertmanagerConfig      = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "AlertmanagerConfig"}
	KindServiceMonitor          = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "ServiceMonitor"}
	KindPodMonitor              = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "PodMonitor"}
	KindPrometheus              = schema.GroupKind{Group: "monitoring.coreos.com", Kind: "Prometheus"}
	KindVolumeSnapshot          = schema.GroupKind{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"}
	KindVeleroSchedule          = schema.GroupKind{Group: "velero.io", Kind: "Schedule"}
	KindKastenPolicy            = schema.GroupKind{Group: "config.kio.kasten.io", Kind: "Policy"}
	KindScaledObject            = schema.GroupKind{Group: "keda.sh", Kind: "ScaledObject"}
	KindRollout                 = schema.GroupKind{Group: "argoproj.io", Kind: "Rollout"}
	KindClusterComplianceReport = schema.GroupKind{Group: "aquasecurity.github.io", Kind: "ClusterComplianceReport"}
)

// ConstraintGroup is the API group of Gatekeeper's constraints: each template
// makes a kind of its own in it, and all of them are read.
const ConstraintGroup = "constraints.gatekeeper.sh"

// KindConstraint stands for all of them in the Kinds of a Fixer.
var KindConstraint = schema.GroupKind{Group: ConstraintGroup, Kind: "*"}

// ObjectKinds lists the kinds of Objects. Namespaces, ServiceAccounts,
// NetworkPolicies and workloads have places of their own in an Inventory.
func ObjectKinds() []ObjectKind { return objectKinds }

// ObjectKindOf finds a kind by its group and name.
func ObjectKindOf(kind schema.GroupKind) (ObjectKind, bool) {
	i, ok := objectKindIndex[kind]
	if !ok {
		return ObjectKind{}, false
	}
	return objectKinds[i], true
}

var objectKindIndex = func() map[schema.GroupKind]int {
	index := make(map[schema.GroupKind]int, len(objectKinds))
	for i, k := range objectKinds {
		index[k.GroupKind] = i
	}
	return index
}()

var objectKinds = slices.Concat([]ObjectKind{
	{KindNode, "v1", "nodes", true},
	{KindService, "v1", "services", false},
	{KindConfigMap, "v1", "configmaps", false},
	{KindSecret, "v1", "secrets", false},
	{KindPersistentVolume, "v1", "persistentvolumes", true},
	{KindPersistentVolumeClaim, "v1", "persistentvolumeclaims", false},
	{KindResourceQuota, "v1", "resourcequotas", false},
	{KindLimitRange, "v1", "limitranges", false},
	{KindRole, "v1", "roles", false},
	{KindRoleBinding, "v1", "rolebindings", false},
	{KindClusterRole, "v1", "clusterroles", true},
	{KindClusterRoleBinding, "v1", "clusterrolebindings", true},
	{KindIngress, "v1", "ingresses", false},
	{KindIngressClass, "v1", "ingressclasses", true},
	{KindPodDisruptionBudget, "v1", "poddisruptionbudgets", false},
	{KindHorizontalPodAutoscaler, "v2", "horizontalpodautoscalers", false},
	{KindStorageClass, "v1", "storageclasses", true},
	{KindCSIDriver, "v1", "csidrivers", true},
	{KindValidatingWebhookConfiguration, "v1", "validatingwebhookconfigurations", true},
	{KindMutatingWebhookConfiguration, "v1", "mutatingwebhookconfigurations", true},
	{KindValidatingAdmissionPolicy, "v1", "validatingadmissionpolicies", true},
	{KindValidatingAdmissionPolicyBinding, "v1", "validatingadmissionpolicybindings", true},
}, customKinds(true, map[schema.GroupKind]string{
	KindGatewayClass: "gatewayclasses", KindClusterExternalSecret: "clusterexternalsecrets", KindClusterSecretStore: "clustersecretstores",
	KindClusterIssuer: "clusterissuers", KindEC2NodeClass: "ec2nodeclasses", KindEKSNodeClass: "nodeclasses", KindIngressClassParams: "ingressclassparams", KindEKSIngressClassParams: "ingressclassparams",
	KindUpboundIAMPolicy: "policies", KindUpboundIAMRole: "roles", KindUpboundIAMRolePolicy: "rolepolicies", KindCrossplaneIAMPolicy: "policies", KindCrossplaneIAMRole: "roles",
	KindKyvernoClusterPolicy: "clusterpolicies", KindValidatingPolicy: "validatingpolicies", KindImageValidatingPolicy: "imagevalidatingpolicies",
	KindConstraintTemplate: "constrainttemplates", KindClusterAdmissionPolicy: "clusteradmissionpolicies", KindClusterImagePolicy: "clusterimagepolicies",
	KindClusterComplianceReport: "clustercompliancereports",
}), customKinds(false, map[schema.GroupKind]string{
	KindGateway: "gateways", KindHTTPRoute: "httproutes", KindGRPCRoute: "grpcroutes", KindTLSRoute: "tlsroutes", KindTCPRoute: "tcproutes",
	KindUDPRoute: "udproutes", KindReferenceGrant: "referencegrants", KindBackendTLSPolicy: "backendtlspolicies",
	KindIstioGateway: "gateways", KindVirtualService: "virtualservices", KindServiceEntry: "serviceentries", KindPeerAuthentication: "peerauthentications",
	KindIngressRoute: "ingressroutes", KindMiddleware: "middlewares", KindHTTPProxy: "httpproxies",
	KindExternalSecret: "externalsecrets", KindSecretStore: "secretstores", KindSecretProviderClass: "secretproviderclasses", KindSealedSecret: "sealedsecrets",
	KindCertificate: "certificates", KindIssuer: "issuers", KindSecurityGroupPolicy: "securitygrouppolicies", KindIAMPolicy: "policies", KindIAMRole: "roles",
	KindKyvernoPolicy: "policies", KindPolicyException: "policyexceptions", KindAdmissionPolicy: "admissionpolicies",
	KindPrometheusRule: "prometheusrules", KindAlertmanager: "alertmanagers", KindAlertmanagerConfig: "alertmanagerconfigs",
	KindServiceMonitor: "servicemonitors", KindPodMonitor: "podmonitors", KindPrometheus: "prometheuses",
	KindVolumeSnapshot: "volumesnapshots", KindVeleroSchedule: "schedules", KindKastenPolicy: "policies", KindScaledObject: "scaledobjects", KindRollout: "rollouts",
}))

// customKinds makes kinds of custom resources, in a stable order.
func customKinds(cluster bool, plurals map[schema.GroupKind]string) []ObjectKind {
	var kinds []ObjectKind
	for kind, plural := range plurals {
		kinds = append(kinds, ObjectKind{GroupKind: kind, Plural: plural, Cluster: cluster})
	}
	slices.SortFunc(kinds, func(a, b ObjectKind) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind))
	})
	return kinds
}
