package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// fileDiffs writes where each object of the plan goes, and the unified diff of
// each file, which patch and git apply take.
func (p *Plan) fileDiffs(w io.Writer) {
	brought := map[harden.Key]harden.SourceObject{}
	for _, o := range p.Edits.Objects {
		brought[o.Object.Key()] = o
	}
	for _, op := range p.Plan.Objects {
		comment(w, objectSum(op))
		for _, pf := range op.Fixes {
			comment(w, fixLines(pf)...)
		}
		comment(w, sourceLines(brought[op.Target.Key()])...)
		if o := op.Owner; o != nil && o.Origin != nil && o.Origin.String() != "" {
			comment(w, "  "+o.Name+" takes it from "+o.Origin.String())
		}
	}
	for _, f := range p.Edits.Files {
		if f.Changed() {
			fmt.Fprintln(w)
			changeOf(w, f)
		}
	}
}

// Files writes what changes in files, with what a person should know about it in
// lines that start with #.
func Files(w io.Writer, files []harden.FileChange) error {
	out := &errWriter{w: w}
	for _, f := range files {
		if f.Changed() {
			changeOf(out, f)
		}
	}
	return out.err
}

func changeOf(w io.Writer, f harden.FileChange) {
	for _, note := range f.Notes {
		comment(w, "note: "+harden.OneLine(note))
	}
	fmt.Fprint(w, fileDiff(f))
}

func sourceLines(o harden.SourceObject) []string {
	var lines []string
	switch {
	case !o.Brought():
		lines = append(lines, "  not brought: "+harden.OneLine(o.Why))
	case o.Where != "":
		lines = append(lines, fmt.Sprintf("  %s %s: %s", o.Kind, o.Where, strings.Join(o.Files, ", ")))
	default:
		lines = append(lines, "  in "+strings.Join(o.Files, ", "))
	}
	for _, note := range o.Notes {
		lines = append(lines, "  note: "+harden.OneLine(note))
	}
	return lines
}

func fileDiff(f harden.FileChange) string {
	name := strings.TrimPrefix(filepath.ToSlash(f.Path), "/")
	from := "a/" + name
	if f.New() {
		from = "/dev/null"
	}
	return udiff.Unified(from, "b/"+name, string(f.Before), string(f.After))
}

// NotBrought lists the objects whose change is in no file, one a line.
func NotBrought(w io.Writer, edits *harden.SourceEdits) error {
	out := &errWriter{w: w}
	for _, o := range edits.Objects {
		if !o.Brought() {
			fmt.Fprintf(out, "%s: not brought into files: %s\n", o.Object.Long(), harden.OneLine(o.Why))
		}
	}
	return out.err
}

// WriteQuestion asks for the yes to write files.
func WriteQuestion(edits *harden.SourceEdits) string {
	changed, fresh := 0, 0
	for _, f := range edits.Files {
		switch {
		case f.New():
			fresh++
		case f.Changed():
			changed++
		}
	}
	var parts []string
	if changed > 0 {
		parts = append(parts, "change "+plural(changed, "file"))
	}
	if fresh > 0 {
		parts = append(parts, "make "+plural(fresh, "file"))
	}
	s := strings.Join(parts, " and ")
	return strings.ToUpper(s[:1]) + s[1:] + "?"
}

// ReadAgain says, after the files were read again, how many of the findings are as
// a fix of that effect wants them, and how many are not.
func ReadAgain(effect harden.Effect, done, open int) string {
	is, not := "gone", "still there"
	switch effect {
	case harden.Waives:
		is, not = "waived", "not"
	case harden.Unwaives:
		is, not = "waived no more", "still waived"
	}
	return fmt.Sprintf("Read again: %s %s, %d %s.", plural(done, "finding"), is, open, not)
}

type fileDoc struct {
	Path  string   `json:"path"`
	New   bool     `json:"new,omitempty"`
	Notes []string `json:"notes,omitempty"`
	Diff  string   `json:"diff"`
}

type sourceDoc struct {
	Object objectDoc         `json:"object"`
	Kind   harden.SourceKind `json:"kind,omitempty"`
	Where  string            `json:"where,omitempty"`
	Files  []string          `json:"files,omitempty"`
	Why    string            `json:"why,omitempty"`
	Notes  []string          `json:"notes,omitempty"`
}

func fileDocs(edits *harden.SourceEdits) ([]fileDoc, []sourceDoc) {
	if edits == nil {
		return nil, nil
	}
	files, sources := []fileDoc{}, []sourceDoc{}
	for _, f := range edits.Files {
		if f.Changed() {
			files = append(files, fileDoc{Path: f.Path, New: f.New(), Notes: slices.Clone(f.Notes), Diff: fileDiff(f)})
		}
	}
	for _, o := range edits.Objects {
		sources = append(sources, sourceDoc{Object: objectOf(o.Object), Kind: o.Kind, Where: o.Where, Files: o.Files, Why: o.Why, Notes: o.Notes})
	}
	return files, sources
}
