package exposure

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressManagementPath finds pages for operators that visitors can ask for.
var IngressManagementPath = &harden.Fixer{
	ID:       "ingress-management-path",
	Title:    "shows pages that are for operators",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress, harden.KindHTTPRoute, harden.KindVirtualService, harden.KindIngressRoute, harden.KindHTTPProxy},
	Doc: `
A route from outside leads to metrics, a debugger, actuators or an admin page.

Fields:

    the paths of Ingress, HTTPRoute, VirtualService, IngressRoute and HTTPProxy
    metadata.annotations['prometheus.io/scrape'], port and path of the pods behind
    readinessProbe and livenessProbe of the pods behind (path and port)

Not allowed on a way that the internet may take: paths /metrics, /actuator, /debug, /admin
by name; a path that holds all others (/) where the pods serve metrics or actuators on
the same port, as their annotations and probes say. Another rule of the same route for
that path, and routes that ask for authentication, are fine.

**Why it matters.** Metrics tell how the program is built and used; heap dumps and
environments of actuators hold passwords; profilers stop the program.

**The fix.** By hand: a port of its own for what operators need, which no route leads to,
or a rule for the path that refuses it.

**Traps.** A program may answer 404 or ask for a password there: nobody asked it.
`,
	Refs:  refs("ATT&CK T1133", "Kubescape C-0021"),
	Reads: harden.InCluster(routeAndBackendParts...),
	Check: checkIngressManagementPath,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return manual("keep visitors out of it", fmt.Sprintf("Serve what operators need on a port of its own that no route leads to, or add a rule to %s %s/%s that refuses the path; see: %s", p.Object.Kind, p.Object.Namespace, p.Object.Name, f.Detail))
	},
}

// managementPaths are beginnings of paths that are for operators by custom.
var managementPaths = []string{"/metrics", "/actuator", "/debug", "/admin"}

func checkIngressManagementPath(p *harden.Pass) {
	if p.Item.Ref.Kind == harden.KindIngress.Kind && ingressOf(p) == nil {
		return
	}
	r := p.Inventory.RouteOf(p.Item.Content)
	if r == nil || !r.Exposure.Outside() || authenticated(p.Inventory, p.Item) {
		p.NotApplicable()
		return
	}
	var shown []string
	for _, rule := range r.Rules {
		if rule.Redirect || len(rule.Backends) == 0 {
			continue
		}
		if path := strings.ToLower(strings.TrimRight(rule.Path, "/*")); slices.ContainsFunc(managementPaths, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }) {
			shown = append(shown, "path "+harden.OneLine(rule.Path))
			continue
		}
		if rule.Exact || strings.Trim(rule.Path, "/*") != "" {
			continue
		}
		for _, b := range rule.Backends {
			s := p.Inventory.Net.Service(b.Namespace, b.Service)
			for _, w := range behind(p.Inventory, s) {
				if path := servedPath(s, b.Port, &w.Template); path != "" && !ownRule(r, path) {
					shown = append(shown, fmt.Sprintf("path %s of %s", harden.OneLine(path), w.Ref))
				}
			}
		}
	}
	slices.Sort(shown)
	if shown = slices.Compact(shown); len(shown) > 0 {
		p.Report(harden.Finding{Field: "spec", Reason: namesOf(shown), Detail: "Visitors can ask for " + namesOf(shown) + "; " + r.Exposure.Why + "."})
	}
}

// ownRule reports whether the route has a rule for the path or for what is above it, other than for all.
func ownRule(r *harden.Route, path string) bool {
	return slices.ContainsFunc(r.Rules, func(rule harden.RouteRule) bool {
		own := strings.TrimRight(rule.Path, "/*")
		return own != "" && (path == own || strings.HasPrefix(path, own+"/"))
	})
}

// servedPath is the path for operators that the pods serve on the port of the Service, or "".
func servedPath(s *corev1.Service, port string, template *corev1.PodTemplateSpec) string {
	target := targetOf(s, port)
	if target == nil {
		return ""
	}
	for _, c := range template.Spec.Containers {
		for _, own := range c.Ports {
			if own.Name != "" && target.TargetPort.StrVal == own.Name {
				target.TargetPort.IntVal = own.ContainerPort
			}
		}
	}
	number := target.TargetPort.IntVal
	if number == 0 {
		number = target.Port
	}
	a := template.Annotations
	if a["prometheus.io/scrape"] == "true" && a["prometheus.io/port"] == fmt.Sprint(number) {
		if path := a["prometheus.io/path"]; path != "" {
			return path
		}
		return "/metrics"
	}
	for _, c := range template.Spec.Containers {
		for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			if probe == nil || probe.HTTPGet == nil || !strings.HasPrefix(probe.HTTPGet.Path, "/actuator") {
				continue
			}
			at := probe.HTTPGet.Port
			if at.IntVal == number || at.StrVal != "" && slices.ContainsFunc(c.Ports, func(own corev1.ContainerPort) bool { return own.Name == at.StrVal && own.ContainerPort == number }) {
				return "/actuator"
			}
		}
	}
	return ""
}

// targetOf is a copy of the port of the Service that a route names.
func targetOf(s *corev1.Service, port string) *corev1.ServicePort {
	for _, own := range s.Spec.Ports {
		if port == "" && len(s.Spec.Ports) == 1 || own.Name != "" && own.Name == port || fmt.Sprint(own.Port) == port {
			return &own
		}
	}
	return nil
}
