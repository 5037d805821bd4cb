package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// elsewhere is a Connector over fakes.
type elsewhere struct {
	mu       sync.Mutex
	contexts []KubeContext
	err      error
	backends map[string]*fake
	asked    []string
	opened   int
	gate     chan struct{} // when set, contexts are opened after it lets them
}

func (e *elsewhere) Contexts() ([]KubeContext, error) { return e.contexts, e.err }

func (e *elsewhere) open(name string) (Backend, harden.Scope, error) {
	e.mu.Lock()
	e.asked = append(e.asked, name)
	b, ok := e.backends[name]
	e.mu.Unlock()
	if !ok {
		return nil, harden.Scope{}, fmt.Errorf("no context %q in the kubeconfig", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened++
	return &opened{b}, harden.Scope{All: true}, nil
}

// opened is a fake that was opened once; another time it is another Backend.
type opened struct{ *fake }

func (e *elsewhere) Context(name string) (Backend, harden.Scope, error) {
	if e.gate != nil {
		<-e.gate
	}
	return e.open(name)
}

func (e *elsewhere) Files(paths []string) (Backend, harden.Scope, error) {
	return e.open("files " + fmt.Sprint(paths))
}

func (e *elsewhere) Demo() (Backend, harden.Scope, error) { return e.open("demo") }

func otherPlaces() *elsewhere {
	e := &elsewhere{backends: map[string]*fake{}}
	for _, name := range []string{"dev", "prod-eu", "staging"} {
		f := newFake()
		f.title = name
		f.snap.Inventory.Objects = 40 + len(name)
		e.backends[name] = f
		e.contexts = append(e.contexts, KubeContext{Name: name, Cluster: name, Namespace: "shop", Current: name == "staging"})
	}
	for _, name := range []string{"demo", "files [deploy]", "files [a b]"} {
		f := newFake()
		f.title, f.live = name, false
		e.backends[name] = f
	}
	return e
}

func TestSwitchClosesTheOldAndDropsItsAnswers(t *testing.T) {
	e, f := otherPlaces(), newFake()
	drive(t, f, Options{Connector: e}, wide, high, func(d *driver) {
		d.rest()
		d.press("a", "/")
		d.typeText("root")
		d.press("enter")
		old := d.m.stamp(func() tea.Msg {
			s := shop()
			s.Generation, s.Inventory.Objects = 99, 999
			return snapshotMsg{seq: d.m.load.watch, x: newIndex(s, nil)}
		})
		watch := f.watch
		d.press("c")
		d.typeText("dev")
		d.press("enter")
		d.has(" dev ", "43 objects", "live")
		d.hasNot("marked", "/ root")
		if f.closed != 1 {
			t.Errorf("closed %d times", f.closed)
		}
		if f.watch == watch {
			t.Error("the old watch goes on")
		}
		d.send(old())
		d.hasNot("999 objects")
		if len(d.m.marks) != 0 || d.m.filter.text != "" || d.m.match != nil {
			t.Error("something of the old context is left")
		}
	})
}

func TestSwitchIsRefusedWhileApplying(t *testing.T) {
	e, f := otherPlaces(), newFake()
	drive(t, f, Options{Connector: e}, wide, high, func(d *driver) {
		gate := make(chan struct{}, 9)
		f.gate = gate
		d.press("a", "f", "f")
		d.wait(armAfter)
		d.press("y", ":")
		d.typeText("ctx dev")
		d.press("enter")
		d.has("still applying")
		d.press(":")
		d.typeText("ns default")
		d.press("enter")
		d.has("still applying")
		if f.closed != 0 || len(e.asked) != 0 || len(f.scopes) != 1 {
			t.Errorf("closed %d, opened %v, read %d times", f.closed, e.asked, len(f.scopes))
		}
		d.press("ctrl+z")
		d.has("suspend: still applying")
	})
	// What was opened when the apply began is closed again.
	drive(t, f, Options{Connector: e}, wide, high, func(d *driver) {
		f.gate, e.gate = make(chan struct{}, 9), make(chan struct{}, 1)
		d.press("c")
		d.typeText("dev")
		d.press("enter")
		d.has("opening context dev")
		d.press("a", "f", "f")
		d.wait(armAfter)
		d.press("y")
		e.gate <- struct{}{}
		d.settle()
		d.has("Applying", "prod-eu")
		if got := e.backends["dev"].closed; got != 1 {
			t.Errorf("what was opened too late was closed %d times", got)
		}
	})
}

func TestSwitchThatFailsStays(t *testing.T) {
	drive(t, newFake(), Options{Connector: otherPlaces()}, wide, high, func(d *driver) {
		d.press(":")
		d.typeText("ctx nowhere-at-all")
		d.press("enter")
		d.has(`no context "nowhere-at-all"`, "privileged-container", "live")
	})
}

func TestNamespacesAreChosen(t *testing.T) {
	f := newFake()
	drive(t, f, Options{Connector: otherPlaces()}, wide, high, func(d *driver) {
		d.press("a")
		marks := len(d.m.marks)
		d.press("s")
		d.has("all", "payments", "identity")
		d.typeText("pay")
		d.press("tab")
		d.has("ns payments")
		d.typeText(",sho")
		d.press("enter")
		d.has("prod-eu (payments, shop)")
		if len(d.m.marks) != marks || marks == 0 {
			t.Errorf("%d marks became %d: the cluster is the same", marks, len(d.m.marks))
		}
		// Marks of what is not read any more are dropped, with a word.
		f.snap = shop()
		f.snap.Findings = slices.DeleteFunc(f.snap.Findings, func(x *harden.Finding) bool { return x.Object.Namespace == "shop" })
		left := 0
		for _, x := range f.snap.Findings {
			if d.m.marks[x.ID()] {
				left++
			}
		}
		d.press(":")
		d.typeText("ns payments,shop")
		d.press("enter")
		d.has(plural(marks-left, "marked finding is", "marked findings are") + " gone")
		if len(d.m.marks) != left {
			t.Errorf("%d marks, want %d", len(d.m.marks), left)
		}
		d.press(":")
		d.typeText("ns nowhere")
		d.press("enter")
		d.has(`there is no namespace "nowhere"`)
		d.press(":")
		d.typeText("ns all")
		d.press("enter")
		d.has("prod-eu (all namespaces)")
		both := harden.Scope{Namespaces: []string{"payments", "shop"}}
		want := []harden.Scope{{}, both, both, {All: true}}
		if diff := cmp.Diff(want, f.scopes); diff != "" {
			t.Error(diff)
		}
		if f.closed != 0 {
			t.Error("the backend was closed")
		}
	})
}

// Where namespaces may not be listed, a name is taken as it is typed.
func TestNamespacesThatMayNotBeListed(t *testing.T) {
	f := newFake()
	f.spacesErr = errors.New("forbidden")
	f.snap.Inventory.Scope = nil
	drive(t, f, Options{}, 80, 24, func(d *driver) {
		d.press("s")
		d.typeText("secret-team")
		d.has("cannot be listed: forbidden")
		d.press("enter")
		d.has("(secret-team)")
		d.press("s")
		d.typeText("Not_A_Name")
		d.press("enter")
		d.has("cannot be a namespace")
	})
}

func TestPaletteRunsCommands(t *testing.T) {
	e := otherPlaces()
	drive(t, newFake(), Options{Connector: e}, 80, 24, func(d *driver) {
		d.press(":")
		d.typeText("ctx")
		d.press("enter")
		d.has("another context", "staging", "current")
		d.press("end", "home", "pgdown", "pgup", "esc")
		d.press(":")
		d.typeText("files a, b")
		d.press("enter")
		d.has("files [a b]")
		d.press(":")
		d.typeText("demo")
		d.press("enter")
		d.has("demo", "files")
		d.press(":")
		d.typeText("zzzz")
		d.has("nothing is called so")
		d.press("esc", ":")
		d.typeText("q")
		d.press("enter")
		if !d.quit {
			t.Error(":q does not quit")
		}
	})
	want := []string{"files [a b]", "demo"}
	if diff := cmp.Diff(want, e.asked); diff != "" {
		t.Error(diff)
	}
}

// The palette finds what is not possible too, and says why.
func TestPaletteSaysWhy(t *testing.T) {
	drive(t, newFake(), Options{}, 100, 30, func(d *driver) {
		d.press(":")
		d.typeText("unmark")
		d.has("nothing is marked")
		d.press("enter")
		d.has("unmark: nothing is marked")
	})
}

// Wherever the person goes and whatever fails meanwhile: the screen is about the
// backend that is open, and no other is left open.
func TestAnywhere(t *testing.T) {
	e := otherPlaces()
	var mu sync.Mutex
	kept := 0
	opts := Options{Connector: e, ReadOnly: true, Err: errors.New("no kubeconfig"), Remember: func(State) error {
		mu.Lock()
		defer mu.Unlock()
		kept++
		return nil
	}}
	drive(t, nil, opts, 100, 30, func(d *driver) {
		r := rand.New(rand.NewPCG(9, 9))
		var all []*fake
		for _, b := range e.backends {
			all = append(all, b)
		}
		slices.SortFunc(all, func(a, b *fake) int { return strings.Compare(a.title, b.title) })
		generation := 1
		moves := [][]string{
			{"c", "d", "e", "v", "enter"},
			{"c", "p", "r", "o", "enter"},
			{"c", "down", "enter"},
			{"d"},
			{"s", "enter"},
			{"s", "p", "a", "y", "enter"},
			{":", "n", "s", "space", "a", "l", "l", "enter"},
			{"esc"},
			{"esc", "esc"},
			{"r"},
			{"v"},
			{"o"},
			{"S"},
			{"z"},
			{"<"},
			{">"},
			{"g"},
			{"L"},
			{"enter"},
			{"up"},
			{"down"},
			{"a", "f"},
			{"i"},
			{"n"},
			{"u"},
			{"tab"},
			{"/", "r", "enter"},
			{"ctrl+r"},
			{"?"},
			{"end"},
			{"x"},
			{"y"},
		}
		for step := range 700 {
			switch n := r.IntN(20); {
			case n < 14:
				d.press(moves[r.IntN(len(moves))]...)
			case n < 16:
				d.wait(time.Duration(r.IntN(5000)) * time.Millisecond)
			case n < 17:
				f := all[r.IntN(len(all))]
				f.loadErr = nil
				switch r.IntN(4) {
				case 0:
					f.loadErr = errors.New("no route to host")
				case 1:
					f.loadErr = fmt.Errorf("listing pods: %w", harden.ErrCredentials)
				}
			case n < 18:
				w, h := 1+r.IntN(200), 1+r.IntN(60)
				if r.IntN(2) == 0 {
					w, h = 100, 30
				}
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
			default:
				generation++
				f := all[r.IntN(len(all))]
				s := anySnapshot(r, generation)
				if s.Result != nil {
					f.snap = s
				}
				f.send(s)
				d.settle()
			}
			if d.quit {
				d.restart()
			}
			for _, f := range all {
				if f.applied != nil || f.undone != nil || f.written != nil {
					t.Fatalf("step %d: %s was written to", step, f.title)
				}
			}
			if shown := d.m.View().WindowTitle; d.m.backend != nil && shown != "harden "+d.m.backend.Title() {
				t.Fatalf("step %d: the screen is about %q, not %s", step, shown, d.m.backend.Title())
			}
		}
		if len(e.asked) < 10 {
			t.Errorf("only %d switches: this test tests little", len(e.asked))
		}
		closed := 0
		for _, f := range all {
			closed += f.closed
		}
		if open := e.opened - closed; open < 0 || open > 1 {
			t.Errorf("%d were opened, %d closed", e.opened, closed)
		}
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%d switches, kept %d times, %d frames", len(e.asked), kept, d.frames)
	})
}
