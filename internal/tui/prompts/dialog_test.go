package prompts

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// A typist is what a person types, line by line. What they type stands in the
// transcript where it was read.
type typist struct {
	mu    sync.Mutex
	lines []string
	// before is called before the line of that number, counted from 0, is read.
	before map[int]func()
	n      int
	out    io.Writer
	last   string
	rest   []byte
	// choose, when set, makes up lines from what was said, as many as there are lines.
	choose func(said string) string
	said   *transcript
}

func (t *typist) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		if f := t.before[t.n]; f != nil {
			f()
		}
		if t.n >= len(t.lines) {
			return 0, io.EOF
		}
		if t.choose != nil {
			t.lines[t.n] = t.choose(t.said.String())
		}
		t.mu.Lock()
		t.last = t.lines[t.n]
		t.mu.Unlock()
		t.rest = []byte(t.lines[t.n] + "\n")
		_, _ = io.WriteString(t.out, "<"+ansi.Truncate(harden.OneLine(t.lines[t.n]), 80, "")+">\n")
		t.n++
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func (t *typist) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// A transcript takes what is said and what is typed.
type transcript struct {
	mu sync.Mutex
	bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Buffer.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Buffer.String()
}

// script is a person who types lines to a backend.
type script struct {
	b          tui.Backend
	opts       tui.Options
	lines      []string
	before     map[int]func()
	choose     func(said string) string
	interrupts chan os.Signal
}

func (s *script) run(t *testing.T) string {
	t.Helper()
	out := &transcript{}
	in := &typist{lines: s.lines, before: s.before, out: out, choose: s.choose, said: out}
	if f, ok := s.b.(*fake); ok {
		f.onWrite = func(call string) {
			if !strings.EqualFold(strings.TrimSpace(in.lastLine()), "yes") {
				t.Errorf("%s without the word yes: the last line was %q", call, in.lastLine())
			}
		}
	}
	if err := run(t.Context(), s.b, s.opts, newPrompter(in, out, s.interrupts)); err != nil {
		t.Errorf("the dialog ended with: %v", err)
	}
	checkText(t, out.String())
	return out.String()
}

// checkText finds what no line may have: escape sequences, control characters,
// what turns the order of letters around.
func checkText(t *testing.T, text string) {
	t.Helper()
	for n, line := range strings.Split(text, "\n") {
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
				t.Errorf("line %d has the character %U: %q", n+1, r, line)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is another transcript now; run the test with -update and read it:\n%s", path, diff)
	}
}

func TestTranscripts(t *testing.T) {
	typed := func(lines string) []string { return strings.Split(lines, "|") }
	for _, test := range []struct {
		name  string
		lines []string
		set   func(*fake, *script)
	}{
		{name: "browse", lines: typed("?|1|1|2|n|n|rule|p|d||b||9|no such word|q")},
		{name: "apply", lines: typed("1|1|mark 2 4 9|mark 1-3|marked|plan|1|d|b|left|apply|yes|undo|1|undo|no|undo|yes|b|q"), set: func(f *fake, _ *script) {
			f.after = without(f.snap, "run-as-non-root", "web")
		}},
		{name: "conflict", lines: typed("1|safe|plan|1|takeover|takeover|t|b|apply|no|export|1|out|yes|q"), set: func(f *fake, _ *script) { f.replan = contested }},
		{name: "files", lines: typed("1|safe|f|apply|yes|undo|q"), set: func(f *fake, _ *script) { f.live = false }},
		{name: "network", lines: typed("1|net|1|4|||turn|turn|proposal|phases|1|yaml|||needed|1||||q")},
		{name: "images", lines: typed("1|images|1|scan|no|scan|yes|b|b|q")},
		{name: "waivers", lines: typed("1|1|1|waive|it is the node agent|soon|90||yes|1|apply|yes|b|b|waivers|1|remove|left|q")},
		{name: "aside", lines: typed("unread|log|b|error|undo|2|resume|yes|b|report|1|all|b|b|scope|b|context|q")},
		{name: "filter", lines: typed("/nosuch:term|/ severity:high+ class:evidence|1|l|b|/|q")},
		{name: "read-only", lines: typed("1|1|2|m|plan|apply|b|w|q"), set: func(_ *fake, s *script) { s.opts.ReadOnly = true }},
		{name: "changed", lines: typed("1|l|1|q"), set: func(f *fake, s *script) {
			s.before = map[int]func(){1: func() { f.send(without(f.snap, "run-as-non-root", "web")) }}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := shop()
			s := &script{b: f, lines: test.lines}
			if test.set != nil {
				test.set(f, s)
			}
			golden(t, test.name, s.run(t))
		})
	}
}

func TestEndOfInputWritesNothing(t *testing.T) {
	// Each beginning of a dialog that would apply ends without a write.
	lines := strings.Split("1|safe|plan|apply", "|")
	for n := range len(lines) + 1 {
		f := shop()
		(&script{b: f, lines: lines[:n]}).run(t)
		if len(f.writes) > 0 {
			t.Errorf("after %q it wrote: %q", lines[:n], f.writes)
		}
	}
	f := shop()
	in := strings.NewReader(strings.Join(lines, "\n") + "\nyes") // cut off
	if err := run(context.Background(), f, tui.Options{}, newPrompter(in, io.Discard, nil)); err != nil || len(f.writes) > 0 {
		t.Errorf("a yes that is cut off: %v, wrote %q", err, f.writes)
	}
}
