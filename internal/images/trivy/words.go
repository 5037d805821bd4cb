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
		scan.OS = harden.ImageOS{Family: harden.OneLine(string(os.Family)), Name: harden.OneLine(os.Name), EndOfLife: os.Eosl}
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
		ID: harden.OneLine(v.VulnerabilityID), Package: harden.OneLine(v.PkgName), Installed: harden.OneLine(v.InstalledVersion), Fixed: harden.OneLine(v.FixedVersion),
		Severity: severityOf(v.Severity), //nolint:staticcheck // it is the one that Trivy selected, as its own report has it
		Title:    harden.OneLine(v.Title), URL: harden.OneLine(v.PrimaryURL), System: r.Class == types.ClassOSPkg,
	}
	if !told.System {
		told.Path = harden.OneLine(cmp.Or(v.PkgPath, r.Target))
	}
	for _, score := range v.CVSS {
		told.CVSS = max(told.CVSS, score.V3Score, score.V40Score)
	}
	return told
}

func secretOf(r types.Result, s types.DetectedSecret, task images.Task) harden.ImageSecret {
	told := harden.ImageSecret{
		Rule: harden.OneLine(s.RuleID), Title: harden.OneLine(s.Title), Line: s.StartLine, Severity: severityOf(s.Severity), CreatedBy: harden.OneLine(s.Layer.CreatedBy),
	}
	// Those in the config are reported under the name of the image, and with lines of what Trivy makes of it.
	if r.Target == task.Key.Reference {
		told.Line = 0
	} else {
		told.Path = harden.OneLine(r.Target)
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
