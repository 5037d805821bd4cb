package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A module that only one platform links is found by asking for that platform.
func TestLinkedAsksForEveryPlatform(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.com/program\n\ngo 1.26\n\nrequire example.com/windows v1.0.0\n\nreplace example.com/windows => ./windows\n",
		"main.go":            "package main\n\nfunc main() {}\n",
		"main_windows.go":    "package main\n\nimport _ \"example.com/windows/sub\"\n",
		"windows/go.mod":     "module example.com/windows\n\ngo 1.26\n",
		"windows/sub/sub.go": "package sub\n\nimport _ \"fmt\"\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		platforms []string
		want      string
	}{
		{[]string{"linux/amd64"}, "std"},
		{[]string{"linux/amd64", "windows/arm64"}, "std example.com/windows"},
	} {
		modules, err := linked(dir, test.platforms, []string{"."})
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, m := range modules {
			paths = append(paths, m.path)
		}
		if got := strings.Join(paths, " "); got != test.want {
			t.Errorf("on %v: modules %q, want %q", test.platforms, got, test.want)
		}
	}
	if _, err := linked(dir, []string{"linux/amd64"}, []string{"./nowhere"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v does not say what is missing", err)
	}
}

func TestPlatformsAreThoseOfTheRelease(t *testing.T) {
	text, err := os.ReadFile("../../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Builds []struct{ Goos, Goarch []string }
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, build := range config.Builds {
		for _, goos := range build.Goos {
			for _, goarch := range build.Goarch {
				want = append(want, goos+"/"+goarch)
			}
		}
	}
	got := strings.Split(platforms, ",")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("notices are written for %v, and released is %v", got, want)
	}
}
