package kustomize

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// header stands on top of a kustomization that may be replaced.
const header = "# Written by kubectl harden. It is replaced when patches are written here again.\n"

// front are the fields that stand first where they occur: what a thing is, and
// what its name is.
var front = []string{"op", "path", "apiVersion", "group", "kind", "metadata", "name", "namespace", "containerPort", "protocol", "ip", "topologyKey", "whenUnsatisfiable", "$patch"}

// encode writes YAML as kustomize does: two columns, dashes below the key.
func encode(v any) ([]byte, error) {
	n, err := node(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return b.Bytes(), nil
}

func node(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, name := range slices.SortedFunc(maps.Keys(v), compareFields) {
			key, err := node(name)
			if err != nil {
				return nil, err
			}
			value, err := node(v[name])
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key, value)
		}
		return n, nil
	case operation:
		return node(map[string]any(v))
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, item := range v {
			child, err := node(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		return n, nil
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return n, nil
}

func compareFields(a, b string) int {
	rank := func(name string) int {
		if i := slices.Index(front, name); i >= 0 {
			return i
		}
		return len(front)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// kustomizationText is a kustomization of our own.
func kustomizationText(kind, apiVersion string, resources []string, patches []map[string]any) ([]byte, error) {
	k := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, v any) error {
		key, err := node(name)
		if err != nil {
			return err
		}
		value, err := node(v)
		if err != nil {
			return err
		}
		k.Content = append(k.Content, key, value)
		return nil
	}
	if err := add("apiVersion", apiVersion); err != nil {
		return nil, err
	}
	if err := add("kind", kind); err != nil {
		return nil, err
	}
	if len(resources) > 0 {
		if err := add("resources", list(resources)); err != nil {
			return nil, err
		}
	}
	if len(patches) > 0 {
		if err := add("patches", list(patches)); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	b.WriteString(header)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(k); err != nil {
		return nil, fmt.Errorf("writing a kustomization: %w", err)
	}
	return b.Bytes(), enc.Close()
}

func list[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// entry is what a kustomization says of a patch. In a target, kustomize reads
// names as regular expressions.
func entry(path string, u *unstructured.Unstructured, namespaced bool) map[string]any {
	target := map[string]any{"kind": u.GetKind(), "name": regexp.QuoteMeta(u.GetName())}
	if group := u.GroupVersionKind().Group; group != "" {
		target["group"] = group
	}
	if ns := u.GetNamespace(); namespaced && ns != "" {
		target["namespace"] = regexp.QuoteMeta(ns)
	}
	return map[string]any{"path": path, "target": target}
}

var notInNames = regexp.MustCompile(`[^a-z0-9.-]+`)

// maxName keeps the names of files below what file systems allow, in bytes.
const maxName = 180

// fileNames gives each object a file of its own, such as deployment-web.yaml: the
// namespace and then the group are added where that is needed to tell them apart,
// and a number for a name that is taken.
func fileNames(prefix string, objects []*unstructured.Unstructured, taken map[string]bool) []string {
	names := make([]string, len(objects))
	clash := func() map[string]int {
		counts := map[string]int{}
		for _, name := range names {
			counts[name]++
		}
		return counts
	}
	parts := []func(u *unstructured.Unstructured) string{
		func(u *unstructured.Unstructured) string { return prefix + u.GetKind() + "-" + u.GetName() },
		func(u *unstructured.Unstructured) string { return u.GetNamespace() },
		func(u *unstructured.Unstructured) string { return u.GroupVersionKind().Group },
	}
	for level, part := range parts {
		counts := clash()
		for i, u := range objects {
			if level > 0 && counts[names[i]] == 1 {
				continue
			}
			name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(names[i]+"-"+part(u)), "-"), "-.")
			names[i] = name[:min(len(name), maxName)]
		}
	}
	seen := map[string]bool{}
	for i, name := range names {
		file := name + ".yaml"
		for n := 2; seen[file] || taken[file]; n++ {
			file = fmt.Sprintf("%s-%d.yaml", name, n)
		}
		seen[file] = true
		names[i] = file
	}
	return names
}
