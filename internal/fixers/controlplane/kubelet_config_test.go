package controlplane

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"

func TestKubeletConfig(t *testing.T) {
	sound := harden.Kubelet{Known: true, AuthorizationMode: "Webhook", RotateCertificates: true, PodPidsLimit: 4096, SeccompDefault: true}
	open := harden.Kubelet{Known: true, AnonymousAuth: true, AuthorizationMode: "AlwaysAllow", ReadOnlyPort: 10255, PodPidsLimit: -1}
	for _, test := range []struct {
		name string
		opts []fixtest.Option
		want string
	}{
		{"nobody looked", nil, "does not apply"},
		{"sound", []fixtest.Option{fixtest.Kubelet("a", sound)}, "pass"},
		{"it did not answer", []fixtest.Option{fixtest.Kubelet("a", harden.Kubelet{Why: "forbidden"})}, "unknown"},
		{"open", []fixtest.Option{fixtest.Kubelet("a", open)}, "fail authentication.anonymous.enabled, fail authorization.mode, fail readOnlyPort, fail rotateCertificates, fail podPidsLimit, fail seccompDefault"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, KubeletConfig, node, append(test.opts, fixtest.Live())...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	for _, fixes := range fixtest.AllFixes(t, KubeletConfig, node, fixtest.Live(), fixtest.Kubelet("a", open)) {
		if len(fixes) != 1 || !strings.Contains(fixes[0].Manual, `On node "a"`) {
			t.Errorf("fixes are %+v", fixes)
		}
	}
}

func TestKubeProxyMetrics(t *testing.T) {
	config := func(name, key, text string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: kube-system}\ndata: {" + key + ": '" + text + "'}\n"
	}
	for _, test := range []struct{ name, yaml, want string }{
		{"not set", config("kube-proxy", "config.conf", "mode: ipvs"), "pass"},
		{"loopback", config("kube-proxy", "config.conf", "metricsBindAddress: 127.0.0.1:10249"), "pass"},
		{"loopback of IPv6", config("kube-proxy", "config.conf", "metricsBindAddress: \"[::1]:10249\""), "pass"},
		{"EKS", config("kube-proxy-config", "config", "metricsBindAddress: 0.0.0.0:10249"), "fail"},
		{"malformed", config("kube-proxy", "config.conf", "a: [b"), "unknown"},
		{"no key", config("kube-proxy", "other", "a"), "unknown"},
		{"another ConfigMap", config("web", "config.conf", "metricsBindAddress: 0.0.0.0:10249"), "does not apply"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, KubeProxyMetrics, test.yaml); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
