package pod

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostAliases reports pods that bring entries of /etc/hosts along.
var HostAliases = &harden.Fixer{
	ID:       "host-aliases",
	Title:    "gives names addresses of its own",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The pod adds entries to /etc/hosts of its containers.

Fields:

    spec.hostAliases[].{ip,hostnames}

Allowed: none.

**Why it matters.** Such an entry goes before DNS: whoever may write the pod spec decides
where a name leads, and a name of a payment provider or an identity provider may lead
anywhere. An address that is written into a manifest also outlives the server that had it.

**The fix.** The entries go away, and DNS answers for the names: by the zone that they belong to,
by a Service without a selector, or by a rule in the DNS server of the cluster. A person
has to decide: without them the names may not be known at all.

**Traps.** Tests and appliances without DNS need such entries. With hostNetwork they are
ignored for the file of the node, and count for the container's own.
`,
	Refs:  refs("Trivy KSV-0007"),
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		if !p.Pod.PodLevel {
			p.NotApplicable()
			return
		}
		var entries []string
		for _, a := range p.Pod.Spec.HostAliases {
			entries = append(entries, strings.Join(a.Hostnames, ", ")+" is "+a.IP)
		}
		if len(entries) > 0 {
			p.Report(harden.Finding{
				Field:  p.Pod.Field("hostAliases"),
				Reason: oneRow("writes into /etc/hosts: " + strings.Join(entries, "; ")),
				Detail: fmt.Sprintf("hostAliases says that %s, before any DNS server is asked.", strings.Join(entries, "; ")),
			})
		}
	},
	Fix: proposing("remove hostAliases", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "let DNS answer for the names", Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PROC", "Nobody asked DNS whether it knows the names, and answers the same.")},
			Warning:  "A name that DNS does not know can no longer be reached.",
			Changes:  []harden.Change{harden.RemoveFrom(f.Object, harden.PodSpecPath(f.Object, "hostAliases"))},
		}}
	}),
}
