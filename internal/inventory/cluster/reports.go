package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Report is what a scanner in the cluster said about an image.
type Report struct {
	Repository string // with its registry, such as docker.io/library/nginx
	// Scan has the digest by which the scanner knows the image: that of an index,
	// of a manifest or of a config.
	Scan *harden.ImageScan
}

const (
	aquaGroup = "aquasecurity.github.io"
	aquaPath  = "/apis/" + aquaGroup + "/v1alpha1"

	kubescapeGroup = "spdx.softwarecomposition.kubescape.io"
	kubescapePath  = "/apis/" + kubescapeGroup + "/v1beta1"
	// kubescapeNamespace is where Kubescape keeps what it found, whatever namespace the image runs in.
	kubescapeNamespace = "kubescape"

	// reportPage is how many reports are asked for at once: each may have a megabyte.
	reportPage = 25
	// fewNamespaces are asked one by one; more by one list, where that is allowed.
	fewNamespaces = 5
)

// Reports lists what VulnerabilityReports of Trivy Operator in the namespaces and
// VulnerabilityManifests of Kubescape say about the images that are wanted. A
// server without these APIs has none. Unread says what may not be read.
func (r *Reader) Reports(ctx context.Context, namespaces []string, wanted func(repository, digest string) bool) (reports []Report, unread []harden.Unread) {
	who := r.known()
	if who.groups == nil || who.groups[aquaGroup] {
		reports, unread = r.vulnerabilityReports(ctx, namespaces, wanted)
	}
	if who.groups == nil || who.groups[kubescapeGroup] {
		found, err := r.vulnerabilityManifests(ctx, wanted)
		reports = append(reports, found...)
		unread = noteReports(unread, harden.VulnerabilityManifests, "", err)
	}
	return reports, unread
}

func noteReports(unread []harden.Unread, resource, namespace string, err error) []harden.Unread {
	if err == nil || apierrors.IsNotFound(err) {
		return unread
	}
	return append(unread, harden.Unread{Resource: resource, Namespace: namespace, Why: why(classify(err))})
}

func (r *Reader) vulnerabilityReports(ctx context.Context, namespaces []string, wanted func(repository, digest string) bool) (reports []Report, unread []harden.Unread) {
	each := func(item json.RawMessage) {
		var v vulnerabilityReport
		if json.Unmarshal(item, &v) != nil {
			return // not what the API says: somebody else's object
		}
		if report := v.report(); wanted(report.Repository, report.Scan.Digest) {
			reports = append(reports, report)
		}
	}
	if len(namespaces) > fewNamespaces {
		err := r.eachItem(ctx, aquaPath+"/vulnerabilityreports", each)
		if !apierrors.IsForbidden(err) {
			return reports, noteReports(nil, harden.VulnerabilityReports, "", err)
		}
	}
	for _, ns := range namespaces {
		err := r.eachItem(ctx, aquaPath+"/namespaces/"+url.PathEscape(ns)+"/vulnerabilityreports", each)
		unread = noteReports(unread, harden.VulnerabilityReports, ns, err)
	}
	return reports, unread
}

// vulnerabilityManifests lists the manifests, which come without their payload
// (kubescape/storage pkg/registry/file, GetList), and gets those that are wanted.
func (r *Reader) vulnerabilityManifests(ctx context.Context, wanted func(repository, digest string) bool) (reports []Report, err error) {
	var names []metav1.ObjectMeta
	each := func(item json.RawMessage) {
		var v vulnerabilityManifest
		if json.Unmarshal(item, &v) != nil || v.relevantOnly() {
			return
		}
		repository, digest, ok := strings.Cut(v.Annotations[imageIDAnnotation], "@")
		if ok && wanted(repository, digest) {
			names = append(names, v.ObjectMeta)
		}
	}
	err = r.eachItem(ctx, kubescapePath+"/vulnerabilitymanifests", each)
	if apierrors.IsForbidden(err) {
		err = r.eachItem(ctx, kubescapePath+"/namespaces/"+kubescapeNamespace+"/vulnerabilitymanifests", each)
	}
	for _, name := range names {
		var v vulnerabilityManifest
		path := kubescapePath + "/namespaces/" + url.PathEscape(name.Namespace) + "/vulnerabilitymanifests/" + url.PathEscape(name.Name)
		switch failed := r.getJSON(ctx, path, nil, &v); {
		case failed != nil:
			err = failed
		case !v.relevantOnly():
			reports = append(reports, v.report())
		}
	}
	return reports, err
}

// eachItem visits the items of a list, page by page.
func (r *Reader) eachItem(ctx context.Context, path string, visit func(json.RawMessage)) error {
	token := ""
	for {
		var list struct {
			Metadata metav1.ListMeta   `json:"metadata"`
			Items    []json.RawMessage `json:"items"`
		}
		query := map[string]string{"limit": strconv.Itoa(reportPage)}
		if token != "" {
			query["continue"] = token
		}
		if err := r.getJSON(ctx, path, query, &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			visit(item)
		}
		if token = list.Metadata.Continue; token == "" {
			return nil
		}
	}
}

func (r *Reader) getJSON(ctx context.Context, path string, query map[string]string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	request := r.client.Discovery().RESTClient().Get().AbsPath(path).SetHeader("Accept", runtime.ContentTypeJSON)
	for name, value := range query {
		request = request.Param(name, value)
	}
	answer := request.Do(ctx)
	if err := answer.Error(); err != nil {
		return err
	}
	data, err := answer.Raw()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// A vulnerabilityReport is what is used of one of Trivy Operator
// (aquasecurity/trivy-operator pkg/apis/aquasecurity/v1alpha1/vulnerability_types.go).
type vulnerabilityReport struct {
	metav1.ObjectMeta `json:"metadata"`
	Report            struct {
		UpdateTimestamp time.Time `json:"updateTimestamp"`
		Registry        struct {
			Server string `json:"server"`
		} `json:"registry"`
		Artifact struct {
			Repository string `json:"repository"`
			Digest     string `json:"digest"`
		} `json:"artifact"`
		OS struct {
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
	server := r.Registry.Server
	if server == "index.docker.io" {
		server = "docker.io"
	}
	return Report{Repository: server + "/" + r.Artifact.Repository, Scan: scan}
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
