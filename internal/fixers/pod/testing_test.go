package pod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// deployment wraps a pod spec.
func deployment(spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n" +
		indent(spec, "      ")
}

func indent(text, by string) string {
	var lines []string
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		lines = append(lines, by+line)
	}
	return strings.Join(lines, "") + "\n"
}

// told lists CONTAINER VERDICT SEVERITY of each finding; the pod is "-".
func told(findings []*harden.Finding) []string {
	var lines []string
	for _, f := range findings {
		container := f.Container.Name
		if container == "" {
			container = "-"
		}
		lines = append(lines, strings.Join(strings.Fields(container+" "+f.Verdict+" "+f.Severity.String()), " "))
	}
	return lines
}

func expect(t *testing.T, fixer *harden.Fixer, text string, want []string, opts ...fixtest.Option) {
	t.Helper()
	findings := fixtest.Run(t, fixer, text, opts...)
	if diff := cmp.Diff(want, told(findings)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", fixer.ID, diff)
	}
	for _, f := range findings {
		if f.Reason == "" || f.Detail == "" || f.Field == "" {
			t.Errorf("%s: finding without reason, detail or field: %+v", fixer.ID, f)
		}
		if len(f.Reason) > 110 {
			t.Errorf("%s: reason does not fit a row: %q", fixer.ID, f.Reason)
		}
	}
}

// specAfter is the pod spec of the Deployment after the first fixes of the fixers.
func specAfter(t *testing.T, text string, fixers []*harden.Fixer, opts ...fixtest.Option) string {
	t.Helper()
	var o struct {
		Spec struct {
			Template struct {
				Spec map[string]any `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(fixtest.Repair(t, fixers, text, opts...)), &o); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(o.Spec.Template.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// expectAfter compares the pod spec after the first fixes with the wanted one,
// and asks the fixers again: what had a change must be gone.
func expectAfter(t *testing.T, text string, fixers []*harden.Fixer, want string, opts ...fixtest.Option) {
	t.Helper()
	var w any
	if err := yaml.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	normal, err := yaml.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	got := specAfter(t, text, fixers, opts...)
	if diff := cmp.Diff(string(normal), got); diff != "" {
		t.Errorf("pod spec after the fixes (-want +got):\n%s", diff)
	}
	for _, fixer := range fixers {
		for _, f := range fixtest.Run(t, fixer, deployment(got), opts...) {
			t.Errorf("still found: %v", fixtest.Reasons([]*harden.Finding{f}))
		}
	}
}

func classes(fixes []harden.Fix) []string {
	var list []string
	for _, f := range fixes {
		list = append(list, f.Class.String())
	}
	return list
}

func expectClasses(t *testing.T, fixes []harden.Fix, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, classes(fixes)); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	for _, f := range fixes {
		if f.Title == "" || len(f.Changes) == 0 && f.Manual == "" {
			t.Errorf("fix without a title, or with nothing to do: %+v", f)
		}
		for _, c := range f.Evidence {
			if c.Code == "" || c.Text == "" || (c.State == harden.Missing) != c.Time.IsZero() {
				t.Errorf("claim without code or text, or with the wrong time: %+v", c)
			}
		}
	}
}
