package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

const (
	reportsPath      = aquaPath + "/namespaces/shop/vulnerabilityreports"
	manifestsPath    = kubescapePath + "/vulnerabilitymanifests"
	kubescapeDefault = kubescapePath + "/namespaces/kubescape/vulnerabilitymanifests"
	withReports      = `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "` + aquaGroup + `"}, {"name": "` + kubescapeGroup + `"}]}`
)

func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// aqua is a VulnerabilityReport as Trivy Operator writes it.
func aqua(namespace, name, digest string) string {
	return fmt.Sprintf(`{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "VulnerabilityReport",
		"metadata": {"name": %q, "namespace": %q, "labels": {"trivy-operator.container.name": "web", "trivy-operator.resource.kind": "ReplicaSet"}},
		"report": {
			"updateTimestamp": "2026-11-27T10:00:00Z", "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.74.0"},
			"registry": {"server": "index.docker.io"}, "artifact": {"repository": "library/web", "digest": %q, "tag": "1"},
			"os": {"family": "alpine", "name": "3.12.0", "eosl": true},
			"summary": {"criticalCount": 1, "highCount": 0, "mediumCount": 0, "lowCount": 0, "unknownCount": 1},
			"vulnerabilities": [
				{"vulnerabilityID": "GHSA-1", "resource": "lodash", "installedVersion": "1.0", "fixedVersion": "", "severity": "UNKNOWN", "title": "", "target": "app/package-lock.json", "class": "lang-pkgs", "packagePath": ""},
				{"vulnerabilityID": "CVE-2026-1", "resource": "musl", "installedVersion": "1.1", "fixedVersion": "1.2", "severity": "CRITICAL", "title": "bad\u001b[2J", "primaryLink": "https://example.com/1", "score": 9.8, "target": "web (alpine 3.12.0)", "class": "os-pkgs"}
			]}}`, name, namespace, digest)
}

// exposed is an ExposedSecretReport of Trivy Operator with one secret.
func exposed(digest, path string) string {
	return fmt.Sprintf(`{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "ExposedSecretReport", "metadata": {"name": "web", "namespace": "shop"},
		"report": {"registry": {"server": "index.docker.io"}, "artifact": {"repository": "library/web", "digest": %q},
			"secrets": [{"target": %q, "ruleID": "github-pat", "title": "GitHub token", "category": "GitHub", "severity": "CRITICAL", "match": "not to be read"}]}}`, digest, path)
}

func withSecret(r Report) Report {
	r.Scan.SecretsKnown = true
	r.Scan.Secrets = []harden.ImageSecret{{Rule: "github-pat", Title: "GitHub token", Path: "/app/.env", Severity: harden.Critical}}
	return r
}

// kubescape is a VulnerabilityManifest; a list has it without the payload.
func kubescape(name, digest, labels, payload string) string {
	return fmt.Sprintf(`{"apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1", "kind": "VulnerabilityManifest",
		"metadata": {"name": %q, "namespace": "kubescape", "annotations": {"kubescape.io/image-id": "docker.io/library/web@%s"}, "labels": {%s}},
		"spec": {"metadata": {"withRelevancy": false, "tool": {"name": "grype", "version": "1", "databaseVersion": "x"}, "report": {"createdAt": "2026-11-26T10:00:00Z"}}, "payload": %s}}`, name, digest, labels, payload)
}

const grype = `{"distro": {"name": "debian", "version": "12", "idLike": []}, "source": null, "descriptor": {"name": "grype", "version": "1"}, "matches": [
	{"vulnerability": {"id": "CVE-2026-2", "dataSource": "https://example.com/2", "severity": "High", "urls": [], "description": "worse", "cvss": [{"version": "2.0", "vector": "", "metrics": {"baseScore": 5}}, {"version": "3.1", "vector": "", "metrics": {"baseScore": 7.5}}], "fix": {"versions": ["1.1"], "state": "fixed"}, "advisories": []},
	 "artifact": {"name": "zlib", "version": "1.0", "type": "deb", "locations": [{"path": "/var/lib/dpkg/status"}]}, "relatedVulnerabilities": [], "matchDetails": []},
	{"vulnerability": {"id": "CVE-2026-3", "severity": "Negligible", "urls": [], "cvss": [], "fix": {"versions": ["9"], "state": "wont-fix"}, "advisories": []},
	 "artifact": {"name": "flask", "version": "2.0", "type": "python", "locations": [{"path": "/app/METADATA"}]}, "relatedVulnerabilities": [], "matchDetails": []}]}`

func wantAqua(namespace string) Report {
	return Report{Repository: "docker.io/library/web", Scan: &harden.ImageScan{
		Known: true, Digest: digestOf("a"), Time: time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC), OS: harden.ImageOS{Family: "alpine", Name: "3.12.0", EndOfLife: true},
		Source: harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: namespace + "/web"},
		Vulnerabilities: []harden.Vulnerability{
			{ID: "CVE-2026-1", Package: "musl", Installed: "1.1", Fixed: "1.2", Severity: harden.Critical, Title: "bad [2J", URL: "https://example.com/1", CVSS: 9.8, System: true},
			{ID: "GHSA-1", Package: "lodash", Path: "app/package-lock.json", Installed: "1.0"},
		},
	}}
}

var wantKubescape = Report{Repository: "docker.io/library/web", Scan: &harden.ImageScan{
	Known: true, Digest: digestOf("b"), Time: time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC), OS: harden.ImageOS{Family: "debian", Name: "12"},
	Source: harden.ScanSource{Kind: harden.ScanVulnerabilityManifest, Name: "kubescape/web"},
	Vulnerabilities: []harden.Vulnerability{
		{ID: "CVE-2026-2", Package: "zlib", Installed: "1.0", Fixed: "1.1", Severity: harden.High, Title: "worse", URL: "https://example.com/2", CVSS: 7.5, System: true},
		{ID: "CVE-2026-3", Package: "flask", Path: "/app/METADATA", Installed: "2.0", Severity: harden.Low},
	},
}}

func wanted(digests ...string) func(string, string) bool {
	return func(_, digest string) bool {
		for _, d := range digests {
			if d == digest {
				return true
			}
		}
		return false
	}
}

func TestReports(t *testing.T) {
	empty := answer(listOf("1"))
	listed := kubescape("web", digestOf("b"), "", "{}")
	for _, test := range []struct {
		name   string
		set    func(*server)
		want   []Report
		unread []harden.Unread
	}{
		{"neither API", func(s *server) {
			s.on("/apis", answer(`{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`))
			s.on(reportsPath, forbidden("x is forbidden: not asked for"))
		}, nil, nil},
		{"the groups are there, the kinds not", func(s *server) { s.on("/apis", answer(withReports)) }, nil, nil},
		{"Trivy Operator", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, answer(listOf("1", aqua("shop", "other", digestOf("f")), aqua("shop", "web", digestOf("a")))))
		}, []Report{wantAqua("shop")}, nil},
		{"Trivy Operator, secrets too", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, answer(listOf("1", aqua("shop", "web", digestOf("a")))))
			s.on(aquaPath+"/namespaces/shop/exposedsecretreports", answer(listOf("1", exposed(digestOf("f"), "/b"), exposed(digestOf("a"), "/app/.env"))))
		}, []Report{withSecret(wantAqua("shop"))}, nil},
		{"Trivy Operator, secrets are forbidden", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, answer(listOf("1", aqua("shop", "web", digestOf("a")))))
			s.on(aquaPath+"/namespaces/shop/exposedsecretreports", forbidden("x is forbidden: no secrets"))
		}, []Report{wantAqua("shop")}, nil},
		{"Kubescape", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, empty)
			s.on(manifestsPath, answer(listOf("1", listed, kubescape("other", digestOf("f"), "", "{}"), kubescape("relevant", digestOf("b"), `"kubescape.io/context": "filtered"`, "{}"))))
			s.on(kubescapeDefault+"/web", answer(kubescape("web", digestOf("b"), "", grype)))
		}, []Report{wantKubescape}, nil},
		{"Kubescape, in its own namespace only", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, empty)
			s.on(manifestsPath, forbidden("x is forbidden: not everywhere"))
			s.on(kubescapeDefault, answer(listOf("1", listed)))
			s.on(kubescapeDefault+"/web", answer(kubescape("web", digestOf("b"), "", grype)))
		}, []Report{wantKubescape}, nil},
		{"forbidden", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, forbidden("x is forbidden: no reports"))
			s.on(manifestsPath, forbidden("x is forbidden: no manifests"))
			s.on(kubescapeDefault, forbidden("x is forbidden: none here"))
		}, nil, []harden.Unread{{Resource: harden.VulnerabilityReports, Namespace: "shop", Why: "no reports"}, {Resource: harden.VulnerabilityManifests, Why: "none here"}}},
		{"somebody else's objects", func(s *server) {
			s.on("/apis", answer(withReports))
			s.on(reportsPath, answer(listOf("1", `{"report": "none"}`, `{"report": {"vulnerabilities": [{"score": "high"}]}}`, aqua("shop", "web", digestOf("a")))))
		}, []Report{wantAqua("shop")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			test.set(s)
			r := newReader(t, s)
			if _, err := r.Cluster(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, unread := r.Reports(t.Context(), []string{"shop"}, wanted(digestOf("a"), digestOf("b")))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.unread, unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
		})
	}
}

// definition is a CRD without a schema of its own.
func definition(group, version, plural, kind string) string {
	return fmt.Sprintf(`
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[3]s.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: %[3]s, singular: %[4]s, kind: %[5]s}
  versions: [{name: %[2]s, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`, group, version, plural, strings.ToLower(kind), kind)
}

// A real API server, with these APIs in it, and somebody who may not read them.
func TestReportsOfARealServer(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	kubectl(t, l, definition(aquaGroup, "v1alpha1", "vulnerabilityreports", "VulnerabilityReport")+definition(kubescapeGroup, "v1beta1", "vulnerabilitymanifests", "VulnerabilityManifest"), "apply", "-f", "-")
	kubectl(t, l, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/vulnerabilityreports."+aquaGroup, "crd/vulnerabilitymanifests."+kubescapeGroup)
	kubectl(t, l, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubescape"}}`, "apply", "-f", "-")
	for i := range reportPage + 1 { // more than a page
		kubectl(t, l, aqua(ns, fmt.Sprint("other-", i), digestOf("f")), "create", "-f", "-")
	}
	kubectl(t, l, aqua(ns, "web", digestOf("a")), "create", "-f", "-")
	kubectl(t, l, kubescape("web", digestOf("b"), "", grype), "create", "-f", "-")

	r := labReader(t, l.Kubeconfig())
	if _, err := r.Cluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, namespaces := range [][]string{{ns}, {ns, "n1", "n2", "n3", "n4", "n5"}} { // by namespace, and in one list
		got, unread := r.Reports(t.Context(), namespaces, wanted(digestOf("a"), digestOf("b")))
		if diff := cmp.Diff([]Report{wantAqua(ns), wantKubescape}, got); diff != "" || len(unread) > 0 {
			t.Errorf("unread %v (-want +got):\n%s", unread, diff)
		}
	}

	cfg, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "nobody-special", Groups: []string{"system:authenticated"}}
	refused, err := New(cfg, "lab")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refused.Cluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, unread := refused.Reports(t.Context(), []string{ns}, wanted(digestOf("a"), digestOf("b")))
	if len(got) > 0 || len(unread) != 2 || !strings.Contains(unread[0].Why, "nobody-special") {
		t.Errorf("got %v, unread %v", got, unread)
	}
	kubectl(t, l, "", "delete", "crd", "vulnerabilityreports."+aquaGroup, "vulnerabilitymanifests."+kubescapeGroup)
}
