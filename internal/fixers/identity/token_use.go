package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// signsOfUse are the marks in the workload that something uses its API token.
func signsOfUse(p *harden.Pass) []harden.Claim {
	var signs []harden.Claim
	refute := func(code, format string, args ...any) {
		signs = append(signs, harden.Claim{Code: code, State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf(format, args...)})
	}
	for _, a := range injectors {
		if value := p.Pod.Meta.Annotations[a.annotation]; slices.Contains(a.on, value) {
			refute("E-SPEC", "Annotation %s: %s has %s inject a container that logs in with the token.", a.annotation, value, a.who)
		}
	}
	for _, c := range p.Pod.Containers() {
		if what := mentionsAPI(c.Container); what != "" {
			refute("E-SPEC", "Container %s names %s.", c.Name, what)
		}
		if r, err := image.ParseReference(c.Image); err == nil && knownClient(r) {
			refute("E-CATALOGUE", "Container %s runs %s, which is known to talk to the Kubernetes API.", c.Name, r.Name())
		}
	}
	return signs
}

// injectors add containers that log in elsewhere with the pod's API token.
var injectors = []struct {
	annotation string
	on         []string
	who        string
}{
	{"vault.hashicorp.com/agent-inject", []string{"true"}, "Vault"},
	{"consul.hashicorp.com/connect-inject", []string{"true"}, "Consul"},
	// Newer versions have a token volume of their own; the annotation does not tell the version.
	{"linkerd.io/inject", []string{"enabled", "ingress"}, "Linkerd"},
}

// mentionsAPI finds what only a client of the API names: the path of the token,
// the address of the API server, or kubectl.
func mentionsAPI(c *corev1.Container) string {
	texts := slices.Concat(c.Command, c.Args)
	for _, e := range c.Env {
		texts = append(texts, e.Value)
	}
	for _, handler := range execs(c) {
		texts = append(texts, handler.Command...)
	}
	for _, text := range texts {
		for _, mark := range []string{"/secrets/kubernetes.io/serviceaccount", "KUBERNETES_SERVICE_HOST", "kubernetes.default"} {
			if strings.Contains(text, mark) {
				return mark
			}
		}
		isWordEnd := func(r rune) bool { return strings.ContainsRune(" \t\n/;&|()$`\"'", r) }
		if slices.Contains(strings.FieldsFunc(text, isWordEnd), "kubectl") {
			return "kubectl"
		}
	}
	return ""
}

func execs(c *corev1.Container) []*corev1.ExecAction {
	var all []*corev1.ExecAction
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if probe != nil && probe.Exec != nil {
			all = append(all, probe.Exec)
		}
	}
	if c.Lifecycle != nil {
		for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if hook != nil && hook.Exec != nil {
				all = append(all, hook.Exec)
			}
		}
	}
	return all
}

// knownClients are repositories whose program is a client of the Kubernetes
// API, by the end of their path: mirrors put other registries in front.
var knownClients = []string{
	"kubectl",
	"k8s-sidecar",
	"kube-state-metrics/kube-state-metrics",
	"metrics-server/metrics-server",
	"ingress-nginx/controller",
	"autoscaling/cluster-autoscaler",
	"external-dns/external-dns",
	"jetstack/cert-manager-controller",
	"jetstack/cert-manager-cainjector",
	"argoproj/argocd",
	"velero/velero",
	"fluent/fluent-bit",
	"grafana/alloy",
	"grafana/promtail",
	"timberio/vector",
	"cloudwatch-agent/cloudwatch-agent",
}

func knownClient(r image.Reference) bool {
	return slices.ContainsFunc(knownClients, func(end string) bool { return strings.HasSuffix("/"+r.Path, "/"+end) })
}
