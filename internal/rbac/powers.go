package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Power is something dangerous that a grant can be good for. Its ID is that of
// the rule which reports it.
type Power struct {
	ID  string
	Can string // a verb phrase, as in "read Secrets"
	// Each is a verb that the resources of a grant follow, in place of Can; empty for most.
	Each string
	// Severity is that of a grant over the whole cluster, In that of one within a namespace.
	Severity, In harden.Severity
	// Access are ways to have it, of which any is enough.
	Access []Access
	// With is needed besides, from any grant of the subject.
	With []Access
	// NamedIsFine says that it is what the rule asks for, if it is limited to
	// named objects of one namespace.
	NamedIsFine bool
	// Accounts says that it matters for ServiceAccounts alone: people may.
	Accounts bool
}

// An Access is a set of requests, of which any counts.
type Access struct {
	Verbs     []string
	Group     string
	Resources []string // RESOURCE or RESOURCE/SUBRESOURCE
	// Names limits it to objects of these names; Namespace to those there.
	Names     []string
	Namespace string
	// Cluster says that the objects have no namespace, so that no RoleBinding gives them.
	Cluster bool
	// Before is the minor version of the server from which on it is not enough any more; 0: none.
	Before int
}

// Everything is the power to do all: it implies all others.
const Everything = "rbac-cluster-admin"

// systemNamespace is where the accounts of controllers are: rights there are
// rights in the cluster.
const systemNamespace = "kube-system"

const (
	rbacGroup      = rbacv1.GroupName
	admissionGroup = "admissionregistration.k8s.io"
	certsGroup     = "certificates.k8s.io"
)

var (
	anyVerb = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	read    = []string{"get", "list", "watch"}
	put     = []string{"create", "update", "patch"}
	change  = []string{"update", "patch"}
	write   = []string{"create", "update", "patch", "delete", "deletecollection"}
	remove  = []string{"delete", "deletecollection"}
)

// SystemConfigMaps are those of kube-system that decide who is who, and where names lead.
var SystemConfigMaps = []string{"aws-auth", "coredns", "coredns-custom", "kube-dns", "kube-proxy", "kubeadm-config", "kubelet-config", "extension-apiserver-authentication"}

// powers are all, from the worst; the order is that of what a token can do.
var powers = []*Power{
	{ID: Everything, Can: "do everything", Severity: harden.Critical, In: harden.High},
	{ID: "rbac-escalate", Can: "give itself any right, or act as somebody else", Severity: harden.Critical, In: harden.High, Access: []Access{
		{Verbs: []string{"escalate", "bind"}, Group: rbacGroup, Resources: []string{"roles", "clusterroles"}},
		{Verbs: []string{"impersonate"}, Resources: []string{"serviceaccounts"}},
		{Verbs: []string{"impersonate"}, Resources: []string{"users", "groups"}, Cluster: true},
		{Verbs: []string{"impersonate"}, Group: "authentication.k8s.io", Resources: []string{"uids", "userextras"}, Cluster: true},
	}},
	{ID: "rbac-node-proxy", Can: "run commands in every pod through the kubelets", Severity: harden.Critical, Access: []Access{
		{Verbs: anyVerb, Resources: []string{"nodes/proxy"}, Cluster: true},
	}},
	{ID: "rbac-token-create", Can: "make tokens of ServiceAccounts", Severity: harden.Critical, In: harden.High, Access: []Access{
		{Verbs: []string{"create"}, Resources: []string{"serviceaccounts/token"}},
	}},
	{ID: "rbac-csr-approve", Can: "approve certificates for anybody", Severity: harden.Critical, Access: []Access{
		{Verbs: change, Group: certsGroup, Resources: []string{"certificatesigningrequests/approval"}, Cluster: true},
	}, With: []Access{
		{Verbs: []string{"approve"}, Group: certsGroup, Resources: []string{"signers"}, Cluster: true},
	}},
	{ID: "rbac-webhook-write", Can: "change what admission does to every object", Severity: harden.Critical, Access: []Access{
		{Verbs: write, Group: admissionGroup, Cluster: true, Resources: []string{
			"validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
			"mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
		}},
	}},
	{ID: "rbac-system-configmap-write", Can: "change ConfigMaps of kube-system, such as those of DNS and of who is who", Severity: harden.Critical, In: harden.Critical, Access: []Access{
		{Verbs: change, Resources: []string{"configmaps"}, Namespace: systemNamespace, Names: SystemConfigMaps},
	}},
	{ID: "rbac-secrets-read", Can: "read Secrets", Severity: harden.High, In: harden.Medium, NamedIsFine: true, Access: []Access{
		{Verbs: read, Resources: []string{"secrets"}},
	}},
	{ID: "rbac-pod-create", Can: "run pods, and with them use every ServiceAccount and Secret", Severity: harden.High, In: harden.High, Access: []Access{
		{Verbs: put, Resources: []string{"pods", "replicationcontrollers"}},
		{Verbs: put, Group: "apps", Resources: []string{"deployments", "daemonsets", "statefulsets", "replicasets"}},
		{Verbs: put, Group: "batch", Resources: []string{"jobs", "cronjobs"}},
	}},
	{ID: "rbac-exec", Can: "run commands in pods, or reach their ports", Severity: harden.High, In: harden.High, Access: []Access{
		{Verbs: []string{"create"}, Resources: execResources},
		{Verbs: []string{"get"}, Resources: execResources, Before: 35},
	}},
	{ID: "rbac-ephemeral-containers", Can: "put containers into running pods", Severity: harden.High, In: harden.High, Access: []Access{
		{Verbs: change, Resources: []string{"pods/ephemeralcontainers"}},
	}},
	{ID: "rbac-role-write", Can: "write roles and bindings", Severity: harden.High, In: harden.High, Access: []Access{
		{Verbs: put, Group: rbacGroup, Resources: []string{"roles", "rolebindings"}},
		{Verbs: put, Group: rbacGroup, Resources: []string{"clusterroles", "clusterrolebindings"}, Cluster: true},
	}},
	{ID: "rbac-node-write", Can: "change nodes, which draws pods to them", Severity: harden.High, Access: []Access{
		{Verbs: change, Resources: []string{"nodes", "nodes/status"}, Cluster: true},
		{Verbs: remove, Resources: []string{"nodes"}, Cluster: true},
	}},
	{ID: "rbac-pv-create", Can: "make PersistentVolumes of directories of nodes", Severity: harden.High, Access: []Access{
		{Verbs: []string{"create"}, Resources: []string{"persistentvolumes"}, Cluster: true},
	}},
	{ID: "rbac-apiservice-crd-write", Can: "put servers and converters of its own into the API", Severity: harden.High, Access: []Access{
		{Verbs: put, Group: "apiregistration.k8s.io", Resources: []string{"apiservices"}, Cluster: true},
		{Verbs: put, Group: "apiextensions.k8s.io", Resources: []string{"customresourcedefinitions"}, Cluster: true},
	}},
	// A namespace itself is asked about in the namespace of its name, so that RoleBindings give it too.
	{ID: "rbac-namespace-write", Can: "change labels of namespaces, Pod Security among them", Severity: harden.High, In: harden.High, Access: []Access{
		{Verbs: change, Resources: []string{"namespaces"}},
	}},
	{ID: "rbac-wildcard", Can: "use whatever a wildcard stands for", Severity: harden.High, In: harden.Medium},
	{ID: "rbac-network-write", Can: "change where traffic goes", Severity: harden.Medium, In: harden.Medium, Access: []Access{
		{Verbs: write, Group: "networking.k8s.io", Resources: []string{"networkpolicies", "ingresses"}},
		{Verbs: write, Resources: []string{"services", "endpoints"}},
		{Verbs: write, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}},
		{Verbs: write, Group: "gateway.networking.k8s.io", Resources: []string{"gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes", "referencegrants"}},
	}},
	{ID: "rbac-events-delete", Can: "delete events, the traces of what happened", Severity: harden.Medium, In: harden.Medium, Access: []Access{
		{Verbs: remove, Resources: []string{"events", "pods/log"}},
		{Verbs: remove, Group: "events.k8s.io", Resources: []string{"events"}},
	}},
	{ID: "rbac-delete-broad", Can: "delete workloads, volumes or namespaces", Each: "delete", Severity: harden.Medium, In: harden.Medium, Accounts: true, Access: []Access{
		{Verbs: remove, Group: "apps", Resources: []string{"deployments", "daemonsets", "statefulsets"}},
		{Verbs: remove, Resources: []string{"persistentvolumeclaims", "namespaces"}},
		{Verbs: remove, Resources: []string{"persistentvolumes"}, Cluster: true},
	}},
}

var execResources = []string{"pods/exec", "pods/attach", "pods/portforward"}

// PowerOf is the power that a rule reports; nil for other ids.
func PowerOf(id string) *Power {
	i := slices.IndexFunc(powers, func(p *Power) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return powers[i]
}

// Everywhere reports whether the rule gives all verbs on all resources.
func Everywhere(rule *rbacv1.PolicyRule) bool {
	return slices.Contains(rule.Verbs, rbacv1.VerbAll) && slices.Contains(rule.APIGroups, rbacv1.APIGroupAll) &&
		slices.Contains(rule.Resources, rbacv1.ResourceAll) && len(rule.ResourceNames) == 0
}

// Wild reports whether the rule has a wildcard for verbs, groups or resources.
func Wild(rule *rbacv1.PolicyRule) bool {
	return len(rule.Resources) > 0 &&
		(slices.Contains(rule.Verbs, rbacv1.VerbAll) || slices.Contains(rule.APIGroups, rbacv1.APIGroupAll) || slices.Contains(rule.Resources, rbacv1.ResourceAll))
}
