package exposure

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HeaderServerLeak tells of proxies that say which version they are.
var HeaderServerLeak = &harden.Fixer{
	ID:       "header-server-leak",
	Title:    "tells visitors which version it runs",
	Area:     harden.AreaExposure,
	Severity: harden.Info,
	Subject:  harden.SubjectObject,
	Kinds:    append([]schema.GroupKind{harden.KindConfigMap}, headerKinds...),
	Doc: `
The proxy sends its version, or one that its configuration names.

Fields:

    server-tokens in the ConfigMap of ingress-nginx
    the headers Server and X-Powered-By where a route, a Middleware or a ConfigMap sets them

Allowed: no version in them. What the application sends itself is not seen.

**Why it matters.** It is advice: robots that look for a version with a known hole need not
try. It is no protection from those who try anyway.

**The fix.** server-tokens is set to "false", as it is by default; other headers are removed
by hand.

**Traps.** Some clients of old programs look at the header.
`,
	Refs:  refs("Kubernetes ingress-nginx: server-tokens https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/configmap/#server-tokens"),
	Reads: harden.InCluster(routeParts...),
	Check: checkHeaderServerLeak,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if p.Item.Ref.Kind == harden.KindConfigMap.Kind {
			return draft("do not send the version", "Clients that look at the header see nginx without a version, or nothing.", data(p.Object, map[string]any{"server-tokens": "false"}))
		}
		return manual("do not send the version", fmt.Sprintf("Take %s out of what the proxy of %s %s/%s sends, or remove it there from what the application sends.", f.Discriminator, p.Object.Kind, p.Object.Namespace, p.Object.Name))
	},
}

var versionNumber = regexp.MustCompile(`\d+\.\d+`)

func checkHeaderServerLeak(p *harden.Pass) {
	if p.Item.Ref.Kind == harden.KindConfigMap.Kind {
		data, ok := settingsOf(p)
		if !ok {
			p.NotApplicable()
			return
		}
		if data["server-tokens"] == "true" {
			p.Report(harden.Finding{Discriminator: "server-tokens", Field: "data.server-tokens", Reason: "server-tokens: true", Detail: "server-tokens is true: each answer and page of errors names the version of nginx."})
		}
		return
	}
	set, ok := headersOf(p)
	if !ok {
		p.NotApplicable()
		return
	}
	for _, name := range []string{"server", "x-powered-by"} {
		if h := set[name]; h.state == headerSet && versionNumber.MatchString(h.value) {
			p.Report(harden.Finding{Discriminator: name, Field: "spec", Reason: name + ": " + harden.OneLine(h.value), Detail: "The header " + name + " is " + quoted(h.value) + ", by " + h.where + "."})
		}
	}
}
