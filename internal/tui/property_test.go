package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var anyKeys = []string{
	"up", "down", "left", "right", "j", "k", "h", "l", "enter", "esc", "tab", "space", "a", "A", "f", "F", "u", "g", "/", "?", "!", ":", "y", "n", "Y", "r",
	"home", "end", "G", "pgup", "pgdown", "J", "K", "ctrl+r", "ctrl+f", "ctrl+b", "ctrl+c", "q", "x", "w", "W", "C", "~", "e", "E", "s", "i", "i", "t", "p", "n", "b", "c", "shift+tab", "日", "backspace", "shift+up",
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
		d.execute = func(c tea.ExecCommand) error {
			if e, ok := c.(*editor); ok {
				e.text += "# edited\n"
			}
			return nil
		}
		generation := 1
		confirmed := 0
		for step := range steps {
			before, allowed, what := f.writes(), false, ""
			switch n := r.IntN(100); {
			case n < 62:
				k := anyKeys[r.IntN(len(anyKeys))]
				what = "key " + k
				if c, ok := d.m.top().(*confirm); ok {
					if r.IntN(3) == 0 {
						k = "y"
					}
					allowed = k == "y" && c.armed && !d.m.tooSmall() && slices.Contains([]string{"apply", "undo", "go on", "write"}, c.yes)
				}
				d.press(k)
			case n < 72: // a person who knows what to do, up to the answer
				what = "goal"
				for _, k := range [][]string{{"esc", "esc", "A", "a", "f", "f"}, {"esc", "esc", "u", "u"}, {"u"}, {"esc", "esc", "i", "enter"}, {"esc", "esc", "i", "s"}, {"esc", "esc", "esc", "n", "right"}, {"esc", "esc", "esc", "n", "tab", "f", "f"},
					{"esc", "esc", "esc", "tab", "tab", "w", "x", "enter", "f"}, {"esc", "esc", "esc", "tab", "tab", "w", "x", "shift+tab", "right", "enter"}, {"esc", "esc", "esc", "W", "end", "x", "f"},
					{"esc", "esc", "esc", "C", "tab"}, {"esc", "esc", "esc", "a", "e", "enter"}, {"esc", "esc", "A", "a", "f", "E"}, {"~"}}[r.IntN(14)] {
					d.press(k)
				}
				d.wait(armAfter)
			case n < 73:
				what = "log"
				d.say(logged(1 + r.IntN(50))...)
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
				f.waiveErr, f.reportErr, f.exportErr, f.reviseErr, f.writeErr = nil, nil, nil, nil, nil
				switch r.IntN(11) {
				case 0:
					f.loadErr = errors.New("no route to host")
				case 1:
					f.planErr = errors.New("timed out")
				case 2:
					f.prevErr = errors.New("the schema is unknown")
				case 3:
					f.networkErr = errors.New("forbidden")
				case 4:
					f.waiveErr, f.reportErr = errors.New("until is too far ahead"), errors.New("no standard")
				case 5:
					f.exportErr, f.reviseErr, f.writeErr = errors.New("not a kustomization"), errors.New("line 3: unknown field"), errors.New("no space left")
				}
			}
			if d.quit {
				d.restart()
			}
			if after := f.writes(); after != before {
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
