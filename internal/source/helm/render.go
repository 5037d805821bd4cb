package helm

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"strings"
	"text/template"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// files is what the templates give, by name of the file, with other functions
// than helm's where funcs has them. Names begin with the chart's.
func (c *Chart) files(r Release, funcs template.FuncMap) (files map[string]string, err error) {
	quietly(func() {
		chart, values, prepareErr := c.prepare(r)
		if err = prepareErr; err == nil {
			files, err = engine.Engine{CustomTemplateFuncs: funcs}.Render(chart, values)
			err = inWords(err)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("rendering chart %q: %w", c.Path, err)
	}
	maps.DeleteFunc(files, func(name, _ string) bool { return path.Base(name) == "NOTES.txt" })
	return files, nil
}

// prepare gives the chart with the dependencies that the values switch on, and
// everything that its templates see.
func (c *Chart) prepare(r Release) (*chartv2.Chart, common.Values, error) {
	caps, err := capabilities(r)
	if err != nil {
		return nil, nil, err
	}
	if needs := c.chart.Metadata.KubeVersion; needs != "" && !chartutil.IsCompatibleRange(needs, caps.KubeVersion.String()) {
		return nil, nil, fmt.Errorf("it is for Kubernetes %s, not for %s", harden.OneLine(needs), caps.KubeVersion.Version)
	}
	chart, values := instance(c.chart), merged(r.Values)
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return nil, nil, inWords(err)
	}
	options := common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	// The schema is validated apart: helm's way would fetch what it refers to.
	top, err := util.ToRenderValuesWithSchemaValidation(chart, values, options, caps, true)
	return chart, top, inWords(err)
}

func capabilities(r Release) (*common.Capabilities, error) {
	caps := common.DefaultCapabilities.Copy()
	if r.KubeVersion != "" {
		v, err := common.ParseKubeVersion(r.KubeVersion)
		if err != nil {
			return nil, fmt.Errorf("%q is not a version of Kubernetes, such as 1.37.2", r.KubeVersion)
		}
		caps.KubeVersion = *v
	}
	caps.APIVersions = append(append(common.VersionSet{}, caps.APIVersions...), r.APIVersions...)
	return caps, nil
}

// merged are the values as helm makes one of several files, with the numbers of
// helm's decoder: a large integer comes out of a template as 1e+06, there as here.
func merged(files []map[string]any) map[string]any {
	out := map[string]any{}
	for _, file := range files {
		out = loader.MergeMaps(out, floats(file).(map[string]any))
	}
	return out
}

func floats(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[key] = floats(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = floats(child)
		}
		return out
	case int64:
		return float64(v)
	case int:
		return float64(v)
	default:
		return v
	}
}

// whole is floats the other way: values as people write them.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[key] = whole(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = whole(child)
		}
		return out
	case float64:
		if n := int64(v); float64(n) == v && math.Abs(v) < 1<<53 {
			return n
		}
	}
	return v
}

// instance is a copy of the chart to be rendered once: helm takes away what is
// switched off, renames what has an alias, and imports values.
func instance(chart *chartv2.Chart) *chartv2.Chart {
	out := *chart
	metadata := *chart.Metadata
	metadata.Dependencies = make([]*chartv2.Dependency, len(chart.Metadata.Dependencies))
	for i, d := range chart.Metadata.Dependencies {
		dependency := *d
		metadata.Dependencies[i] = &dependency
	}
	out.Metadata = &metadata
	out.SetDependencies()
	for _, d := range chart.Dependencies() {
		out.AddDependency(instance(d))
	}
	return &out
}

// decode reads the objects in files, in the order of installation.
func (c *Chart) decode(files map[string]string, namespace string) (out []Object, err error) {
	var manifests []releaseutil.Manifest
	quietly(func() {
		_, manifests, err = releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	})
	if err != nil {
		return nil, fmt.Errorf("rendering chart %q: %w", c.Path, inWords(err))
	}
	for _, m := range manifests {
		_, file, _ := strings.Cut(m.Name, "/")
		objects, err := decodeManifest(m.Content)
		if err != nil {
			return nil, fmt.Errorf("rendering chart %q: %s: %w", c.Path, harden.OneLine(file), err)
		}
		for _, u := range objects {
			out = append(out, Object{Unstructured: u, Ref: refOf(u, namespace), Template: file})
		}
	}
	return out, nil
}

func decodeManifest(text string) ([]*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, inWords(err)
	}
	if string(data) == "null" {
		return nil, nil
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, errors.New("what it gives is not an object: it has no kind")
	}
	if !u.IsList() {
		return []*unstructured.Unstructured{u}, nil
	}
	var out []*unstructured.Unstructured
	err = u.EachListItem(func(item runtime.Object) error {
		out = append(out, item.(*unstructured.Unstructured))
		return nil
	})
	return out, err
}

// refOf names the object where helm installs it: in the namespace of the release
// unless it names one itself. Custom resources are taken to be namespaced.
func refOf(u *unstructured.Unstructured, namespace string) harden.Ref {
	ref := harden.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
	switch {
	case inventory.ClusterScoped(ref.GroupVersionKind().GroupKind()):
		ref.Namespace = ""
	case ref.Namespace == "":
		ref.Namespace = namespace
	}
	return ref
}
