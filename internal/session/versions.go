package session

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
)

// A tagForm is a tag taken apart: what stands before the version, the version,
// and the variant behind it.
type tagForm struct {
	tag     string
	prefix  string // such as v, or bookworm-
	version *version.Version
	parts   int // how many numbers the version has
	// variant is what stands behind, such as -alpine3.20; shape is it without its
	// numbers: -alpine#.
	variant, shape string
}

// tagParts splits v1.27.3-alpine3.20 and bookworm-20260101.
var (
	tagParts = regexp.MustCompile(`^((?:[A-Za-z]+-)*[A-Za-z]*?)(\d+(?:\.\d+){0,4})((?:[-_+.]?[A-Za-z].*|[-_+].*)?)$`)
	numbers  = regexp.MustCompile(`\d+`)
	// commit finds the abbreviated hash of one between dashes: letters and digits.
	commit = regexp.MustCompile(`(?:^|-)(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{5,}(?:-|$)`)
)

// parseTag is not ok for tags without a version, such as latest, and for those
// that are the hash of a commit.
func parseTag(tag string) (f tagForm, ok bool) {
	m := tagParts.FindStringSubmatch(tag)
	if m == nil || commit.MatchString(tag) {
		return f, false
	}
	v, err := version.NewVersion(m[2])
	if err != nil {
		return f, false
	}
	return tagForm{tag: tag, prefix: m[1], version: v, parts: 1 + strings.Count(m[2], "."), variant: m[3], shape: numbers.ReplaceAllString(m[3], "#")}, true
}

// dated reports whether the version is one number that is a date, as in
// bookworm-20260101: it has no major part.
func (f tagForm) dated() bool {
	s := f.version.Segments64()[0]
	return f.parts == 1 && s >= 19_700_101 && s <= 99_991_231
}

// follows reports whether the tag is of the same kind as the one before, of the
// same major version, and newer.
func (f tagForm) follows(before tagForm) bool {
	if f.prefix != before.prefix || f.shape != before.shape || f.parts != before.parts || f.dated() != before.dated() {
		return false
	}
	if !f.dated() && f.version.Segments64()[0] != before.version.Segments64()[0] {
		return false
	}
	if older(f.variant, before.variant) {
		return false
	}
	if c := f.version.Compare(before.version); c != 0 {
		return c > 0
	}
	return older(before.variant, f.variant)
}

// older reports whether the numbers in a variant are lower than in another one
// of the same shape: -alpine3.19 is older than -alpine3.20.
func older(a, b string) bool {
	x, errX := version.NewVersion(strings.Join(numbers.FindAllString(a, 5), "."))
	y, errY := version.NewVersion(strings.Join(numbers.FindAllString(b, 5), "."))
	return errX == nil && errY == nil && x.LessThan(y)
}

// candidates are the tags that are worth a scan as the next version of a tag:
// the next one, the last of the same minor version, and the last of the same
// major version; the nearest first.
func candidates(current string, tags []string) []string {
	now, ok := parseTag(current)
	if !ok {
		return nil
	}
	var newer []tagForm
	for _, t := range tags {
		if f, ok := parseTag(t); ok && f.follows(now) {
			newer = append(newer, f)
		}
	}
	slices.SortFunc(newer, func(a, b tagForm) int {
		if c := a.version.Compare(b.version); c != 0 {
			return c
		}
		switch {
		case older(a.variant, b.variant):
			return -1
		case older(b.variant, a.variant):
			return 1
		}
		return strings.Compare(a.tag, b.tag)
	})
	if len(newer) == 0 {
		return nil
	}
	minor := func(f tagForm) int64 {
		if s := f.version.Segments64(); f.parts > 1 {
			return s[1]
		}
		return 0
	}
	picked := []string{newer[0].tag}
	for _, f := range slices.Backward(newer) {
		if minor(f) == minor(now) {
			picked = append(picked, f.tag)
			break
		}
	}
	picked = append(picked, newer[len(newer)-1].tag)
	slices.SortFunc(picked, func(a, b string) int {
		at := func(tag string) int { return slices.IndexFunc(newer, func(f tagForm) bool { return f.tag == tag }) }
		return at(a) - at(b)
	})
	return slices.Compact(picked)
}
