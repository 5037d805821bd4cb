package fixers_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// estate makes a live cluster of so many workloads, with two pods each, and four
// other objects for each workload. The same seed gives the same estate.
func estate(seed uint64, workloads int) *harden.Inventory {
	e := &builder{rnd: rand.New(rand.NewPCG(seed, 7)), inv: &harden.Inventory{
		Cluster:         harden.Cluster{Server: "https://127.0.0.1:6443", Context: "estate", Version: "v1.37.2", Minor: 37, Groups: map[string]bool{}},
		Now:             time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC),
		Clusterwide:     true,
		Namespaces:      map[string]*corev1.Namespace{},
		ServiceAccounts: map[string]map[string]*corev1.ServiceAccount{},
		NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},
		Others:          harden.Objects{},
	}}
	for _, k := range harden.ObjectKinds() {
		if !k.Custom() {
			e.inv.Others[k.GroupKind] = []*harden.Object{}
		}
	}
	for n := range max(3, workloads/1000) {
		e.node(n)
	}
	for n := range workloads {
		ns := fmt.Sprintf("team-%03d", n/50)
		if n%50 == 0 {
			e.namespace(ns)
		}
		e.workload(ns, fmt.Sprintf("app-%02d", n%50), n)
	}
	e.inv.Others.Sort()
	inventory.SortNet(&e.inv.Net)
	inventory.Sort(e.inv.Workloads)
	return e.inv
}

type builder struct {
	rnd *rand.Rand
	inv *harden.Inventory
	uid int
}

func (e *builder) meta(ns, name string) metav1.ObjectMeta {
	e.uid++
	return metav1.ObjectMeta{Namespace: ns, Name: name, UID: apitypes.UID(fmt.Sprintf("uid-%d", e.uid))}
}

func (e *builder) add(apiVersion, kind string, content metav1.Object) {
	e.inv.Objects++
	ref := harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: content.GetNamespace(), Name: content.GetName(), UID: content.GetUID()}
	inventory.AddObject(e.inv, ref, content)
}

func (e *builder) node(n int) {
	node := &corev1.Node{ObjectMeta: e.meta("", fmt.Sprintf("node-%d", n))}
	node.Labels = map[string]string{corev1.LabelOSStable: "linux", corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", n%3)}
	node.Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: "v1.37.2", OperatingSystem: "linux", Architecture: "amd64", ContainerRuntimeVersion: "containerd://2.1.0"}
	e.inv.Nodes = append(e.inv.Nodes, node)
	e.add("v1", "Node", node)
}

const rbacAPI = "rbac.authorization.k8s.io/v1"

func (e *builder) namespace(ns string) {
	e.inv.Namespaces[ns] = &corev1.Namespace{ObjectMeta: e.meta("", ns)}
	e.inv.Scope = append(e.inv.Scope, ns)
	e.inv.ServiceAccounts[ns] = map[string]*corev1.ServiceAccount{"default": {ObjectMeta: e.meta(ns, "default")}}
	policy := &networkingv1.NetworkPolicy{ObjectMeta: e.meta(ns, "deny"), Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}}
	e.inv.NetworkPolicies[ns] = []*networkingv1.NetworkPolicy{policy}
	role := &rbacv1.Role{ObjectMeta: e.meta(ns, "app"), Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps", "secrets"}, Verbs: []string{"get", "list"}}}}
	e.add(rbacAPI, "Role", role)
	cluster := &rbacv1.ClusterRole{ObjectMeta: e.meta("", ns+"-reader"), Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}}}
	e.add(rbacAPI, "ClusterRole", cluster)
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: e.meta("", ns+"-reader"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: cluster.Name}}
	binding.Subjects = []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "app-00"}}
	e.add(rbacAPI, "ClusterRoleBinding", binding)
}

// workload makes a Deployment with two pods, and a Service, a ConfigMap, a Secret
// and one more object that belong to it.
func (e *builder) workload(ns, name string, n int) {
	labels := map[string]string{"app": name}
	spec := e.podSpec(name, n)
	replicas := int32(2)
	w := &harden.Workload{
		Ref:  harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name, UID: apitypes.UID(ns + name)},
		Meta: e.meta(ns, name), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Revision: "pod-template-hash=1",
	}
	for i := range 2 {
		pod := &corev1.Pod{ObjectMeta: e.meta(ns, fmt.Sprintf("%s-1-%d", name, i)), Spec: *spec.DeepCopy()}
		pod.Labels = map[string]string{"app": name, "pod-template-hash": "1"}
		pod.Spec.NodeName = e.inv.Nodes[(n+i)%len(e.inv.Nodes)].Name
		pod.Status.Phase = corev1.PodRunning
		w.Pods = append(w.Pods, pod)
	}
	e.inv.Workloads = append(e.inv.Workloads, w)
	e.inv.Objects += 3
	e.inv.ServiceAccounts[ns][name] = &corev1.ServiceAccount{ObjectMeta: e.meta(ns, name)}

	service := &corev1.Service{ObjectMeta: e.meta(ns, name), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: labels}}
	service.Spec.Ports = []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080), Protocol: corev1.ProtocolTCP}}
	if n%40 == 0 {
		service.Spec.Type = corev1.ServiceTypeLoadBalancer
	}
	e.add("v1", "Service", service)
	config := &corev1.ConfigMap{ObjectMeta: e.meta(ns, name), Data: map[string]string{"app.properties": e.properties(), "LOG_LEVEL": "info"}}
	e.add("v1", "ConfigMap", config)
	secret := &harden.SecretMeta{ObjectMeta: e.meta(ns, name), Type: corev1.SecretTypeOpaque, Entries: 2}
	e.add("v1", "Secret", secret)
	switch n % 4 {
	case 0:
		ingress := &networkingv1.Ingress{ObjectMeta: e.meta(ns, name)}
		ingress.Spec.Rules = []networkingv1.IngressRule{{Host: name + "." + ns + ".example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name, Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		}}}}
		e.add("networking.k8s.io/v1", "Ingress", ingress)
	case 1:
		one := intstr.FromInt32(1)
		e.add("policy/v1", "PodDisruptionBudget", &policyv1.PodDisruptionBudget{ObjectMeta: e.meta(ns, name), Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: w.Selector}})
	case 2:
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: e.meta(ns, name)}
		e.add("v1", "PersistentVolumeClaim", claim)
	case 3:
		binding := &rbacv1.RoleBinding{ObjectMeta: e.meta(ns, name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "app"}}
		binding.Subjects = []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: name}}
		e.add(rbacAPI, "RoleBinding", binding)
	}
}

func (e *builder) podSpec(name string, n int) corev1.PodSpec {
	c := corev1.Container{
		Name: "app", Image: fmt.Sprintf("registry.example.com/%s:1.%d.0", name, n%7),
		Ports: []corev1.ContainerPort{{ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
		Env:   []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}, {Name: "DB_HOST", Value: "postgres." + name}, {Name: "CACHE_TTL", Value: "300s"}},
	}
	yes, no := true, false
	switch n % 3 {
	case 0: // as most charts leave it
	case 1:
		c.SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no}
		c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}
	case 2:
		c.SecurityContext = &corev1.SecurityContext{
			RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
	}
	sidecar := corev1.Container{Name: "proxy", Image: "registry.example.com/proxy:2.4.1"}
	return corev1.PodSpec{ServiceAccountName: name, Containers: []corev1.Container{c, sidecar}}
}

// properties are forty lines of a configuration file without secrets.
func (e *builder) properties() string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "feature.%d.timeout=%dms\n", i, e.rnd.IntN(5000))
	}
	return b.String()
}
