package harden

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An ImageScan is what a scanner found in one image on one platform. It is
// never evidence of absence where Known is false, and says in Gaps what it did
// not look at.
type ImageScan struct {
	Known bool
	Why   string // why it is not known, in words for people
	// Digest is that of the platform's manifest, or the one that a report names.
	Digest   string
	Platform string
	Source   ScanSource
	Time     time.Time // when the scanner looked
	Database time.Time // when the vulnerability database was built; zero where the source does not tell
	OS       ImageOS
	Packages int // how many packages were found
	// Vulnerabilities are ordered by SortVulnerabilities.
	Vulnerabilities []Vulnerability
	// Secrets were looked for when SecretsKnown; ordered by path and line.
	Secrets      []ImageSecret
	SecretsKnown bool
	Gaps         []string // what the scan could not look at, such as jar files without the Java database
}

// ScanMaxAge is how old a scan may be: later it says too little about what is known by now.
const ScanMaxAge = 7 * 24 * time.Hour

// Outdated reports whether the scan is too old to say that something is not there.
func (s *ImageScan) Outdated(now time.Time) bool { return now.Sub(s.Time) > ScanMaxAge }

// A ScanSource tells who scanned.
type ScanSource struct {
	Kind ScanKind
	Name string // version of Trivy, URL of its server, or NAMESPACE/NAME of the report object
}

// A ScanKind is a kind of scanner, or the kind of object in which one reports.
type ScanKind string

// The scanners that are known.
const (
	ScanTrivy                 ScanKind = "trivy"
	ScanTrivyServer           ScanKind = "trivy-server"
	ScanVulnerabilityReport   ScanKind = "VulnerabilityReport"   // aquasecurity.github.io, of Trivy Operator
	ScanVulnerabilityManifest ScanKind = "VulnerabilityManifest" // spdx.softwarecomposition.kubescape.io
)

// Resources of the report objects.
const (
	VulnerabilityReports   = "vulnerabilityreports.aquasecurity.github.io"
	VulnerabilityManifests = "vulnerabilitymanifests.spdx.softwarecomposition.kubescape.io"
)

// An ImageOS is the distribution that an image is built on; zero when there is none.
type ImageOS struct {
	Family    string // such as alpine, debian
	Name      string // its version, such as 3.20.1
	EndOfLife bool   // it gets no security fixes any more
}

// A Vulnerability is a known one in a package of an image.
type Vulnerability struct {
	ID        string // CVE-2026-1234, GHSA-…
	Package   string
	Path      string   // the file that the package was found in; empty for packages of the distribution
	Installed string   // version
	Fixed     string   // versions that fix it, as the advisory writes them; empty: none yet
	Severity  Severity // Info stands for one that nobody has rated
	Title     string
	URL       string
	CVSS      float64 // highest base score known, version 3 or 4; 0: none
	System    bool    // in a package of the distribution, not of an application
}

// Fixable reports whether a fixed version is out.
func (v Vulnerability) Fixable() bool { return v.Fixed != "" }

// SortVulnerabilities orders by severity, the worst first, then fixable ones
// first, then by id, package, path and version.
func SortVulnerabilities(v []Vulnerability) {
	slices.SortFunc(v, func(a, b Vulnerability) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), compareBool(b.Fixable(), a.Fixable()), strings.Compare(a.ID, b.ID),
			strings.Compare(a.Package, b.Package), strings.Compare(a.Path, b.Path), strings.Compare(a.Installed, b.Installed))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// VulnerabilityCounts are numbers by severity; index with a Severity.
type VulnerabilityCounts struct {
	All, Fixable [Critical + 1]int
}

// Sum is the numbers of all severities together.
func (c VulnerabilityCounts) Sum() (all, fixable int) {
	for s := range c.All {
		all += c.All[s]
		fixable += c.Fixable[s]
	}
	return all, fixable
}

// Count counts the vulnerabilities of the scan.
func (s *ImageScan) Count() VulnerabilityCounts {
	var c VulnerabilityCounts
	for _, v := range s.Vulnerabilities {
		c.All[v.Severity]++
		if v.Fixable() {
			c.Fixable[v.Severity]++
		}
	}
	return c
}

// An ImageSecret is a credential in an image. What it is worth is never kept.
type ImageSecret struct {
	Rule      string // id of the pattern, such as aws-access-key-id
	Title     string
	Path      string // file; empty for the config of the image (environment, history)
	Line      int    // 0 where there are no lines
	Severity  Severity
	CreatedBy string // the build step of the layer, where the history tells
}

// Place is PATH:LINE, or words for the config of the image.
func (s ImageSecret) Place() string {
	switch {
	case s.Path == "":
		return "config of the image"
	case s.Line > 0:
		return s.Path + ":" + strconv.Itoa(s.Line)
	}
	return s.Path
}

// An ImageTag is what a registry says about a reference now.
type ImageTag struct {
	Known bool
	Why   string // why it is not known
	Time  time.Time
	// Digest is that of what the reference names: an index, or one manifest.
	Digest string
	// Platforms are the digests of the manifests by OS/ARCHITECTURE; of several
	// variants that which most nodes run, and each by OS/ARCHITECTURE/VARIANT too.
	// From a plain manifest: one entry.
	Platforms map[string]string
}

// Holds reports whether a digest is that of the reference or of one of its platforms.
func (t *ImageTag) Holds(digest string) bool {
	if digest == t.Digest {
		return true
	}
	for _, d := range t.Platforms {
		if d == digest {
			return true
		}
	}
	return false
}

// ImageUpdates are newer tags of an image that were scanned.
type ImageUpdates struct {
	Known      bool
	Why        string
	Time       time.Time
	Candidates []ImageCandidate // the one to propose first
	Listed     int              // tags that the registry has
}

// An ImageCandidate is a tag that keeps the major version, is not older, and
// was scanned on all platforms that are needed.
type ImageCandidate struct {
	Tag    string
	Digest string       // of what the tag names now
	Scans  []*ImageScan // one for each platform, all Known
}

// An ImageSignature is what a registry has in the way of signatures for a digest.
type ImageSignature struct {
	Known bool
	Why   string
	Time  time.Time
	// Found are the kinds that are there, such as cosign, sigstore-bundle,
	// notation. That somebody signed is seen, not who: nothing is verified.
	Found []string
}

// CompareScans counts what is gone and what is new from one image to another,
// each vulnerability of a package once, however many platforms have it. Its
// version and its path do not count: they differ between images anyway.
func CompareScans(before, after []*ImageScan) (cleared, added VulnerabilityCounts) {
	was, is := distinct(before), distinct(after)
	count := func(c *VulnerabilityCounts, in, notIn map[vulnerable]Vulnerability) {
		for k, v := range in {
			if _, ok := notIn[k]; ok {
				continue
			}
			c.All[v.Severity]++
			if v.Fixable() {
				c.Fixable[v.Severity]++
			}
		}
	}
	count(&cleared, was, is)
	count(&added, is, was)
	return cleared, added
}

type vulnerable struct{ id, pkg string }

func distinct(scans []*ImageScan) map[vulnerable]Vulnerability {
	all := map[vulnerable]Vulnerability{}
	for _, s := range scans {
		for _, v := range s.Vulnerabilities {
			k := vulnerable{v.ID, v.Package}
			if old, ok := all[k]; !ok || v.Fixable() && !old.Fixable() {
				all[k] = v
			}
		}
	}
	return all
}
