package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A module is one of those that a program consists of. The standard library is one, too.
type module struct {
	path, version string
	dir           string          // where its files are
	folders       map[string]bool // of its packages that are linked
	texts         []text          // found by reader.read, the module's own first
}

// goPackage is what `go list -json` tells of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	Module     *goModule
}

type goModule struct {
	Path, Version, Dir string
	Main               bool
	Replace            *goModule
}

// linked returns the modules of all packages that the given ones depend on, on any of the platforms, sorted by path.
func linked(dir string, platforms, packages []string) ([]*module, error) {
	all := map[string]*module{}
	for _, platform := range platforms {
		goos, goarch, ok := strings.Cut(platform, "/")
		if !ok {
			return nil, fmt.Errorf("platform %q: want GOOS/GOARCH", platform)
		}
		listed, err := list(dir, goos, goarch, packages)
		if err != nil {
			return nil, fmt.Errorf("listing what is linked on %s: %w", platform, err)
		}
		for _, pkg := range listed {
			add(all, pkg)
		}
	}
	std, err := standardLibrary(dir)
	if err != nil {
		return nil, err
	}
	return append([]*module{std}, slices.SortedFunc(maps.Values(all), func(a, b *module) int { return cmp.Compare(a.path, b.path) })...), nil
}

func list(dir, goos, goarch string, packages []string) ([]goPackage, error) {
	command := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Module"}, packages...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := output(command)
	if err != nil {
		return nil, err
	}
	var listed []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg goPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return listed, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading what go list says: %w", err)
		}
		listed = append(listed, pkg)
	}
}

// add notes the folder of a package with its module, unless it is of the standard library or the program's own.
func add(all map[string]*module, pkg goPackage) {
	if pkg.Standard || pkg.Module == nil || pkg.Module.Main {
		return
	}
	of := *pkg.Module
	if by := of.Replace; by != nil {
		if by.Version != "" { // else a folder, whose path says nothing
			of.Path = by.Path
		}
		of.Version, of.Dir = by.Version, by.Dir
	}
	m := all[of.Path]
	if m == nil {
		m = &module{path: of.Path, version: of.Version, dir: of.Dir, folders: map[string]bool{}}
		all[of.Path] = m
	}
	m.folders[pkg.Dir] = true
}

func standardLibrary(dir string) (*module, error) {
	command := exec.Command("go", "env", "GOROOT", "GOVERSION")
	command.Dir = dir
	out, err := output(command)
	if err != nil {
		return nil, fmt.Errorf("finding the standard library: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	root = filepath.Clean(root)
	return &module{path: "std", version: version, dir: root, folders: map[string]bool{root: true}}, nil
}

// output runs a command; what it said on standard error is in the error.
func output(command *exec.Cmd) ([]byte, error) {
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
