package report

import (
	"io"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type imageReport struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Summary    imageSummary `json:"summary"`
	Images     []imageDoc   `json:"images"`
	NotChecked []unreadDoc  `json:"notChecked"`
}

type imageSummary struct {
	Context    string   `json:"context,omitempty"`
	Server     string   `json:"server,omitempty"`
	Namespaces []string `json:"namespaces"`
	Images     int      `json:"images"`
	Scanned    int      `json:"scanned"`
	// Least and FixableOnly say what was left out of lists and numbers.
	Least       harden.Severity     `json:"leastSeverity"`
	FixableOnly bool                `json:"fixableOnly"`
	BySeverity  map[string]countDoc `json:"bySeverity"`
	Secrets     int                 `json:"secrets"`
}

type countDoc struct {
	All     int `json:"all"`
	Fixable int `json:"fixable"`
}

type imageDoc struct {
	Image      string        `json:"image"`
	Platform   string        `json:"platform"`
	Digest     string        `json:"digest,omitempty"`
	References []string      `json:"references"`
	Workloads  []usageDoc    `json:"workloads,omitempty"`
	Facts      factsDoc      `json:"facts"`
	Scan       *imageScanDoc `json:"scan,omitempty"`
	Tags       []tagDoc      `json:"tags,omitempty"`
	Updates    []updatesDoc  `json:"updates,omitempty"`
	Signature  *signatureDoc `json:"signature,omitempty"`
}

type usageDoc struct {
	objectDoc
	Container string `json:"container"`
	Reference string `json:"reference"`
}

type factsDoc struct {
	Known      bool       `json:"known"`
	Why        string     `json:"why,omitempty"`
	Digest     string     `json:"digest,omitempty"`
	User       string     `json:"user,omitempty"`
	Entrypoint []string   `json:"entrypoint,omitempty"`
	Cmd        []string   `json:"cmd,omitempty"`
	Ports      []string   `json:"ports,omitempty"`
	Volumes    []string   `json:"volumes,omitempty"`
	Created    *time.Time `json:"created,omitempty"`
	Size       int64      `json:"sizeBytes,omitempty"`
}

type imageScanDoc struct {
	Known           bool               `json:"known"`
	Why             string             `json:"why,omitempty"`
	Source          scanSourceDoc      `json:"source"`
	Digest          string             `json:"digest,omitempty"`
	Time            *time.Time         `json:"time,omitempty"`
	Database        *time.Time         `json:"databaseBuilt,omitempty"`
	OS              *osDoc             `json:"os,omitempty"`
	Packages        int                `json:"packages"`
	Vulnerabilities []vulnerabilityDoc `json:"vulnerabilities"`
	SecretsKnown    bool               `json:"secretsKnown"`
	Secrets         []secretDoc        `json:"secrets"`
	Gaps            []string           `json:"notLookedAt,omitempty"`
}

type scanSourceDoc struct {
	Kind harden.ScanKind `json:"kind,omitempty"`
	Name string          `json:"name,omitempty"`
}

type osDoc struct {
	Family    string `json:"family"`
	Name      string `json:"name,omitempty"`
	EndOfLife bool   `json:"endOfLife"`
}

type vulnerabilityDoc struct {
	ID        string  `json:"id"`
	Severity  string  `json:"severity"` // unrated where nobody has rated it
	Package   string  `json:"package"`
	Path      string  `json:"path,omitempty"`
	Installed string  `json:"installed"`
	Fixed     string  `json:"fixed,omitempty"`
	System    bool    `json:"system"`
	Title     string  `json:"title,omitempty"`
	URL       string  `json:"url,omitempty"`
	CVSS      float64 `json:"cvss,omitempty"`
}

type secretDoc struct {
	Rule      string          `json:"rule"`
	Severity  harden.Severity `json:"severity"`
	Title     string          `json:"title,omitempty"`
	Path      string          `json:"path,omitempty"`
	Line      int             `json:"line,omitempty"`
	CreatedBy string          `json:"createdBy,omitempty"`
}

type tagDoc struct {
	Reference string            `json:"reference"`
	Known     bool              `json:"known"`
	Why       string            `json:"why,omitempty"`
	Digest    string            `json:"digest,omitempty"`
	Platforms map[string]string `json:"platforms,omitempty"`
	Time      *time.Time        `json:"time,omitempty"`
}

type updatesDoc struct {
	Reference  string         `json:"reference"`
	Known      bool           `json:"known"`
	Why        string         `json:"why,omitempty"`
	Listed     int            `json:"listed"`
	Candidates []candidateDoc `json:"candidates"`
}

type candidateDoc struct {
	Tag        string                `json:"tag"`
	Digest     string                `json:"digest"`
	BySeverity []map[string]countDoc `json:"bySeverity"` // one for each platform
}

type signatureDoc struct {
	Known bool     `json:"known"`
	Why   string   `json:"why,omitempty"`
	Found []string `json:"found"`
}

// JSON writes an ImageReport.
func (r *Images) JSON(w io.Writer) error { return writeJSON(w, r.document()) }

func (r *Images) document() imageReport {
	doc := imageReport{
		APIVersion: APIVersion, Kind: "ImageReport",
		Summary: imageSummary{
			Context: r.Cluster.Context, Server: r.Cluster.Server, Namespaces: append([]string{}, r.Namespaces...),
			Images: len(r.Uses), Least: r.Least, FixableOnly: r.Fixable,
		},
		Images: []imageDoc{}, NotChecked: unreadDocs(r.Unread),
	}
	var all []harden.Vulnerability
	for _, u := range r.Uses {
		doc.Images = append(doc.Images, r.image(u))
		if u.Scanned() {
			doc.Summary.Scanned++
			doc.Summary.Secrets += len(u.Scan.Secrets)
			all = append(all, u.Scan.Vulnerabilities...)
		}
	}
	doc.Summary.BySeverity = countsOf(&harden.ImageScan{Vulnerabilities: all})
	return doc
}

func countsOf(s *harden.ImageScan) map[string]countDoc {
	c, counts := s.Count(), map[string]countDoc{}
	for _, sev := range harden.Severities() {
		counts[SeverityWord(sev)] = countDoc{All: c.All[sev], Fixable: c.Fixable[sev]}
	}
	return counts
}

func (r *Images) image(u *harden.ImageUse) imageDoc {
	d := imageDoc{Image: u.Key.Reference, Platform: u.Key.Platform, Digest: u.Digest(), Facts: factsOf(u.Facts), Scan: scanOf(u.Scan)}
	for _, ref := range u.References {
		d.References = append(d.References, ref.Name)
		if t := ref.Tag; t != nil {
			d.Tags = append(d.Tags, tagDoc{Reference: ref.Name, Known: t.Known, Why: t.Why, Digest: t.Digest, Platforms: t.Platforms, Time: when(t.Time)})
		}
		if n := ref.Updates; n != nil {
			d.Updates = append(d.Updates, updatesOf(ref.Name, n))
		}
	}
	if !r.Named {
		for _, b := range u.By {
			d.Workloads = append(d.Workloads, usageDoc{objectDoc: objectOf(b.Workload.Ref), Container: b.Container.String(), Reference: b.Reference})
		}
	}
	if s := u.Signature; s != nil {
		d.Signature = &signatureDoc{Known: s.Known, Why: s.Why, Found: append([]string{}, s.Found...)}
	}
	return d
}

func factsOf(f *harden.ImageFacts) factsDoc {
	switch {
	case f == nil:
		return factsDoc{Why: "nobody looked"}
	case !f.Known:
		return factsDoc{Why: f.Why}
	}
	return factsDoc{
		Known: true, Digest: f.Digest, User: f.User, Entrypoint: f.Entrypoint, Cmd: f.Cmd, Ports: f.Ports, Volumes: f.Volumes, Created: when(f.Created), Size: f.Size,
	}
}

func scanOf(s *harden.ImageScan) *imageScanDoc {
	if s == nil {
		return nil
	}
	d := &imageScanDoc{
		Known: s.Known, Why: s.Why, Source: scanSourceDoc{s.Source.Kind, s.Source.Name}, Digest: s.Digest, Time: when(s.Time), Database: when(s.Database),
		Packages: s.Packages, Vulnerabilities: []vulnerabilityDoc{}, SecretsKnown: s.SecretsKnown, Secrets: []secretDoc{}, Gaps: s.Gaps,
	}
	if s.OS != (harden.ImageOS{}) {
		d.OS = &osDoc{s.OS.Family, s.OS.Name, s.OS.EndOfLife}
	}
	for _, v := range s.Vulnerabilities {
		d.Vulnerabilities = append(d.Vulnerabilities, vulnerabilityDoc{
			ID: v.ID, Severity: SeverityWord(v.Severity), Package: v.Package, Path: v.Path, Installed: v.Installed, Fixed: v.Fixed, System: v.System, Title: v.Title, URL: v.URL, CVSS: v.CVSS,
		})
	}
	for _, x := range s.Secrets {
		d.Secrets = append(d.Secrets, secretDoc{x.Rule, x.Severity, x.Title, x.Path, x.Line, x.CreatedBy})
	}
	return d
}

func updatesOf(reference string, n *harden.ImageUpdates) updatesDoc {
	d := updatesDoc{Reference: reference, Known: n.Known, Why: n.Why, Listed: n.Listed, Candidates: []candidateDoc{}}
	for _, c := range n.Candidates {
		cd := candidateDoc{Tag: c.Tag, Digest: c.Digest}
		for _, s := range c.Scans {
			cd.BySeverity = append(cd.BySeverity, countsOf(s))
		}
		d.Candidates = append(d.Candidates, cd)
	}
	return d
}

// when is nil for no time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
