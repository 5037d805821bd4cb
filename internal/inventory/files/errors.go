package files

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A ReadError is a mistake at one place of a file.
type ReadError struct {
	File   string // as the user named it; "-" for standard input
	Line   int    // 1-based; 0 when the whole file is meant
	Column int    // 1-based; 0 when the whole line is meant
	Object string // KIND/NAME, where it is known
	Msg    string // what is wrong and, where that can be said, what to do
	Err    error  // cause; may be nil
}

// Error is FILE:LINE:COLUMN: OBJECT: MSG, without the parts that are not known.
func (e *ReadError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": ")
	if e.Object != "" {
		b.WriteString(e.Object + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// LoadError holds everything that is wrong with what was given to Load, in the
// order of files and lines.
type LoadError struct {
	Errors []*ReadError
}

// Error lists all errors, one a line.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Errors))
	for i, err := range e.Errors {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each error.
func (e *LoadError) Unwrap() []error {
	errs := make([]error, len(e.Errors))
	for i, err := range e.Errors {
		errs[i] = err
	}
	return errs
}

// sortErrors orders the errors of one document by place.
func sortErrors(errs []*ReadError) {
	slices.SortStableFunc(errs, func(a, b *ReadError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
