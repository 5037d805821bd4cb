package kustomize

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Uses are what a kustomization is made from, as absolute paths without
// symbolic links.
type Uses struct {
	Folders []string // of kustomizations and components, its own first
	Files   []string // all files that it names
	root    string   // Folders[0]
	shown   string   // root as the user named it
	schema  bool     // it brings a schema of its own
	secrets []string // what must not be shown
}

// Look says what the kustomization in the folder is made from. It is an error
// when something of it is not here: a remote base, a chart to be fetched, a
// plugin to be run, a file that does not exist. What was found until then is
// returned beside the error.
func Look(folder string) (*Uses, error) {
	disk, err := newOverlay(nil)
	if err != nil {
		return nil, err
	}
	return disk.look(folder)
}

// Is reports whether a file of this name makes its folder a kustomization.
func Is(name string) bool { return slices.Contains(konfig.RecognizedKustomizationFileNames(), name) }

// look refuses what kustomize would fetch or run. It must do so before kustomize
// gets to see it, because that starts git without being asked.
func (o *overlay) look(folder string) (*Uses, error) {
	root, err := realPath(folder)
	if err != nil {
		return nil, err
	}
	l := looker{disk: o, uses: &Uses{root: root, shown: folder}}
	if !o.IsDir(root) {
		return l.uses, fmt.Errorf("%q is no folder: name the folder of a kustomization", folder)
	}
	err = l.folder(root, false)
	return l.uses, err
}

// Display is the path as the user would name it.
func (u *Uses) Display(path string) string {
	if rel, err := filepath.Rel(u.root, path); err == nil {
		return filepath.Join(u.shown, rel)
	}
	return path
}

type looker struct {
	disk *overlay
	uses *Uses
}

// kustomization finds the only file that makes the folder a kustomization.
func (o *overlay) kustomization(dir string) (string, []byte, error) {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if path := filepath.Join(dir, name); o.Exists(path) && !o.IsDir(path) {
			found = append(found, path)
		}
	}
	switch len(found) {
	case 0:
		return "", nil, errors.New("it holds no kustomization.yaml")
	case 1:
		data, err := o.ReadFile(found[0])
		return found[0], data, err
	}
	return "", nil, fmt.Errorf("it holds %s and %s: keep one of them", filepath.Base(found[0]), filepath.Base(found[1]))
}

// folder looks through a kustomization. With plugins, its resources configure
// generators or transformers.
func (l *looker) folder(dir string, plugins bool) error {
	if slices.Contains(l.uses.Folders, dir) {
		return nil // a cycle is kustomize's to refuse
	}
	l.uses.Folders = append(l.uses.Folders, dir)
	file, data, err := l.disk.kustomization(dir)
	if err != nil {
		return fmt.Errorf("reading the kustomization %q: %w", l.uses.Display(dir), err)
	}
	l.uses.Files = append(l.uses.Files, file)
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return fmt.Errorf("reading %q: %s", l.uses.Display(file), words(err, l.uses))
	}
	f := kustomizationFile{looker: l, dir: dir, file: file}
	return f.all(&k, plugins)
}

type kustomizationFile struct {
	*looker
	dir, file string
}

func (f *kustomizationFile) refuse(field, entry, why string) error {
	return fmt.Errorf("%s: %s: %q: %s", f.uses.Display(f.file), field, harden.OneLine(entry), why)
}

func (f *kustomizationFile) all(k *types.Kustomization, plugins bool) error {
	for _, s := range k.SecretGenerator {
		for _, literal := range s.LiteralSources {
			_, value, _ := strings.Cut(literal, "=")
			f.uses.secrets = append(f.uses.secrets, literal, strings.Trim(value, `"'`))
		}
	}
	const render = "a chart is not rendered within a kustomization: write what helm template prints into a file and name that under resources"
	for _, c := range k.HelmCharts {
		return f.refuse("helmCharts", c.Name, render)
	}
	for _, c := range k.HelmChartInflationGenerator {
		return f.refuse("helmChartInflationGenerator", c.ChartName, render)
	}
	var errs []error
	for _, list := range []struct {
		field   string
		entries []string
	}{
		{"resources", k.Resources},
		{"bases", k.Bases}, //nolint:staticcheck // people still write it
		{"components", k.Components},
	} {
		for _, entry := range list.entries {
			errs = append(errs, f.resource(list.field, entry, plugins))
		}
	}
	for _, list := range []struct {
		field   string
		entries []string
	}{
		{"generators", k.Generators},
		{"transformers", k.Transformers},
		{"validators", k.Validators},
	} {
		for _, entry := range list.entries {
			errs = append(errs, f.plugin(list.field, entry))
		}
	}
	for _, named := range names(k) {
		errs = append(errs, f.load(named.field, named.path))
	}
	f.uses.schema = f.uses.schema || len(k.OpenAPI) > 0
	return first(errs)
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type named struct{ field, path string }

// names lists the plain files that a kustomization names.
func names(k *types.Kustomization) []named {
	var out []named
	add := func(field string, paths ...string) {
		for _, path := range paths {
			if path != "" {
				out = append(out, named{field, path})
			}
		}
	}
	add("crds", k.Crds...)
	add("configurations", k.Configurations...)
	add("openapi", k.OpenAPI["path"])
	for _, p := range k.Patches {
		add("patches", p.Path)
	}
	for _, p := range k.PatchesJson6902 { //nolint:staticcheck // people still write it
		add("patchesJson6902", p.Path)
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // people still write it
		if !strings.Contains(strings.TrimSpace(string(p)), "\n") && !strings.HasPrefix(string(p), "{") {
			add("patchesStrategicMerge", string(p))
		}
	}
	for _, r := range k.Replacements {
		add("replacements", r.Path)
	}
	pairs := func(field string, s types.KvPairSources) {
		for _, file := range s.FileSources {
			if _, path, ok := strings.Cut(file, "="); ok {
				file = path
			}
			add(field, file)
		}
		add(field, s.EnvSources...)
		add(field, s.EnvSource)
	}
	for _, g := range k.ConfigMapGenerator {
		pairs("configMapGenerator", g.KvPairSources)
	}
	for _, g := range k.SecretGenerator {
		pairs("secretGenerator", g.KvPairSources)
	}
	return out
}

// remote reports whether kustomize would fetch the entry: by HTTP, or by git for
// whatever it takes for a repository, even if a folder of that name is here.
func remote(entry string) bool {
	if u, err := url.Parse(entry); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return true
	}
	return (&resource.Origin{}).Append(entry).Repo != ""
}

const wayOut = "it would be fetched, and nothing is fetched here: download it and name the local path, with ./ in front"

// local is where an entry lies on disk; what would be fetched is refused.
func (f *kustomizationFile) local(field, entry string) (string, error) {
	if remote(entry) {
		return "", f.refuse(field, entry, wayOut)
	}
	if !filepath.IsAbs(entry) {
		entry = filepath.Join(f.dir, entry)
	}
	return realPath(entry)
}

// load looks at the name of a plain file.
func (f *kustomizationFile) load(field, entry string) error {
	path, err := f.local(field, entry)
	if err != nil {
		return err
	}
	if !f.disk.Exists(path) {
		return f.refuse(field, entry, "there is no such file")
	}
	f.uses.Files = append(f.uses.Files, path)
	return nil
}

// resource looks at the name of a file or of another kustomization.
func (f *kustomizationFile) resource(field, entry string, plugins bool) error {
	path, err := f.local(field, entry)
	if err != nil {
		return err
	}
	switch {
	case f.disk.IsDir(path):
		return f.folder(path, plugins)
	case !f.disk.Exists(path):
		return f.refuse(field, entry, "there is no such file or folder")
	}
	f.uses.Files = append(f.uses.Files, path)
	if !plugins {
		return nil
	}
	data, err := f.disk.ReadFile(path)
	if err != nil {
		return f.refuse(field, entry, err.Error())
	}
	return f.configuration(field, entry, string(data))
}

// plugin looks at the configuration of a generator, transformer or validator,
// which stands in the kustomization or in a file.
func (f *kustomizationFile) plugin(field, entry string) error {
	if strings.Contains(entry, "\n") || strings.HasPrefix(strings.TrimSpace(entry), "{") {
		return f.configuration(field, "", entry)
	}
	return f.resource(field, entry, true)
}

// configuration allows what is built into kustomize, with local files.
func (f *kustomizationFile) configuration(field, entry, text string) error {
	for doc := range strings.SplitSeq("\n"+text, "\n---") {
		var c map[string]any
		if err := yaml.Unmarshal([]byte(doc), &c); err != nil || c == nil {
			continue // kustomize says what is wrong with it, and runs nothing
		}
		kind, _ := c["kind"].(string)
		if entry == "" {
			entry = kind
		}
		switch {
		case c["apiVersion"] != "builtin":
			return f.refuse(field, entry, "it is a plugin or a function, and none is run here: write what it makes into a file and name that under resources")
		case kind == "HelmChartInflationGenerator":
			return f.refuse(field, entry, "a chart is not rendered within a kustomization: write what helm template prints into a file and name that under resources")
		}
		for _, path := range paths(c) {
			if remote(path) {
				return f.refuse(field, path, wayOut)
			}
		}
	}
	return nil
}

// paths are the values that name files in the configuration of a builtin plugin.
func paths(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch key {
			case "path", "paths", "files", "envs", "env", "targetFilePath":
				out = append(out, texts(value)...)
			default:
				out = append(out, paths(value)...)
			}
		}
	case []any:
		for _, item := range v {
			out = append(out, paths(item)...)
		}
	}
	return out
}

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		if _, path, ok := strings.Cut(v, "="); ok {
			return []string{v, path}
		}
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, texts(item)...)
		}
		return out
	}
	return nil
}
