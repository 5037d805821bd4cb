package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// tokenSigns are the signs that the pods need their token: marks in the workload,
// a binding of its account, and rollouts that failed without it.
func tokenSigns(p *harden.Pass) []harden.Claim {
	signs := signsOfUse(p)
	if c := grantsClaim(p, harden.ServiceAccountName(p.Pod.Spec)); c.State == harden.Refutes {
		signs = append(signs, c)
	}
	return slices.Concat(signs, learntSigns(p))
}

// tokenNeed is what is known about whether the pods need their token: tokenSigns
// if there are any, else what speaks against it and what nobody looked at.
func tokenNeed(p *harden.Pass) []harden.Claim {
	if signs := tokenSigns(p); len(signs) > 0 {
		return signs
	}
	claims := slices.Concat(broke(p), []harden.Claim{
		{
			Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now,
			Text:   "No annotation, command, environment variable or known image points to the token.",
			Limits: "client libraries find the token by themselves",
		},
		grantsClaim(p, harden.ServiceAccountName(p.Pod.Spec)),
		connectionClaim(p),
	}, imageSigns(p))
	if names := ownTokens(p.Pod.Spec); len(names) > 0 {
		claims = append(claims, harden.Claim{
			Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now,
			Text: "Tokens of its own stay mounted: " + strings.Join(names, ", ") + ".",
		})
	}
	if name := injectedContainer(p.Workload); name != "" {
		claims = append(claims, harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: fmt.Sprintf("Nobody looked whether the injected container %q needs the token.", name)})
	}
	return claims
}

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
