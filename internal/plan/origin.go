package plan

import (
	"net/url"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// repository is a URL as it may be shown: without password, without user unless
// it is that of SSH, and without a query, which may hold a token.
func repository(raw string) string {
	raw = line(raw)
	if !strings.Contains(raw, "://") { // git@host:path, or a folder
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		raw, _, _ = strings.Cut(raw, "?")
		scheme, rest, _ := strings.Cut(raw, "://")
		return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
	}
	if u.User != nil {
		name := u.User.Username()
		if u.User = nil; u.Scheme == "ssh" && name != "" {
			u.User = url.User(name)
		}
	}
	u.RawQuery, u.Fragment, u.ForceQuery = "", "", false
	return u.String()
}

var chartLabel = regexp.MustCompile(`^(.+)-v?([0-9]+\..*)$`)

// chartOf reads the label helm.sh/chart, NAME-VERSION by Helm's convention (helm.sh,
// Labels and Annotations); a + of the version is written as _ there.
func chartOf(teller, label string) *harden.Origin {
	origin := &harden.Origin{Teller: line(teller)}
	if m := chartLabel.FindStringSubmatch(line(label)); m != nil {
		origin.Chart, origin.Version = m[1], strings.ReplaceAll(m[2], "_", "+")
	}
	return origin
}

// originOf is what a teller says about where its objects come from, or nil.
func (t told) originOf(teller *unstructured.Unstructured) *harden.Origin {
	switch teller.GetKind() {
	case "Kustomization":
		origin := &harden.Origin{Path: said(teller, "spec", "path"), Applied: said(teller, "status", "lastAppliedRevision")}
		t.fromSources(origin, sourceRef(teller, "spec", "sourceRef"))
		origin.Teller = nameOf(teller)
		return origin
	case "HelmRelease":
		return t.originOfRelease(teller)
	case "Application":
		return t.originOfApplication(teller)
	default:
		return nil
	}
}

func (t told) originOfRelease(release *unstructured.Unstructured) *harden.Origin {
	origin := &harden.Origin{
		Teller: nameOf(release), Chart: said(release, "spec", "chart", "spec", "chart"), Version: said(release, "spec", "chart", "spec", "version"),
		Applied: said(release, "status", "lastAttemptedRevision"),
	}
	t.fromSources(origin, sourceRef(release, "spec", "chart", "spec", "sourceRef"))
	t.fromSources(origin, sourceRef(release, "spec", "chartRef"))
	origin.More = t.parents(release)
	return origin
}

// parents say where the teller comes from itself: the values of a release are
// there, not in the chart.
func (t told) parents(teller *unstructured.Unstructured) []harden.Origin {
	var out []harden.Origin
	for _, ref := range Tellers(teller) {
		parent, _ := t.object(ref)
		if parent == nil || nameOf(parent) == nameOf(teller) {
			continue
		}
		switch parent.GetKind() {
		case "Kustomization":
			out = append(out, *t.originOf(parent))
		case "Application":
			if lists(parent, teller) {
				out = append(out, *t.originOf(parent))
			}
		}
	}
	return out
}

// fromSources adds what objects of Flux's source API say (source-controller,
// docs/spec): URL and reference, or bucket, or chart.
func (t told) fromSources(origin *harden.Origin, refs []harden.Ref) {
	for _, ref := range refs {
		source, why := t.object(ref)
		if source == nil {
			if origin.Repository == "" && why != "" {
				origin.Repository = longName(ref)
			}
			continue
		}
		switch source.GetKind() {
		case "Bucket":
			origin.Repository = repository(strings.TrimSuffix(said(source, "spec", "endpoint"), "/") + "/" + said(source, "spec", "bucketName"))
		case "HelmChart":
			origin.Chart, origin.Version = said(source, "spec", "chart"), said(source, "spec", "version")
			t.fromSources(origin, sourceRef(source, "spec", "sourceRef"))
		default:
			origin.Repository = repository(said(source, "spec", "url"))
			origin.Revision = revisionOf(source)
		}
	}
}

// revisionOf is what a GitRepository or OCIRepository follows, the most exact first.
func revisionOf(source *unstructured.Unstructured) string {
	for _, field := range []string{"commit", "digest", "name", "semver", "tag", "branch"} {
		if s := said(source, "spec", "ref", field); s != "" {
			return s
		}
	}
	return ""
}
