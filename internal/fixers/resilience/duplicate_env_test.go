package resilience

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestDuplicateEnv(t *testing.T) {
	pod := func(spec string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {" + spec + "}\n"
	}
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"once", pod("containers: [{name: web, image: w, env: [{name: A, value: a}, {name: B, value: a}]}]"), nil},
		{"T112 twice", pod("containers: [{name: web, image: w, env: [{name: A, value: a}, {name: B}, {name: A, value: secret}]}]"), []string{"app:web A"}},
		{"three times is one finding", pod("containers: [{name: web, image: w, env: [{name: A}, {name: A}, {name: A}]}]"), []string{"app:web A"}},
		{"two names", pod("containers: [{name: web, image: w, env: [{name: A}, {name: B}, {name: B}, {name: A}]}]"), []string{"app:web B", "app:web A"}},
		{"in two containers", pod("initContainers: [{name: i, image: i, env: [{name: A}]}], containers: [{name: web, image: w, env: [{name: A}]}]"), nil},
		{"envFrom is made to be overridden", pod("containers: [{name: web, image: w, envFrom: [{configMapRef: {name: c}}], env: [{name: A}]}]"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, DuplicateEnv, test.yaml) {
				got = append(got, f.Container.String()+" "+f.Discriminator)
				if strings.Contains(f.Reason+f.Detail, "secret") {
					t.Errorf("a value is shown: %s %s", f.Reason, f.Detail)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// No live patch can name one of two equal names.
func TestT112TheFixIsInTheSource(t *testing.T) {
	yaml := "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: w, env: [{name: A}, {name: A}]}]}\n"
	for _, fix := range fixtest.Fixes(t, DuplicateEnv, yaml) {
		if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "source of Pod/web") {
			t.Errorf("fix %+v: want words about the source and no change", fix)
		}
	}
}
