package kustomize

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// originAnnotation is where kustomize notes the file of an object
// (sigs.k8s.io/kustomize/api/internal/utils, OriginAnnotationKey).
const originAnnotation = "config.kubernetes.io/origin"

// origins finds out from which file each object came: it renders once more with
// kustomize's buildMetadata. What is rendered without stays the truth, because
// an annotation can make a patch do something else. Where the two do not agree
// in number, no object has an origin.
func (o *overlay) origins(folder string, r *Rendered) {
	file, data, err := o.kustomization(r.Uses.root)
	if err != nil {
		return
	}
	var k map[string]any
	if yaml.Unmarshal(data, &k) != nil {
		return
	}
	var wanted []any
	for key, value := range k {
		if strings.EqualFold(key, "buildMetadata") {
			wanted, _ = value.([]any)
			delete(k, key)
		}
	}
	if !slices.Contains(wanted, any(types.OriginAnnotations)) {
		wanted = append(wanted, types.OriginAnnotations)
	}
	k["buildMetadata"] = wanted
	asking, err := json.Marshal(k)
	if err != nil {
		return
	}
	m, err := o.with(file, asking).build(folder, r.Uses)
	if err != nil || m.Size() != len(r.Objects) {
		return
	}
	for i, res := range m.Resources() {
		var origin resource.Origin
		text := res.GetAnnotations()[originAnnotation]
		if text == "" || yaml.Unmarshal([]byte(text), &origin) != nil || origin.Path == "" || origin.Repo != "" {
			continue
		}
		r.Objects[i].Origin = filepath.Join(folder, filepath.FromSlash(origin.Path))
	}
}
