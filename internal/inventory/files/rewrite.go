package files

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/edit"
)

// Rewrite gives all inputs, in order, with the objects changed to what they
// should be. After of a change is an object as Object returns it, with changes
// made; the namespace that Options gave to it is not written, and neither is a
// name that its generateName stands for. Only the bytes of the changes differ,
// see package edit; each changed document is decoded again.
//
// A new object is appended to the file of the object that it is for, as a
// document of its own. Beside a JSON file it gets a file of its own, which comes
// after the inputs.
func (s *Set) Rewrite(changes []harden.ObjectChange) ([]harden.FileChange, error) {
	edits := map[*document]*documentEdit{}
	fresh := map[*file][]harden.ObjectChange{}
	var errs []error
	for _, c := range changes {
		if c.Before == nil {
			of := s.find(c.Of.Key())
			if of == nil {
				errs = append(errs, fmt.Errorf("rewriting: no file is known for the new %s: save it to one, and name that with -f", c.Target.Long()))
				continue
			}
			fresh[of.doc.file] = append(fresh[of.doc.file], c)
			continue
		}
		o := s.find(c.Target.Key())
		if o == nil {
			errs = append(errs, fmt.Errorf("rewriting %s: it is not in the files", c.Target.Long()))
			continue
		}
		if edits[o.doc] == nil {
			edits[o.doc] = &documentEdit{objects: map[int]map[string]any{}}
		}
		edits[o.doc].objects[o.ref.Source.Item] = c.After.Object
	}
	errs = append(errs, s.editAll(edits))
	r := &rewriter{files: s.files}
	for _, f := range s.files {
		r.out = append(r.out, f.rewrite(edits))
	}
	for i, f := range s.files {
		errs = append(errs, r.add(i, fresh[f]))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r.out, nil
}

// A documentEdit is what becomes of one document.
type documentEdit struct {
	objects map[int]map[string]any // by list item, -1 for the document itself
	text    string                 // with the objects changed
	notes   []string
}

// editAll edits on all processors; documents do not depend on each other.
func (s *Set) editAll(edits map[*document]*documentEdit) error {
	var docs []*document
	for _, f := range s.files {
		for _, d := range f.docs {
			if edits[d] != nil {
				docs = append(docs, d)
			}
		}
	}
	errs := make([]error, len(docs))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range docs {
		g.Go(func() error {
			if err := edits[d].make(d); err != nil {
				errs[i] = fmt.Errorf("rewriting %s:%d: %w", d.file.name, d.line, err)
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs, in the order of the documents
	return errors.Join(errs...)
}

func (e *documentEdit) make(d *document) error {
	text, notes, err := edit.Change(d.text(), func(says any) (any, error) {
		for item, object := range e.objects {
			if err := place(&says, item, object); err != nil {
				return nil, err
			}
		}
		return says, nil
	})
	if err != nil {
		return err
	}
	e.text = text
	for _, n := range notes {
		where := fmt.Sprintf("line %d", d.line)
		if e.objects[-1] != nil {
			where = d.objects[0].ref.String()
		}
		e.notes = append(e.notes, where+": "+n)
	}
	return nil
}

func (f *file) rewrite(edits map[*document]*documentEdit) harden.FileChange {
	before := []byte(f.text)
	if f.bom {
		before = []byte(utf8BOM + f.text)
	}
	out := harden.FileChange{Path: f.name, Before: before, After: before}
	if !slices.ContainsFunc(f.docs, func(d *document) bool { return edits[d] != nil && edits[d].text != d.text() }) {
		return out
	}
	var b strings.Builder
	if f.bom {
		b.WriteString(utf8BOM)
	}
	at := 0
	for _, d := range f.docs {
		b.WriteString(f.text[at:d.span.start])
		text := d.text()
		if e := edits[d]; e != nil {
			text = e.text
			out.Notes = append(out.Notes, e.notes...)
		}
		b.WriteString(text)
		at = d.span.end
	}
	b.WriteString(f.text[at:])
	out.After = []byte(b.String())
	return out
}

// place puts the object where the document holds it, without what only its
// reference says. What the document says is not changed itself.
func place(doc *any, item int, object map[string]any) error {
	was := *doc
	if item >= 0 {
		list, _ := was.(map[string]any)
		items, _ := list["items"].([]any)
		if item >= len(items) {
			return fmt.Errorf("there is no list item %d", item)
		}
		was = items[item]
	}
	fields, ok := was.(map[string]any)
	if !ok {
		return errors.New("this is not an object")
	}
	now := asWritten(object, fields)
	if item < 0 {
		*doc = now
		return nil
	}
	list := maps.Clone((*doc).(map[string]any))
	items := slices.Clone(list["items"].([]any))
	items[item] = now
	list["items"] = items
	*doc = list
	return nil
}

// asWritten is the object without the fields that it got when it was read.
func asWritten(object, was map[string]any) map[string]any {
	now := maps.Clone(object)
	for _, field := range []string{"apiVersion", "kind"} {
		if was[field] == nil {
			delete(now, field)
		}
	}
	wasMeta, _ := was["metadata"].(map[string]any)
	if meta, ok := now["metadata"].(map[string]any); ok {
		meta = maps.Clone(meta)
		for _, field := range []string{"namespace", "name"} {
			if wasMeta[field] == nil {
				delete(meta, field)
			}
		}
		now["metadata"] = meta
	}
	return now
}

// NotInPlace says why a file must not be written, empty when it may be: it is a
// template, or part of one. What is rendered from it can still be changed.
func (s *Set) NotInPlace(path string) string {
	if path == Stdin {
		return "standard input has no place: print the result with -o yaml"
	}
	for _, f := range s.files {
		if f.name != path {
			continue
		}
		for _, d := range f.docs {
			if d.isSkippedTemplate() {
				return fmt.Sprintf("line %d begins a template that only its renderer can read: %s", d.line, renderFirst)
			}
		}
	}
	if chart := chartOf(path); chart != "" {
		return fmt.Sprintf("it is a template of the chart in %s: %s", chart, renderFirst)
	}
	return ""
}

const renderFirst = "change the values with fix --source CHART --values FILE, or render it (helm template … | kubectl harden fix -f - -o yaml)"

func (d *document) isSkippedTemplate() bool {
	if d.skipped == "" || !d.isTemplate() {
		return false
	}
	_, err := d.parse()
	return err != nil
}

// chartOf is the folder of the chart whose template the file is, or empty.
func chartOf(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(abs); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if filepath.Base(dir) != "templates" {
			continue
		}
		chart := filepath.Dir(dir)
		if _, err := os.Stat(filepath.Join(chart, "Chart.yaml")); err == nil {
			return chart
		}
	}
	return ""
}
