package image

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NotScanned finds images that no scanner could look into.
var NotScanned = &harden.Fixer{
	ID:       "image-not-scanned",
	Title:    "runs an image that no scanner knows",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
Scans were asked for, and none can be had of the digest that runs.

Fields:

    spec.containers[].image              (init and ephemeral containers too)
    status.containerStatuses[].imageID   the digest that runs

Allowed: images that were scanned here, by a Trivy server, or by an operator in the
cluster that keeps VulnerabilityReports or VulnerabilityManifests. The rule does
not apply until somebody asks for scans.

**Why it matters.** What cannot be looked into cannot be judged, and mostly nobody
else could look into it either: the registry has deleted it, nobody has the
credentials, or it was built on a node and never pushed.

**The fix.** By hand: make the registry readable for whoever scans, or run an image
that a registry has.

**Traps.** A scan of the tag is none of what runs, when the tag has moved. Some
runtimes report the digest of an image's config, by which no registry finds it.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "image scanning"},
		{Standard: "CIS EKS", ID: "5.1.1"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkNotScanned,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image that can be scanned"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "let the image be scanned", Class: harden.Review,
			Manual: "Let it be read: log in to its registry, allow the pull secrets of the workload to be used, or push it to a registry if it was built on a node. If the registry has deleted it, roll out one that is there.",
		}}
	},
}

func checkNotScanned(p *harden.Pass) {
	eachScanned(p, func(f harden.Finding, _ harden.Container, s scanned) {
		if len(s.unknown) > 0 {
			f.Reason = "no scanner knows the image that runs"
			f.Detail = "Of the image that runs no scan can be had: " + strings.Join(s.unknown, "; ") + "."
			p.Report(f)
		}
	})
}
