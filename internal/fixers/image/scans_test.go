package image

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const release = "registry.corp/team/app:1.2.0"

// vulnerable is a scan with a vulnerability of each of the words: a severity,
// with an exclamation mark when there is no fix.
func vulnerable(words ...string) harden.ImageScan {
	s := harden.ImageScan{Known: true, SecretsKnown: true, Platform: "linux/amd64", Source: harden.ScanSource{Kind: harden.ScanTrivy, Name: "0.74.0"}}
	for i, w := range words {
		name, unfixed := strings.CutSuffix(w, "!")
		severity, err := harden.ParseSeverity(name)
		if err != nil {
			panic(err)
		}
		v := harden.Vulnerability{ID: "CVE-2026-" + string(rune('1'+i)), Package: "lib" + name, Installed: "1", Severity: severity, System: true}
		if !unfixed {
			v.Fixed = "2"
		}
		s.Vulnerabilities = append(s.Vulnerabilities, v)
	}
	return s
}

func hostPort(yaml string) string {
	return strings.Replace(yaml, "{name: web, image", "{name: web, ports: [{containerPort: 80, hostPort: 80}], image", 1)
}

func TestVulnerabilities(t *testing.T) {
	old, gap := vulnerable("critical"), vulnerable()
	old.Time = fixtest.Now.Add(-8 * 24 * time.Hour)
	gap.Gaps = []string{"jar files: there is no database of them"}
	gapped := vulnerable("high")
	gapped.Gaps = gap.Gaps
	for _, test := range []struct {
		name     string
		yaml     string
		scan     harden.ImageScan
		verdict  string
		severity harden.Severity
		says     string
	}{
		{"critical", deployment(release), vulnerable("critical", "low", "high!"), "fixable", harden.High, "1 critical, 1 low to be fixed"},
		{"high", deployment(release), vulnerable("high", "critical!"), "fixable", harden.Medium, "worst that can be fixed is high"},
		{"medium", deployment(release), vulnerable("medium"), "fixable", harden.Low, ""},
		{"low", deployment(release), vulnerable("low"), "fixable", harden.Info, ""},
		{"nobody rated it", deployment(release), vulnerable("info"), "fixable", harden.Info, "1 unrated"},
		{"no fix is out", deployment(release), vulnerable("critical!"), "no-fix", harden.Info, "no fix is out"},
		{"critical at a port of the node", hostPort(deployment(release)), vulnerable("critical"), "fixable", harden.Critical, "it can be reached from outside: port 80 of the node"},
		{"high at a port of the node", hostPort(deployment(release)), vulnerable("high"), "fixable", harden.High, "high, and it can be reached from outside: port 80 of the node"},
		{"no fix at a port of the node", hostPort(deployment(release)), vulnerable("critical!"), "no-fix", harden.Info, ""},
		{"nothing", deployment(release), vulnerable(), "", 0, ""},
		{"a scan that failed", deployment(release), harden.ImageScan{Why: "the registry is down"}, "unknown", harden.High, "the registry is down"},
		{"an old one", deployment(release), old, "unknown", harden.High, "more than 7 days ago"},
		{"nothing, but not all was seen", deployment(release), gap, "unknown", harden.High, "jar files"},
		{"something, and not all was seen", deployment(release), gapped, "fixable", harden.Medium, "There may be more: not looked at: jar files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := fixtest.Run(t, Vulnerabilities, test.yaml, fixtest.Scan(release, test.scan))
			if test.verdict == "" {
				if len(findings) != 0 {
					t.Errorf("found %v", fixtest.Reasons(findings))
				}
				return
			}
			if len(findings) != 1 {
				t.Fatalf("got %v", fixtest.Reasons(findings))
			}
			f := findings[0]
			said := f.Reason + "\n" + f.Detail + "\n" + f.SeverityWhy
			if f.Verdict != test.verdict || f.Severity != test.severity || !strings.Contains(said, test.says) || (f.Status == harden.StatusUnknown) != (test.verdict == "unknown") {
				t.Errorf("%s, %s, status %s, says %s", f.Verdict, f.Severity, f.Status, said)
			}
		})
	}
	if !fixtest.NotApplicable(t, Vulnerabilities, deployment(release)) {
		t.Error("without scans the rule applies")
	}
}

func TestVulnerabilitiesNamesTheWorst(t *testing.T) {
	scan := vulnerable("low", "critical", "high")
	scan.Vulnerabilities[1].Title = "runs code"
	scan.Database = fixtest.Now.Add(-time.Hour)
	f := fixtest.Only(t, Vulnerabilities, deployment(release), fixtest.Scan(release, scan))
	want := `The image has 3 known vulnerabilities: 1 critical, 1 high, 1 low. A fix is out for 3.
CVE-2026-2 (critical) in libcritical 1, fixed in 2: runs code
CVE-2026-3 (high) in libhigh 1, fixed in 2
CVE-2026-1 (low) in liblow 1, fixed in 2
Scanned by Trivy 0.74.0 on 2026-03-01 with a database of 2026-03-01.`
	if diff := cmp.Diff(want, f.Detail); diff != "" {
		t.Error(diff)
	}
}

// Both platforms and all digests of a container make one finding.
func TestVulnerabilitiesOfAllThatRuns(t *testing.T) {
	yaml := deployment(app) + pod("web-1", app, appAt+sha("a")) + pod("web-2", app, appAt+sha("c"))
	both := []fixtest.Option{fixtest.Live(), fixtest.Scan(appAt+sha("a"), vulnerable("high")), fixtest.Scan(appAt+sha("c"), vulnerable("critical"))}
	if f := fixtest.Only(t, Vulnerabilities, yaml, both...); f.Reason != "1 critical, 1 high to be fixed by an upgrade" {
		t.Errorf("reason %q", f.Reason)
	}
	one := both[:2]
	if f := fixtest.Only(t, Vulnerabilities, yaml, one...); !strings.Contains(f.Detail, sha("c")+" was not scanned") {
		t.Errorf("detail %q", f.Detail)
	}
	if f := fixtest.Only(t, NotScanned, yaml, one...); !strings.Contains(f.Detail, sha("c")) {
		t.Errorf("detail %q", f.Detail)
	}
}

func TestNotScanned(t *testing.T) {
	if !fixtest.NotApplicable(t, NotScanned, deployment(release)) {
		t.Error("without scans the rule applies")
	}
	if f := fixtest.Run(t, NotScanned, deployment(release), fixtest.Scan(release, vulnerable("high"))); len(f) != 0 {
		t.Errorf("found %v", fixtest.Reasons(f))
	}
	f := fixtest.Only(t, NotScanned, deployment(release), fixtest.Scan(release, harden.ImageScan{Why: "no credentials"}))
	if f.Severity != harden.Low || !strings.Contains(f.Detail, "no credentials") {
		t.Errorf("%s: %s", f.Severity, f.Detail)
	}
}

func TestSecrets(t *testing.T) {
	report := vulnerable()
	report.SecretsKnown, report.Source = false, harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: "shop/x"}
	for _, test := range []struct {
		name   string
		scan   harden.ImageScan
		status harden.Status // StatusPass: no finding
		says   string
	}{
		{"none", vulnerable("critical"), harden.StatusPass, ""},
		{"one in a file", harden.ImageScan{Known: true, SecretsKnown: true, Secrets: []harden.ImageSecret{{
			Rule: "aws-access-key-id", Title: "AWS Access Key ID", Path: "/app/.env", Line: 3, Severity: harden.Critical, CreatedBy: "COPY . .",
		}}}, harden.StatusFail, "AWS Access Key ID (aws-access-key-id, critical) in /app/.env, line 3, from the step COPY . ."},
		{"one in the config", harden.ImageScan{Known: true, SecretsKnown: true, Secrets: []harden.ImageSecret{{Rule: "x", Title: "Token"}}}, harden.StatusFail, "the config of the image"},
		{"a report says nothing of them", report, harden.StatusUnknown, "VulnerabilityReport shop/x says nothing about them"},
		{"a scan that failed", harden.ImageScan{Why: "broken layer"}, harden.StatusUnknown, "broken layer"},
		{"none, without a database", harden.ImageScan{Why: "no database", SecretsKnown: true}, harden.StatusPass, ""},
		{"one, without a database", harden.ImageScan{Why: "no database", SecretsKnown: true, Secrets: []harden.ImageSecret{{Rule: "x", Title: "Token", Path: "/a"}}}, harden.StatusFail, "Token (x, info) in /a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := fixtest.Run(t, Secrets, deployment(release), fixtest.Scan(release, test.scan))
			if test.status == harden.StatusPass {
				if len(findings) > 0 {
					t.Errorf("found %v", fixtest.Reasons(findings))
				}
				return
			}
			if len(findings) != 1 || findings[0].Status != test.status || !strings.Contains(findings[0].Detail, test.says) {
				t.Errorf("found %v: %s", fixtest.Reasons(findings), findings[0].Detail)
			}
			if fix := fixtest.Fixes(t, Secrets, deployment(release), fixtest.Scan(release, test.scan))[0]; fix.Class != harden.Review || len(fix.Changes) > 0 {
				t.Errorf("fix %+v", fix)
			}
		})
	}
}

func TestStale(t *testing.T) {
	ago := func(d int) time.Time { return fixtest.Now.Add(-time.Duration(d) * 24 * time.Hour) }
	for _, test := range []struct {
		name    string
		facts   *harden.ImageFacts
		setting int
		want    string
	}{
		{"nobody looked", nil, 0, "n/a"},
		{"young", &harden.ImageFacts{Known: true, Created: ago(10)}, 0, "pass"},
		{"old", &harden.ImageFacts{Known: true, Created: ago(181)}, 0, "built 181 days ago"},
		{"a team that waits longer", &harden.ImageFacts{Known: true, Created: ago(181)}, 365, "pass"},
		{"a team that waits less", &harden.ImageFacts{Known: true, Created: ago(31)}, 30, "built 31 days ago"},
		{"reproducible", &harden.ImageFacts{Known: true}, 0, "not known"},
		{"unreadable", &harden.ImageFacts{Why: "no credentials"}, 0, "not known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inv := fixtest.Load(t, deployment(release))
			if test.facts != nil {
				fixtest.Image(release, *test.facts)(inv)
			}
			p := &harden.Pass{Inventory: inv, Fixer: Stale, Workload: inv.Workloads[0], Object: inv.Workloads[0].Ref, Settings: harden.Settings{ImageMaxAge: test.setting}}
			p.Pod = harden.NewPodView(harden.Declared, p.Object, &p.Workload.Template.ObjectMeta, &p.Workload.Template.Spec, nil, nil)
			Stale.Check(p)
			got := "pass"
			switch {
			case p.IsNotApplicable():
				got = "n/a"
			case len(p.Findings) > 0:
				got = p.Findings[0].Reason
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnsigned(t *testing.T) {
	for _, test := range []struct {
		name      string
		signature *harden.ImageSignature
		want      string
	}{
		{"nobody asked", nil, "n/a"},
		{"signed", &harden.ImageSignature{Known: true, Found: []string{"cosign"}}, ""},
		{"unsigned", &harden.ImageSignature{Known: true}, "fail"},
		{"the registry does not answer", &harden.ImageSignature{Why: "down"}, "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var opts []fixtest.Option
			if test.signature != nil {
				opts = append(opts, fixtest.Signature(release, *test.signature))
			}
			got := ""
			for _, f := range fixtest.Run(t, Unsigned, deployment(release), opts...) {
				got += f.Status.String()
			}
			if fixtest.NotApplicable(t, Unsigned, deployment(release), opts...) {
				got = "n/a"
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEndOfLife(t *testing.T) {
	ended := vulnerable()
	ended.OS = harden.ImageOS{Family: "alpine", Name: "3.12.0", EndOfLife: true}
	f := fixtest.Only(t, EndOfLife, deployment(release), fixtest.Scan(release, ended))
	if f.Severity != harden.Medium || f.Reason != "alpine 3.12.0 gets no more fixes" {
		t.Errorf("%s: %s", f.Severity, f.Reason)
	}
	if got := fixtest.Run(t, EndOfLife, deployment(release), fixtest.Scan(release, vulnerable("critical"))); len(got) > 0 {
		t.Errorf("found %v", fixtest.Reasons(got))
	}
	still := harden.ImageCandidate{Tag: "1.2.1", Digest: sha("1"), Scans: []*harden.ImageScan{&ended}}
	maintained := harden.ImageCandidate{Tag: "1.3.0", Digest: sha("2"), Scans: []*harden.ImageScan{{Known: true, Platform: "linux/amd64"}}}
	fixes := fixtest.Fixes(t, EndOfLife, deployment(release), fixtest.Scan(release, ended), fixtest.Updates(release, harden.ImageUpdates{Known: true, Candidates: []harden.ImageCandidate{still, maintained}}))
	if len(fixes) != 1 || fixes[0].Title != "upgrade the image to 1.3.0" {
		t.Errorf("fixes %+v", fixes)
	}
}

func TestUpgrade(t *testing.T) {
	now := vulnerable("critical", "high", "low!")
	clean, worse := vulnerable("low!"), vulnerable("low!")
	clean.Vulnerabilities[0] = now.Vulnerabilities[2] // the one that nobody can fix stays
	worse.Vulnerabilities = []harden.Vulnerability{
		{ID: "CVE-2026-91", Package: "x", Severity: harden.Critical, Fixed: "2"}, {ID: "CVE-2026-92", Package: "x", Severity: harden.Critical},
	}
	same := vulnerable("critical", "high", "low!")
	candidate := func(tag, letter string, scan harden.ImageScan) harden.ImageCandidate {
		return harden.ImageCandidate{Tag: tag, Digest: sha(letter), Scans: []*harden.ImageScan{&scan}}
	}
	updates := func(c ...harden.ImageCandidate) fixtest.Option {
		return fixtest.Updates(release, harden.ImageUpdates{Known: true, Time: fixtest.Now, Listed: 40, Candidates: c})
	}
	scan := fixtest.Scan(release, now)

	fixes := fixtest.Fixes(t, Vulnerabilities, deployment(release), scan, updates(candidate("1.2.4", "1", clean), candidate("1.9.0", "2", worse), candidate("1.2.1", "3", same)))
	if len(fixes) != 2 {
		t.Fatalf("got %d fixes: %+v", len(fixes), fixes)
	}
	if want := "1.2.4 was scanned on linux/amd64: it clears 2 of 2 that can be fixed (1 critical, 1 high), and adds none."; fixes[0].Class != harden.Review || fixes[0].Evidence[0].Text != want || fixes[0].Evidence[0].State != harden.Holds {
		t.Errorf("%s, %+v", fixes[0].Class, fixes[0].Evidence[0])
	}
	if e := fixes[0].Evidence[1]; e.State != harden.Refutes || !strings.Contains(e.Text, "convert data") {
		t.Errorf("another version would be tried without being asked for: %+v", e)
	}
	if e := fixes[1].Evidence[0]; e.State != harden.Refutes || !strings.Contains(e.Text, "adds 2 critical. What it adds is worse") {
		t.Errorf("a version that makes it worse is proposed with %+v", e)
	}
	after := fixtest.Repair(t, []*harden.Fixer{Vulnerabilities}, deployment(release), scan, updates(candidate("1.2.4", "1", clean)))
	if want := "image: registry.corp/team/app:1.2.4@" + sha("1") + "\n"; !strings.Contains(after, want) {
		t.Errorf("want %q in\n%s", want, after)
	}
	for _, test := range []struct {
		name string
		opts []fixtest.Option
		says string
	}{
		{"nobody looked", nil, "--updates"},
		{"the registry does not answer", []fixtest.Option{fixtest.Updates(release, harden.ImageUpdates{Why: "the registry is down"})}, "the registry is down"},
		{"there is none", []fixtest.Option{updates()}, "none of the same major version"},
		{"none helps", []fixtest.Option{updates(candidate("1.2.1", "3", same))}, "(1 scanned)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fixes := fixtest.Fixes(t, Vulnerabilities, deployment(release), append(test.opts, scan)...)
			if len(fixes) != 1 || len(fixes[0].Changes) > 0 || !strings.Contains(fixes[0].Manual, test.says) {
				t.Errorf("fixes %+v", fixes)
			}
		})
	}
}

// The image is written as the user wrote it: short names stay short.
func TestUntagged(t *testing.T) {
	for image, want := range map[string]string{
		"nginx": "nginx", "nginx:1.27": "nginx", "nginx:1.27@" + digest: "nginx", "registry:5000/app": "registry:5000/app",
		"registry:5000/app:1": "registry:5000/app", "docker.io/library/nginx@" + digest: "docker.io/library/nginx",
	} {
		r, err := ParseReference(image)
		if err != nil {
			t.Fatal(err)
		}
		if got := untagged(image, r); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}
