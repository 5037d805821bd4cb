package exposure

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// IngressWildcardHost finds rules for more hosts than somebody named.
var IngressWildcardHost = &harden.Fixer{
	ID:       "ingress-wildcard-host",
	Title:    "serves hosts that nobody named",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
A rule of an Ingress has no host, or one that begins with a star.

Fields:

    spec.rules[].host

Allowed: hosts in full.

**Why it matters.** The rule answers for every name that leads to the controller, also for
those of other teams and for names that somebody else points here: host headers that the
program did not expect make links, redirects and caches that lead elsewhere, and the next
tenant's host may land in the wrong place.

**The fix.** By hand: name the hosts, which only people know.

**Traps.** A program with a host for each customer needs the star. An Ingress with a load
balancer of its own shares it with nobody; still, requests by address reach the program.
`,
	Refs:  refs("Kubernetes Ingress: hostname wildcards https://kubernetes.io/docs/concepts/services-networking/ingress/#hostname-wildcards"),
	Reads: harden.ReadsNothing,
	Check: checkIngressWildcardHost,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("name the hosts", fmt.Sprintf("Set spec.rules[].host of Ingress %s/%s to the hosts in full, one rule each, and keep their paths.", p.Object.Namespace, p.Object.Name))
	},
}

func checkIngressWildcardHost(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil {
		return
	}
	var wide []string
	for _, rule := range in.Spec.Rules {
		if rule.Host == "" {
			wide = append(wide, "a rule without host")
		} else if strings.HasPrefix(rule.Host, "*.") {
			wide = append(wide, harden.OneLine(rule.Host))
		}
	}
	if len(wide) > 0 {
		p.Report(harden.Finding{Field: "spec.rules", Reason: namesOf(wide), Detail: "It answers for hosts that nobody named: " + namesOf(wide) + "."})
	}
}

// IngressDefaultBackend finds programs that get whatever no rule is for.
var IngressDefaultBackend = &harden.Fixer{
	ID:       "ingress-default-backend",
	Title:    "sends everything else to a program",
	Area:     harden.AreaExposure,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindIngress},
	Doc: `
An Ingress has a default backend that is a program and not a page of errors.

Fields:

    spec.defaultBackend.service.name

Allowed: none; a Service whose name says that it only answers with an error
(default-backend, default-http-backend, error-pages, 404 and the like).

**Why it matters.** Requests with any host and any path get to the program, which are first
of all those of scanners. A rule that somebody forgets is not noticed, since something
answers.

**The fix.** By hand: a rule with host and path, or the controller's own page of errors.

**Traps.** With a load balancer for each Ingress (GKE, ALB) a default backend is a usual
way to serve one program; the remark on hosts is true there too.
`,
	Refs:  refs("Kubernetes Ingress: default backend https://kubernetes.io/docs/concepts/services-networking/ingress/#default-backend"),
	Reads: harden.ReadsNothing,
	Check: checkIngressDefaultBackend,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return manual("serve it by rules", fmt.Sprintf("Move spec.defaultBackend of Ingress %s/%s into spec.rules with the host and the path that it is for.", p.Object.Namespace, p.Object.Name))
	},
}

func checkIngressDefaultBackend(p *harden.Pass) {
	in := ingressOf(p)
	if in == nil || in.Spec.DefaultBackend == nil || in.Spec.DefaultBackend.Service == nil {
		return
	}
	name := in.Spec.DefaultBackend.Service.Name
	for _, part := range []string{"default-backend", "default-http-backend", "defaultbackend", "error", "404", "not-found", "blackhole"} {
		if strings.Contains(name, part) {
			return
		}
	}
	p.Report(harden.Finding{
		Field: "spec.defaultBackend", Reason: "default backend " + name, Detail: fmt.Sprintf("Requests that no rule is for go to Service %s.", name),
	})
}
