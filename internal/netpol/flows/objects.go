package flows

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// list are the objects of a list; none where there is no such list.
func list(o map[string]any, path ...string) []map[string]any {
	items, _, _ := unstructured.NestedSlice(o, path...)
	var out []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func field(o map[string]any, key, otherwise string) string {
	if s, ok := o[key].(string); ok && s != "" {
		return s
	}
	return otherwise
}

// number is a whole number as JSON or YAML decoders give it; 0 for anything else.
func number(o map[string]any, key string) int32 {
	switch n := o[key].(type) {
	case int64:
		if n > 0 && n < 1<<16 {
			return int32(n)
		}
	case float64:
		if n > 0 && n < 1<<16 {
			return int32(n)
		}
	}
	return 0
}
