package trivy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aquasecurity/trivy/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// tell tells a report of Trivy in our words.
func (w *worker) tell(scan *harden.ImageScan, report types.Report, found *analyzed, task images.Task) {
	if os := report.Metadata.OS; os != nil {
		scan.OS = harden.ImageOS{Family: images.Printable(string(os.Family)), Name: images.Printable(os.Name), EndOfLife: os.Eosl}
	}
	scan.SecretsKnown = true
	for _, r := range report.Results {
		scan.Packages += len(r.Packages)
		for _, v := range r.Vulnerabilities {
			scan.Vulnerabilities = append(scan.Vulnerabilities, vulnerabilityOf(r, v))
		}
		for _, s := range r.Secrets {
			scan.Secrets = append(scan.Secrets, secretOf(r, s, task))
		}
	}
	harden.SortVulnerabilities(scan.Vulnerabilities)
	slices.SortStableFunc(scan.Secrets, func(a, b harden.ImageSecret) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule))
	})
	if found.archives > 0 {
		scan.Gaps = append(scan.Gaps, fmt.Sprintf("%d Java archives (jar, war, ear) that do not name their packages: the Java database, which would tell, is not there", found.archives))
	}
}

func vulnerabilityOf(r types.Result, v types.DetectedVulnerability) harden.Vulnerability {
	told := harden.Vulnerability{
		ID: images.Printable(v.VulnerabilityID), Package: images.Printable(v.PkgName), Installed: images.Printable(v.InstalledVersion), Fixed: images.Printable(v.FixedVersion),
		Severity: severityOf(v.Severity), //nolint:staticcheck // it is the one that Trivy selected, as its own report has it
		Title:    images.Printable(v.Title), URL: images.Printable(v.PrimaryURL), System: r.Class == types.ClassOSPkg,
	}
	if !told.System {
		told.Path = images.Printable(cmp.Or(v.PkgPath, r.Target))
	}
	for _, score := range v.CVSS {
		told.CVSS = max(told.CVSS, score.V3Score, score.V40Score)
	}
	return told
}

func secretOf(r types.Result, s types.DetectedSecret, task images.Task) harden.ImageSecret {
	told := harden.ImageSecret{
		Rule: images.Printable(s.RuleID), Title: images.Printable(s.Title), Line: s.StartLine, Severity: severityOf(s.Severity), CreatedBy: images.Printable(s.Layer.CreatedBy),
	}
	// Those in the config are reported under the name of the image, and with lines of what Trivy makes of it.
	if r.Target == task.Key.Reference {
		told.Line = 0
	} else {
		told.Path = images.Printable(r.Target)
	}
	return told
}

func severityOf(s string) harden.Severity {
	switch strings.ToUpper(s) {
	case "CRITICAL":
		return harden.Critical
	case "HIGH":
		return harden.High
	case "MEDIUM":
		return harden.Medium
	case "LOW":
		return harden.Low
	}
	return harden.Info
}
