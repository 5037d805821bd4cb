package namespace

// Agents are known by the paths of their images, from the manifests and charts
// that their makers publish. Names of workloads are not looked at: anybody can
// call a DaemonSet falco.

var detectionAgents = []string{
	"falcosecurity/falco", "falcosecurity/falco-no-driver", "falcosecurity/falco-debian", // Falco
	"cilium/tetragon",                                                                            // Tetragon
	"kubearmor/kubearmor",                                                                        // KubeArmor
	"aquasec/tracee", "aquasecurity/tracee", "aquasec/enforcer", "registry.aquasec.com/enforcer", // Aqua
	"aws-guardduty-agent",                                                             // Amazon GuardDuty
	"sysdig/agent", "sysdig/agent-slim", "sysdig/host-shield", "sysdig/agent-kmodule", // Sysdig
	"neuvector/enforcer",                                                           // NeuVector
	"stackrox-io/collector", "rhacs-collector-rhel8", "rhacs-collector-slim-rhel8", // StackRox, Red Hat ACS
	"twistlock/defender",                                      // Prisma Cloud
	"falcon-sensor",                                           // CrowdStrike
	"stable/security-publisher", "stable/low-level-collector", // Microsoft Defender
	"wiz-sensor",             // Wiz
	"lacework/datacollector", // Lacework
	"deepfenceio/deepfence_agent_ce",
	"kubescape/node-agent",
	"s1agent",           // SentinelOne
	"wazuh/wazuh-agent", // Wazuh
	"watcher-daemonset", // Google's Container Threat Detection
}

var logAgents = []string{
	"fluent/fluent-bit", "fluent/fluentd", "fluent/fluentd-kubernetes-daemonset", "fluent-bit", "fluentd", "fluentd-kubernetes-daemonset",
	"mirrored-fluent-fluent-bit", "aws-for-fluent-bit", "grafana/fluent-bit-plugin-loki", "newrelic-fluentbit-output", "splunk/fluentd-hec",
	"timberio/vector", "logging-vector-rhel9", // Vector
	"grafana/promtail", "grafana/alloy", "grafana/agent", "victoriametrics/vlagent",
	"beats/filebeat", "elastic/filebeat", "beats/elastic-agent", "elastic-agent/elastic-agent", // Elastic
	"datadoghq/agent", "datadog/agent", // Datadog
	"cloudwatch-agent", "amazon/cloudwatch-agent", // CloudWatch
	"opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "splunk-otel-collector", "sumologic-otel-collector", "nrdot-collector-k8s",
	"logdna/logdna-agent", "dynatrace/oneagent", "dynatrace-logmodule", "coralogix-otel-collector",
	"containerinsights/ciprod", // Azure Monitor
	"logging-operator/fluentd", "banzaicloud/fluentd",
}

var alertAgents = []string{
	"prom/alertmanager", "prometheus/alertmanager", "bitnami/alertmanager", "alertmanager",
	"victoriametrics/vmalert", "grafana/mimir", "robusta-runner",
	"datadoghq/agent", "datadog/agent", "newrelic/infrastructure", "newrelic/nri-kubernetes", "newrelic/newrelic-infrastructure", "dynatrace/oneagent",
	"cloudwatch-agent", "amazon/cloudwatch-agent", "splunk-otel-collector",
	"containerinsights/ciprod", "prometheus-collector/images", // Azure Monitor
}

var scanAgents = []string{
	"aquasecurity/trivy-operator", "aquasec/trivy-operator", "kubescape/kubevuln", "kubescape/operator",
	"neuvector/scanner", "snyk/kubernetes-monitor", "snyk/kubernetes-scanner", "anchore/k8s-inventory",
	"stackrox-io/scanner", "stackrox-io/scanner-v4", "rhacs-scanner-rhel8", "rhacs-scanner-v4-rhel8",
	"sysdig/vuln-runtime-scanner", "sysdig/vuln-host-scanner", "sysdig/cluster-shield", "sysdig/host-shield",
	"aquasec/enforcer", "registry.aquasec.com/enforcer", "twistlock/defender", "wiz-sensor", "stable/security-publisher",
	"container-security-operator", "projectquay/clair", "quay/clair", "goharbor/trivy-adapter-photon",
}

var provenanceAgents = []string{
	"securesystemsengineering/connaisseur", "inetum/connaisseur", "ratify-project/ratify", "deislabs/ratify", "notaryproject/ratify",
	"portieris/portieris", "ibm/portieris",
}

var benchmarkAgents = []string{
	"aquasec/kube-bench", "aquasecurity/kube-bench", "kube-bench", "kubescape/kubescape", "aquasecurity/trivy-operator", "aquasec/trivy-operator",
	"compliance-operator", "neuvector/enforcer", "stackrox-io/collector", "sysdig/cluster-shield", "sysdig/host-shield",
}

// monitorAgents are what else is often installed into kube-system.
var monitorAgents = []string{
	"prometheus/node-exporter", "prom/node-exporter", "kube-state-metrics/kube-state-metrics", "kube-state-metrics", "prometheus/prometheus", "prometheus-operator/prometheus-operator",
	"jetstack/cert-manager-controller", "ingress-nginx/controller", "kyverno/kyverno", "openpolicyagent/gatekeeper", "stakater/reloader",
}

// systemImages are what Kubernetes' distributions and the makers of networks,
// volumes and autoscalers put into kube-system.
var systemImages = []string{
	"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "pause", "cloud-controller-manager",
	"coredns", "kube-dns", "k8s-dns-node-cache", "k8s-dns-dnsmasq-nanny", "k8s-dns-kube-dns", "k8s-dns-sidecar",
	"cluster-proportional-autoscaler", "cpvpa", "addon-resizer", "metrics-server", "metrics-server-amd64", "event-exporter",
	"cluster-autoscaler", "vpa-recommender", "vpa-updater", "vpa-admission-controller", "descheduler", "node-problem-detector", "karpenter/controller",
	"node-feature-discovery", "k8s-device-plugin", "nvidia/k8s-device-plugin", "nvidia-gpu-device-plugin", "kured", "kubelet-csr-approver",
	"amazon-k8s-cni", "amazon-k8s-cni-init", "aws-network-policy-agent", "eks-pod-identity-agent", "aws-node-termination-handler", "eks-node-monitoring-agent",
	"aws-ebs-csi-driver", "aws-efs-csi-driver", "aws-fsx-csi-driver", "aws-mountpoint-s3-csi-driver", "aws-load-balancer-controller", "amazon/aws-load-balancer-controller", "amazon/aws-alb-ingress-controller", "amazon-eks-pod-identity-webhook",
	"csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter", "csi-node-driver-registrar", "livenessprobe", "snapshot-controller", "volume-modifier-for-k8s",
	"csi-secrets-store/driver", "secrets-store-csi-driver-provider-aws", "nfsplugin", "smbplugin", "azuredisk-csi", "azurefile-csi", "gcp-compute-persistent-disk-csi-driver",
	"cilium/cilium", "cilium/operator", "cilium/operator-generic", "cilium/operator-aws", "cilium/cilium-envoy", "cilium/hubble-relay", "cilium/hubble-ui", "cilium/hubble-ui-backend", "cilium/certgen",
	"calico/node", "calico/cni", "calico/kube-controllers", "calico/typha", "calico/pod2daemon-flexvol", "flannel", "flannel-cni-plugin", "mirrored-flannelcni-flannel",
	"kube-router", "antrea/antrea-ubuntu", "antrea/antrea-agent-ubuntu", "antrea/antrea-controller-ubuntu", "weave-kube", "weave-npc", "multus-cni", "kube-ovn", "kindnetd", "local-path-provisioner",
	"klipper-helm", "klipper-lb", "mirrored-library-traefik", "kube-vip", "metallb/speaker", "sealed-secrets-controller", "external-dns/external-dns", "storage-provisioner", "konnectivity-agent", "proxy-agent",
	"csr-approver", "azure-cloud-node-manager", "azure-cni-networkmonitor", "ip-masq-agent", "ip-masq-agent-amd64", "azure-npm", "cns", "azure-cns", "cloud-node-manager",
}

// systemRegistries hold nothing but what Kubernetes and providers publish.
var systemRegistries = []string{
	"registry.k8s.io/", "k8s.gcr.io/", "gke.gcr.io/", "gcr.io/gke-release/", "mcr.microsoft.com/oss/", "mcr.microsoft.com/aks/", "mcr.microsoft.com/containernetworking/",
	"public.ecr.aws/eks-distro/", "public.ecr.aws/eks/", "docker.io/rancher/", "rancher/", "quay.io/openshift-release-dev/",
}
