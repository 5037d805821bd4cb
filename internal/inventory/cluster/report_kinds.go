package cluster

import (
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An aquaImage names an image in reports of Trivy Operator.
type aquaImage struct {
	Registry struct {
		Server string `json:"server"`
	} `json:"registry"`
	Artifact struct {
		Repository string `json:"repository"`
		Digest     string `json:"digest"`
	} `json:"artifact"`
}

// repository is that of the image as runtimes write it.
func (i aquaImage) repository() string {
	server := i.Registry.Server
	if server == "index.docker.io" {
		server = "docker.io"
	}
	return server + "/" + i.Artifact.Repository
}

// A vulnerabilityReport is what is used of one of Trivy Operator
// (aquasecurity/trivy-operator pkg/apis/aquasecurity/v1alpha1/vulnerability_types.go).
type vulnerabilityReport struct {
	metav1.ObjectMeta `json:"metadata"`
	Report            struct {
		aquaImage
		UpdateTimestamp time.Time `json:"updateTimestamp"`
		OS              struct {
			Family string `json:"family"`
			Name   string `json:"name"`
			EOSL   bool   `json:"eosl"`
		} `json:"os"`
		Vulnerabilities []struct {
			ID          string  `json:"vulnerabilityID"`
			Resource    string  `json:"resource"`
			Installed   string  `json:"installedVersion"`
			Fixed       string  `json:"fixedVersion"`
			Severity    string  `json:"severity"`
			Title       string  `json:"title"`
			PrimaryLink string  `json:"primaryLink"`
			Score       float64 `json:"score"`
			Target      string  `json:"target"`
			Class       string  `json:"class"`
			PkgPath     string  `json:"packagePath"`
		} `json:"vulnerabilities"`
	} `json:"report"`
}

func (v *vulnerabilityReport) report() Report {
	r := &v.Report
	scan := &harden.ImageScan{
		Known: true, Digest: r.Artifact.Digest, Time: r.UpdateTimestamp, OS: harden.ImageOS{Family: plain(r.OS.Family), Name: plain(r.OS.Name), EndOfLife: r.OS.EOSL},
		Source: harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: v.Namespace + "/" + v.Name},
	}
	if scan.Time.IsZero() {
		scan.Time = v.CreationTimestamp.Time
	}
	for _, found := range r.Vulnerabilities {
		system := found.Class == "os-pkgs"
		path := found.PkgPath
		if path == "" && !system {
			path = found.Target
		}
		scan.Vulnerabilities = append(scan.Vulnerabilities, harden.Vulnerability{
			ID: plain(found.ID), Package: plain(found.Resource), Path: plain(path), Installed: plain(found.Installed), Fixed: plain(found.Fixed),
			Severity: severity(found.Severity), Title: plain(found.Title), URL: plain(found.PrimaryLink), CVSS: found.Score, System: system,
		})
	}
	harden.SortVulnerabilities(scan.Vulnerabilities)
	return Report{Repository: r.repository(), Scan: scan}
}

// An exposedSecretReport is what is used of one of Trivy Operator
// (exposed_secrets_types.go there). What matched is not read.
type exposedSecretReport struct {
	Report struct {
		aquaImage
		Secrets []struct {
			Target   string `json:"target"`
			RuleID   string `json:"ruleID"`
			Title    string `json:"title"`
			Severity string `json:"severity"`
		} `json:"secrets"`
	} `json:"report"`
}

func (v *exposedSecretReport) secrets() []harden.ImageSecret {
	var all []harden.ImageSecret
	for _, s := range v.Report.Secrets {
		all = append(all, harden.ImageSecret{Rule: plain(s.RuleID), Title: plain(s.Title), Path: plain(s.Target), Severity: severity(s.Severity)})
	}
	slices.SortFunc(all, func(a, b harden.ImageSecret) int { return strings.Compare(a.Path+" "+a.Rule, b.Path+" "+b.Rule) })
	return all
}

// Marks of Kubescape (kubescape/k8s-interface instanceidhandler/v1/helpers).
const (
	imageIDAnnotation = "kubescape.io/image-id"
	contextLabel      = "kubescape.io/context"
)

// A vulnerabilityManifest is what is used of one of Kubescape
// (kubescape/storage pkg/apis/softwarecomposition/v1beta1: types.go, grype_types.go).
type vulnerabilityManifest struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Metadata struct {
			WithRelevancy bool `json:"withRelevancy"`
			Report        struct {
				CreatedAt time.Time `json:"createdAt"`
			} `json:"report"`
		} `json:"metadata"`
		Payload struct {
			Matches []match `json:"matches"`
			Distro  struct {
				Name    string `json:"name"`
				Version string `json:"version"`
			} `json:"distro"`
		} `json:"payload"`
	} `json:"spec"`
}

type match struct {
	Vulnerability struct {
		ID          string `json:"id"`
		DataSource  string `json:"dataSource"`
		Severity    string `json:"severity"`
		Description string `json:"description"`
		CVSS        []struct {
			Metrics struct {
				BaseScore float64 `json:"baseScore"`
			} `json:"metrics"`
		} `json:"cvss"`
		Fix struct {
			Versions []string `json:"versions"`
			State    string   `json:"state"`
		} `json:"fix"`
	} `json:"vulnerability"`
	Artifact struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		Type      string `json:"type"`
		Locations []struct {
			Path string `json:"path"`
		} `json:"locations"`
	} `json:"artifact"`
}

// relevantOnly reports whether the manifest leaves out what was not seen loaded.
func (v *vulnerabilityManifest) relevantOnly() bool {
	return v.Spec.Metadata.WithRelevancy || v.Labels[contextLabel] == "filtered"
}

// systemTypes are Syft's types of packages of a distribution (anchore/syft syft/pkg/type.go).
var systemTypes = []string{"apk", "deb", "rpm", "alpm", "portage"}

func (v *vulnerabilityManifest) report() Report {
	repository, digest, _ := strings.Cut(v.Annotations[imageIDAnnotation], "@")
	payload := &v.Spec.Payload
	scan := &harden.ImageScan{
		Known: true, Digest: digest, Time: v.Spec.Metadata.Report.CreatedAt, OS: harden.ImageOS{Family: plain(payload.Distro.Name), Name: plain(payload.Distro.Version)},
		Source: harden.ScanSource{Kind: harden.ScanVulnerabilityManifest, Name: v.Namespace + "/" + v.Name},
	}
	if scan.Time.IsZero() {
		scan.Time = v.CreationTimestamp.Time
	}
	for _, m := range payload.Matches {
		found := harden.Vulnerability{
			ID: plain(m.Vulnerability.ID), Package: plain(m.Artifact.Name), Installed: plain(m.Artifact.Version), Severity: severity(m.Vulnerability.Severity),
			Title: plain(m.Vulnerability.Description), URL: plain(m.Vulnerability.DataSource), System: slices.Contains(systemTypes, m.Artifact.Type),
		}
		if m.Vulnerability.Fix.State == "fixed" {
			found.Fixed = plain(strings.Join(m.Vulnerability.Fix.Versions, ", "))
		}
		if !found.System && len(m.Artifact.Locations) > 0 {
			found.Path = plain(m.Artifact.Locations[0].Path)
		}
		for _, c := range m.Vulnerability.CVSS {
			found.CVSS = max(found.CVSS, c.Metrics.BaseScore)
		}
		scan.Vulnerabilities = append(scan.Vulnerabilities, found)
	}
	harden.SortVulnerabilities(scan.Vulnerabilities)
	return Report{Repository: repository, Scan: scan}
}

// severity reads what Trivy and Grype call it. Info stands for what nobody rated.
func severity(s string) harden.Severity {
	if strings.EqualFold(s, "negligible") {
		return harden.Low
	}
	v, err := harden.ParseSeverity(s)
	if err != nil {
		return harden.Info
	}
	return v
}

// maxText is how much of one text of a report is kept, in runes.
const maxText = 300

// plain makes a text of a report fit for a line on a terminal.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return s
}
