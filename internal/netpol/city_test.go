package netpol_test

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// city makes a cluster as companies have them: workloads of ten pods, ten of them
// in a namespace, and a policy a workload. Half of the namespaces deny by
// default and admit DNS; the others restrict single workloads. Some pods are on
// the host network, some of a rollout, and some workloads run nothing.
func city(seed uint64, pods int) *harden.Inventory {
	const replicas, perNamespace = 10, 10
	c := builder{Rand: rand.New(rand.NewPCG(seed, 2)), inv: &harden.Inventory{
		Namespaces: map[string]*corev1.Namespace{}, NetworkPolicies: map[string][]*networkingv1.NetworkPolicy{},
		NetworkPolicySources: map[string]map[string]harden.Source{},
	}}
	c.inv.Net.Engine = harden.Engine{IPv4: true}
	for i := range max(pods/30, 2) {
		c.inv.Nodes = append(c.inv.Nodes, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%04d", i)},
			Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.%d.%d", i/250, i%250+1)}}},
		})
	}
	workloads := max(pods/replicas, 1)
	for i := 0; i < workloads; i += perNamespace {
		c.namespace(i/perNamespace, min(perNamespace, workloads-i), replicas)
	}
	return c.inv.Fresh()
}

type builder struct {
	*rand.Rand
	inv  *harden.Inventory
	pods int
}

func (c *builder) namespace(n, workloads, replicas int) {
	ns := fmt.Sprintf("team-%03d", n)
	c.inv.Namespaces[ns] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{"tier": fmt.Sprintf("t%d", n%3), "team": ns}}}
	c.inv.Scope = append(c.inv.Scope, ns)
	if n%2 == 0 {
		c.policy(ns, "default-deny", networkingv1.NetworkPolicySpec{PolicyTypes: both})
		c.policy(ns, "allow-dns", networkingv1.NetworkPolicySpec{PolicyTypes: both[1:], Egress: []networkingv1.NetworkPolicyEgressRule{{
			To:    []networkingv1.NetworkPolicyPeer{{NamespaceSelector: match(corev1.LabelMetadataName, "kube-system"), PodSelector: match("k8s-app", "kube-dns")}},
			Ports: []networkingv1.NetworkPolicyPort{number(corev1.ProtocolUDP, 53), number(corev1.ProtocolTCP, 53)},
		}}})
	}
	for i := range workloads {
		c.workload(ns, i, replicas)
		if n%2 == 1 || i > 1 {
			c.policy(ns, fmt.Sprintf("app-%02d", i), c.spec(ns, i, workloads))
		}
	}
}

var both = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}

func match(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func number(protocol corev1.Protocol, n int32) networkingv1.NetworkPolicyPort {
	port := intstr.FromInt32(n)
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &port}
}

func (c *builder) policy(ns, name string, spec networkingv1.NetworkPolicySpec) {
	c.inv.NetworkPolicies[ns] = append(c.inv.NetworkPolicies[ns], &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: spec})
}

// spec is a policy for a workload: callers in the namespace, in others by labels,
// and egress to a neighbour and to the internet without what is private.
func (c *builder) spec(ns string, i, workloads int) networkingv1.NetworkPolicySpec {
	named := intstr.FromString("http")
	other := fmt.Sprintf("team-%03d", c.IntN(20))
	s := networkingv1.NetworkPolicySpec{PodSelector: *match("app", fmt.Sprintf("app-%02d", i)), PolicyTypes: both}
	s.Ingress = []networkingv1.NetworkPolicyIngressRule{
		{From: []networkingv1.NetworkPolicyPeer{{PodSelector: match("app", fmt.Sprintf("app-%02d", c.IntN(workloads)))}}, Ports: []networkingv1.NetworkPolicyPort{{Port: &named}}},
		{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: match("team", other)}, {NamespaceSelector: match("tier", "t1"), PodSelector: match("role", "monitor")}}, Ports: []networkingv1.NetworkPolicyPort{number(corev1.ProtocolTCP, 9090)}},
	}
	if i%3 == 0 {
		s.PolicyTypes = both[:1]
		return s
	}
	s.Egress = []networkingv1.NetworkPolicyEgressRule{
		{To: []networkingv1.NetworkPolicyPeer{{PodSelector: match("app", fmt.Sprintf("app-%02d", c.IntN(workloads)))}}},
		{To: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"}}}}, Ports: []networkingv1.NetworkPolicyPort{number(corev1.ProtocolTCP, 443)}},
	}
	if i%4 == 1 {
		s.Egress = append(s.Egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: fmt.Sprintf("10.%d.0.0/16", c.IntN(4))}}}})
	}
	return s
}

func (c *builder) workload(ns string, i, replicas int) {
	app := fmt.Sprintf("app-%02d", i)
	labels := map[string]string{"app": app, "role": []string{"api", "job", "monitor"}[i%3]}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
		HostNetwork: i == 9,
		Containers:  []corev1.Container{{Name: "c", Image: "i", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080 + int32(i%2)}, {Name: "metrics", ContainerPort: 9090}}}},
	}}
	w := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: app}, Template: template}
	if i == 8 {
		replicas = 0
	}
	for r := range replicas {
		c.pods++
		node := c.inv.Nodes[c.IntN(len(c.inv.Nodes))]
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("%s-%d", app, r), Labels: map[string]string{"pod-template-hash": "h"}}, Spec: template.Spec}
		for k, v := range labels {
			p.Labels[k] = v
		}
		if i == 7 && r == 0 {
			p.Labels["role"] = "old"
		}
		p.Spec.NodeName = node.Name
		ip := fmt.Sprintf("10.%d.%d.%d", c.pods/62500, c.pods/250%250, c.pods%250+1)
		if p.Spec.HostNetwork {
			ip = node.Status.Addresses[0].Address
		}
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}}
		w.Pods = append(w.Pods, p)
	}
	c.inv.Workloads = append(c.inv.Workloads, w)
	c.inv.Net.Services = append(c.inv.Net.Services, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: app},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": app}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http")}}},
	})
}
