package needs

// tracing are the agents that watch what processes do.
var tracing = []Agent{
	{
		Name: "Tetragon", Why: "it watches and stops processes by eBPF programs on its node",
		Source: "https://github.com/cilium/tetragon/blob/main/install/kubernetes/tetragon/templates/daemonset.yaml", Seen: "v1.7.0",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "tetragon", "app.kubernetes.io/component": "agent"}},
		HostNetwork: true, Token: true,
		Paths: []HostPath{
			{Path: "/proc"},
			{Path: "/sys/fs/bpf", Write: true},
			{Path: "/var/run/cilium", Write: true},
			{Path: "/var/run/cilium/tetragon", Write: true},
			{Path: "/var/run/tetragon", Write: true},
			{Path: "/run/containerd/containerd.sock", Write: true},
			{Path: "/var/run/crio/crio.sock", Write: true},
		},
		Parts: []Part{
			{Images: []string{"cilium/tetragon"}, Containers: []string{"tetragon"}, Privileged: true, Root: true},
			{Images: []string{"cilium/hubble-export-stdout"}, Root: true},
		},
	},
	{
		// Its chart mounts /run, /var/lib and /var/data writable: that is still told.
		Name: "Sysdig agent", Why: "it watches the system calls and the containers of its node",
		Source: "https://github.com/sysdiglabs/charts/blob/main/charts/agent/templates/daemonset.yaml", Seen: "commit 867c3ee50cad (agent 13.4.0); capabilities by _helpers.tpl",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": "sysdig-agent"}},
		HostNetwork: true, HostPID: true, Token: true,
		Paths: []HostPath{
			{Path: "/proc"},
			{Path: "/boot"},
			{Path: "/lib/modules"},
			{Path: "/usr"},
			{Path: "/etc"},
			{Path: "/etc/modprobe.d"},
			{Path: "/etc/os-release"},
			{Path: "/sys/kernel/debug"},
			{Path: "/dev", Write: true},
			{Path: "/run", Socket: true},
			{Path: "/var/lib"},
			{Path: "/var/data"},
			{Path: "/var/run/containerd/containerd.sock", Write: true},
		},
		Parts: []Part{
			{Images: []string{"sysdig/agent-kmodule"}, Containers: []string{"sysdig-agent-kmodule"}, Privileged: true, Root: true},
			{
				Images: []string{"sysdig/agent", "sysdig/agent-slim"}, Privileged: true, Root: true, Unconfined: true,
				Capabilities: []string{"DAC_READ_SEARCH", "KILL", "SETGID", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE", "SYS_RESOURCE"},
			},
		},
	},
	{
		Name: "Tracee", Why: "it watches the events of the kernel of its node",
		Source: "https://github.com/aquasecurity/tracee/blob/main/deploy/helm/tracee/templates/daemonset.yaml", Seen: "commit 01aac476ac0d",
		Kinds:   []string{"DaemonSet"},
		HostPID: true, Token: true,
		Paths: []HostPath{
			{Path: "/tmp/tracee", Write: true},
			{Path: "/etc/os-release"},
			{Path: "/var/run/containerd/containerd.sock"},
			{Path: "/var/run/crio/crio.sock"},
			{Path: "/var/run/podman/podman.sock"},
			{Path: "/var/run/docker.sock"},
		},
		Parts: []Part{{Images: []string{"aquasec/tracee"}, Containers: []string{"tracee"}, Privileged: true, Root: true}},
	},
}

// monitoring are the agents that measure nodes and what runs there.
var monitoring = []Agent{
	{
		Name: "Datadog agent", Why: "it measures the processes, containers and connections of its node",
		Source: "https://github.com/DataDog/helm-charts/blob/main/test/datadog/baseline/daemonset_default.yaml", Seen: "chart 3.67.1 (7.54.0); system-probe by that of 7.66.1",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": "datadog"}, {"app.kubernetes.io/name": "datadog", "app.kubernetes.io/component": "agent"}},
		HostPID: true, Token: true,
		Paths: []HostPath{
			{Path: "/proc"},
			{Path: "/sys/fs/cgroup"},
			{Path: "/sys/fs/bpf"},
			{Path: "/lib/modules"},
			{Path: "/usr/src"},
			{Path: "/etc/passwd"},
			{Path: "/etc/os-release"},
			{Path: "/etc/redhat-release"},
			{Path: "/etc/fedora-release"},
			{Path: "/etc/lsb-release"},
			{Path: "/var/log/pods"},
			{Path: "/var/lib/docker/containers"},
			{Path: "/var/run", Socket: true},
			{Path: "/var/run/datadog", Write: true},
			{Path: "/var/lib/datadog-agent/logs", Write: true},
			{Path: "/var/lib/kubelet/seccomp", Write: true},
			{Path: "/sys/kernel/debug", Write: true},
		},
		Parts: []Part{
			{
				Images: datadogImages, Containers: []string{"system-probe"}, Root: true, Unconfined: true,
				Capabilities: []string{"CHOWN", "DAC_READ_SEARCH", "IPC_LOCK", "NET_ADMIN", "NET_BROADCAST", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE", "SYS_RESOURCE"},
			},
			{Images: datadogImages, Containers: []string{"trace-agent"}, Root: true, HostPorts: true},
			{Images: datadogImages, Root: true},
		},
	},
	{
		Name: "New Relic infrastructure agent", Why: "it measures the processes and containers of its node",
		Source: "https://github.com/newrelic/nri-kubernetes/blob/main/charts/newrelic-infrastructure/templates/kubelet/daemonset.yaml", Seen: "commit 088a63eba541",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/component": "kubelet"}},
		Token: true,
		Paths: []HostPath{{Path: "/", Socket: true}, {Path: "/dev", Write: true}, {Path: "/var/log"}, {Path: "/run/containerd/containerd.sock", Write: true}, {Path: "/var/run/docker.sock", Write: true}},
		Parts: []Part{
			{Images: []string{"newrelic/infrastructure-bundle"}, Containers: []string{"agent"}, Privileged: true, Root: true},
			{Images: []string{"newrelic/nri-kubernetes"}},
		},
	},
	{
		Name: "Dynatrace OneAgent", Why: "it measures the processes of its node and puts itself into them",
		Source: "https://github.com/Dynatrace/dynatrace-operator/blob/main/pkg/controllers/dynakube/oneagent/daemonset/daemonset.go", Seen: "commit 4dc6b2d5505b; its paths by volumes.go",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "oneagent"}},
		HostNetwork: true, HostPID: true, Token: true, Paths: []HostPath{{Path: "/"}},
		Parts: []Part{{
			Images: []string{"linux/oneagent"}, Containers: []string{"dynatrace-oneagent"}, Unconfined: true,
			Capabilities: []string{
				"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "NET_ADMIN", "NET_RAW", "SETFCAP", "SETGID", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE", "SYS_RESOURCE",
			},
		}},
	},
	{
		Name: "CloudWatch agent", Why: "it measures its node and the containers there",
		Source: "https://github.com/aws-samples/amazon-cloudwatch-container-insights/blob/main/k8s-deployment-manifest-templates/deployment-mode/daemonset/container-insights-monitoring/cwagent/cwagent-daemonset.yaml", Seen: "1.300032.3",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"amazon-cloudwatch"}, Labels: []map[string]string{{"name": "cloudwatch-agent"}},
		Token: true,
		Paths: []HostPath{{Path: "/", Socket: true}, {Path: "/sys"}, {Path: "/dev/disk"}, {Path: "/var/lib/docker"}, {Path: "/var/run/docker.sock"}, {Path: "/run/containerd/containerd.sock"}},
		Parts: []Part{{Images: []string{"cloudwatch-agent/cloudwatch-agent"}}},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
}

var datadogImages = []string{"datadog/agent", "datadoghq/agent"}

// logging are the agents that read the logs of containers. That they run as root is
// told: to be in the group that may read the logs is enough.
var logging = []Agent{
	{
		// Its chart mounts the whole of /var/lib: that is still told.
		Name: "Vector", Why: "it reads the logs of all containers of its node",
		Source: "https://github.com/vectordotdev/vector/blob/master/distribution/kubernetes/vector-agent/daemonset.yaml", Seen: "0.23.0",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "vector", "app.kubernetes.io/component": "Agent"}},
		Token: true, Paths: []HostPath{{Path: "/var/log"}, {Path: "/var/lib/docker/containers"}, {Path: "/proc"}, {Path: "/sys"}, {Path: "/var/lib/vector", Write: true}},
		Parts: []Part{{Images: []string{"timberio/vector"}}},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
	{
		Name: "Promtail", Why: "it reads the logs of all containers of its node",
		Source: "https://github.com/grafana/helm-charts/blob/main/charts/promtail/values.yaml", Seen: "commit 01708a39ac1a",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "promtail"}},
		Token: true, Paths: []HostPath{{Path: "/var/log/pods"}, {Path: "/var/lib/docker/containers"}, {Path: "/run/promtail", Write: true}},
		Parts: []Part{{Images: []string{"grafana/promtail"}}},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
	{
		Name: "Alloy", Why: "it reads the logs of all containers of its node and finds what it measures",
		Source: "https://github.com/grafana/alloy/blob/main/operations/helm/charts/alloy/templates/controllers/_pod.yaml", Seen: "commit 009e5470caa0; labels and images as of v1.13.0",
		Kinds: []string{"DaemonSet", "Deployment", "StatefulSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "alloy"}},
		Token: true, Paths: []HostPath{{Path: "/var/log"}, {Path: "/var/lib/docker/containers"}},
		Parts: []Part{{Images: []string{"grafana/alloy"}}, {Images: []string{"prometheus-operator/prometheus-config-reloader"}}},
		Never: []string{"run-as-non-root", "run-as-root-user"},
	},
}
