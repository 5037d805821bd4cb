package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A draft is the patch of one object, in the ways in which it can be written: the
// first that is proven is taken.
type draft struct {
	before, after *unstructured.Unstructured
	ways          [][]byte
}

// drafts are how a patch may be written: a strategic merge of what changes, one
// that keeps the order of lists by naming what comes before, and JSON 6902.
// The id is the object as the patch finds it by kind, name and, if that is needed,
// namespace.
func drafts(before, after, id *unstructured.Unstructured, namespaced bool) (*draft, error) {
	d := &draft{before: bare(before), after: bare(after)}
	if schema := schemaOf(before.GetAPIVersion(), before.GetKind()); schema != nil {
		for _, all := range []bool{false, true} {
			library.Lock()
			patch, err := strategic{all: all}.fields(d.before.Object, d.after.Object, schema)
			library.Unlock()
			if errors.Is(err, errNotStrategic) {
				break
			}
			if err != nil {
				return nil, err
			}
			body, err := encode(identified(patch, id, namespaced))
			if err != nil {
				return nil, err
			}
			if len(d.ways) == 0 || !bytes.Equal(d.ways[0], body) {
				d.ways = append(d.ways, body)
			}
		}
	}
	body, err := encode(list(operations(d.before.Object, d.after.Object)))
	if err != nil {
		return nil, err
	}
	d.ways = append(d.ways, body)
	return d, nil
}

// identified adds to a strategic merge what it is for.
func identified(patch map[string]any, u *unstructured.Unstructured, namespaced bool) map[string]any {
	meta, _ := patch["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["name"] = u.GetName()
	if ns := u.GetNamespace(); namespaced && ns != "" {
		meta["namespace"] = ns
	}
	out := map[string]any{"apiVersion": u.GetAPIVersion(), "kind": u.GetKind()}
	for k, v := range patch {
		out[k] = v
	}
	out["metadata"] = meta
	return out
}

// bare is the object without what no source holds, and without the annotations
// by which kustomize would leave it out.
func bare(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	delete(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	annotations := u.GetAnnotations()
	for name := range annotations {
		if kustomizes([]string{"metadata", "annotations"}, name) {
			delete(annotations, name)
		}
	}
	if len(annotations) > 0 {
		u.SetAnnotations(annotations)
	} else {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations")
	}
	return u
}

// choose takes for each draft the first way that is proven: built over the object
// as it was, it gives the object as it should be, and also where the manifest
// leaves out what the server has filled in, and is written otherwise.
func choose(all []*draft) ([][]byte, error) {
	chosen := make([][]byte, len(all))
	open := make([]int, len(all))
	for i := range all {
		open[i] = i
	}
	for way := 0; len(open) > 0; way++ {
		trials := make([]trial, len(open))
		for i, at := range open {
			d := all[at]
			if way >= len(d.ways) {
				return nil, fmt.Errorf("%s: no patch for kustomize gives exactly what is wanted: change the object in its source by hand", describe(d.before))
			}
			trials[i] = trial{d.before, d.after, d.ways[way], false}
		}
		proven := proves(trials)
		lean := make([]trial, 0, len(open))
		for _, t := range trials {
			lean = append(lean, trial{withoutDefaults(t.before), withoutDefaults(t.after), t.patch, true})
		}
		alsoLean := proves(lean)
		var left []int
		for i, at := range open {
			last := way == len(all[at].ways)-1
			if proven[i] && (alsoLean[i] || last) {
				chosen[at] = trials[i].patch
				continue
			}
			left = append(left, at)
		}
		open = left
	}
	return chosen, nil
}

func describe(u *unstructured.Unstructured) string {
	name := u.GetKind() + "/" + u.GetName()
	if ns := u.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return harden.OneLine(name)
}

type trial struct {
	before, after *unstructured.Unstructured
	patch         []byte
	// quoted writes before as JSON: where a string had quotes, kustomize gives them to
	// the number that a patch puts there.
	quoted bool
}

func (t trial) text() ([]byte, error) {
	if t.quoted {
		return t.before.MarshalJSON()
	}
	return yaml.Marshal(t.before.Object)
}

// batch is how many patches are built at once: kustomize's time grows with the
// cube of their number.
const batch = 16

// proves tries patches in memory. A few are built at once; when that fails they
// are halved, so that one bad patch does not speak for the others.
func proves(trials []trial) []bool {
	var out []bool
	for some := range slices.Chunk(trials, batch) {
		out = append(out, provesAtOnce(some)...)
	}
	return out
}

func provesAtOnce(trials []trial) []bool {
	built, err := buildTrials(trials)
	if err != nil || len(built) != len(trials) {
		if len(trials) == 1 {
			return []bool{false}
		}
		half := len(trials) / 2
		return append(provesAtOnce(trials[:half]), provesAtOnce(trials[half:])...)
	}
	out := make([]bool, len(trials))
	for i, t := range trials {
		out[i] = Same(built[i].Object, t.after.Object)
	}
	return out
}

func buildTrials(trials []trial) ([]Object, error) {
	fs := filesys.MakeFsInMemory()
	var befores bytes.Buffer
	var patches []map[string]any
	for i, t := range trials {
		data, err := t.text()
		if err != nil {
			return nil, fmt.Errorf("writing YAML: %w", err)
		}
		befores.WriteString("---\n")
		befores.Write(data)
		name := "patch-" + strconv.Itoa(i) + ".yaml"
		if err := fs.WriteFile("/trial/"+name, t.patch); err != nil {
			return nil, err
		}
		patches = append(patches, entry(name, t.before, true))
	}
	kustomization, err := kustomizationText("Kustomization", kustomizationVersion, []string{"before.yaml"}, patches)
	if err != nil {
		return nil, err
	}
	if err := fs.WriteFile("/trial/before.yaml", befores.Bytes()); err != nil {
		return nil, err
	}
	if err := fs.WriteFile("/trial/kustomization.yaml", kustomization); err != nil {
		return nil, err
	}
	m, err := build(fs, "/trial")
	if err != nil {
		return nil, err
	}
	return objects(m)
}

// withoutDefaults is the object as people write it: the protocol of a port, which
// is the key of its list, is left out when it is TCP.
func withoutDefaults(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, child := range v {
				if ports, ok := child.([]any); ok && name == "ports" {
					for _, p := range ports {
						if port, ok := p.(map[string]any); ok && port["protocol"] == "TCP" {
							delete(port, "protocol")
						}
					}
				}
				walk(child)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(u.Object)
	return u
}
