package tui

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// fixUpgrade proposes a newer tag.
var fixUpgrade = &harden.Fixer{
	ID: "image-vulnerabilities", Title: "The image has known vulnerabilities that are fixed", Severity: harden.High, Area: harden.AreaImage, Doc: "Patches exist.",
	Fix: fixOf(harden.Review, "Use tag 2.14.3", harden.Claim{Code: "E-IMG-SCAN", State: harden.Holds, Text: "2.14.3 was scanned: 3 vulnerabilities are gone", Limits: "that the workload bears the new version", Time: seen}),
}

const webDigest = "registry.example.com/shop/web@sha256:8f3c1d2e4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

// scanned is shop after its images were scanned: one of everything.
func scanned() *harden.Snapshot {
	s := shop()
	s.Generation = 2
	inv := s.Inventory
	web := inv.Workloads[1]
	pod := &corev1.Pod{Spec: *web.Template.Spec.DeepCopy()}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", ImageID: webDigest}}
	web.Pods = []*corev1.Pod{pod}
	f := finding(web, fixUpgrade, "web", "3 critical or high vulnerabilities are fixed in 2.14.3")
	s.Findings = append(s.Findings, f)

	key := func(reference string) harden.ImageKey {
		return harden.ImageKey{Reference: reference, Platform: harden.DefaultPlatform}
	}
	facts := func(user string, size int64, days int) *harden.ImageFacts {
		return &harden.ImageFacts{Known: true, Digest: "sha256:" + fmt.Sprintf("%064x", size), Platform: harden.DefaultPlatform, User: user, Size: size, Created: seen.AddDate(0, 0, -days)}
	}
	trivy := harden.ScanSource{Kind: harden.ScanTrivy, Name: "0.74.0"}
	database := seen.Add(-5 * time.Hour)
	inv.Images = map[harden.ImageKey]*harden.ImageFacts{
		key(webDigest): facts("", 187_400_000, 410),
		key("registry.example.com/shop/checkout:2.14.0"):  facts("10001:10001", 23_100_000, 12),
		key("registry.example.com/shop/api:2.14.0"):       {Why: "the registry says 401: log in with 'docker login registry.example.com', or let --pull-secrets use those of the workload"},
		key("registry.example.com/shop/cache:2.14.0"):     facts("redis", 41_000_000, 90),
		key("registry.example.com/payments/fraud:2.14.0"): facts("1000", 96_000_000, 33),
	}
	inv.Scans = map[harden.ImageKey]*harden.ImageScan{
		key(webDigest): {
			Known: true, Source: trivy, Time: seen, Database: database, OS: harden.ImageOS{Family: "debian", Name: "10.13", EndOfLife: true}, Packages: 143, SecretsKnown: true,
			Vulnerabilities: []harden.Vulnerability{
				{ID: "CVE-2026-10001", Package: "libssl1.1", Installed: "1.1.1n-0+deb10u3", Fixed: "1.1.1n-0+deb10u6", Severity: harden.Critical, Title: "openssl: remote takeover by a crafted certificate", URL: "https://example.com/CVE-2026-10001", CVSS: 9.8, System: true},
				{ID: "CVE-2026-20002", Package: "libc6", Installed: "2.28-10+deb10u1", Severity: harden.Critical, Title: "glibc: heap overflow in the resolver", System: true},
				{ID: "GHSA-4xh5-x5gv-qwph", Package: "github.com/example/parser", Path: "usr/local/bin/web", Installed: "v1.4.2", Fixed: "v1.4.9, v1.5.1", Severity: harden.High, Title: "parser: a deep document ends the process", CVSS: 7.5},
				{ID: "CVE-2025-30003", Package: "zlib1g", Installed: "1:1.2.11", Fixed: "1:1.2.11.dfsg-1", Severity: harden.Medium, Title: "zlib: \x1b[31mout-of-bounds\x1b[0m write", System: true},
				{ID: "CVE-2019-40004", Package: "bash", Installed: "5.0-4", Severity: harden.Low, Title: "bash: local only", System: true},
				{ID: "CVE-2026-50005", Package: "日本語パッケージ", Installed: "1", Severity: harden.Info, Title: "nobody has rated it", System: true},
			},
			Secrets: []harden.ImageSecret{
				{Rule: "aws-access-key-id", Title: "AWS Access Key ID", Path: "/app/config/.env", Line: 3, Severity: harden.Critical, CreatedBy: "COPY . /app"},
				{Rule: "private-key", Title: "Asymmetric Private Key", Severity: harden.High},
			},
			Gaps: []string{"jar files were not looked at: there is no Java database"},
		},
		key("registry.example.com/shop/checkout:2.14.0"): {Known: true, Source: trivy, Time: seen, Database: database, OS: harden.ImageOS{Family: "alpine", Name: "3.22.1"}, Packages: 14, SecretsKnown: true},
		key("registry.example.com/shop/cache:2.14.0"): {
			Known: true, Source: harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: "shop/statefulset-cache"}, Time: seen.Add(-26 * time.Hour), Packages: 31,
			Vulnerabilities: []harden.Vulnerability{{ID: "CVE-2026-60006", Package: "redis", Installed: "7.2.0", Fixed: "7.2.4", Severity: harden.High, Title: "redis: scripts escape"}},
		},
		key("registry.example.com/payments/fraud:2.14.0"): {Why: "timed out after 5m0s: give it more time with --image-timeout"},
	}
	const name = "registry.example.com/shop/web:2.14.0"
	inv.Updates = map[string]*harden.ImageUpdates{name: {Known: true, Listed: 40, Candidates: []harden.ImageCandidate{
		{Tag: "2.14.3", Digest: "sha256:1", Scans: []*harden.ImageScan{{Known: true, Vulnerabilities: inv.Scans[key(webDigest)].Vulnerabilities[1:2]}}},
	}}}
	inv.Tags = map[string]*harden.ImageTag{name: {Known: true, Digest: "sha256:77aa77aa77aa77aa"}}
	return s
}

// stream makes Gather hand over what it finds image by image: each when the
// gate lets it.
func (f *fake) stream(gate <-chan struct{}) {
	all := scanned()
	f.snap.Inventory.Workloads = all.Inventory.Workloads
	f.streamed = func(done <-chan struct{}, progress func(harden.GatherProgress)) bool {
		facts := harden.Facts{}
		total := len(all.Inventory.Images)
		progress(harden.GatherProgress{What: "vulnerability database", Done: 12_000_000, Total: 95_000_000, Bytes: true})
		for _, u := range all.Inventory.ImageUses() {
			select {
			case <-gate:
			case <-done:
				return false
			}
			next := harden.Facts{Images: map[harden.ImageKey]*harden.ImageFacts{}, Scans: map[harden.ImageKey]*harden.ImageScan{}}
			for k, v := range facts.Images {
				next.Images[k] = v
			}
			for k, v := range facts.Scans {
				next.Scans[k] = v
			}
			if u.Facts != nil {
				next.Images[u.Key] = u.Facts
			}
			if u.Scan != nil {
				next.Scans[u.Key] = u.Scan
			}
			facts = next
			progress(harden.GatherProgress{What: "images", Done: len(facts.Images), Total: total, Facts: facts})
		}
		return true
	}
	f.gather = func(harden.EvidenceOptions) (*harden.Snapshot, error) { return all, nil }
}
