package prompts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// wordsToType are what a person may type anywhere, and some that nobody should.
var wordsToType = []string{
	"", "1", "2", "3", "4", "99", "-1", "0", "b", "b", "?", "l", "n", "p", "plan", "f", "safe", "a", "unmark", "marked", "mark 1", "mark 1-3", "mark 3-1", "mark x", "leave 1",
	"m", "/", "/ web", "/severity:high+", "/class:safe", "/ class:", "filter shop", "net", "phases", "turn", "changes", "proposal", "needed", "guessed", "yaml", "images", "scan", "look",
	"tags", "probe", "undo", "resume", "waivers", "waive", "remove", "report", "all", "unread", "again", "scope", "name shop", "context", "login", "log", "!", "rule", "diff", "apply",
	"takeover", "left", "security", "export", "yes", "YES", " yes ", "no", "y", "yes please", "out", "90", "2027-01-31", "because", "\x1b[2J\x1b]0;evil\a", "\x00", "ééé\u202e", strings.Repeat("x", 10000),
	"99999999999999999999", "mark 99999999999999999999", "mark 1-999999999", "1 2", "quiet",
}

// TestRandomLines types lines at random. What writes asks for the word yes first:
// script.run checks that the line before each write is that word.
func TestRandomLines(t *testing.T) {
	const dialogs, length = 150, 100
	wrote := 0
	for seed := range uint64(dialogs) {
		random := rand.New(rand.NewPCG(seed, 9))
		f := shop()
		f.live = seed%4 != 0
		opts := tui.Options{ReadOnly: seed%5 == 0, Scope: harden.Scope{All: true}}
		if seed%3 == 0 {
			f.replan = contested
		}
		if seed%7 == 0 {
			for _, method := range []string{"Plan", "Preview", "Apply", "Undo", "Gather", "Network", "Export", "Edits", "Write", "Waive", "History"} {
				if random.IntN(3) == 0 {
					f.errs[method] = errors.New("forbidden:\nuser \x1b[31mdev cannot\x07 do it")
				}
			}
		}
		if seed%2 == 0 {
			opts.Connector = connector{f}
		}
		// Whoever is asked for the word yes types something like it, and often a
		// word that leads there.
		choose := func(said string) string {
			words := wordsToType
			switch {
			case strings.HasSuffix(said, "leave it: "):
				words = []string{"yes", "y", "no", "", "YES", " yes ", "yes please", "ye", "apply", "1"}
			case random.IntN(2) == 0 && strings.Contains(said[max(0, len(said)-300):], "Type apply"):
				words = []string{"apply"}
			case random.IntN(3) > 0:
				words = []string{"1", "safe", "plan", "plan", "undo"}
			}
			return words[random.IntN(len(words))]
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			out := (&script{b: f, opts: opts, choose: choose, lines: make([]string, length)}).run(t)
			wrote += len(f.writes)
			if opts.ReadOnly && len(f.writes) > 0 {
				t.Errorf("it wrote %q with --read-only", f.writes)
			}
			if strings.Contains(out, "hunter2") || strings.Contains(out, "hunter3") {
				t.Error("a value was said that the diff masks")
			}
		})
	}
	if wrote < 10 {
		t.Errorf("there were %d writes: the lines do not lead to the questions that matter", wrote)
	}
}

// connector opens the same again.
type connector struct{ f *fake }

func (c connector) Contexts() ([]tui.KubeContext, error) {
	return []tui.KubeContext{{Name: "prod-eu", Cluster: "eu", Namespace: "shop", Current: true}, {Name: "broken"}}, nil
}

func (c connector) Context(name string) (tui.Backend, harden.Scope, error) {
	if name == "broken" {
		return nil, harden.Scope{}, errors.New(`context "broken" has no cluster`)
	}
	return c.f, harden.Scope{All: true}, nil
}

func (c connector) Files([]string) (tui.Backend, harden.Scope, error) {
	return nil, harden.Scope{}, errors.New("no such file")
}

func (c connector) Demo() (tui.Backend, harden.Scope, error) {
	f := shop()
	f.live = false
	return f, harden.Scope{}, nil
}

// TestHostileNames lets no name of an object move the cursor or begin a line.
func TestHostileNames(t *testing.T) {
	const evil = "a\x1b[2J\x1b]52;c;ZXZpbA==\a\r\n1. \u202eb\x9b31m\u2028c\xff"
	f := shop()
	w := workload(evil, evil)
	x := findingOf(w, fixNonRoot, evil, evil)
	x.Detail, x.Field, x.Verdict = evil+"2", evil, evil
	x.Excuse = &harden.Excuse{Reason: evil, Source: evil}
	f.snap.Findings = []*harden.Finding{x}
	f.snap.Inventory.Workloads = []*harden.Workload{w}
	f.snap.Inventory.Scope = []string{evil}
	f.snap.Inventory.Unread = []harden.Unread{{Resource: evil, Namespace: evil, Why: evil}}
	f.waived = []harden.WaiverView{{Rule: evil, Reason: evil, Source: evil, Findings: []*harden.Finding{x}}}
	f.records[0].Objects[0].Note = evil
	f.errs["Apply"] = errors.New(evil)
	said := make(chan tui.LogLine, 1)
	said <- tui.LogLine{From: evil, Text: evil, Time: seen}
	lines := strings.Split("1|m|rule|diff|plan|1|d|b|apply|yes|b|unread|images|1|b|b|waivers|1|b|b|undo|1|b|2|b|b|/ "+evil+"|log|b|net|q", "|")
	out := (&script{b: f, opts: tui.Options{Log: said}, lines: lines}).run(t)
	if n := strings.Count(out, "\n1. "); n < 3 {
		t.Errorf("there are %d lists: the dialog did not go where it should", n)
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "1. b") {
			t.Errorf("a name made a line of its own: %q", line)
		}
	}
}

func TestInterruptWhileApplying(t *testing.T) {
	for _, test := range []struct{ name, answer, want string }{
		{"stop", "yes", "Deployment web in shop: skipped, stopped."},
		{"go on", "no", "Deployment web in shop: proven, 3 of 3 pods updated and ready."},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := shop()
			gate := make(chan struct{})
			f.hold = map[string]chan struct{}{"Apply": gate}
			interrupts := make(chan os.Signal, 1)
			s := &script{b: f, interrupts: interrupts, lines: []string{"1", "safe", "plan", "apply", "yes", test.answer, "b", "q"}}
			f.begun = func() { interrupts <- os.Interrupt }
			if test.answer == "no" {
				// The second object is held back until the answer was read.
				s.before = map[int]func(){5: func() { time.AfterFunc(20*time.Millisecond, func() { close(gate) }) }}
			}
			out := s.run(t)
			if !strings.Contains(out, test.want) || !strings.Contains(out, "Type yes to stop") {
				t.Errorf("%q is not in:\n%s", test.want, out)
			}
		})
	}
}

func TestInterruptWhileLooking(t *testing.T) {
	f := shop()
	f.hold = map[string]chan struct{}{"Gather": make(chan struct{})}
	interrupts := make(chan os.Signal, 1)
	f.begun = func() { interrupts <- os.Interrupt }
	out := (&script{b: f, interrupts: interrupts, lines: []string{"1", "images", "scan", "yes", "q"}}).run(t)
	if !strings.Contains(out, "Stopped looking; what was found is kept.") {
		t.Errorf("the look was not stopped:\n%s", out)
	}
}

func TestInterruptAtAQuestionQuits(t *testing.T) {
	interrupts := make(chan os.Signal, 1)
	f := shop()
	over := make(chan struct{})
	s := &script{b: f, interrupts: interrupts, lines: []string{"1"}, before: map[int]func(){0: func() {
		interrupts <- os.Interrupt
		<-over
	}}}
	defer close(over)
	if out := s.run(t); strings.Contains(out, "shop: 3 objects.") {
		t.Errorf("it went on:\n%s", out)
	}
}

func TestStartWithoutBackend(t *testing.T) {
	f := shop()
	s := &script{opts: tui.Options{Err: errors.New("no server answers"), Connector: connector{f}}, lines: strings.Split("2|3|nothing.yaml|4|b|ctx|1|q", "|")}
	golden(t, "start", s.run(t))
	if err := run(t.Context(), nil, tui.Options{Err: errors.New("no server answers")}, newPrompter(strings.NewReader(""), &transcript{}, nil)); err == nil {
		t.Error("nothing can be looked at, and that is no error")
	}
}

func TestLoadFails(t *testing.T) {
	f := shop()
	f.errs["Load"] = errors.New("the server says\nUnauthorized")
	s := &script{b: f, lines: strings.Split("again|login|error|!|q", "|")}
	golden(t, "unauthorized", s.run(t))
}

func TestLongListsArePaged(t *testing.T) {
	f := shop()
	w := workload("shop", "many")
	f.snap.Findings = nil
	for i := range 45 {
		x := findingOf(w, fixMemory, "c", fmt.Sprintf("reason %d", i))
		x.Discriminator = fmt.Sprint(i)
		f.snap.Findings = append(f.snap.Findings, x)
	}
	f.snap.Inventory.Workloads = []*harden.Workload{w}
	f.snap.Inventory.Scope = []string{"shop"}
	golden(t, "pages", (&script{b: f, lines: strings.Split("1|n|n|n|p|45|b|q", "|")}).run(t))
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  string
		wrong string
	}{
		{"3", "[3]", ""},
		{"1 3,5", "[1 3 5]", ""},
		{"2-4 3", "[2 3 4]", ""},
		{"", "[]", ""},
		{"9", "[]", "9"},
		{"0", "[]", "0"},
		{"4-2", "[]", "4-2"},
		{"1 x", "[]", "x"},
		{"1-", "[]", "1-"},
	} {
		at, wrong := numbers(test.text, 8)
		if fmt.Sprint(at) != test.want || wrong != test.wrong {
			t.Errorf("%q: got %v and %q", test.text, at, wrong)
		}
	}
}

func TestLastDay(t *testing.T) {
	for text, want := range map[string]string{"90": "2027-02-02", "90 days": "2027-02-02", "1 day": "2026-11-05", "2027-03-31": "2027-03-31"} {
		if got, err := lastDay(text, seen); err != nil || date(got) != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"soon", "0", "-1", "9999", "31.3.2027", "2027-02-30"} {
		if got, err := lastDay(text, seen); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
