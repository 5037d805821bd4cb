package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// allowed are the licences, by their SPDX names, of what a release under Apache-2.0 may hold. All but one ask for no
// more than their text and notices; MPL-2.0 also for its source, which the notices name by module and version.
var allowed = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unicode-DFS-2016",
	"Unlicense", "Zlib",
}

// chosen are texts that need a person to read them: what the classifier finds in them, and what holds for us.
var chosen = map[string]struct {
	found, holds []string
}{
	// "at your option, under either".
	"github.com/spdx/tools-golang/LICENSE.code": {[]string{"Apache-2.0", "GPL-2.0"}, []string{"Apache-2.0"}},
	// XZ Embedded is in the public domain, for which SPDX has no name.
	"github.com/xi2/xz/LICENSE": {[]string{"XZ"}, []string{"LicenseRef-public-domain"}},
}

// A text is a file of a module that says on what terms it may be used.
type text struct {
	name     string // relative to the module
	body     []byte
	licences []string // SPDX names, sorted; none: a notice
}

// named matches the files that hold licences and notices, by their base names.
var named = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|copyright|notice|patents)([-_.].*)?$`)

// other are endings of files that are about licences and hold none, or that of documentation, which is not linked.
var other = []string{".go", ".json", ".yaml", ".yml", ".html", ".sh", ".py", ".tmpl", ".tpl", ".docs"}

// A reader tells licences by their text.
type reader struct{ classifier *classifier.Classifier }

func newReader() (*reader, error) {
	c, err := assets.DefaultClassifier()
	if err != nil {
		return nil, fmt.Errorf("loading the texts of known licences: %w", err)
	}
	return &reader{c}, nil
}

// read finds the texts of all modules. Its error names every module that must not be released, and why.
func (r *reader) read(modules []*module) error {
	var failed []error
	for _, m := range modules {
		if err := r.readModule(m); err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", m.path, m.version, err))
		}
	}
	return errors.Join(failed...)
}

// readModule finds the texts in the folders of a module's linked packages and in those above them: the licence of a
// module stands at its root, that of code which it took over beside that code.
func (r *reader) readModule(m *module) error {
	folders := map[string]bool{}
	for folder := range m.folders {
		for ; ; folder = filepath.Dir(folder) {
			folders[folder] = true
			if folder == m.dir || len(folder) <= len(m.dir) {
				break
			}
		}
	}
	for folder := range folders {
		if err := r.readFolder(m, folder); err != nil {
			return err
		}
	}
	slices.SortFunc(m.texts, func(a, b text) int {
		if byDepth := strings.Count(a.name, "/") - strings.Count(b.name, "/"); byDepth != 0 {
			return byDepth
		}
		return strings.Compare(a.name, b.name)
	})
	return m.check()
}

func (r *reader) readFolder(m *module, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.Type().IsRegular() || !named.MatchString(name) || slices.Contains(other, strings.ToLower(filepath.Ext(name))) {
			continue
		}
		path := filepath.Join(folder, name)
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(m.dir, path)
		if err != nil {
			return err
		}
		t := text{name: filepath.ToSlash(relative), body: bytes.TrimSpace(body), licences: r.licences(body)}
		if choice := chosen[m.path+"/"+t.name]; slices.Equal(choice.found, t.licences) {
			t.licences = choice.holds
		}
		m.texts = append(m.texts, t)
	}
	return nil
}

// licences returns the SPDX names of the licences in a text.
func (r *reader) licences(body []byte) []string {
	var found []string
	for _, match := range r.classifier.Match(body).Matches {
		if match.MatchType == "License" || match.MatchType == "Header" {
			found = append(found, match.Name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// check says whether a release may hold the module.
func (m *module) check() error {
	known := false
	for _, t := range m.texts {
		known = known || len(t.licences) > 0
		for _, licence := range t.licences {
			if !slices.Contains(allowed, licence) && !slices.Contains(chosen[m.path+"/"+t.name].holds, licence) {
				return fmt.Errorf("%s has the licence %s, which is not one of %s", t.name, licence, strings.Join(allowed, ", "))
			}
		}
	}
	if !known {
		return errors.New("no file with a known licence")
	}
	return nil
}
