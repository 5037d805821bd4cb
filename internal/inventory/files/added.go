package files

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/edit"
)

// A rewriter adds new objects to files.
type rewriter struct {
	files []*file
	out   []harden.FileChange // the inputs, then new files
}

// add appends new objects to an input.
func (r *rewriter) add(input int, changes []harden.ObjectChange) error {
	f := r.files[input]
	isJSON := slices.ContainsFunc(f.docs, func(d *document) bool { return d.span.json }) || strings.EqualFold(filepath.Ext(f.name), ".json")
	for _, c := range changes {
		object := c.After.Object
		var err error
		switch to := &r.out[input]; {
		case isJSON && f.name == Stdin:
			err = appendJSON(to, object)
		case isJSON:
			err = appendYAML(r.beside(f.name, c.Target), object)
		default:
			err = appendYAML(to, object)
		}
		if err != nil {
			return fmt.Errorf("adding %s to %s: %w", c.Target, f.name, err)
		}
	}
	return nil
}

// beside is the file for a new object next to a file that cannot take it.
func (r *rewriter) beside(name string, ref harden.Ref) *harden.FileChange {
	path := filepath.Join(filepath.Dir(name), "harden-"+fileName(ref.Kind)+"-"+fileName(ref.Name)+".yaml")
	for i := range r.out {
		if filepath.Clean(r.out[i].Path) == path {
			return &r.out[i]
		}
	}
	r.out = append(r.out, harden.FileChange{Path: path})
	return &r.out[len(r.out)-1]
}

// fileName keeps of a name what every file system takes.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '.':
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

func appendYAML(to *harden.FileChange, object map[string]any) error {
	text := string(to.After)
	newline := "\n"
	if at := strings.IndexByte(text, '\n'); at > 0 && text[at-1] == '\r' {
		newline = "\r\n"
	}
	marker := "---" + newline
	if text == "" {
		marker = ""
	}
	document, _, err := edit.Document(marker, object)
	if err != nil {
		return err
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		if text, err = endLine(text, newline); err != nil {
			return err
		}
	}
	to.After = []byte(text + document)
	return nil
}

// endLine ends the last line of a text without changing what its last document
// says: a block of text may end with the line.
func endLine(text, newline string) (string, error) {
	spans := split(text)
	last := spans[len(spans)-1]
	var says any
	if _, _, err := edit.Change(text[last.start:last.end], func(now any) (any, error) { says = now; return now, nil }); err != nil {
		return "", err
	}
	ended, _, err := edit.Document(text[last.start:last.end]+newline, says)
	return text[:last.start] + ended + text[last.end:], err
}

func appendJSON(to *harden.FileChange, object map[string]any) error {
	data, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return err
	}
	text := string(to.After)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	to.After = []byte(text + string(data) + "\n")
	return nil
}
