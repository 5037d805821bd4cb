package kustomize

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// errNotStrategic is why a patch cannot be a strategic merge.
var errNotStrategic = errors.New("a strategic merge cannot say this")

// A strategic makes strategic merge patches by the schema that kustomize itself
// merges with.
type strategic struct {
	// all names the items before a changed one as well: kustomize puts the items of
	// a patch first, so that is what keeps their order.
	all bool
}

// schemaOf is kustomize's schema of a kind; nil for those it does not know, whose
// lists it would replace.
func schemaOf(apiVersion, kind string) *openapi.ResourceSchema {
	library.Lock()
	defer library.Unlock()
	return openapi.SchemaForResourceType(yaml.TypeMeta{APIVersion: apiVersion, Kind: kind})
}

// fields says what makes after of before; nil when they are equal.
func (s strategic) fields(before, after map[string]any, schema *openapi.ResourceSchema) (map[string]any, error) {
	patch := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[name]; !kept {
			patch[name] = nil
		}
	}
	for name, now := range after {
		was, had := before[name]
		if had && same(was, now) {
			continue
		}
		value, err := s.value(name, was, now, fieldOf(schema, name))
		if err != nil {
			return nil, err
		}
		patch[name] = value
	}
	if len(patch) == 0 {
		return nil, nil
	}
	return patch, nil
}

func fieldOf(schema *openapi.ResourceSchema, name string) *openapi.ResourceSchema {
	if schema == nil {
		return nil
	}
	return schema.Field(name)
}

func (s strategic) value(name string, was, now any, schema *openapi.ResourceSchema) (any, error) {
	switch now := now.(type) {
	case nil:
		return nil, errNotStrategic // null takes away
	case map[string]any:
		was, ok := was.(map[string]any)
		if !ok {
			return now, nil
		}
		return s.fields(was, now, schema)
	case []any:
		was, ok := was.([]any)
		if !ok || schema == nil {
			return now, nil
		}
		strategy, keys := schema.PatchStrategyAndKeyList()
		if !strings.Contains(strategy, "merge") || len(keys) == 0 {
			return now, nil
		}
		if unordered[name] != "" {
			return strategic{}.items(was, now, keys, schema.Elements())
		}
		return s.items(was, now, keys, schema.Elements())
	}
	return now, nil
}

// items says what makes one list of keyed items of another.
func (s strategic) items(was, now []any, keys []string, schema *openapi.ResourceSchema) (any, error) {
	before, ok := keyed(was, keys)
	after, okToo := keyed(now, keys)
	if !ok || !okToo {
		return nil, errNotStrategic
	}
	keys = needed(keys, before, after)
	var patch []any
	changed := 0 // how many items of the patch count: those behind the last change are named in vain
	for _, item := range after {
		old := find(before, item.id)
		var entry map[string]any
		if old == nil {
			entry = maps.Clone(item.fields)
		} else {
			var err error
			if entry, err = s.fields(old, item.fields, schema); err != nil {
				return nil, err
			}
		}
		if entry == nil {
			if s.all {
				patch = append(patch, identity(item.fields, keys))
			}
			continue
		}
		maps.Copy(entry, identity(item.fields, keys))
		patch = append(patch, entry)
		changed = len(patch)
	}
	patch = patch[:changed]
	for _, item := range before {
		if find(after, item.id) == nil {
			entry := identity(item.fields, keys)
			entry["$patch"] = "delete"
			patch = append(patch, entry)
		}
	}
	return patch, nil
}

type item struct {
	id     string
	fields map[string]any
}

// keyed reads a list of items with the keys; false when one has no key, or the
// same as another.
func keyed(list []any, keys []string) ([]item, bool) {
	var out []item
	for _, v := range list {
		fields, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		id := ""
		for _, key := range keys {
			part, ok := fields[key]
			if !ok && key == "protocol" {
				part, ok = "TCP", true
			}
			if !ok && key == keys[0] {
				return nil, false
			}
			id += text(part) + "\x00"
		}
		if find(out, id) != nil {
			return nil, false
		}
		out = append(out, item{id, fields})
	}
	return out, true
}

func find(items []item, id string) map[string]any {
	for _, i := range items {
		if i.id == id {
			return i.fields
		}
	}
	return nil
}

// needed leaves out the protocol of ports where the numbers alone tell them
// apart: the server has filled it in, the manifest may not say it.
func needed(keys []string, lists ...[]item) []string {
	if len(keys) != 2 || keys[1] != "protocol" {
		return keys
	}
	for _, list := range lists {
		seen := map[string]bool{}
		for _, i := range list {
			number := text(i.fields[keys[0]])
			if seen[number] {
				return keys
			}
			seen[number] = true
		}
	}
	return keys[:1]
}

func identity(fields map[string]any, keys []string) map[string]any {
	id := map[string]any{}
	for _, key := range keys {
		if v, ok := fields[key]; ok {
			id[key] = v
		}
	}
	return id
}
