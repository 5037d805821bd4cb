package needs

// cni are the network plugins besides those in network. What they mount beyond the
// places of plugins, such as /opt, /home and /etc as a whole, is still told.
var cni = []Agent{
	{
		Name: "Antrea", Why: "it switches the traffic of pods on its node by Open vSwitch",
		Source: "https://github.com/antrea-io/antrea/blob/main/build/charts/antrea/templates/agent/daemonset.yaml", Seen: "commit 00d545e2b5ff",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": "antrea", "component": "antrea-agent"}},
		HostNetwork: true, Token: true,
		Paths: concat(cniDirs, kernel, []HostPath{{Path: "/proc"}, {Path: "/var/run/netns"}, {Path: "/var/run/antrea", Write: true}, {Path: "/var/log/antrea", Write: true}}),
		Parts: []Part{
			{Images: antreaImages, Containers: []string{"install-cni"}, Capabilities: []string{"SYS_MODULE"}, Root: true},
			{Images: antreaImages, Containers: []string{"antrea-agent"}, Privileged: true, Root: true},
			{Images: antreaImages, Containers: []string{"antrea-ovs"}, Capabilities: []string{"IPC_LOCK", "NET_ADMIN", "SYS_ADMIN", "SYS_NICE"}, Root: true},
			{Images: antreaImages, Containers: []string{"antrea-ipsec"}, Capabilities: []string{"NET_ADMIN"}, Root: true},
		},
	},
	{
		Name: "kube-router", Why: "it makes the routes, the policies and the Services of pods on its node",
		Source: "https://github.com/cloudnativelabs/kube-router/blob/master/daemonset/kubeadm-kuberouter-all-features.yaml", Seen: "commit 7c2c2779; its other manifests as well",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "kube-router"}},
		HostNetwork: true, HostPID: true, Token: true,
		Paths: concat(cniDirs, kernel, []HostPath{{Path: "/var/lib/kube-router", Write: true}, {Path: "/var/lib/kube-router/kubeconfig"}}),
		Parts: []Part{
			{Images: []string{"cloudnativelabs/kube-router"}, Containers: []string{"kube-router"}, Privileged: true, Root: true},
			{Images: []string{"cloudnativelabs/kube-router"}, Containers: []string{"install-cni"}, Root: true},
		},
	},
	{
		Name: "Weave Net", Why: "it makes the overlay and the policies of pods on its node",
		Source: "https://github.com/weaveworks/weave/blob/master/prog/weave-kube/weave-daemonset-k8s-1.11.yaml", Seen: "commit 00f8afd7434d, with the images of the releases and of their successor",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"name": "weave-net"}},
		HostNetwork: true, Token: true,
		Paths: concat(kernel, []HostPath{{Path: "/var/lib/weave", Write: true}, {Path: "/var/lib/dbus"}, {Path: "/etc/machine-id"}}),
		Parts: []Part{{Images: []string{"weaveworks/weave-kube", "weaveworks/weave-npc", "rajchaudhuri/weave-kube", "rajchaudhuri/weave-npc"}, Containers: []string{"weave-init", "weave", "weave-npc"}, Privileged: true, Root: true}},
	},
	{
		Name: "OVN-Kubernetes node", Why: "it connects pods to Open vSwitch on its node",
		Source: "https://github.com/ovn-kubernetes/ovn-kubernetes/blob/master/helm/ovn-kubernetes/charts/ovnkube-node/templates/ovnkube-node.yaml", Seen: "commit 17b14eea5b0b",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"ovn-kubernetes"}, Labels: []map[string]string{{"app": "ovnkube-node"}},
		HostNetwork: true, HostPID: true, Token: true,
		Paths: concat(cniDirs, ovsRuntime, []HostPath{
			{Path: "/"},
			{Path: "/var/lib/kubelet"},
			{Path: "/run/systemd"},
			{Path: "/etc/ovn"},
			{Path: "/etc/openvswitch"},
			{Path: "/var/lib/openvswitch"},
			{Path: "/var/run/netns", Write: true},
			{Path: "/var/run/ovn-kubernetes", Write: true},
			{Path: "/var/log/ovn-kubernetes", Write: true},
		}),
		Parts: []Part{
			{Images: ovnImages, Containers: []string{"ovnkube-node"}, Privileged: true, Capabilities: []string{"NET_ADMIN"}, Root: true},
			{Images: ovnImages, Containers: []string{"ovn-controller"}, Capabilities: []string{"SYS_NICE"}, Root: true},
			{Images: ovnImages, Containers: []string{"ovs-metrics-exporter"}, Capabilities: []string{"NET_ADMIN"}, Root: true},
		},
	},
	{
		Name: "Open vSwitch of OVN-Kubernetes", Why: "it is the switch of its node",
		Source: "https://github.com/ovn-kubernetes/ovn-kubernetes/blob/master/helm/ovn-kubernetes/charts/ovs-node/templates/ovs-node.yaml", Seen: "commit 17b14eea5b0b",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"ovn-kubernetes"}, Labels: []map[string]string{{"app": "ovs-node"}},
		HostNetwork: true, HostPID: true,
		Paths: concat(ovsRuntime, []HostPath{
			{Path: "/lib/modules"}, {Path: "/sys", Write: true}, {Path: "/var/run/dbus", Write: true}, {Path: "/etc/origin/openvswitch", Write: true}, {Path: "/var/lib/openvswitch", Write: true},
		}),
		Parts: []Part{{Images: ovnImages, Containers: []string{"ovs-daemons"}, Privileged: true, Root: true}},
	},
	{
		// The thick plugin also mounts / and /run, writable: that is still told.
		Name: "Multus", Why: "it installs a network plugin on its node that calls the others",
		Source: "https://github.com/k8snetworkplumbingwg/multus-cni/blob/master/deployments/multus-daemonset-thick.yml", Seen: "commit 95a093235; multus-daemonset.yml as well",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "multus", "name": "multus"}},
		HostNetwork: true, HostPID: true, Token: true,
		Paths: concat(cniDirs, []HostPath{
			{Path: "/etc/cni/multus/net.d", Write: true}, {Path: "/var/lib/cni/multus", Write: true}, {Path: "/run/k8s.cni.cncf.io", Write: true}, {Path: "/run/netns", Write: true}, {Path: "/var/lib/kubelet", Write: true},
		}),
		Parts: []Part{{Images: []string{"k8snetworkplumbingwg/multus-cni"}, Containers: []string{"install-multus-binary", "kube-multus"}, Privileged: true, Root: true}},
	},
}

var (
	antreaImages = []string{"antrea/antrea-ubuntu", "antrea/antrea-agent-ubuntu"}
	ovnImages    = []string{"ovn-kubernetes/ovn-kube-ubuntu"}
	ovsRuntime   = []HostPath{{Path: "/var/run/dbus"}, {Path: "/run/openvswitch", Write: true}, {Path: "/var/run/openvswitch", Write: true}, {Path: "/var/log/openvswitch", Write: true}}
)

// addresses hold addresses of the network of nodes.
var addresses = []Agent{
	kubeVIP("DaemonSet", nil, Agent{
		Source: "https://github.com/kube-vip/helm-charts/blob/main/charts/kube-vip/templates/daemonset.yaml", Seen: "commit 10ea7507c851, with the capabilities of the chart's values", Token: true,
	}),
	kubeVIP("Pod", []HostPath{{Path: "/etc/kubernetes/admin.conf"}}, Agent{
		Source: "https://github.com/kube-vip/kube-vip/blob/main/docs/manifests/v0.4.1/kube-vip-arp.yaml", Seen: "v0.4.1", Static: true,
	}),
	{
		Name: "kube-keepalived-vip", Why: "it answers for addresses that move between nodes",
		Source: "https://github.com/aledbf/kube-keepalived-vip/blob/master/vip-daemonset.yaml", Seen: "0.24",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"name": "kube-keepalived-vip"}},
		HostNetwork: true, Token: true, Paths: []HostPath{{Path: "/lib/modules"}, {Path: "/dev", Write: true}},
		Parts: []Part{{Images: []string{"aledbf/kube-keepalived-vip"}, Privileged: true, Root: true}},
	},
}

func kubeVIP(kind string, paths []HostPath, a Agent) Agent {
	a.Name, a.Why = "kube-vip", "it answers for addresses that move between nodes"
	a.Kinds, a.Namespaces = []string{kind}, []string{"kube-system"}
	a.HostNetwork, a.Paths = true, paths
	a.Parts = []Part{{Images: []string{"kube-vip/kube-vip"}, Containers: []string{"kube-vip"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true}}
	return a
}
