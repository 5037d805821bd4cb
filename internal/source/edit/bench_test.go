package edit

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// workload is a Deployment of a hundred lines.
func workload(i int, margin string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d # number %d\n  namespace: team\nspec:\n  template:\n    spec:\n      containers:\n", i, i)
	for c := range 3 {
		fmt.Fprintf(&b, "      - name: c%d\n        image: \"registry.example.com/app:%d\"\n        env:\n", c, i)
		for e := range 12 {
			fmt.Fprintf(&b, "        - name: SETTING_%d\n          value: 'x%d'\n", e, e)
		}
		b.WriteString("        resources: {limits: {memory: 1Gi}}\n        securityContext:\n          privileged: false\n")
	}
	b.WriteString("      # the end\n")
	return strings.TrimPrefix(strings.ReplaceAll(b.String(), "\n", "\n"+margin), margin)
}

// harden is a workload with a field set in each container, and one taken out.
func harden(says any) any {
	out := maps.Clone(says.(map[string]any))
	spec := maps.Clone(out["spec"].(map[string]any))
	template := maps.Clone(spec["template"].(map[string]any))
	pod := maps.Clone(template["spec"].(map[string]any))
	var containers []any
	for _, c := range pod["containers"].([]any) {
		c := maps.Clone(c.(map[string]any))
		c["securityContext"] = map[string]any{"runAsNonRoot": true}
		containers = append(containers, c)
	}
	pod["containers"], template["spec"], spec["template"], out["spec"] = containers, pod, template, spec
	return out
}

func hardenItems(says any) any {
	out := maps.Clone(says.(map[string]any))
	var items []any
	for _, item := range out["items"].([]any) {
		items = append(items, harden(item))
	}
	out["items"] = items
	return out
}

// BenchmarkDocuments edits 100,000 lines: a thousand documents, or a thousand
// items of one list.
func BenchmarkDocuments(b *testing.B) {
	const n = 1000
	var list strings.Builder
	list.WriteString("apiVersion: v1\nkind: List\nitems:\n")
	var documents []string
	for i := range n {
		documents = append(documents, "---\n"+workload(i, ""))
		list.WriteString("- " + strings.TrimRight(workload(i, "  "), " "))
	}
	edit := func(b *testing.B, change func(any) any, texts ...string) {
		lines := 0
		for _, text := range texts {
			lines += strings.Count(text, "\n")
		}
		for b.Loop() {
			for _, text := range texts {
				if _, _, err := Change(text, func(says any) (any, error) { return change(says), nil }); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(lines), "lines")
	}
	b.Run("documents", func(b *testing.B) { edit(b, harden, documents...) })
	b.Run("items", func(b *testing.B) { edit(b, hardenItems, list.String()) })
}
