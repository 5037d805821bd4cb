package image

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestT44RegistryAllowed(t *testing.T) {
	for _, test := range []struct {
		image, list string
		want        bool
	}{
		{"registry.corp/team/app:1", "registry.corp/team", true},
		{"registry.corp/team", "registry.corp/team/", true},
		{"registry.corp/team-evil/x", "registry.corp/team", false},
		{"registry.corp.evil.io/team/x", "registry.corp", false},
		{"registry.corp:5000/x", "registry.corp", false},
		{"registry.corp:5000/x", "other.io registry.corp:5000", true},
		{"nginx", "docker.io/library", true},
		{"nginx", "library", true},
		{"index.docker.io/library/nginx", "docker.io", true},
		{"nginx", "index.docker.io", true},
		{"team/app", "docker.io/library", false},
		{"localhost:5000/x", "docker.io", false},
		{"localhost/x", "localhost", true},
		{"nginx", "registry.corp", false},
	} {
		_, counts := run(t, RegistryAllowed, deployment(test.image), harden.Settings{AllowedRegistries: strings.Fields(test.list)})
		if (counts.Pass == 1) != test.want || counts.Pass+counts.Fail != 1 {
			t.Errorf("%s with %q: %+v, want allowed %v", test.image, test.list, counts, test.want)
		}
	}
}

func TestRegistryAllowedWithoutList(t *testing.T) {
	if _, counts := run(t, RegistryAllowed, deployment("nginx"), harden.Settings{}); counts != (harden.Counts{NotApplicable: 1}) {
		t.Errorf("counts = %+v, want not applicable", counts)
	}
	if _, counts := run(t, RegistryAllowed, deployment("nginx"), harden.Settings{AllowedRegistries: []string{" "}}); counts.Fail != 1 {
		t.Errorf("an empty entry allows nothing, got %+v", counts)
	}
	if _, counts := run(t, RegistryAllowed, deployment("${IMAGE}"), harden.Settings{AllowedRegistries: []string{"a.io"}}); counts.Unknown != 1 {
		t.Errorf("a placeholder cannot be judged, got %+v", counts)
	}
}

func TestRegistryAllowedAdvice(t *testing.T) {
	inv := fixtest.Load(t, deployment("nginx"))
	e := &engine.Engine{Suite: []*harden.Fixer{RegistryAllowed}, Settings: harden.Settings{AllowedRegistries: []string{"registry.corp"}}}
	fixes := e.Fixes(inv, e.Run(inv).Findings[0])
	if len(fixes) != 1 || len(fixes[0].Changes) > 0 || !strings.Contains(fixes[0].Manual, "registry.corp") {
		t.Errorf("fixes = %+v, want a text that names the allowed registry", fixes)
	}
}
