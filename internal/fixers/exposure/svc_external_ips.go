package exposure

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcExternalIPs finds Services that take addresses for themselves.
var SvcExternalIPs = &harden.Fixer{
	ID:       "svc-external-ips",
	Title:    "takes addresses for itself",
	Area:     harden.AreaExposure,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A Service lists external addresses, whose traffic every node then sends to it.

Fields:

    spec.externalIPs

Allowed: none.

**Why it matters.** Nobody checks that the address belongs to whoever writes the Service:
one with the address of a DNS server or of a bank gets what all pods send there
(CVE-2020-8554, which has no fix). The field is deprecated since Kubernetes 1.36.

**The fix.** The field is removed. A person decides, for somebody may reach the Service by
the address; a Service of type LoadBalancer with an address pool does the same by right.

**Traps.** The admission plugin DenyServiceExternalIPs refuses new ones and leaves those
that are there. Some clusters without load balancers route such addresses on purpose.
`,
	Refs:  refs("CIS 1.2.3", "Trivy KSV-0108", "Kubescape C-0283", "ATT&CK T1557"),
	Reads: harden.ReadsNothing,
	Check: checkSvcExternalIPs,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return draft("remove the external addresses", "Whoever reaches the Service by these addresses is cut off.",
			harden.RemoveFrom(p.Object, fieldpath.MakePathOrDie("spec", "externalIPs")))
	},
}

func checkSvcExternalIPs(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil || len(s.Spec.ExternalIPs) == 0 {
		return
	}
	list := strings.Join(s.Spec.ExternalIPs, ", ")
	p.Report(harden.Finding{
		Field: "spec.externalIPs", Reason: "external addresses " + list,
		Detail: "Every node sends what goes to " + list + " to the pods of this Service, whoever the addresses belong to.",
	})
}
