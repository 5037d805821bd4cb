package image

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Vulnerabilities finds images with known vulnerabilities.
var Vulnerabilities = &harden.Fixer{
	ID:       "image-vulnerabilities",
	Title:    "runs an image with known vulnerabilities",
	Area:     harden.AreaImage,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A scanner knows vulnerabilities in the image that the pods run.

Fields:

    spec.containers[].image                        (init and ephemeral containers too)
    status.containerStatuses[].imageID             the digest that runs
    VulnerabilityReport, VulnerabilityManifest     what a scanner in the cluster says about that digest

Allowed: images in which a scan of the last seven days, with a current database,
finds nothing. The rule does not apply until somebody asks for scans.

**Why it matters.** A vulnerability for which a fix is out is the cheapest way in:
the flaw is described, programs that use it are sold, and it needs no mistake of
the team but to wait. One without a fix cannot be removed by an upgrade, so it is
advice here.

**Severity** is that of the worst vulnerability that can be fixed, one step lower:
critical is high, high is medium, medium is low, and what is left is advice. It goes
one step up where the container can be reached from outside of the cluster: by a port
of the node, or by a Service of type LoadBalancer or NodePort.

**The fix.** A newer tag of the same major version and variant, if the repository has
one. It is scanned before it is proposed, for every platform of the nodes, and the
proposal says what it clears and what it adds. It names the digest that was
scanned. It is a review, and never tried without being asked for: another version may
convert data when it starts, which no rollback takes back.

**Traps.** What is not known is unknown, never "no vulnerabilities": a scan that
failed, one of last month, one without a database or with an old one, jar files
without their database. Only the digest that runs counts, not what the tag names
today. A package that is there may not be used, and a program that is compiled in
may have no entry in any package database. Distributions fix old versions
(backports), so a low version number alone says nothing.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.1.1"},
		{Standard: "NSA", ID: "image scanning"},
		{Standard: "ATT&CK", ID: "T1190"},
		{Standard: "ATT&CK", ID: "MS-TA9004"},
		{Standard: "Kubescape", ID: "C-0083"},
		{Standard: "Kubescape", ID: "C-0084"},
		{Standard: "Kubescape", ID: "C-0085"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkVulnerabilities,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return upgrades(p, f, "an image without these vulnerabilities", func(cleared harden.VulnerabilityCounts, _ harden.ImageCandidate) bool {
			return total(cleared.All) > 0
		})
	},
}

// named is how many of the worst vulnerabilities a finding names.
const named = 5

func checkVulnerabilities(p *harden.Pass) {
	eachScanned(p, func(f harden.Finding, c harden.Container, s scanned) {
		worst := worstOf(s.scans)
		switch {
		case len(worst) > 0:
			describe(p, &f, c, s, worst)
		case len(s.doubts) > 0:
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason = "whether the image is vulnerable is not known"
			f.Detail = "No vulnerability is known, but not all is: " + strings.Join(s.doubts, "; ") + "."
		default:
			return
		}
		p.Report(f)
	})
}

// worstOf are the vulnerabilities of all scans, each once, the worst first.
func worstOf(scans []*harden.ImageScan) []harden.Vulnerability {
	var all []harden.Vulnerability
	type id struct{ id, pkg, path string }
	seen := map[id]bool{}
	for _, s := range scans {
		for _, v := range s.Vulnerabilities {
			if k := (id{v.ID, v.Package, v.Path}); !seen[k] {
				seen[k] = true
				all = append(all, v)
			}
		}
	}
	harden.SortVulnerabilities(all)
	return all
}

func describe(p *harden.Pass, f *harden.Finding, c harden.Container, s scanned, worst []harden.Vulnerability) {
	counts := (&harden.ImageScan{Vulnerabilities: worst}).Count()
	fixable := total(counts.Fixable)
	f.Verdict = "fixable"
	f.Reason = counted(counts.Fixable) + " to be fixed by an upgrade"
	if fixable == 0 {
		f.Verdict = "no-fix"
		f.Reason = plural(len(worst), "known vulnerability", "known vulnerabilities") + ", no fix is out"
	}
	lines := []string{fmt.Sprintf("The image has %s: %s. A fix is out for %d.", plural(len(worst), "known vulnerability", "known vulnerabilities"), counted(counts.All), fixable)}
	shown := 0
	for _, v := range worst {
		if fixable > 0 && !v.Fixable() {
			continue
		}
		if shown++; shown > named {
			break
		}
		lines = append(lines, line(v))
	}
	lines = append(lines, provenance(s.scans))
	if len(s.doubts) > 0 {
		lines = append(lines, "There may be more: "+strings.Join(s.doubts, "; ")+".")
	}
	f.Detail = strings.Join(lines, "\n")
	f.Severity, f.SeverityWhy = rank(counts, exposure(p, c))
}

// line says one vulnerability in a line.
func line(v harden.Vulnerability) string {
	severity := v.Severity.String()
	if v.Severity == harden.Info {
		severity = "unrated"
	}
	s := fmt.Sprintf("%s (%s) in %s %s", v.ID, severity, v.Package, v.Installed)
	if v.Path != "" {
		s += " (" + v.Path + ")"
	}
	if v.Fixable() {
		s += ", fixed in " + v.Fixed
	}
	if v.Title != "" {
		s += ": " + v.Title
	}
	return s
}

// rank is the severity of the finding, and why it is not the fixer's own.
func rank(counts harden.VulnerabilityCounts, exposed string) (severity harden.Severity, why string) {
	switch {
	case counts.Fixable[harden.Critical] > 0:
		severity = harden.High
	case counts.Fixable[harden.High] > 0:
		severity, why = harden.Medium, "the worst that can be fixed is high"
	case counts.Fixable[harden.Medium] > 0:
		severity, why = harden.Low, "the worst that can be fixed is medium"
	case total(counts.Fixable) > 0:
		return harden.Info, "nothing worse than low can be fixed"
	default:
		return harden.Info, "no fix is out"
	}
	if exposed != "" {
		severity++
		why = strings.TrimPrefix(why+", and it can be reached from outside: "+exposed, ", and ")
	}
	return severity, why
}

// exposure is by what the container can be reached from outside of the cluster,
// as far as that is known; empty: by nothing.
func exposure(p *harden.Pass, c harden.Container) string {
	for _, port := range c.Ports {
		if port.HostPort != 0 || p.Pod.Spec.HostNetwork {
			return fmt.Sprintf("port %d of the node", cmp.Or(port.HostPort, port.ContainerPort))
		}
	}
	if c.Ref.Kind == harden.InitContainer || c.Ref.Kind == harden.EphemeralContainer {
		return "" // no Service leads to them
	}
	return p.Inventory.ExposedBy(p.Workload)
}
