package needs

// What network plugins mount to install themselves and to share with iptables.
var (
	cniDirs = []HostPath{{Path: "/opt/cni/bin", Write: true}, {Path: "/etc/cni/net.d", Write: true}}
	kernel  = []HostPath{{Path: "/lib/modules"}, {Path: "/run/xtables.lock", Write: true}}
)

// network are the programs that make the network of nodes and pods.
var network = []Agent{
	{
		Name: "kube-proxy", Why: "it writes the rules that lead to Services on its node",
		Source: "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/addons/proxy/manifests.go", Seen: "commit 0e998fac8c71; earlier ones are privileged",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "kube-proxy"}, {"component": "kube-proxy"}},
		HostNetwork: true, Token: true, Paths: kernel,
		Parts: []Part{{Images: []string{"kube-proxy", "kube-proxy-amd64", "kube-proxy-arm64"}, Privileged: true, Capabilities: []string{"NET_ADMIN", "SYS_MODULE"}, Root: true}},
		Never: []string{"read-only-root-filesystem", "image-stale"},
	},
	{
		// Static pods of kube-proxy, as GKE runs them.
		Name: "kube-proxy", Why: "it writes the rules that lead to Services on its node",
		Source: "https://github.com/kubernetes/kubernetes/blob/master/cluster/gce/manifests/kube-proxy.manifest", Seen: "commit 0e998fac8c71; earlier ones are privileged",
		Kinds: []string{"Pod"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"component": "kube-proxy"}}, Static: true,
		HostNetwork: true, Paths: concat(kernel, []HostPath{
			{Path: "/etc/ssl/certs"}, {Path: "/usr/share/ca-certificates"}, {Path: "/var/lib/kube-proxy/kubeconfig", Write: true}, {Path: "/var/log", Write: true},
		}),
		Parts: []Part{{Images: []string{"kube-proxy", "kube-proxy-amd64", "kube-proxy-arm64"}, Privileged: true, Capabilities: []string{"NET_ADMIN", "SYS_MODULE"}, Root: true}},
		Never: []string{"read-only-root-filesystem", "image-stale"},
	},
	{
		Name: "CoreDNS", Why: "it looks up Services and pods for the names that it answers",
		Source: "https://github.com/kubernetes/kubernetes/blob/master/cluster/addons/dns/coredns/coredns.yaml.base", Seen: "commit 008b3652959c (CoreDNS v1.14.2)",
		Kinds: []string{"Deployment"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "kube-dns"}, {"k8s-app": "coredns"}},
		Token: true, Parts: []Part{{Images: []string{"coredns/coredns", "coredns", "eks/coredns"}}},
	},
	{
		Name: "NodeLocal DNSCache", Why: "it answers on an address of the node itself",
		Source: "https://github.com/kubernetes/kubernetes/blob/master/cluster/addons/dns/nodelocaldns/nodelocaldns.yaml", Seen: "commit 028f956d2f93 (1.26.4)",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "node-local-dns"}},
		HostNetwork: true, Token: true, Paths: []HostPath{{Path: "/run/xtables.lock", Write: true}},
		Parts: []Part{{Images: []string{"dns/k8s-dns-node-cache", "k8s-dns-node-cache"}, Capabilities: []string{"NET_ADMIN"}, Root: true}},
	},
	{
		Name: "Cilium", Why: "it loads eBPF programs and makes the interfaces of pods on its node",
		Source: "https://github.com/cilium/cilium/blob/main/install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml", Seen: "commit 02515d1e12e7, with the capabilities of the chart's values",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system", "cilium*"}, Labels: []map[string]string{{"k8s-app": "cilium"}},
		HostNetwork: true, Token: true,
		Paths: concat(cniDirs, kernel, []HostPath{
			{Path: "/var/run/cilium", Below: true, Write: true},
			{Path: "/run/cilium", Below: true, Write: true},
			{Path: "/sys/fs/bpf", Write: true},
			{Path: "/run/cilium/cgroupv2", Write: true},
			{Path: "/proc", Write: true},
			{Path: "/proc/sys/net", Write: true},
			{Path: "/proc/sys/kernel", Write: true},
		}),
		Parts: []Part{
			{Images: ciliumImages, Containers: []string{"mount-bpf-fs", "wait-for-kube-proxy"}, Privileged: true, Root: true, Unconfined: true},
			{Images: ciliumImages, Containers: []string{"mount-cgroup", "apply-sysctl-overwrites"}, Capabilities: []string{"SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE"}, Root: true, Unconfined: true},
			{Images: ciliumImages, Containers: []string{"clean-cilium-state"}, Capabilities: []string{"NET_ADMIN", "SYS_ADMIN", "SYS_MODULE", "SYS_RESOURCE"}, Root: true, Unconfined: true},
			{
				Images: ciliumImages, Containers: []string{"cilium-agent"}, Root: true, Unconfined: true, HostPorts: true,
				Capabilities: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "IPC_LOCK", "KILL", "NET_ADMIN", "NET_RAW", "SETGID", "SETUID", "SYS_ADMIN", "SYS_MODULE", "SYS_RESOURCE", "SYSLOG"},
			},
			{Images: ciliumImages, Root: true, Unconfined: true},
		},
	},
	{
		Name: "Calico", Why: "it makes the routes and the policies of pods on its node",
		Source: "https://github.com/projectcalico/calico/blob/master/manifests/calico.yaml", Seen: "master of 2026-08-22",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system", "calico-system"}, Labels: []map[string]string{{"k8s-app": "calico-node"}},
		HostNetwork: true, Token: true,
		Paths: concat(cniDirs, kernel, []HostPath{
			{Path: "/var/run/calico", Write: true},
			{Path: "/var/lib/calico", Write: true},
			{Path: "/sys/fs", Write: true},
			{Path: "/sys/fs/bpf", Write: true},
			{Path: "/sys/kernel/security"},
			{Path: "/proc"},
			{Path: "/var/log/calico/cni"},
			{Path: "/var/lib/cni/networks", Write: true},
			{Path: "/var/run/nodeagent", Write: true},
		}),
		Parts: []Part{
			{Images: []string{"calico/node", "calico-node"}, Privileged: true, Root: true},
			{Images: []string{"calico/cni", "calico/calico", "calico-cni"}, Containers: []string{"upgrade-ipam", "install-cni"}, Privileged: true, Root: true},
			{Images: []string{"calico/pod2daemon-flexvol"}, Containers: []string{"flexvol-driver"}, Privileged: true, Root: true},
		},
	},
	{
		Name: "flannel", Why: "it makes the routes of pods on its node and installs a network plugin there",
		Source: "https://github.com/flannel-io/flannel/blob/master/Documentation/kube-flannel.yml", Seen: "v0.28.9",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-flannel", "kube-system"}, Labels: []map[string]string{{"app": "flannel"}},
		HostNetwork: true, Token: true, Paths: concat(cniDirs, []HostPath{{Path: "/run/flannel", Write: true}, {Path: "/run/xtables.lock", Write: true}}),
		Parts: []Part{
			{Images: []string{"flannel-io/flannel", "flannel/flannel", "coreos/flannel"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true},
			{Images: []string{"flannel-io/flannel-cni-plugin", "flannel/flannel-cni-plugin"}, Root: true},
		},
	},
	{
		Name: "kindnet", Why: "it makes the routes of pods on its node",
		Source: "https://github.com/kubernetes-sigs/kind/blob/main/pkg/build/nodeimage/const_cni.go", Seen: "commit 02f3065b61a4",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "kindnet"}},
		HostNetwork: true, Token: true, Paths: concat(cniDirs[1:], kernel),
		Parts: []Part{{Images: []string{"kindest/kindnetd"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true}},
	},
	{
		Name: "Amazon VPC CNI", Why: "it attaches network interfaces to its node and to pods",
		Source: "https://github.com/aws/amazon-vpc-cni-k8s/blob/master/config/master/aws-k8s-cni.yaml", Seen: "v1.23.1",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "aws-node"}},
		HostNetwork: true, Token: true,
		Paths: concat(cniDirs, []HostPath{
			{Path: "/sys/fs/bpf", Write: true}, {Path: "/var/log/aws-routed-eni", Write: true}, {Path: "/var/run/aws-node", Write: true}, {Path: "/run/xtables.lock", Write: true},
		}),
		Parts: []Part{
			{Images: []string{"amazon-k8s-cni-init"}, Containers: []string{"aws-vpc-cni-init"}, Privileged: true, Root: true},
			{Images: []string{"amazon-k8s-cni"}, Containers: []string{"aws-node"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true, HostPorts: true},
			{Images: []string{"amazon/aws-network-policy-agent", "aws-network-policy-agent"}, Containers: []string{"aws-eks-nodeagent"}, Privileged: true, Capabilities: []string{"NET_ADMIN"}, Root: true},
		},
		Never: []string{"aws-node-identity"},
	},
	{
		Name: "MetalLB speaker", Why: "it answers ARP and NDP for the addresses of Services",
		Source: "https://github.com/metallb/metallb/blob/main/config/controllers/speaker.yaml", Seen: "v0.13.9",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"metallb-system"}, Labels: []map[string]string{{"app": "metallb", "component": "speaker"}, {"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "speaker"}},
		HostNetwork: true, Token: true, Parts: []Part{{Images: []string{"metallb/speaker"}, Capabilities: []string{"NET_RAW"}, Root: true}},
	},
	{
		Name: "istio-init", Why: "it writes the rules that lead the traffic of its pod through the proxy; the CNI plugin of Istio does that without it",
		Source: "https://github.com/istio/istio/blob/master/manifests/charts/istio-control/istio-discovery/files/injection-template.yaml", Seen: "commit 0134e0029458",
		Kinds: anyWorkload,
		Parts: []Part{{Images: []string{"istio/proxyv2"}, Containers: []string{"istio-init"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true}},
	},
	{
		Name: "linkerd-init", Why: "it writes the rules that lead the traffic of its pod through the proxy; the CNI plugin of Linkerd does that without it",
		Source: "https://github.com/linkerd/linkerd2/blob/main/charts/partials/templates/_proxy-init.tpl", Seen: "commit 01d1e4646ce4",
		Kinds: anyWorkload,
		Parts: []Part{{Images: []string{"linkerd/proxy-init"}, Containers: []string{"linkerd-init"}, Capabilities: []string{"NET_ADMIN", "NET_RAW"}, Root: true}},
	},
}

var ciliumImages = []string{"cilium/cilium"}

var anyWorkload = []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}
