// Package files reads manifests from files, directories and standard input, and
// writes them back with changes made.
package files

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Options change how Load reads.
type Options struct {
	// DefaultNamespace is the namespace of objects that name none, as kubectl's
	// -n gives it to them. Empty: they stay without one, and "" counts as a
	// namespace of its own in the inventory.
	DefaultNamespace string
}

// A Set is everything that Load read. It is not changed once loaded.
type Set struct {
	opts    Options
	files   []*file
	objects map[harden.Key]*object
}

// A Document is one document of a file, for people.
type Document struct {
	File    string
	Line    int // 1-based, where its content starts
	Index   int // 0-based among the documents with content
	Objects []harden.Ref
	// Skipped says why the document was not read; empty when it was.
	Skipped string
}

type document struct {
	file    *file
	span    span
	line    int // where the content starts
	index   int
	objects []*object
	skipped string
	errs    []*ReadError
}

type object struct {
	doc *document
	ref harden.Ref
	// typed is a *harden.Workload, or a built-in type that rules look up; nil for
	// kinds that are passed through.
	typed any
	// aside is the content of an object that has no place of its own; nil for other kinds, and where
	// unread says why it was not understood.
	aside  any
	unread string
}

// Load reads manifests: YAML and JSON files, directories with all their
// subdirectories (*.yaml, *.yml and *.json; kubectl would ask for -R), and
// standard input for "-".
//
// Lists (v1 List and typed ones) are taken apart. Kinds that no rule knows are
// kept for Rewrite. A document that is not valid and holds {{ is skipped as a
// template; one without apiVersion and kind is skipped as no Kubernetes object.
//
// Everything that is wrong is in the returned *LoadError; the Set is returned
// beside it and holds what could be read. Nothing to read at all is an error too.
func Load(paths []string, stdin io.Reader, opts Options) (*Set, error) {
	files, errs := readAll(paths, stdin)
	return load(files, errs, strings.Join(paths, ", "), opts)
}

// A Text is an input that was rendered from others: its lines stand in no file.
type Text struct {
	Name string
	Data string
}

// LoadTexts is Load for what was rendered, such as a kustomization.
func LoadTexts(texts []Text, opts Options) (*Set, error) {
	r := reader{}
	var names []string
	for _, t := range texts {
		r.add(t.Name, t.Data)
		names = append(names, t.Name)
	}
	for _, f := range r.files {
		f.rendered = true
	}
	return load(r.files, r.errs, strings.Join(names, ", "), opts)
}

func load(files []*file, errs []*ReadError, names string, opts Options) (*Set, error) {
	s := &Set{opts: opts, files: files, objects: map[harden.Key]*object{}}
	var docs []*document
	for _, f := range files {
		for _, sp := range split(f.text) {
			d := &document{file: f, span: sp}
			f.docs = append(f.docs, d)
			docs = append(docs, d)
		}
	}
	s.decodeAll(docs)
	found := false
	for _, f := range files {
		index := 0
		for _, d := range f.docs {
			found = found || len(d.objects) > 0 || d.skipped != ""
			errs = append(errs, d.errs...)
			if len(d.objects) == 0 && d.skipped == "" && len(d.errs) == 0 {
				continue
			}
			d.index = index
			index++
			for _, o := range d.objects {
				o.ref.Source.Document = d.index
				switch t := o.typed.(type) {
				case *harden.Workload:
					t.Ref = o.ref
				case *harden.Scaler:
					t.Ref = o.ref
				}
				s.objects[o.ref.Key()] = o
			}
		}
	}
	if !found && len(errs) == 0 {
		errs = append(errs, &ReadError{File: names, Msg: "no Kubernetes objects found here", Err: errEmpty})
	}
	return s, join(errs)
}

// decodeAll decodes on all processors; documents do not depend on each other.
func (s *Set) decodeAll(docs []*document) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(docs)) {
		wg.Go(func() {
			const batch = 8
			var nodes arena
			for {
				from := int(next.Add(batch)) - batch
				if from >= len(docs) {
					return
				}
				for _, d := range docs[from:min(from+batch, len(docs))] {
					s.decode(d, &nodes)
				}
			}
		})
	}
	wg.Wait()
}

func (d *document) text() string { return d.file.text[d.span.start:d.span.end] }

// parse reads the document into a tree; nil for one without content.
func (d *document) parse() (*node, *ReadError) { return d.parseInto(&arena{}) }

// parseInto is parse into a tree that is valid until the nodes are used again.
func (d *document) parseInto(nodes *arena) (*node, *ReadError) {
	text := d.text()
	if root, ok := parseSimple(text, d.span.line, nodes); ok {
		return root, nil
	}
	if d.json() {
		return parseJSON(text, d.span.line)
	}
	n, err := parseYAML(text, d.span.line)
	if err != nil && strings.EqualFold(filepath.Ext(d.file.name), ".json") {
		return parseJSON(text, d.span.line)
	}
	return n, err
}

// isTemplate reports whether a document that is not valid YAML is a template.
func (d *document) isTemplate() bool { return strings.Contains(d.text(), "{{") }

// fail adds errors of the document.
func (d *document) fail(errs []*ReadError) {
	sortErrors(errs)
	for _, e := range errs {
		e.File = d.file.name
		d.errs = append(d.errs, e)
	}
}

func (s *Set) decode(d *document, nodes *arena) {
	d.line = d.span.line
	if isBlank(d.text()) {
		return
	}
	root, err := d.parseInto(nodes)
	switch {
	case err != nil && d.isTemplate():
		d.skipped = fmt.Sprintf("looks like a Helm template: render it first (helm template … | kubectl harden scan -f -); as it stands, line %d: %s", err.Line, err.Msg)
		return
	case err != nil:
		d.fail([]*ReadError{err})
		return
	}
	if root == nil || root.isNull() {
		return
	}
	d.line = int(root.line)
	var errs []*ReadError
	root.duplicates(func(key, first *node) {
		errs = append(errs, &ReadError{Line: int(key.line), Column: int(key.col), Msg: fmt.Sprintf("%q is set twice, first on line %d", key.value, first.line)})
	})
	if len(errs) == 0 {
		s.object(d, root, kindID{}, -1, &errs)
	}
	d.fail(errs)
}

// Documents lists the documents with content, in order.
func (s *Set) Documents() []Document {
	var out []Document
	for _, f := range s.files {
		for _, d := range f.docs {
			if len(d.objects) == 0 && d.skipped == "" {
				continue
			}
			doc := Document{File: f.name, Line: d.line, Index: d.index, Skipped: d.skipped}
			for _, o := range d.objects {
				doc.Objects = append(doc.Objects, o.ref)
			}
			out = append(out, doc)
		}
	}
	return out
}

// Object decodes the object again, as it stands in its document; nil when it is
// not in the set. A key without a source finds the only object of that name.
func (s *Set) Object(key harden.Key) *unstructured.Unstructured {
	o := s.find(key)
	if o == nil {
		return nil
	}
	root, err := o.doc.parse()
	if err != nil {
		return nil
	}
	n := locate(root, o.ref.Source.Item)
	if n == nil {
		return nil
	}
	m, ok := n.toAny().(map[string]any)
	if !ok {
		return nil
	}
	u := &unstructured.Unstructured{Object: m}
	// Items of typed lists leave these out.
	u.SetAPIVersion(o.ref.APIVersion)
	u.SetKind(o.ref.Kind)
	return u
}

func (s *Set) find(key harden.Key) *object {
	if o := s.objects[key]; o != nil || key.Source.File != "" {
		return o
	}
	var found *object
	for k, o := range s.objects {
		k.Source = harden.Source{}
		if k == key {
			if found != nil {
				return nil
			}
			found = o
		}
	}
	return found
}

// json reports whether the document is JSON. A YAML stream may hold JSON documents.
func (d *document) json() bool {
	if d.span.json {
		return true
	}
	text := strings.TrimSpace(d.text())
	return strings.HasPrefix(text, "{") && json.Valid([]byte(text))
}
