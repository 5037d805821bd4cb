package kustomize

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// same reports whether two values of JSON say the same; 1 and 1.0 do.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			w, ok := b[k]
			if !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case int64, float64:
		switch b.(type) {
		case int64, float64:
			return text(a) == text(b)
		}
		return false
	}
	return a == b
}

// text is a value as JSON.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// unordered are lists of keyed items whose order means nothing: kustomize puts
// new items first, a server-side apply last.
var unordered = map[string]string{"volumes": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath"}

// Same reports whether two objects are the same to an API server. The order of
// volumes and mounts does not count, a null is as good as nothing, and the
// annotations that kustomize keeps for itself are left aside.
func Same(a, b map[string]any) bool { return same(settled(a, nil), settled(b, nil)) }

// settled is the value without what does not count.
func settled(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, child := range v {
			if child == nil || kustomizes(path, name) {
				continue
			}
			below := append(slices.Clip(path), name)
			settledChild := settled(child, below)
			if m, ok := settledChild.(map[string]any); ok && len(m) == 0 && slices.Equal(below, []string{"metadata", "annotations"}) {
				continue
			}
			if list, ok := settledChild.([]any); ok && unordered[name] != "" {
				key := unordered[name]
				slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(keyText(a, key), keyText(b, key)) })
			}
			out[name] = settledChild
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = settled(item, append(slices.Clip(path), "*"))
		}
		return out
	}
	return v
}

func keyText(item any, key string) string {
	m, _ := item.(map[string]any)
	s, _ := m[key].(string)
	return s
}

// kustomizes reports whether the field is an annotation that kustomize takes away
// (sigs.k8s.io/kustomize/kyaml/kio/kioutil).
func kustomizes(path []string, name string) bool {
	return slices.Equal(path, []string{"metadata", "annotations"}) &&
		(strings.HasPrefix(name, "internal.config.kubernetes.io/") || strings.HasPrefix(name, "config.kubernetes.io/"))
}
