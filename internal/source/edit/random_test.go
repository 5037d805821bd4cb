package edit

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var random = flag.Int("random", 3000, "how many random documents are edited")

// Whatever a document looks like and whatever is changed: kubectl reads in the
// result what was planned, no byte outside of the splices differs, all comments
// are there unless something was taken out, and a second run has nothing to do.
func TestDocumentRandomly(t *testing.T) {
	valid := 0
	for seed := range *random {
		g := &generator{r: rand.New(rand.NewPCG(uint64(seed), 7))}
		text := g.document()
		before, err := kubectlReads(text)
		if err != nil {
			continue
		}
		valid++
		m := &mutation{r: g.r}
		after := before
		for range 1 + g.r.IntN(3) {
			after = m.change(after, 0)
		}
		checkEdit(t, fmt.Sprint("seed ", seed), text, after, !m.removes)
		if t.Failed() {
			return
		}
	}
	if valid < *random*8/10 {
		t.Errorf("only %d of %d documents are valid", valid, *random)
	}
}

func checkEdit(t *testing.T, name, text string, after any, keepsComments bool) {
	t.Helper()
	got, _, err := Document(text, after)
	if err != nil {
		t.Errorf("%s: %v\n%s\nto say: %s", name, err, text, cmp.Diff(says(t, text), after))
		return
	}
	read, err := kubectlReads(got)
	if err != nil {
		t.Errorf("%s: kubectl cannot read it: %v\n%s\nwas\n%s", name, err, got, text)
		return
	}
	read, _ = normal(read) // 1e3 of JSON is a float
	if after, _ = normal(after); !same(read, after) {
		t.Errorf("%s: kubectl reads something else: %s\n%s\nwas\n%s", name, cmp.Diff(after, read), got, text)
	}
	checkSplices(t, name, text, after, got)
	if again, _, err := Document(got, after); err != nil || again != got {
		t.Errorf("%s: the second run changes something: %v\n%s", name, err, cmp.Diff(got, again))
	}
	if !keepsComments {
		return
	}
	for _, c := range commentMark.FindAllString(text, -1) {
		if !strings.Contains(got, c) && !strings.Contains(fmt.Sprint(says(t, text)), c) {
			t.Errorf("%s: the comment %s is lost\n%s\nwas\n%s", name, c, got, text)
		}
	}
}

// checkSplices makes the splices by itself, byte by byte.
func checkSplices(t *testing.T, name, text string, after any, got string) {
	t.Helper()
	e, err := read(strings.TrimPrefix(text, utf8BOM))
	if err != nil {
		t.Fatal(err)
	}
	want, err := normal(after)
	if err != nil {
		t.Fatal(err)
	}
	if same(e.says(), want) {
		if got != text {
			t.Errorf("%s: changed without need", name)
		}
		return
	}
	if _, err := e.edit(want); err != nil {
		e.forget()
		if e.quoteTexts = true; e.document(want) != nil {
			t.Fatal(err)
		}
	}
	gone := make([]bool, len(e.text)+1)
	added, put := make([]string, len(e.text)+1), make([]string, len(e.text)+1)
	for _, s := range e.splices {
		inner := func(o splice) bool { return o.start <= s.start && s.end <= o.end && o.end-o.start > s.end-s.start }
		switch {
		case s.start == s.end:
			added[s.start] += s.text
		case !slices.ContainsFunc(e.splices, inner):
			put[s.start] += s.text
		}
		for i := s.start; i < s.end; i++ {
			gone[i] = true
		}
	}
	var b strings.Builder
	for i := range len(e.text) + 1 {
		b.WriteString(added[i] + put[i])
		if i < len(e.text) && !gone[i] {
			b.WriteByte(e.text[i])
		}
	}
	got = strings.TrimPrefix(got, utf8BOM)
	if b.String() != got && strings.TrimSuffix(strings.TrimSuffix(b.String(), "\n"), "\r") != got {
		t.Errorf("%s: bytes outside of the splices differ: %s", name, cmp.Diff(b.String(), got))
	}
}

// A mutation changes a value at random, in a copy.
type mutation struct {
	r       *rand.Rand
	removes bool // something was taken out or replaced as a whole
	lists   int  // how often a list was changed
}

func (m *mutation) change(v any, depth int) any {
	switch v := v.(type) {
	case map[string]any:
		return m.mapping(v, depth)
	case []any:
		return m.list(v, depth)
	}
	if m.r.IntN(4) == 0 {
		return m.fresh(2)
	}
	return m.scalar()
}

func (m *mutation) mapping(v map[string]any, depth int) any {
	out := maps.Clone(v)
	keys := slices.Sorted(maps.Keys(v))
	switch n := m.r.IntN(10); {
	case len(keys) == 0 || n < 2:
		out[fmt.Sprintf("new%d", m.r.IntN(100))] = m.fresh(2)
	case n == 2:
		delete(out, keys[m.r.IntN(len(keys))])
		m.removes = true
	case n == 3 && depth > 0:
		m.removes = true
		return m.fresh(2)
	default:
		k := keys[m.r.IntN(len(keys))]
		out[k] = m.change(v[k], depth+1)
	}
	return out
}

func (m *mutation) list(v []any, depth int) any {
	at := m.r.IntN(len(v) + 1)
	if m.lists++; m.lists > 1 {
		m.removes = true // items that were changed and moved are taken for others
	}
	switch n := m.r.IntN(10); {
	case len(v) == 0 || n < 2:
		return slices.Insert(slices.Clone(v), at, m.fresh(2))
	case n == 2:
		m.removes = true
		at = m.r.IntN(len(v))
		return slices.Delete(slices.Clone(v), at, at+1)
	case n == 3:
		m.removes = true // an item that moves leaves its comment
		out := slices.Clone(v)
		m.r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out
	case n == 4:
		m.removes = true
		return m.fresh(1)
	}
	out := slices.Clone(v)
	at = m.r.IntN(len(v))
	out[at] = m.change(v[at], depth+1)
	if len(v) > 1 {
		m.removes = true // an item that nothing tells apart may be taken for another
	}
	return out
}

func (m *mutation) fresh(depth int) any {
	switch n := m.r.IntN(8); {
	case depth == 0 || n < 3:
		return m.scalar()
	case n < 6:
		out := map[string]any{}
		for range m.r.IntN(4) {
			out[[]string{"name", "a", "b", "on", "x y", "1"}[m.r.IntN(6)]] = m.fresh(depth - 1)
		}
		return out
	}
	out := []any{}
	for range m.r.IntN(4) {
		out = append(out, m.fresh(depth-1))
	}
	return out
}

func (m *mutation) scalar() any {
	values := []any{
		"x", "on", "", " ", "a: b", "a #b", "two\nlines\n", "two\nlines", "end\n\n", "\n", " lead\nx", "tab\there", "é😀", "\u2028", "1", "1.5", "2026-11-28", "-", "- a",
		"#c", "{a}", "[a]", "'q'", `"q"`, `back\slash`, "a,b", ":", "a:", "?", "!t", "&a", "*a", "%d", "@a", "`a`", "~", "null", "0x1F", "0o17", "1e3", "12:30:45", "<<", "---", "...", "=",
		"trailing ", "a\n\nb\n", "a\n b\n", "# not\nx\n", "\x00", "\u007f", "\ufeff", "very " + strings.Repeat("long ", 40),
		true, false, int64(0), int64(-5), int64(1 << 60), 1.5, 1e-7, 1e300,
	}
	return values[m.r.IntN(len(values))]
}
