package cluster

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// API groups of policies of other kinds than NetworkPolicy.
const (
	ciliumGroup  = "cilium.io"
	calicoGroup  = "crd.projectcalico.org"
	calicoServed = "projectcalico.org" // the same objects, by an API server of Calico or, where that is all there is, as custom resources
	antreaGroup  = "crd.antrea.io"
	policyGroup  = "policy.networking.k8s.io"

	apiServiceGroup = "apiregistration.k8s.io"
)

var policyGroups = []string{ciliumGroup, calicoGroup, calicoServed, antreaGroup, policyGroup}

// netKinds lists what tells how pods are reached, and by whose leave.
func netKinds(c kubernetes.Interface, d dynamic.Interface) []*kind {
	hooks := c.AdmissionregistrationV1()
	kinds := []*kind{
		define("v1", "Service", harden.Services, true,
			func(ns string) lister[*corev1.ServiceList] { return c.CoreV1().Services(ns) }, func(l *corev1.ServiceList) []corev1.Service { return l.Items }),
		define("networking.k8s.io/v1", "Ingress", harden.Ingresses, true,
			func(ns string) lister[*networkingv1.IngressList] { return c.NetworkingV1().Ingresses(ns) }, func(l *networkingv1.IngressList) []networkingv1.Ingress { return l.Items }),
		define("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", harden.ValidatingWebhookConfigurations, false,
			func(string) lister[*admissionregistrationv1.ValidatingWebhookConfigurationList] {
				return hooks.ValidatingWebhookConfigurations()
			},
			func(l *admissionregistrationv1.ValidatingWebhookConfigurationList) []admissionregistrationv1.ValidatingWebhookConfiguration {
				return l.Items
			}),
		define("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", harden.MutatingWebhookConfigurations, false,
			func(string) lister[*admissionregistrationv1.MutatingWebhookConfigurationList] {
				return hooks.MutatingWebhookConfigurations()
			},
			func(l *admissionregistrationv1.MutatingWebhookConfigurationList) []admissionregistrationv1.MutatingWebhookConfiguration {
				return l.Items
			}),
		custom(d, apiServiceGroup, "v1", "apiservices", "APIService", false),
		custom(d, ciliumGroup, "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", true),
		custom(d, ciliumGroup, "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", false),
		custom(d, calicoGroup, "v1", "networkpolicies", "NetworkPolicy", true),
		custom(d, calicoGroup, "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", false),
		custom(d, calicoServed, "v3", "networkpolicies", "NetworkPolicy", true).unlessWith(calicoGroup),
		custom(d, calicoServed, "v3", "globalnetworkpolicies", "GlobalNetworkPolicy", false).unlessWith(calicoGroup),
		custom(d, antreaGroup, "v1beta1", "networkpolicies", "NetworkPolicy", true),
		custom(d, antreaGroup, "v1beta1", "clusternetworkpolicies", "ClusterNetworkPolicy", false),
		custom(d, policyGroup, "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", false),
		custom(d, policyGroup, "v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", false),
		custom(d, policyGroup, "v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy", false),
	}
	for _, k := range kinds {
		k.net = true
	}
	return kinds
}

// unlessWith says that the kind is not read where the server has the group,
// since the same objects are read there.
func (k *kind) unlessWith(group string) *kind {
	k.unless = group
	return k
}
