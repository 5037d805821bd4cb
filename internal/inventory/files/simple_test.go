package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
)

// compareReaders reads a document both ways and reports whether the simple reader could.
func compareReaders(t testing.TB, text string) bool {
	t.Helper()
	got, ok := parseSimple(text, 7, &arena{})
	if !ok {
		return false
	}
	want, err := parseYAML(text, 7)
	if err != nil {
		t.Fatalf("read what the library refuses (%s):\n%q", err.Msg, text)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(node{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q (-library +ours)\n%s", text, diff)
	}
	return true
}

// What is written as most people write it does not need the library.
func TestSimpleReadsWhatIsCommon(t *testing.T) {
	examples, err := filepath.Glob("../../../examples/*/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	texts := []string{string(filestest.Deployments(40))}
	for _, name := range examples {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	for _, text := range texts {
		for _, sp := range splitYAML(text) {
			if doc := text[sp.start:sp.end]; !isBlank(doc) && !compareReaders(t, doc) {
				t.Errorf("left to the library:\n%s", doc)
			}
		}
	}
}

func TestSimple(t *testing.T) {
	for _, test := range []struct {
		text   string
		simple bool
	}{
		{"a: b", true},
		{"---\n# c\n\na: b # c\nc:\n- d\n-   e: f\n    g: h\n- - i\n  - j\n-\n- k:\n\n  # c\n  l: ~\nm:\n  n:\n    - o\n", true},
		{"a: \"b: c\"\n'd': 'it''s'\n\"e\": \"\\\"\\\\\\n\\t\"\n", true},
		{"a: [b, 'c', \"d\", [], {}, {e: f, g: [h]}] # i\nj: { k: l }\n", true},
		{"a: |\n  b\n\n    c # no comment\n  d\n\n\ne: |-\n  f\n\ng:\n- |\n  h\n", true},
		{"é: ü\nü: [\"é\", b]\n", true},
		{"a: -1\nb: --c\nd: http://e:80/#f\ng: a - b\nh: x [y] {z}\n", true},
		{"a:\nb:", true},
		{"a: b\n...\n", false},
		{"a: b: c", false},
		{"a: b\n c", false},
		{"a: 'b'\n c: d", false},
		{"a: &b c", false},
		{"a: !!str 1", false},
		{"a: *b", false},
		{"<<: {a: b}", false},
		{"a: >\n  b\n", false},
		{"a: |2\n   b\n", false},
		{"a: |\n    \n  b\n", false},
		{"a: |\n  b", false},
		{"a: [b,\n c]", false},
		{"a: [b, ]", false},
		{"a: [b, c", false},
		{"a: {b}", false},
		{"a: {b:c}", false},
		{"a: 'b\n  c'", false},
		{"a: \"\\x41\"", false},
		{"a:\tb", false},
		{"a: b\r\n", false},
		{"? a\n: b", false},
		{"~: a", false},
		{"a:\n  b: c\n d: e", false},
		{"a:\n  - b\n  c: d", false},
		{"a: b\n- c", false},
		{"- a", false},
		{"--- a: b", false},
		{"%YAML 1.1\n---\na: b", false},
		{"a: \u2028b", false},
		{strings.Repeat("a", 2000) + ": b", false},
		{"a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), false},
	} {
		if got := compareReaders(t, test.text); got != test.simple {
			t.Errorf("%q: simple %v, want %v", test.text, got, test.simple)
		}
	}
}

// Whatever the simple reader reads, it reads as the library does.
func FuzzSimple(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		text := string(data)
		if _, msg := notText(text); msg != "" {
			return
		}
		for _, sp := range splitYAML(text) {
			compareReaders(t, text[sp.start:sp.end])
		}
	})
}
