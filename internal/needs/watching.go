package needs

// watching are the agents that look at nodes and their pods.
var watching = []Agent{
	{
		Name: "node-exporter", Why: "it measures the node: its processes, file systems and interfaces",
		Source: "https://github.com/prometheus-operator/kube-prometheus/blob/main/manifests/nodeExporter-daemonset.yaml", Seen: "1.12.1; prometheus-community/prometheus-node-exporter",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "node-exporter"}, {"app.kubernetes.io/name": "prometheus-node-exporter"}},
		HostNetwork: true, HostPID: true, Token: true, Paths: []HostPath{{Path: "/"}, {Path: "/proc"}, {Path: "/sys"}},
		Parts: []Part{
			{Images: []string{"prometheus/node-exporter", "prom/node-exporter"}, Capabilities: []string{"SYS_TIME"}, HostPorts: true},
			{Images: []string{"brancz/kube-rbac-proxy"}, HostPorts: true},
		},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
	{
		Name: "Falco", Why: "it watches the system calls of its node",
		Source: "https://github.com/falcosecurity/charts/blob/master/charts/falco/templates/pod-template.tpl", Seen: "chart 9.1.0 (Falco 0.44.1)",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "falco"}},
		Token: true,
		Paths: concat([]HostPath{
			{Path: "/proc"}, {Path: "/boot"}, {Path: "/lib/modules"}, {Path: "/usr"}, {Path: "/etc"}, {Path: "/dev"}, {Path: "/sys/module", Write: true}, {Path: "/sys/kernel"},
		}, falcoSockets("/var/run/docker.sock", "/run/podman/podman.sock", "/run/host-containerd/containerd.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock")),
		Parts: []Part{
			{Images: []string{"falcosecurity/falco", "falcosecurity/falco-no-driver"}, Containers: []string{"falco"}, Privileged: true, Capabilities: []string{"BPF", "PERFMON", "SYS_PTRACE", "SYS_RESOURCE"}, Root: true, Unconfined: true},
			{Images: []string{"falcosecurity/falco-driver-loader"}, Containers: []string{"falco-driver-loader"}, Privileged: true, Root: true},
			{Images: []string{"falcosecurity/falcoctl"}, Root: true},
		},
	},
	{
		Name: "Fluent Bit", Why: "it reads the logs of all containers of its node",
		Source: "https://github.com/fluent/helm-charts/blob/main/charts/fluent-bit/values.yaml", Seen: "commit 011820b96fb3",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "fluent-bit"}, {"k8s-app": "fluent-bit"}},
		Token: true, Paths: []HostPath{{Path: "/var/log"}, {Path: "/var/lib/docker/containers"}, {Path: "/etc/machine-id"}},
		Parts: []Part{{Images: []string{"fluent/fluent-bit", "aws-observability/aws-for-fluent-bit", "amazon/aws-for-fluent-bit"}}},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
	{
		Name: "metrics-server", Why: "it asks the kubelets and answers the API server",
		Source: "https://github.com/kubernetes-sigs/metrics-server/blob/master/manifests/base/deployment.yaml", Seen: "commit 009ffa21ea2d",
		Kinds: []string{"Deployment"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"k8s-app": "metrics-server"}, {"app.kubernetes.io/name": "metrics-server"}},
		Token: true, Parts: []Part{{Images: []string{"metrics-server/metrics-server", "eks/metrics-server"}}},
	},
	{
		Name: "kube-state-metrics", Why: "it watches the objects that it counts",
		Source: "https://github.com/kubernetes/kube-state-metrics/blob/main/examples/standard/deployment.yaml", Seen: "commit 02efa65cb19a (2.2.0)",
		Kinds: []string{"Deployment", "StatefulSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "kube-state-metrics"}},
		Token: true, Parts: []Part{{Images: []string{"kube-state-metrics/kube-state-metrics"}}, {Images: []string{"brancz/kube-rbac-proxy"}}},
	},
}

func falcoSockets(paths ...string) []HostPath {
	var all []HostPath
	for _, p := range paths {
		all = append(all, HostPath{Path: p, Write: true}) // the chart does not mount them read-only, and connecting is not writing
	}
	return all
}
