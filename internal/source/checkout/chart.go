package checkout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	"github.com/kubectl-harden/kubectl-harden/internal/source/edit"
	"github.com/kubectl-harden/kubectl-harden/internal/source/helm"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// Annotations by which helm tells to which release an object belongs.
const (
	releaseName      = "meta.helm.sh/release-name"
	releaseNamespace = "meta.helm.sh/release-namespace"
)

// A chart is a folder that helm renders.
type chart struct {
	checkout *Checkout
	folder   string

	read    *helm.Chart
	broken  error
	release map[string]*release
}

// releaseOf is the chart as the live object's release has it; nil when the object
// belongs to none.
func (c *chart) releaseOf(live harden.ObjectChange) *release {
	annotations := live.Before.GetAnnotations()
	name, namespace := annotations[releaseName], annotations[releaseNamespace]
	if name == "" {
		return nil
	}
	if c.release == nil {
		c.release = map[string]*release{}
		if c.read, c.broken = helm.Load(c.folder); c.broken != nil {
			c.checkout.unread = append(c.checkout.unread, unread{c.folder, harden.OneLine(c.broken.Error())})
		}
	}
	id := namespace + "/" + name
	if c.release[id] == nil {
		c.release[id] = &release{chart: c, name: name, namespace: namespace}
	}
	return c.release[id]
}

// A release is a chart with the values that the user gave.
type release struct {
	chart           *chart
	name, namespace string
	rendered        []*object
	failed          error
}

func (r *release) kind() harden.SourceKind { return harden.SourceHelm }
func (r *release) where() string           { return r.chart.folder }

func (r *release) objects(edits []harden.FileChange) ([]*object, error) {
	if r.chart.broken != nil {
		return nil, r.chart.broken
	}
	touched := slices.ContainsFunc(edits, func(e harden.FileChange) bool { return slices.Contains(r.valuesFiles(), e.Path) })
	if !touched && (r.rendered != nil || r.failed != nil) {
		return r.rendered, r.failed
	}
	out, err := r.render(edits)
	if !touched {
		r.rendered, r.failed = out, err
	}
	return out, err
}

func (r *release) render(edits []harden.FileChange) ([]*object, error) {
	values, err := r.values(edits)
	if err != nil {
		return nil, err
	}
	rendered, err := r.chart.read.Objects(values)
	if err != nil {
		return nil, err
	}
	out := []*object{}
	for _, o := range rendered {
		u := o.DeepCopy()
		for _, path := range o.Varies {
			if err := plan.Drop(u, path); err != nil {
				return nil, err
			}
		}
		out = append(out, &object{Unstructured: u, namespace: o.Ref.Namespace, ref: o.Ref})
	}
	return out, nil
}

// valuesFiles are where values may be written, the strongest last.
func (r *release) valuesFiles() []string {
	return append([]string{filepath.Join(r.chart.folder, "values.yaml")}, r.chart.checkout.opts.Values...)
}

// values are those of the release: what the edits make of the chart's own, and
// the files that were given.
func (r *release) values(edits []harden.FileChange) (helm.Release, error) {
	out := helm.Release{Name: r.name, Namespace: r.namespace, KubeVersion: r.chart.checkout.opts.KubeVersion}
	for i, file := range r.valuesFiles() {
		edited := slices.ContainsFunc(edits, func(e harden.FileChange) bool { return e.Path == file })
		if i == 0 && !edited {
			continue // helm reads it with the chart
		}
		values, err := parseValues(file, r.chart.checkout.valuesText(file, edits))
		if err != nil {
			return out, err
		}
		out.Values = append(out.Values, values)
	}
	return out, nil
}

func (c *Checkout) valuesText(path string, edits []harden.FileChange) string {
	for _, e := range edits {
		if e.Path == path {
			return string(e.After)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

func parseValues(file, text string) (map[string]any, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("reading values from %q: %s", file, harden.OneLine(err.Error()))
	}
	var values map[string]any
	if err := utiljson.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("reading values from %q: it holds no mapping", file)
	}
	return values, nil
}

const postRenderer = "; a post-renderer can bring it: -o kustomize --out FOLDER"

// bring looks for values, writes them where their neighbours are, and renders.
func (r *release) bring(edits []harden.FileChange, wanted []want) (brought, error) {
	now, err := r.objects(edits)
	if err != nil {
		return brought{}, err
	}
	var changes []harden.ObjectChange
	after := map[harden.Key]map[string]any{}
	for _, w := range wanted {
		if w.object == nil {
			return brought{}, errors.New("a chart brings no new objects by its values" + postRenderer)
		}
		o := named(now, w.object.ref)
		if o == nil {
			return brought{}, fmt.Errorf("%s is not rendered any more", w.object.ref)
		}
		u, err := r.chart.checkout.carry(o.Unstructured, w.change)
		if err != nil {
			return brought{}, fmt.Errorf("%s: %w", r.chart.folder, err)
		}
		after[o.ref.Key()] = u.Object
		if kustomize.Same(o.Object, u.Object) {
			continue
		}
		changes = append(changes, harden.ObjectChange{Target: o.ref, Before: o.Unstructured, After: u})
	}
	b := newBrought(len(wanted))
	if len(changes) == 0 {
		for i := range wanted {
			b.notes[i] = append(b.notes[i], already)
		}
		return b, nil
	}
	values, err := r.values(edits)
	if err != nil {
		return brought{}, err
	}
	found, err := r.chart.read.Find(values, changes)
	if err != nil {
		return brought{}, err
	}
	for _, c := range changes {
		if why := found.Left[c.Target.Key()]; why != "" {
			return brought{}, fmt.Errorf("no values of the chart %s bring it: %s%s", r.chart.folder, why, postRenderer)
		}
	}
	files, err := r.write(edits, found.Values)
	if err != nil {
		return brought{}, err
	}
	rendered, err := r.render(merge(edits, files...))
	if err != nil {
		return brought{}, err
	}
	if err := r.exactly(now, rendered, after); err != nil {
		return brought{}, err
	}
	b.files = files
	for i := range wanted {
		for _, f := range files {
			b.changed[i] = append(b.changed[i], f.Path)
			b.notes[i] = append(b.notes[i], f.Notes...)
			if f.Path == r.valuesFiles()[0] {
				b.notes[i] = append(b.notes[i], f.Path+" holds for every release of the chart: name the release's own file with --values to change that instead")
			}
		}
	}
	return b, nil
}

// exactly is nil when what is rendered is what is wanted, and the rest as before.
func (r *release) exactly(before, rendered []*object, after map[harden.Key]map[string]any) error {
	if len(before) != len(rendered) {
		return fmt.Errorf("with the values, the chart %s renders other objects%s", r.chart.folder, postRenderer)
	}
	for i, o := range before {
		want := o.Object
		if a, ok := after[o.ref.Key()]; ok {
			want = a
		}
		if !kustomize.Same(rendered[i].Object, want) {
			return fmt.Errorf("with the values in their files, the chart %s renders %s otherwise than planned%s", r.chart.folder, o.ref, postRenderer)
		}
	}
	return nil
}

// write puts each value into the last of the given files that has its neighbours,
// else into the last of them; among the chart's own when none was given.
func (r *release) write(edits []harden.FileChange, values map[string]any) ([]harden.FileChange, error) {
	files := r.valuesFiles()
	texts := make([]string, len(files))
	says := make([]map[string]any, len(files))
	for i, file := range files {
		texts[i] = r.chart.checkout.valuesText(file, edits)
		var err error
		if says[i], err = parseValues(file, texts[i]); err != nil {
			return nil, err
		}
	}
	each(values, nil, func(path []string, v any) {
		at := len(files) - 1
		for i := at; i > 0; i-- {
			if has(says[i], path) {
				at = i
				break
			}
		}
		if says[at] == nil {
			says[at] = map[string]any{}
		}
		put(says[at], path, v)
	})
	var out []harden.FileChange
	for i, file := range files {
		if says[i] == nil {
			continue
		}
		text, notes, err := edit.Document(texts[i], says[i])
		if err != nil {
			return nil, fmt.Errorf("editing %q: %w", file, err)
		}
		if text == texts[i] {
			continue
		}
		change := harden.FileChange{Path: file, After: []byte(text), Notes: notes}
		if _, err := os.Stat(file); err == nil {
			change.Before = []byte(texts[i])
		}
		out = append(out, change)
	}
	return out, nil
}

// each calls f with every value that is no mapping, and with empty ones.
func each(values map[string]any, at []string, f func(path []string, v any)) {
	for name, v := range values {
		path := append(slices.Clip(at), name)
		if m, ok := v.(map[string]any); ok && len(m) > 0 {
			each(m, path, f)
			continue
		}
		f(path, v)
	}
}

// has reports whether the values have the mapping in which the path ends; one at
// the top is where its key is.
func has(values map[string]any, path []string) bool {
	if len(path) == 1 {
		_, ok := values[path[0]]
		return ok
	}
	v := any(values)
	for _, name := range path[:len(path)-1] {
		m, _ := v.(map[string]any)
		if v = m[name]; v == nil {
			return false
		}
	}
	_, ok := v.(map[string]any)
	return ok
}

func put(values map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		child, ok := values[name].(map[string]any)
		if !ok {
			child = map[string]any{}
			values[name] = child
		}
		values = child
	}
	values[path[len(path)-1]] = v
}

// of reports whether the live object says that another chart brings it.
func (c *chart) notOf(live harden.ObjectChange) bool {
	label := live.Before.GetLabels()["helm.sh/chart"]
	if label == "" {
		return false
	}
	data, err := os.ReadFile(filepath.Join(c.folder, "Chart.yaml"))
	var says struct{ Name string }
	if err != nil || yaml.Unmarshal(data, &says) != nil || says.Name == "" {
		return false
	}
	return !strings.HasPrefix(label, says.Name+"-")
}
