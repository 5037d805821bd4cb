package controlplane

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// KubeProxyMetrics finds kube-proxies that tell everybody about the cluster's Services.
var KubeProxyMetrics = &harden.Fixer{
	ID:       "kube-proxy-metrics",
	Title:    "kube-proxy serves its metrics beyond the node",
	Area:     harden.AreaControlPlane,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
kube-proxy listens for requests for metrics on addresses that others reach.

Fields:

    metricsBindAddress of the KubeProxyConfiguration in ConfigMap kube-system/kube-proxy
    (key config.conf; on EKS kube-proxy-config, key config)

Allowed: a loopback address, or nothing, which is 127.0.0.1:10249.

**Why it matters.** The port asks for no credentials. It tells the version and the mode of kube-proxy and
how many Services there are, and serves profiles where enableProfiling is on.

**The fix.** The configuration is a text in the ConfigMap, and kube-proxy reads it only when it starts: a
person edits it and restarts the DaemonSet, so there is text only.

**Traps.** A Prometheus that scrapes kube-proxy needs the address. EKS sets 0.0.0.0:10249 itself: change
it by the configuration of the add-on, which writes the ConfigMap. A --metrics-bind-address flag is ignored
where there is a file.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "4.3.1"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Kubescape", ID: "C-0291"},
	},
	Reads: harden.ReadsNothing,
	Check: checkKubeProxyMetrics,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "serve metrics on loopback alone", Class: harden.Review,
			Manual: fmt.Sprintf("In ConfigMap kube-system/%s set metricsBindAddress: 127.0.0.1:10249 and restart the pods: kubectl rollout restart daemonset/kube-proxy -n kube-system. "+
				"On EKS set it in the configuration of the kube-proxy add-on.", p.Object.Name),
			Warning: "Whatever scrapes kube-proxy's metrics over the network loses them.",
		}}
	},
}

// proxyConfigs are the keys of the configuration by the name of the ConfigMap in kube-system.
var proxyConfigs = map[string]string{"kube-proxy": "config.conf", "kube-proxy-config": "config"}

func checkKubeProxyMetrics(p *harden.Pass) {
	key, ok := proxyConfigs[p.Object.Name]
	if !ok || p.Object.Namespace != "kube-system" {
		p.NotApplicable()
		return
	}
	text, ok := harden.Content[*corev1.ConfigMap](p.Item).Data[key]
	if !ok {
		p.Unknown(fmt.Sprintf("the ConfigMap has no key %q", key))
		return
	}
	var config struct {
		MetricsBindAddress string `json:"metricsBindAddress"`
		BindAddress        string `json:"bindAddress"`
	}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		p.Unknown(fmt.Sprintf("its key %q could not be read: %s", key, harden.OneLine(err.Error())))
		return
	}
	if address := config.MetricsBindAddress; address != "" && !loopback(address) {
		p.Report(harden.Finding{
			Field: fmt.Sprintf("data[%s]", key), Reason: "metrics are served beyond loopback",
			Detail: fmt.Sprintf("metricsBindAddress is %s: whoever reaches a node reads them without credentials.", harden.OneLine(address)),
		})
	}
}
