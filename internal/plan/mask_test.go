package plan

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const withCredentials = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        args: [serve, --db-password, marker-one1]
        env:
        - {name: DB_PASSWORD, value: marker-two2}
        - {name: DATABASE_URL, value: "postgres://shop:marker-three3@db/shop"}
        - {name: LOG_LEVEL, value: info}
`

func decoded(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// The removed literal is not in the diff, which is printed and kept in the journal.
func TestT87CredentialsAreNotInDiffs(t *testing.T) {
	before := decoded(t, withCredentials)
	after := decoded(t, strings.NewReplacer(
		"{name: DB_PASSWORD, value: marker-two2}", "{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: web, key: p}}}",
		"marker-three3", "marker-four4", "value: info", "value: debug").Replace(withCredentials))
	view, err := Compare(harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", Namespace: "shop"}, before, after)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(view.Diff, "marker") {
		t.Errorf("the diff shows a credential:\n%s", view.Diff)
	}
	for _, want := range []string{"-          value: '*** (", "+          valueFrom:", "-          value: postgres://shop:*** (", "+          value: postgres://shop:*** (", "+          value: debug"} {
		if !strings.Contains(view.Diff, want) {
			t.Errorf("the diff lacks %q:\n%s", want, view.Diff)
		}
	}
	if got := view.Before.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["args"].([]any)[2]; got != "marker-one1" {
		t.Errorf("Before was changed: %v; files are written from it", got)
	}
}

func TestMaskAt(t *testing.T) {
	env := func(name string) harden.Path {
		return fieldpath.MakePathOrDie("spec", "env", fieldpath.KeyByFields("name", name), "value")
	}
	for _, test := range []struct {
		path  harden.Path
		value any
		want  bool
	}{
		{env("DB_PASSWORD"), "marker-two2", true},
		{env("LOG_LEVEL"), "info", false},
		{env("DB_PASSWORD"), "$(OTHER)", false},
		{fieldpath.MakePathOrDie("spec", "args"), []any{"--db-password", "marker-one1"}, true},
		{fieldpath.MakePathOrDie("spec", "replicas"), int64(2), false},
		{fieldpath.MakePathOrDie("metadata", "annotations", lastApplied), `{"apiVersion":"v1","kind":"Secret","data":{"a":"bWFya2Vy"}}`, true},
		{fieldpath.MakePathOrDie("data", "application.properties"), "a=b\ndb.password=marker-five5\n", true},
	} {
		got, is := MaskAt(test.path, test.value)
		if is != test.want {
			t.Errorf("MaskAt(%s, %v) = %v, %v; want %v", test.path, test.value, got, is, test.want)
		}
	}
}
