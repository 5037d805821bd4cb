package image

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EndOfLife finds images on a distribution that gets no fixes any more.
var EndOfLife = &harden.Fixer{
	ID:       "image-end-of-life",
	Title:    "runs an image whose distribution gets no more fixes",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The image is built on a release of a distribution that is past its end of life.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    /etc/os-release, /etc/alpine-release and the like in the image

Allowed: images on a release that is still maintained, and images without a
distribution. The rule does not apply until somebody asks for scans.

**Why it matters.** Nobody looks for vulnerabilities in such a release any more, and
nobody fixes those that are found. A scan of it looks better every month, because
the advisories end with the release.

**The fix.** A newer tag of the same major version on a newer release, if there is
one and it was scanned; else the image has to be built on another base. It is a
review: libraries change between releases.

**Traps.** A scanner knows the dates by its own version: an old one takes a release
for maintained that is not, and paid long-term support counts for nothing here.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "upgrading and application security practices"},
		{Standard: "ATT&CK", ID: "T1190"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkEndOfLife,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return upgrades(p, f, "an image on a maintained distribution", func(_ harden.VulnerabilityCounts, c harden.ImageCandidate) bool {
			return !slices.ContainsFunc(c.Scans, func(s *harden.ImageScan) bool { return s.OS.EndOfLife })
		})
	},
}

func checkEndOfLife(p *harden.Pass) {
	eachScanned(p, func(f harden.Finding, _ harden.Container, s scanned) {
		ended := slices.IndexFunc(s.scans, func(scan *harden.ImageScan) bool { return scan.OS.EndOfLife })
		switch {
		case ended >= 0:
			os := s.scans[ended].OS
			f.Reason = fmt.Sprintf("%s %s gets no more fixes", os.Family, os.Name)
			f.Detail = fmt.Sprintf("The image is built on %s %s, which is past its end of life. %s", os.Family, os.Name, provenance(s.scans[ended:ended+1]))
		case len(s.scans) == 0:
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason = "the distribution of the image is not known"
			f.Detail = "Nothing is known about what the image is built on: " + strings.Join(s.doubts, "; ") + "."
		default:
			return
		}
		p.Report(f)
	})
}
