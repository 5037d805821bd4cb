package exposure

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcExternalName finds names that lead to where no Service should.
var SvcExternalName = &harden.Fixer{
	ID:       "svc-external-name",
	Title:    "leads to a name that it should not",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A Service of type ExternalName is an alias of something within, or of the metadata service.

Fields:

    spec.type
    spec.externalName

Allowed: names outside of the cluster; Services of the same namespace. Not allowed:
localhost and loopback, link-local addresses, hosts of cloud metadata, and Services of
other namespaces (NAME.NAMESPACE.svc and with the cluster's domain).

**Why it matters.** An ingress controller that follows the alias is led past the border
between namespaces, to its own admin port on localhost, or to the credentials of its node.
Whoever may write a Service in one namespace gets so far.

**The fix.** By hand: what the alias is for has to be reached in another way, such as
a ReferenceGrant, a name in the client's configuration, or a Service of its own.

**Traps.** Aliases of other namespaces are sometimes a migration; then waive the finding
until it is over. Only the name is judged: what it resolves to may change at any time.
`,
	Refs:  refs("ATT&CK T1557", "Trivy KSV-0108"),
	Reads: harden.ReadsNothing,
	Check: checkSvcExternalName,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return manual("lead to it in another way", fmt.Sprintf("Delete Service %s/%s, or let spec.externalName name something outside of the cluster. Clients that need what is behind it can use its own name; "+
			"a route of the Gateway API may refer to another namespace with a ReferenceGrant there.", p.Object.Namespace, p.Object.Name))
	},
}

var metadataHosts = []string{"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.azure.com", "metadata.tencentyun.com"}

func checkSvcExternalName(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil || s.Spec.Type != corev1.ServiceTypeExternalName {
		p.NotApplicable()
		return
	}
	if why := aliasOf(s); why != "" {
		p.Report(harden.Finding{
			Field: "spec.externalName", Reason: "alias of " + why, Detail: fmt.Sprintf("spec.externalName is %s: %s.", quoted(s.Spec.ExternalName), why),
		})
	}
}

// aliasOf says what the name is that no Service should be an alias of, or "".
func aliasOf(s *corev1.Service) string {
	name := strings.TrimSuffix(strings.ToLower(s.Spec.ExternalName), ".")
	if ip, err := netip.ParseAddr(name); err == nil {
		switch {
		case ip.IsLoopback():
			return "the loopback address"
		case ip.IsLinkLocalUnicast():
			return "a link-local address"
		}
		return ""
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain" {
		return "localhost"
	}
	for _, host := range metadataHosts {
		if name == host {
			return "a cloud's metadata service"
		}
	}
	base, cluster := strings.CutSuffix(name, ".cluster.local")
	base, svc := strings.CutSuffix(base, ".svc")
	if !cluster && !svc {
		return ""
	}
	if _, ns, _ := strings.Cut(base, "."); ns != "" && ns == s.Namespace {
		return ""
	}
	return "a Service of another namespace"
}
