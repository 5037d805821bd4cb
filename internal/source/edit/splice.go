package edit

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// A splice puts new text in the place of the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

// apply makes all splices. What is put at the same place stays in order, and
// stands before what is replaced there. What is taken out twice is gone, and so is
// what is replaced within something that is taken out.
func apply(text string, splices []splice) (string, error) {
	slices.SortStableFunc(splices, func(a, b splice) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(min(a.end-a.start, 1), min(b.end-b.start, 1)))
	})
	var b strings.Builder
	size := len(text)
	for _, s := range splices {
		size += len(s.text)
	}
	b.Grow(size)
	at := 0
	for _, s := range splices {
		switch {
		case s.start >= at:
			b.WriteString(text[at:s.start])
		case s.start < s.end && s.end <= at:
			continue
		case s.text != "":
			return "", errors.New("two changes are in each other's way")
		}
		b.WriteString(s.text)
		at = max(at, s.end)
	}
	b.WriteString(text[at:])
	return b.String(), nil
}
