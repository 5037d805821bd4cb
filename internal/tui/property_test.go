package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var anyKeys = []string{
	"up", "down", "left", "right", "j", "k", "h", "l", "enter", "esc", "tab", "space", "a", "A", "f", "F", "u", "g", "/", "?", "!", ":", "y", "n", "Y", "r",
	"home", "end", "G", "pgup", "pgdown", "J", "K", "ctrl+r", "ctrl+f", "ctrl+b", "ctrl+c", "q", "x", "w", "s", "i", "i", "t", "p", "n", "b", "c", "shift+tab", "日", "backspace", "shift+up",
}

// Whatever is pressed and whatever happens: no panic, nothing outside of the
// frame (the driver checks each one), and nothing is written without a y on an
// armed confirm that was on the screen.
func TestAnything(t *testing.T) {
	steps := 4000
	if testing.Short() {
		steps = 800
	}
	f := newFake()
	conflicted(f)
	drive(t, f, Options{}, 100, 30, func(d *driver) {
		r := rand.New(rand.NewPCG(3, 1))
		writes := func() int {
			f.mu.Lock()
			defer f.mu.Unlock()
			return len(f.applied) + len(f.undone)
		}
		generation := 1
		confirmed := 0
		for step := range steps {
			before, allowed, what := writes(), false, ""
			switch n := r.IntN(100); {
			case n < 62:
				k := anyKeys[r.IntN(len(anyKeys))]
				what = "key " + k
				if c, ok := d.m.top().(*confirm); ok {
					if r.IntN(3) == 0 {
						k = "y"
					}
					allowed = k == "y" && c.armed && !d.m.tooSmall() && (c.yes == "apply" || c.yes == "undo")
				}
				d.press(k)
			case n < 72: // a person who knows what to do, up to the answer
				what = "goal"
				for _, k := range [][]string{{"esc", "esc", "A", "a", "f", "f"}, {"esc", "esc", "u", "u"}, {"u"}, {"esc", "esc", "i", "enter"}, {"esc", "esc", "i", "s"}, {"esc", "esc", "esc", "n", "right"}, {"esc", "esc", "esc", "n", "tab", "f", "f"}}[r.IntN(7)] {
					d.press(k)
				}
				d.wait(armAfter)
			case n < 80:
				what = "wait"
				d.wait(time.Duration(r.IntN(600)) * time.Millisecond)
			case n < 86:
				w, h := 1+r.IntN(200), 1+r.IntN(60)
				if r.IntN(3) > 0 {
					w, h = 80, 24
				}
				what = fmt.Sprintf("size %dx%d", w, h)
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
			case n < 92:
				what = "mouse"
				x, y := r.IntN(d.m.width), r.IntN(d.m.height)
				if r.IntN(2) == 0 {
					d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
				} else {
					d.send(tea.MouseWheelMsg{X: x, Y: y, Button: []tea.MouseButton{tea.MouseWheelUp, tea.MouseWheelDown}[r.IntN(2)]})
				}
			case n < 98:
				what = "snapshot"
				generation++
				f.snap = anySnapshot(r, generation)
				f.send(f.snap)
				d.settle()
			default:
				what = "error"
				f.loadErr, f.planErr, f.prevErr, f.networkErr = nil, nil, nil, nil
				switch r.IntN(7) {
				case 0:
					f.loadErr = errors.New("no route to host")
				case 1:
					f.planErr = errors.New("timed out")
				case 2:
					f.prevErr = errors.New("the schema is unknown")
				case 3:
					f.networkErr = errors.New("forbidden")
				}
			}
			if d.quit {
				d.restart()
			}
			if after := writes(); after != before {
				if !allowed {
					t.Fatalf("step %d (%s) wrote without a confirm", step, what)
				}
				confirmed++
			}
		}
		if confirmed == 0 {
			t.Error("nothing was ever written: this test tests nothing")
		}
		t.Logf("%d steps, %d frames, %d confirmed writes", steps, d.frames, confirmed)
	})
}

func anySnapshot(r *rand.Rand, generation int) *harden.Snapshot {
	s := shop()
	if r.IntN(2) == 0 {
		s = scanned()
	}
	s.Generation = generation
	if r.IntN(8) == 0 {
		s.Generation -= 5
	}
	var kept []*harden.Finding
	for _, f := range s.Findings {
		if r.IntN(10) > 0 {
			f.Severity = harden.Severity(r.IntN(5))
			kept = append(kept, f)
		}
	}
	if r.IntN(20) == 0 {
		kept = nil
	}
	s.Findings = kept
	if r.IntN(6) == 0 {
		s.Stale, s.Err = true, errors.New("connection reset by peer")
	}
	if r.IntN(30) == 0 {
		s.Result = nil
	}
	return s
}
