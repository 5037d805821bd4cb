// Package internal_test keeps the import directions of docs/architecture.md.
package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kubectl-harden/kubectl-harden"

// pure names the rooms that decide and draw. They reach no cluster and no image, not even through what they import.
var pure = []string{"harden", "fixers", "engine", "netpol", "plan", "podsecurity", "report", "tui", "rbac", "secrets", "waivers", "needs", "compliance"}

// mustExist names the rooms without which the rules below would pass by looking at nothing.
var mustExist = []string{"harden", "fixers", "engine", "plan", "report", "tui"}

// outside lists the import paths, with all below them, that pure rooms must not depend on.
var outside = []string{
	"k8s.io/client-go/rest",
	"k8s.io/client-go/kubernetes",
	"k8s.io/client-go/dynamic",
	"k8s.io/client-go/discovery",
	"k8s.io/client-go/tools",
	"github.com/aquasecurity",
	"github.com/google/go-containerregistry",
}

// mayImport lists, for a room, the rooms that it may import directly, besides its own packages. Tests are free.
var mayImport = map[string][]string{
	"harden":      {},
	"tui":         {"harden", "compliance"},
	"fixers":      {"harden", "netpol", "podsecurity", "rbac", "secrets", "waivers"},
	"rbac":        {"harden"},
	"secrets":     {},
	"waivers":     {"harden"},
	"needs":       {"harden"},
	"config":      {"harden", "source", "waivers"},
	"compliance":  {"harden"},
	"netpol":      {"harden"},
	"podsecurity": {},
	"engine":      {"harden", "fixers", "netpol", "rbac"},
	"images":      {"harden"},
	"probe":       {"harden"},
	"source":      {"harden", "inventory", "plan"},
}

// mustNotImport lists, for a room, the rooms that it must not import directly.
var mustNotImport = map[string][]string{
	"inventory": {"fixers"},
	"plan":      {"images", "apply", "session", "cli", "tui"},
	"report":    {"images", "apply", "session", "cli", "tui"},
	"apply":     {"session", "cli", "tui"},
	"session":   {"cli", "tui"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Error      *struct{ Err string }
}

func TestImportDirections(t *testing.T) {
	rooms := map[string][]goPackage{}
	for _, pkg := range list(t) {
		if room := roomOf(pkg.ImportPath); room != "" {
			rooms[room] = append(rooms[room], pkg)
		}
	}
	for _, room := range mustExist {
		if len(rooms[room]) == 0 {
			t.Errorf("internal/%s holds no package, so nothing guards it", room)
		}
	}
	for room, packages := range rooms {
		for _, pkg := range packages {
			for _, message := range violations(room, pkg) {
				t.Errorf("%s: %s", strings.TrimPrefix(pkg.ImportPath, module+"/"), message)
			}
		}
	}
}

func violations(room string, pkg goPackage) []string {
	var found []string
	if slices.Contains(pure, room) {
		for _, path := range outside {
			if slices.ContainsFunc(pkg.Deps, func(dependency string) bool { return within(dependency, path) }) {
				found = append(found, "depends on "+path+", directly or through another package")
			}
		}
	}
	allowed, limited := mayImport[room]
	for _, imported := range pkg.Imports {
		if room != "images" && within(imported, "github.com/aquasecurity") {
			found = append(found, "imports "+imported+"; only images may")
		}
		other := roomOf(imported)
		if other == "" || other == room {
			continue
		}
		if limited && !slices.Contains(allowed, other) && !strings.Contains(pkg.ImportPath, "/fixtest") { // fixtest is for tests
			found = append(found, "imports "+other+"; allowed: "+strings.Join(allowed, ", "))
		}
		if slices.Contains(mustNotImport[room], other) {
			found = append(found, "must not import "+other)
		}
	}
	return found
}

func TestViolationsAreSeen(t *testing.T) {
	for _, test := range []struct {
		name, room string
		pkg        goPackage
		want       int
	}{
		{"clean", "tui", goPackage{Imports: []string{"fmt", module + "/internal/harden", module + "/internal/tui/theme"}}, 0},
		{"client through another package", "plan", goPackage{Deps: []string{"fmt", "k8s.io/client-go/tools/cache"}}, 1},
		{"a path that only begins alike", "plan", goPackage{Deps: []string{"k8s.io/client-go/restmapper"}}, 0},
		{"client in a room that may", "inventory", goPackage{Deps: []string{"k8s.io/client-go/rest"}}, 0},
		{"UI that knows the session", "tui", goPackage{Imports: []string{module + "/internal/session"}}, 1},
		{"fixer that asks", "fixers", goPackage{Imports: []string{module + "/internal/inventory/cluster"}}, 1},
		{"inventory that judges", "inventory", goPackage{Imports: []string{module + "/internal/fixers/pod"}}, 1},
		{"images that judge", "images", goPackage{Imports: []string{module + "/internal/fixers/pod"}}, 1},
		{"registries through another package", "engine", goPackage{Deps: []string{"github.com/google/go-containerregistry/pkg/v1/remote"}}, 1},
		{"plan that looks into images", "plan", goPackage{Imports: []string{module + "/internal/images"}}, 1},
		{"Trivy elsewhere", "session", goPackage{Imports: []string{"github.com/aquasecurity/trivy/pkg/fanal"}}, 1},
		{"Trivy in images", "images", goPackage{Imports: []string{"github.com/aquasecurity/trivy/pkg/fanal"}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := violations(test.room, test.pkg); len(got) != test.want {
				t.Errorf("got %d violations %q, want %d", len(got), got, test.want)
			}
		})
	}
}

// list asks the go command for the packages of internal/ with all that they depend on.
func list(t *testing.T) []goPackage {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Deps,Error", "./...")
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("listing packages: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("listing packages: %v", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var pkg goPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("decoding the package list: %v", err)
		}
		if pkg.Error != nil {
			t.Errorf("%s: %s", pkg.ImportPath, pkg.Error.Err)
		}
		packages = append(packages, pkg)
	}
}

// roomOf returns the folder directly under internal/ that holds a package of this module, else "".
func roomOf(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/internal/")
	if !ok {
		return ""
	}
	room, _, _ := strings.Cut(rest, "/")
	return room
}

func within(importPath, parent string) bool {
	return importPath == parent || strings.HasPrefix(importPath, parent+"/")
}
