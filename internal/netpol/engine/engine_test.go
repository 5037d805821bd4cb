package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// daemonSet makes one of namespace/name with containers "name image arg arg …".
func daemonSet(name string, containers ...string) appsv1.DaemonSet {
	ns, name, _ := strings.Cut(name, "/")
	d := appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	for _, c := range containers {
		words := strings.Fields(c)
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: words[0], Image: words[1], Args: words[2:]})
	}
	return d
}

func withPlugin(d appsv1.DaemonSet) appsv1.DaemonSet {
	d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "cni", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc/cni/net.d"}}}}
	return d
}

func configMap(name, k, v string) corev1.ConfigMap {
	ns, name, _ := strings.Cut(name, "/")
	return corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: map[string]string{k: v}}
}

func node(provider, version string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Spec: corev1.NodeSpec{ProviderID: provider, PodCIDRs: []string{"10.244.0.0/24"}},
		Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: version}},
	}
}

func autoNode() *corev1.Node {
	n := node("aws:///eu-west-1a/i-0", "v1.33.4-eks-1")
	n.Labels = map[string]string{"eks.amazonaws.com/compute-type": "auto"}
	return n
}

func k3sServer(args string) *corev1.Node {
	n := node("k3s://n1", "v1.33.4+k3s1")
	n.Annotations = map[string]string{"k3s.io/node-args": args}
	return n
}

var (
	kubeProxy   = daemonSet("kube-system/kube-proxy", "kube-proxy registry.k8s.io/kube-proxy:v1.33.4")
	cilium      = withPlugin(daemonSet("kube-system/cilium", "cilium-agent quay.io/cilium/cilium:v1.18.1 --config-dir=/tmp/cilium/config-map"))
	calico      = withPlugin(daemonSet("calico-system/calico-node", "calico-node quay.io/calico/node:v3.30.2"))
	canal       = withPlugin(daemonSet("kube-system/rke2-canal", "calico-node rancher/hardened-calico:v3.30.2", "kube-flannel rancher/hardened-flannel:v0.27.2"))
	flannel     = withPlugin(daemonSet("kube-flannel/kube-flannel-ds", "kube-flannel ghcr.io/flannel-io/flannel:v0.27.2 --ip-masq --kube-subnet-mgr"))
	awsOff      = withPlugin(daemonSet("kube-system/aws-node", "aws-node example.com/amazon-k8s-cni:v1.20.1", "aws-eks-nodeagent example.com/amazon/aws-network-policy-agent:v1.2.4 --enable-ipv6=false --enable-network-policy=false"))
	awsOn       = withPlugin(daemonSet("kube-system/aws-node", "aws-node example.com/amazon-k8s-cni:v1.20.1", "aws-eks-nodeagent example.com/amazon/aws-network-policy-agent:v1.2.4 --enable-ipv6=false --enable-network-policy=true"))
	awsPlain    = withPlugin(daemonSet("kube-system/aws-node", "aws-node example.com/amazon-k8s-cni:v1.12.0"))
	awsNode     = node("aws:///eu-west-1a/i-0", "v1.33.4-eks-1")
	plainNode   = node("", "v1.33.4")
	notPods     = []harden.Unread{{Resource: daemonSets, Why: `User "jane" cannot list resource "daemonsets"`}}
	notConfig   = []harden.Unread{{Resource: harden.ConfigMaps, Namespace: kubeSystem, Why: `User "jane" cannot get resource "configmaps"`}}
	ciliumNever = configMap("kube-system/cilium-config", "enable-policy", "never")
)

func strict(d appsv1.DaemonSet) appsv1.DaemonSet {
	d.Spec.Template.Spec.Containers = slices.Clone(d.Spec.Template.Spec.Containers)
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "NETWORK_POLICY_ENFORCING_MODE", Value: "strict"}}
	return d
}

func windows(d appsv1.DaemonSet) appsv1.DaemonSet {
	d.Spec.Template.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"}
	return d
}

func nowhere(d appsv1.DaemonSet) appsv1.DaemonSet {
	d.Status.ObservedGeneration = 1
	return d
}

func TestDetect(t *testing.T) {
	sets := func(d ...appsv1.DaemonSet) []appsv1.DaemonSet { return append(d, kubeProxy) }
	nodes := func(n ...*corev1.Node) []*corev1.Node { return n }
	for _, test := range []struct {
		name     string
		seen     Seen
		engine   string
		enforces harden.Enforcement
		why      string // a part of it
	}{
		{"Cilium", Seen{DaemonSets: sets(cilium), Nodes: nodes(plainNode)}, harden.EngineCilium, harden.Enforced, "kube-system/cilium"},
		{"Cilium that never enforces", Seen{DaemonSets: sets(cilium), ConfigMaps: []corev1.ConfigMap{ciliumNever}}, harden.EngineCilium, harden.NotEnforced, "enable-policy=never"},
		{"Cilium that never enforces beside Calico", Seen{DaemonSets: sets(cilium, calico), ConfigMaps: []corev1.ConfigMap{ciliumNever}}, harden.EngineCalico, harden.Enforced, "calico-node"},
		{"Cilium told by an argument", Seen{DaemonSets: sets(daemonSet("kube-system/cilium", "cilium-agent c:1 --enable-policy never"))}, harden.EngineCilium, harden.NotEnforced, "never"},
		{"Cilium whose settings may not be read", Seen{DaemonSets: sets(cilium), Unread: notConfig}, harden.EngineCilium, harden.EnforcementUnknown, "jane"},
		{"GKE Dataplane V2", Seen{DaemonSets: sets(daemonSet("kube-system/anetd", "cilium-agent gke.gcr.io/cilium/cilium:v1.15")), Nodes: nodes(node("gce://p/z/n", "v1.33.4-gke.1"))}, harden.EngineCilium, harden.Enforced, "Dataplane V2"},
		{"Calico", Seen{DaemonSets: sets(calico)}, harden.EngineCalico, harden.Enforced, "calico-system/calico-node"},
		{"canal: Calico beside flannel", Seen{DaemonSets: sets(flannel, calico)}, harden.EngineCalico, harden.Enforced, "calico-node"},
		{"canal of RKE2", Seen{DaemonSets: sets(canal)}, harden.EngineCalico, harden.Enforced, "rke2-canal"},
		{"Calico on Windows alone", Seen{DaemonSets: sets(flannel, windows(calico))}, harden.EngineFlannel, harden.NotEnforced, "flannel"},
		{"Calico that runs nowhere", Seen{DaemonSets: sets(flannel, nowhere(calico))}, harden.EngineFlannel, harden.NotEnforced, "flannel"},
		{"Calico beside the VPC CNI", Seen{DaemonSets: sets(awsOff, calico), Nodes: nodes(awsNode)}, harden.EngineCalico, harden.Enforced, "calico-node"},
		{"T69: flannel", Seen{DaemonSets: sets(flannel), Nodes: nodes(plainNode)}, harden.EngineFlannel, harden.NotEnforced, "does not enforce"},
		{"flannel, and not all could be read", Seen{DaemonSets: sets(flannel), Unread: notPods}, harden.EngineFlannel, harden.EnforcementUnknown, "jane"},
		{"VPC CNI, off", Seen{DaemonSets: sets(awsOff), Nodes: nodes(awsNode)}, harden.EngineVPCCNI, harden.NotEnforced, "without --enable-network-policy=true"},
		{"VPC CNI, on", Seen{DaemonSets: sets(awsOn), Nodes: nodes(awsNode)}, harden.EngineVPCCNI, harden.Enforced, "--enable-network-policy=true"},
		{"VPC CNI of old", Seen{DaemonSets: sets(awsPlain), Nodes: nodes(awsNode)}, harden.EngineVPCCNI, harden.NotEnforced, "without the container"},
		{"EKS Auto Mode, on", Seen{DaemonSets: sets(), Nodes: nodes(autoNode()), ConfigMaps: []corev1.ConfigMap{configMap("kube-system/amazon-vpc-cni", "enable-network-policy-controller", "true")}}, harden.EngineVPCCNI, harden.Enforced, "turns its policy controller on"},
		{"EKS Auto Mode, off", Seen{DaemonSets: sets(), Nodes: nodes(autoNode())}, harden.EngineVPCCNI, harden.NotEnforced, "Auto Mode without"},
		{"EKS Auto Mode, may not be read", Seen{DaemonSets: sets(), Nodes: nodes(autoNode()), Unread: notConfig}, harden.EngineVPCCNI, harden.EnforcementUnknown, "jane"},
		{"EKS Auto Mode, seen by what it makes", Seen{DaemonSets: sets(), Nodes: nodes(autoNode()), Unread: notConfig, PolicyEndpoints: true}, harden.EngineVPCCNI, harden.Enforced, "PolicyEndpoints"},
		{"EKS Auto Mode beside nodes without agent", Seen{DaemonSets: sets(awsOff), Nodes: nodes(autoNode(), awsNode), PolicyEndpoints: true}, harden.EngineVPCCNI, harden.EnforcementUnknown, "not of Auto Mode"},
		{"Antrea", Seen{DaemonSets: sets(daemonSet("kube-system/antrea-agent", "antrea-agent antrea/antrea-agent:v2"))}, harden.EngineAntrea, harden.Enforced, "antrea-agent"},
		{"OVN-Kubernetes of OpenShift", Seen{DaemonSets: sets(daemonSet("openshift-ovn-kubernetes/ovnkube-node", "ovnkube-controller q.io/ovn:1"))}, harden.EngineOVN, harden.Enforced, "ovnkube-node"},
		{"Kube-OVN", Seen{DaemonSets: sets(daemonSet("kube-system/kube-ovn-cni", "cni-server kubeovn/kube-ovn:v1"))}, harden.EngineKubeOVN, harden.Enforced, "kube-ovn"},
		{"OpenShift SDN", Seen{DaemonSets: sets(daemonSet("openshift-sdn/sdn", "sdn q.io/sdn:4.14"))}, harden.EngineOpenShiftSDN, harden.EnforcementUnknown, "mode"},
		{"something else that is called sdn", Seen{DaemonSets: sets(flannel, daemonSet("default/sdn", "sdn i:1"))}, harden.EngineFlannel, harden.NotEnforced, "flannel"},
		{"kube-router", Seen{DaemonSets: sets(daemonSet("kube-system/kube-router", "kube-router cloudnativelabs/kube-router:v2 --run-router=true"))}, harden.EngineKubeRouter, harden.Enforced, "kube-router"},
		{"kube-router without firewall", Seen{DaemonSets: sets(daemonSet("kube-system/kube-router", "kube-router k:1 --run-firewall=false"))}, harden.EngineKubeRouter, harden.NotEnforced, "run-firewall"},
		{"Weave Net", Seen{DaemonSets: sets(daemonSet("kube-system/weave-net", "weave w:1", "weave-npc n:1"))}, harden.EngineWeave, harden.Enforced, "weave-net"},
		{"Weave Net without controller", Seen{DaemonSets: sets(daemonSet("kube-system/weave-net", "weave w:1"))}, harden.EngineWeave, harden.NotEnforced, "weave-npc"},
		{"Azure NPM", Seen{DaemonSets: sets(daemonSet("kube-system/azure-npm", "azure-npm m:1")), Nodes: nodes(node("azure:///subscriptions/s", "v1.33.4"))}, harden.EngineAzure, harden.Enforced, "azure-npm"},
		{"Romana", Seen{DaemonSets: sets(daemonSet("kube-system/romana-agent", "romana-agent r:1"))}, harden.EngineRomana, harden.Enforced, "romana"},
		{"kube-network-policies beside flannel", Seen{DaemonSets: sets(flannel, daemonSet("kube-system/kube-network-policies", "kube-network-policies r:1"))}, harden.EngineKubeNetworkPolicies, harden.Enforced, "kube-network-policies"},
		{"kind 0.24", Seen{DaemonSets: sets(withPlugin(daemonSet("kube-system/kindnet", "kindnet-cni docker.io/kindest/kindnetd:v20240813-c6f155d6")))}, harden.EngineKindnet, harden.Enforced, "20240813"},
		{"kind 0.23", Seen{DaemonSets: sets(withPlugin(daemonSet("kube-system/kindnet", "kindnet-cni docker.io/kindest/kindnetd:v20240513-cd2ac642")))}, harden.EngineKindnet, harden.NotEnforced, "older"},
		{"kindnet of somebody else", Seen{DaemonSets: sets(daemonSet("kube-system/kindnet", "kindnet-cni ghcr.io/aojea/kindnetd:v1.8.5"))}, harden.EngineKindnet, harden.EnforcementUnknown, "does not say"},
		{"k3s", Seen{DaemonSets: sets(), Nodes: nodes(k3sServer(`["server","--disable","traefik"]`))}, harden.EngineK3s, harden.Enforced, "own policy controller"},
		{"k3s without policies", Seen{DaemonSets: sets(), Nodes: nodes(k3sServer(`["server","--disable-network-policy"]`))}, harden.EngineK3s, harden.NotEnforced, "--disable-network-policy"},
		{"k3s without policies, with Cilium", Seen{DaemonSets: sets(cilium), Nodes: nodes(k3sServer(`["server","--flannel-backend=none","--disable-network-policy"]`))}, harden.EngineCilium, harden.Enforced, "cilium"},
		{"k3s, agents alone", Seen{DaemonSets: sets(), Nodes: nodes(k3sServer(`["agent"]`))}, harden.EngineK3s, harden.EnforcementUnknown, "no Node says"},
		{"k3s, no Nodes", Seen{DaemonSets: sets(), Version: "v1.33.4+k3s1"}, harden.EngineK3s, harden.EnforcementUnknown, "Nodes"},
		{"a broken annotation", Seen{DaemonSets: sets(), Nodes: nodes(k3sServer(`{"server"`))}, harden.EngineK3s, harden.EnforcementUnknown, "no Node says"},
		{"kubenet", Seen{DaemonSets: sets(), Nodes: nodes(node("azure:///subscriptions/s", "v1.33.4"))}, harden.EngineKubenet, harden.NotEnforced, "no DaemonSet of an engine"},
		{"a bridge", Seen{DaemonSets: sets(), Nodes: nodes(plainNode)}, "", harden.NotEnforced, "no DaemonSet of an engine"},
		{"no DaemonSets at all", Seen{DaemonSets: []appsv1.DaemonSet{}, Nodes: nodes(plainNode)}, "", harden.NotEnforced, "no DaemonSet of an engine"},
		{"no Nodes", Seen{DaemonSets: sets()}, "", harden.EnforcementUnknown, "Nodes"},
		{"a plugin that is not known", Seen{DaemonSets: sets(withPlugin(daemonSet("net/wonder", "w w:1"))), Nodes: nodes(plainNode)}, "", harden.EnforcementUnknown, "DaemonSet net/wonder"},
		{"a plugin that adds to others", Seen{DaemonSets: sets(withPlugin(daemonSet("istio-system/istio-cni-node", "install-cni i:1"))), Nodes: nodes(plainNode)}, "", harden.NotEnforced, "no DaemonSet"},
		{"a virtual cluster", Seen{DaemonSets: sets(), Nodes: nodes(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{virtualNode: "true"}}})}, "", harden.EnforcementUnknown, "virtual cluster"},
		{"nothing may be read", Seen{Unread: notPods}, "", harden.EnforcementUnknown, "jane"},
		{"only the groups may be read", Seen{Unread: notPods, Groups: []string{"apps", "cilium.io"}}, harden.EngineCilium, harden.EnforcementUnknown, "API group cilium.io"},
		{"a group that was left behind", Seen{DaemonSets: sets(flannel), Groups: []string{"crd.projectcalico.org"}}, harden.EngineFlannel, harden.NotEnforced, "flannel"},
		{"nobody looked", Seen{}, "", harden.EnforcementUnknown, "not read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Detect(test.seen)
			if got.Name != test.engine || got.Enforces != test.enforces || !strings.Contains(got.Why, test.why) {
				t.Errorf("got %q, %s: %s\nwant %q, %s: … %s …", got.Name, got.Enforces, got.Why, test.engine, test.enforces, test.why)
			}
			if test.seen.DaemonSets != nil {
				rand.Shuffle(len(test.seen.DaemonSets), func(i, j int) {
					test.seen.DaemonSets[i], test.seen.DaemonSets[j] = test.seen.DaemonSets[j], test.seen.DaemonSets[i]
				})
				if diff := cmp.Diff(got, Detect(test.seen)); diff != "" {
					t.Errorf("T70: the order matters\n%s", diff)
				}
			}
		})
	}
}

func TestFacts(t *testing.T) {
	both := node("aws:///eu-west-1a/i-0", "v1.33.4")
	both.Spec.PodCIDRs = []string{"10.244.0.0/24", "fd00:10:244::/64"}
	nodeLocal := daemonSet("kube-system/node-local-dns", "node-cache registry.k8s.io/dns/k8s-dns-node-cache:1.25.0 -localip 169.254.20.10,10.96.0.10 -conf /etc/Corefile -upstreamsvc kube-dns-upstream")
	nodeLocal2 := daemonSet("kube-system/nodelocaldns", "node-cache registry.k8s.io/dns/k8s-dns-node-cache:1.25.0 --localip=169.254.25.10,__PILLAR__DNS__SERVER__")
	for _, test := range []struct {
		name string
		seen Seen
		want harden.Engine
	}{
		{"both families by Nodes", Seen{Nodes: []*corev1.Node{both}}, harden.Engine{Provider: "aws", IPv4: true, IPv6: true}},
		{"a pod says more than Nodes", Seen{Nodes: []*corev1.Node{both}, PodIPs: []corev1.PodIP{{IP: "2001:db8::7"}}}, harden.Engine{Provider: "aws", IPv6: true}},
		{"nothing that is an address", Seen{PodIPs: []corev1.PodIP{{IP: "x"}}, Nodes: []*corev1.Node{{Spec: corev1.NodeSpec{PodCIDRs: []string{"y"}, ProviderID: "z"}}}}, harden.Engine{}},
		{"T50: NodeLocal DNSCache", Seen{DaemonSets: []appsv1.DaemonSet{nodeLocal}}, harden.Engine{NodeLocalDNS: []string{"10.96.0.10", "169.254.20.10"}}},
		{"T50: with what a template left", Seen{DaemonSets: []appsv1.DaemonSet{nodeLocal2}}, harden.Engine{NodeLocalDNS: []string{"169.254.25.10"}}},
		{"strict", Seen{DaemonSets: []appsv1.DaemonSet{strict(awsOn)}}, harden.Engine{Name: harden.EngineVPCCNI, Enforces: harden.Enforced, Strict: true}},
		{"strict, but off", Seen{DaemonSets: []appsv1.DaemonSet{strict(awsOff)}}, harden.Engine{Name: harden.EngineVPCCNI, Enforces: harden.NotEnforced}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Detect(test.seen)
			got.Why = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfigMaps(t *testing.T) {
	elsewhere := cilium
	elsewhere.Namespace = "cilium"
	got := ConfigMaps(Seen{DaemonSets: []appsv1.DaemonSet{elsewhere, kubeProxy}, Groups: []string{"eks.amazonaws.com"}})
	want := []types.NamespacedName{{Namespace: "cilium", Name: "cilium-config"}, {Namespace: "kube-system", Name: "amazon-vpc-cni"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlag(t *testing.T) {
	for args, want := range map[string]string{
		"--f=a": "a", "-f a": "a", "-f=": "", "--f --g": "true", "--f": "true", "--ff=a": "none", "f=a": "none", "--g f --f b": "b",
	} {
		got, ok := flag(&corev1.Container{Args: strings.Fields(args)}, "f")
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}
