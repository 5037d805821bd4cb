package needs

// devices tell kubelets of what their nodes have, and make it usable.
var devices = []Agent{
	{
		Name: "NVIDIA device plugin", Why: "it tells the kubelet of the GPUs of its node",
		Source: "https://github.com/NVIDIA/k8s-device-plugin/blob/main/deployments/static/nvidia-device-plugin.yml", Seen: "v0.17.1",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system", "nvidia-device-plugin", "gpu-operator"}, Labels: []map[string]string{{"name": "nvidia-device-plugin-ds"}, {"app.kubernetes.io/name": "nvidia-device-plugin"}},
		Token: true, Paths: []HostPath{{Path: "/var/lib/kubelet/device-plugins", Write: true}},
		Parts: []Part{{Images: []string{"nvidia/k8s-device-plugin", "k8s-device-plugin"}, Root: true}},
	},
	{
		Name: "AMD GPU device plugin", Why: "it tells the kubelet of the GPUs of its node",
		Source: "https://github.com/ROCm/k8s-device-plugin/blob/master/k8s-ds-amdgpu-dp.yaml", Seen: "commit 037495778be9",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"name": "amdgpu-dp-ds"}},
		Paths: []HostPath{{Path: "/var/lib/kubelet/device-plugins", Write: true}, {Path: "/sys", Write: true}},
		Parts: []Part{{Images: []string{"rocm/k8s-device-plugin"}, Root: true}},
	},
	{
		Name: "SR-IOV device plugin", Why: "it tells the kubelet of the virtual functions of its node",
		Source: "https://github.com/k8snetworkplumbingwg/sriov-network-device-plugin/blob/master/deployments/sriovdp-daemonset.yaml", Seen: "commit 063a9e951fd1",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"name": "sriov-device-plugin", "app": "sriovdp"}},
		HostNetwork: true, Token: true,
		Paths: []HostPath{{Path: "/var/lib/kubelet", Write: true}, {Path: "/var/log", Write: true}, {Path: "/var/run/k8s.cni.cncf.io/devinfo/dp", Write: true}},
		Parts: []Part{{Images: []string{"k8snetworkplumbingwg/sriov-network-device-plugin"}, Containers: []string{"kube-sriovdp"}, Privileged: true, Root: true}},
	},
	{
		Name: "Node Feature Discovery worker", Why: "it reads what its node can do",
		Source: "https://github.com/kubernetes-sigs/node-feature-discovery/blob/master/deployment/helm/node-feature-discovery/templates/worker.yaml", Seen: "commit 76e6cc8cc",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": "nfd-worker"}, {"app.kubernetes.io/name": "node-feature-discovery", "role": "worker"}},
		Token: true,
		Paths: []HostPath{
			{Path: "/boot"},
			{Path: "/etc/os-release"},
			{Path: "/sys"},
			{Path: "/usr/lib"},
			{Path: "/lib"},
			{Path: "/proc/swaps"},
			{Path: "/usr/src"},
			{Path: "/etc/kubernetes/node-feature-discovery/features.d"},
			{Path: "/etc/kubernetes/node-feature-discovery/source.d"},
		},
		Parts: []Part{{Images: nfdImages}},
	},
	{
		Name: "Node Feature Discovery topology updater", Why: "it reads what the kubelet gave to pods",
		Source: "https://github.com/kubernetes-sigs/node-feature-discovery/blob/master/deployment/helm/node-feature-discovery/templates/topologyupdater.yaml", Seen: "commit 76e6cc8cc",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": "nfd-topology-updater"}, {"app.kubernetes.io/name": "node-feature-discovery", "role": "topology-updater"}},
		Token: true, Paths: []HostPath{{Path: "/sys"}, {Path: "/var/lib/kubelet"}, {Path: "/var/lib/kubelet/pod-resources/kubelet.sock", Write: true}},
		Parts: []Part{{Images: nfdImages, Root: true}},
	},
	{
		Name: "Node Feature Discovery", Why: "it writes what workers read to the labels of nodes",
		Source: "https://github.com/kubernetes-sigs/node-feature-discovery/tree/master/deployment/base", Seen: "commit 76e6cc8cc",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": "nfd-master"}, {"app": "nfd-gc"}, {"app.kubernetes.io/name": "node-feature-discovery"}},
		Token: true, Parts: []Part{{Images: nfdImages}},
	},
	operand("driver", "it builds and loads the driver of the GPUs of its node", "nvidia-driver-daemonset", "state-driver", true, []HostPath{
		{Path: "/"},
		{Path: "/etc/os-release"},
		{Path: "/dev/log", Write: true},
		{Path: "/run/nvidia", Below: true, Write: true},
		{Path: "/run/nvidia-fabricmanager", Write: true},
		{Path: "/run/nvidia-topologyd", Write: true},
		{Path: "/run/mellanox/drivers", Write: true},
		{Path: "/run/mellanox/drivers/usr/src", Write: true},
		{Path: "/sys", Write: true},
		{Path: "/sys/module/firmware_class/parameters/path", Write: true},
		{Path: "/sys/devices/system", Write: true},
		{Path: "/sys/devices/system/memory/auto_online_blocks", Write: true},
		{Path: "/var/log", Write: true},
	}, "nvidia/driver", "cloud-native/k8s-driver-manager", "cloud-native/nvidia-fs", "cloud-native/gdrdrv"),
	operand("container toolkit", "it installs a runtime for containers with GPUs on its node", "nvidia-container-toolkit-daemonset", "state-container-toolkit", true, []HostPath{
		{Path: "/"}, {Path: "/run/nvidia", Below: true, Write: true}, {Path: "/usr/local/nvidia", Write: true}, {Path: "/run/containers/oci/hooks.d", Write: true}, {Path: "/dev/char", Write: true}, {Path: "/var/run/cdi", Write: true},
	}, "k8s/container-toolkit", "nvidia/gpu-operator"),
	operand("device plugin", "it tells the kubelet of the GPUs of its node", "nvidia-device-plugin-daemonset", "state-device-plugin", false, []HostPath{
		{Path: "/"}, {Path: "/run/nvidia", Below: true, Write: true}, {Path: "/var/lib/kubelet/device-plugins", Write: true}, {Path: "/var/run/cdi", Write: true},
	}, "nvidia/k8s-device-plugin", "nvidia/gpu-operator"),
	operand("feature discovery", "it reads what the GPUs of its node can do", "gpu-feature-discovery", "gpu-feature-discovery", false, []HostPath{
		{Path: "/sys"}, {Path: "/run/nvidia", Write: true}, {Path: "/etc/kubernetes/node-feature-discovery/features.d", Write: true},
	}, "nvidia/k8s-device-plugin", "nvidia/gpu-operator"),
	operand("DCGM exporter", "it measures the GPUs of its node", "nvidia-dcgm-exporter", "state-dcgm-exporter", false, []HostPath{
		{Path: "/run/nvidia", Write: true}, {Path: "/var/lib/kubelet/pod-resources"},
	}, "k8s/dcgm-exporter", "nvidia/gpu-operator"),
	operand("validator", "it tries the GPUs of its node", "nvidia-operator-validator", "state-operator-validation", false, []HostPath{
		{Path: "/"}, {Path: "/run/nvidia", Below: true, Write: true}, {Path: "/dev/char", Write: true},
	}, "nvidia/gpu-operator"),
	{
		Name: "NVIDIA GPU operator", Why: "it watches nodes and runs what their GPUs need",
		Source: "https://github.com/NVIDIA/gpu-operator/blob/main/deployments/gpu-operator/templates/operator.yaml", Seen: "commit a22dbf671",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": "gpu-operator", "app.kubernetes.io/component": "gpu-operator"}},
		Token: true, Parts: []Part{{Images: []string{"nvidia/gpu-operator"}}},
	},
}

var nfdImages = []string{"nfd/node-feature-discovery", "k8s-staging-nfd/node-feature-discovery"}

// operand is a DaemonSet that the GPU operator makes: all of them are privileged, with
// the SELinux level of the node, and have the images that its chart names.
func operand(name, why, app, state string, hostPID bool, paths []HostPath, images ...string) Agent {
	return Agent{
		Name: "NVIDIA GPU operator's " + name, Why: why,
		Source: "https://github.com/NVIDIA/gpu-operator/tree/main/assets/" + state, Seen: "commit a22dbf671",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": app}},
		HostPID: hostPID, Token: true, Paths: paths,
		Parts: []Part{{Images: images, Privileged: true, Root: true, Unconfined: true}},
	}
}
