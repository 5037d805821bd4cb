package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

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

	exposedSecretReports = "exposedsecretreports." + aquaGroup

	// reportPage is how many reports are asked for at once: each may have a megabyte.
	reportPage = 25
	// fewNamespaces are asked one by one; more by one list, where that is allowed.
	fewNamespaces = 5
)

// Reports lists what VulnerabilityReports of Trivy Operator in the namespaces and
// VulnerabilityManifests of Kubescape say about the images that are wanted, with
// the secrets of which ExposedSecretReports of Trivy Operator tell. A server without these APIs has none. Unread says what may not be read.
func (r *Reader) Reports(ctx context.Context, namespaces []string, wanted func(repository, digest string) bool) (reports []Report, unread []harden.Unread) {
	who := r.known()
	if who.mayHave(aquaGroup) {
		reports, unread = r.vulnerabilityReports(ctx, namespaces, wanted)
		r.addSecrets(ctx, namespaces, reports)
	}
	if who.mayHave(kubescapeGroup) {
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
	unread = r.eachAqua(ctx, harden.VulnerabilityReports, namespaces, func(item json.RawMessage) {
		var v vulnerabilityReport
		if json.Unmarshal(item, &v) != nil {
			return // not what the API says: somebody else's object
		}
		if report := v.report(); wanted(report.Repository, report.Scan.Digest) {
			reports = append(reports, report)
		}
	})
	return reports, unread
}

// addSecrets adds what ExposedSecretReports say about the images of the reports.
// Where there are none, or they may not be read, secrets stay unknown.
func (r *Reader) addSecrets(ctx context.Context, namespaces []string, reports []Report) {
	if len(reports) == 0 {
		return
	}
	type image struct{ repository, digest string }
	found := map[image][]harden.ImageSecret{}
	r.eachAqua(ctx, exposedSecretReports, namespaces, func(item json.RawMessage) {
		var v exposedSecretReport
		if json.Unmarshal(item, &v) == nil {
			found[image{v.Report.repository(), v.Report.Artifact.Digest}] = v.secrets()
		}
	})
	for _, report := range reports {
		secrets, looked := found[image{report.Repository, report.Scan.Digest}]
		report.Scan.Secrets, report.Scan.SecretsKnown = secrets, looked
	}
}

// eachAqua visits the objects of a resource of Trivy Operator in the namespaces.
func (r *Reader) eachAqua(ctx context.Context, resource string, namespaces []string, visit func(json.RawMessage)) (unread []harden.Unread) {
	plural, _, _ := strings.Cut(resource, ".")
	if len(namespaces) > fewNamespaces {
		err := r.eachItem(ctx, aquaPath+"/"+plural, visit)
		if !apierrors.IsForbidden(err) {
			return noteReports(nil, resource, "", err)
		}
	}
	for _, ns := range namespaces {
		err := r.eachItem(ctx, aquaPath+"/namespaces/"+url.PathEscape(ns)+"/"+plural, visit)
		unread = noteReports(unread, resource, ns, err)
	}
	return unread
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
