package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// configMapPage is how many ConfigMaps are asked for at once: each may have a megabyte.
const configMapPage = 100

// otherKinds lists the built-in kinds that rules look at or look up, besides
// workloads, accounts and what tells how pods are reached.
func otherKinds(c kubernetes.Interface) []*kind {
	core, rbac, storage, policy, admission := c.CoreV1(), c.RbacV1(), c.StorageV1(), c.PolicyV1(), c.AdmissionregistrationV1()
	kinds := []*kind{
		secretKind(core.RESTClient()),
		define("v1", "ConfigMap", harden.ConfigMaps, true,
			func(ns string) lister[*corev1.ConfigMapList] { return core.ConfigMaps(ns) }, func(l *corev1.ConfigMapList) []corev1.ConfigMap { return l.Items }),
		define("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true,
			func(ns string) lister[*corev1.PersistentVolumeClaimList] { return core.PersistentVolumeClaims(ns) },
			func(l *corev1.PersistentVolumeClaimList) []corev1.PersistentVolumeClaim { return l.Items }),
		define("v1", "PersistentVolume", "persistentvolumes", false,
			func(string) lister[*corev1.PersistentVolumeList] { return core.PersistentVolumes() }, func(l *corev1.PersistentVolumeList) []corev1.PersistentVolume { return l.Items }),
		define("v1", "ResourceQuota", "resourcequotas", true,
			func(ns string) lister[*corev1.ResourceQuotaList] { return core.ResourceQuotas(ns) }, func(l *corev1.ResourceQuotaList) []corev1.ResourceQuota { return l.Items }),
		define("v1", "LimitRange", "limitranges", true,
			func(ns string) lister[*corev1.LimitRangeList] { return core.LimitRanges(ns) }, func(l *corev1.LimitRangeList) []corev1.LimitRange { return l.Items }),
		define("rbac.authorization.k8s.io/v1", "Role", "roles.rbac.authorization.k8s.io", true,
			func(ns string) lister[*rbacv1.RoleList] { return rbac.Roles(ns) }, func(l *rbacv1.RoleList) []rbacv1.Role { return l.Items }),
		define("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings.rbac.authorization.k8s.io", true,
			func(ns string) lister[*rbacv1.RoleBindingList] { return rbac.RoleBindings(ns) }, func(l *rbacv1.RoleBindingList) []rbacv1.RoleBinding { return l.Items }),
		define("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles.rbac.authorization.k8s.io", false,
			func(string) lister[*rbacv1.ClusterRoleList] { return rbac.ClusterRoles() }, func(l *rbacv1.ClusterRoleList) []rbacv1.ClusterRole { return l.Items }),
		define("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings.rbac.authorization.k8s.io", false,
			func(string) lister[*rbacv1.ClusterRoleBindingList] { return rbac.ClusterRoleBindings() },
			func(l *rbacv1.ClusterRoleBindingList) []rbacv1.ClusterRoleBinding { return l.Items }),
		define("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets.policy", true,
			func(ns string) lister[*policyv1.PodDisruptionBudgetList] { return policy.PodDisruptionBudgets(ns) },
			func(l *policyv1.PodDisruptionBudgetList) []policyv1.PodDisruptionBudget { return l.Items }),
		define("storage.k8s.io/v1", "StorageClass", "storageclasses.storage.k8s.io", false,
			func(string) lister[*storagev1.StorageClassList] { return storage.StorageClasses() }, func(l *storagev1.StorageClassList) []storagev1.StorageClass { return l.Items }),
		define("storage.k8s.io/v1", "CSIDriver", "csidrivers.storage.k8s.io", false,
			func(string) lister[*storagev1.CSIDriverList] { return storage.CSIDrivers() }, func(l *storagev1.CSIDriverList) []storagev1.CSIDriver { return l.Items }),
		define("networking.k8s.io/v1", "IngressClass", harden.IngressClasses, false,
			func(string) lister[*networkingv1.IngressClassList] { return c.NetworkingV1().IngressClasses() },
			func(l *networkingv1.IngressClassList) []networkingv1.IngressClass { return l.Items }),
		define("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies.admissionregistration.k8s.io", false,
			func(string) lister[*admissionregistrationv1.ValidatingAdmissionPolicyList] {
				return admission.ValidatingAdmissionPolicies()
			},
			func(l *admissionregistrationv1.ValidatingAdmissionPolicyList) []admissionregistrationv1.ValidatingAdmissionPolicy {
				return l.Items
			}),
		define("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings.admissionregistration.k8s.io", false,
			func(string) lister[*admissionregistrationv1.ValidatingAdmissionPolicyBindingList] {
				return admission.ValidatingAdmissionPolicyBindings()
			},
			func(l *admissionregistrationv1.ValidatingAdmissionPolicyBindingList) []admissionregistrationv1.ValidatingAdmissionPolicyBinding {
				return l.Items
			}),
	}
	for _, k := range kinds {
		k.aside = true
		if k.resource == harden.ConfigMaps {
			k.limit = configMapPage
		}
	}
	return kinds
}

// customGroups are the API groups of the custom resources that are read, each once.
func customGroups() []string {
	groups := []string{harden.ConstraintGroup}
	for _, k := range harden.ObjectKinds() {
		if k.Custom() && !slices.Contains(groups, k.Group) {
			groups = append(groups, k.Group)
		}
	}
	return groups
}

// customKinds are the kinds of custom resources that the server has, in the
// version of each that it prefers.
func (r *Reader) customKinds(who identity) []*kind {
	var out []*kind
	for _, c := range harden.ObjectKinds() {
		if !c.Custom() {
			continue
		}
		if version, ok := who.serves(c.Group, c.Plural); ok {
			out = append(out, asideKind(custom(r.others, c.Group, version, c.Plural, c.Kind, !c.Cluster)))
		}
	}
	return append(out, r.constraintKinds(who)...)
}

// constraintKinds are the kinds that Gatekeeper's templates made.
func (r *Reader) constraintKinds(who identity) []*kind {
	var out []*kind
	for _, gv := range who.groups[harden.ConstraintGroup] {
		for _, plural := range slices.Sorted(maps.Keys(who.names[gv])) {
			out = append(out, asideKind(custom(r.others, harden.ConstraintGroup, versionOf(gv), plural, who.names[gv][plural], false)))
		}
		if len(out) > 0 {
			break // the other versions have the same objects
		}
	}
	return out
}

func asideKind(k *kind) *kind {
	k.aside = true
	return k
}

// serves is the version in which the server has a resource. It lists the
// versions of a group newest and most stable first.
func (i identity) serves(group, plural string) (version string, ok bool) {
	for _, gv := range i.groups[group] {
		if slices.Contains(i.plurals[gv], plural) {
			return versionOf(gv), true
		}
	}
	return "", false
}

// remember keeps the kinds of custom resources for those who ask by a reference.
func (r *Reader) remember(kinds []*kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.customs = kinds
}

// allKinds are those of every server and the custom ones of this one.
func (r *Reader) allKinds() []*kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.kinds, r.customs)
}

// knowKinds asks the server for its custom resources if nobody did before.
func (r *Reader) knowKinds(ctx context.Context) error {
	r.mu.Lock()
	known := r.who.plurals != nil
	r.mu.Unlock()
	if known {
		return nil
	}
	_, err := r.identify(ctx)
	return err
}

// versionOf is the version of GROUP/VERSION.
func versionOf(groupVersion string) string {
	_, version, _ := strings.Cut(groupVersion, "/")
	return version
}
