package tui

import (
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

func (d *driver) click(x, y int) {
	d.t.Helper()
	d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	d.send(tea.MouseReleaseMsg{X: x, Y: y, Button: tea.MouseLeft})
}

func (d *driver) turn(x, y int, to tea.MouseButton) {
	d.t.Helper()
	d.send(tea.MouseWheelMsg{X: x, Y: y, Button: to})
}

// find is where a text stands; of several the first.
func (d *driver) find(text string) (x, y int) {
	d.t.Helper()
	return d.findIn(rect{0, 0, d.m.width, d.m.height}, text)
}

func (d *driver) findIn(r rect, text string) (x, y int) {
	d.t.Helper()
	for y, l := range strings.Split(d.screen(), "\n") {
		if before, _, ok := strings.Cut(ansi.Cut(l, r.x, r.x+r.w), text); ok && y >= r.y && y < r.y+r.h {
			return r.x + ansi.StringWidth(before), y
		}
	}
	d.t.Fatalf("%q is not on the screen:\n%s", text, d.screen())
	return 0, 0
}

func (d *driver) clickOn(text string) {
	d.t.Helper()
	d.click(d.find(text))
}

// hint clicks on an action in the line of hints.
func (d *driver) hint(name string) {
	d.t.Helper()
	if d.m.toast.text != "" {
		d.click(1, d.m.height-1) // hints come back
	}
	lines := strings.Split(d.screen(), "\n")
	before, _, ok := strings.Cut(lines[len(lines)-1], " "+name+" ")
	if !ok {
		d.t.Fatalf("no hint %q:\n%s", name, d.screen())
	}
	d.click(ansi.StringWidth(before)+1, len(lines)-1)
}

// The whole way, with the mouse only.
func TestMouseIsEnough(t *testing.T) {
	for _, size := range []size{{80, 24}, {120, 40}, {200, 60}} {
		t.Run(size.String(), func(t *testing.T) {
			f := newFake()
			drive(t, f, Options{}, size.w, size.h, func(d *driver) {
				row := func(r rect, text string) { d.click(d.findIn(r, text)) }
				row(d.m.panes().spaces, "shop") // puts the cursor there
				row(d.m.panes().spaces, "shop") // goes in
				row(d.m.panes().objects, "deploy/checkout")
				row(d.m.panes().objects, "deploy/checkout")
				d.has("run-as-non-root", "● med")
				if d.m.browse.focus != levelFinds {
					t.Fatalf("the keys are in pane %d", d.m.browse.focus)
				}
				x, y := d.find("● med")
				d.click(x-1, y) // the cell of the mark
				d.has("✓● med", "1 marked")
				d.click(x-1, y)
				d.hasNot("marked")
				d.click(x-1, y)
				d.hint("fix")
				d.has("accepted")
				d.hint("apply")
				d.has("Apply to prod-eu?")
				d.clickOn("y apply")
				if f.appliedNames() != nil {
					t.Fatal("a click answers a question that is not armed")
				}
				d.wait(armAfter)
				d.clickOn("y apply")
				d.has("proven")
				if got := f.appliedNames(); !slices.Equal(got, []string{"checkout"}) {
					t.Fatalf("applied %q", got)
				}
				d.hint("undo")
				d.wait(armAfter)
				d.clickOn("y undo")
				d.has("undone")
				if len(f.undone) != 1 {
					t.Fatalf("undone %q", f.undone)
				}
				d.hint("back")
				d.has("Findings")
				d.hint("quit")
				if !d.quit {
					t.Error("the hint does not quit")
				}
			})
		})
	}
}

// A question is answered by its buttons alone, once it is armed.
func TestOnlyTheButtonsOfAQuestionAnswer(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, 80, 24, func(d *driver) {
		d.press("a", "f", "f")
		everywhere := func(apart func(x, y int) bool) {
			for y := range 24 {
				for x := range 80 {
					if !apart(x, y) {
						d.m.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
					}
				}
			}
			d.settle()
			d.has("Apply to prod-eu?")
			if f.appliedNames() != nil {
				t.Fatal("applied by a click beside the button")
			}
		}
		everywhere(func(int, int) bool { return false })
		d.wait(armAfter)
		yx, yy := d.find("y apply")
		nx, ny := d.find("n leave it")
		everywhere(func(x, y int) bool {
			return y == yy && x >= yx && x < yx+len("y apply") || y == ny && x >= nx && x < nx+len("n leave it")
		})
		for _, b := range []tea.MouseButton{tea.MouseRight, tea.MouseMiddle, tea.MouseBackward} {
			d.send(tea.MouseClickMsg{X: yx, Y: yy, Button: b})
		}
		d.turn(yx, yy, tea.MouseWheelDown)
		d.has("Apply to prod-eu?")
		d.click(nx, ny)
		d.hasNot("Apply to prod-eu?")
		d.press("f")
		d.wait(armAfter)
		d.click(yx+len("y apply")-1, yy)
		if f.appliedNames() == nil {
			t.Error("the last cell of the button does not answer")
		}
	})
}

func TestMouseOnDialogs(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		d.hint("help")
		d.has("─ Help")
		first := d.screen()
		d.turn(40, 12, tea.MouseWheelDown)
		if d.screen() == first {
			t.Error("the wheel does not scroll a dialog")
		}
		d.click(40, 12)
		d.has("─ Help") // inside
		d.click(0, 12)
		d.hasNot("─ Help") // outside
		d.press(":")
		d.typeText("undo")
		d.clickOn("what was applied")
		d.has("Applied plans")
		d.press("esc")
		if !d.m.toast.bad && d.m.toast.text != "" {
			t.Errorf("said %q", d.m.toast.text)
		}
	})
}

func TestMouseFindsWhatIsThere(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, 160, 48, func(d *driver) {
		d.clickOn("by severity")
		d.has("by fixer")
		d.hint("filter")
		d.typeText("root")
		d.has("/ root")
		d.clickOn("payments") // ends the typing and keeps the filter
		d.press("j")
		d.hasNot("rootj")
		d.clickOn("/ root")
		d.typeText("x")
		d.has("/ rootx")
		d.press("esc")

		d.hint("images")
		d.clickOn("size")
		d.has("images by size")
		d.clickOn("age─")
		d.has("images by age")
		d.clickOn("Images")
		d.has("images by name")
		x, y := d.find("▸")
		d.click(x+20, y) // the row that has the cursor
		d.has("[Vulnerabilities")
		d.clickOn("Used by")
		d.has("[Used by")
		d.clickOn("Secrets")
		d.has("[Secrets")
		d.clickOn("images ›")
		d.has("Images")
		d.hasNot("[Secrets")
		d.clickOn("prod-eu")
		d.has("Namespaces")

		d.hint("network")
		d.clickOn("Phases")
		d.has("[Phases")
		d.clickOn("Matrix")
		d.has("[Matrix]")
		d.hint("back")
		d.has("Namespaces")
	})
}

func TestMouseSortsAndWidens(t *testing.T) {
	drive(t, newFake(), Options{}, 160, 48, func(d *driver) {
		d.clickOn("Namespaces ─")
		d.has("by name")
		d.clickOn("C──H──M")
		d.has("worst first")
		d.clickOn("C──H──M")
		d.has("most first")
		p := d.m.panes()
		x, y := p.spaces.x+p.spaces.w, p.spaces.y+2
		d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		for ; x < 60; x++ {
			d.send(tea.MouseMotionMsg{X: x, Y: y, Button: tea.MouseLeft})
		}
		d.send(tea.MouseReleaseMsg{X: x, Y: y, Button: tea.MouseLeft})
		d.send(tea.MouseMotionMsg{X: 100, Y: y, Button: tea.MouseLeft})
		if w := d.m.panes().spaces.w; w != 60 {
			t.Errorf("the left pane has %d cells, want 60", w)
		}
		d.send(tea.MouseClickMsg{X: 60, Y: y, Button: tea.MouseLeft})
		d.send(tea.MouseMotionMsg{X: -5, Y: y, Button: tea.MouseLeft})
		if w := d.m.panes().spaces.w; w != minLeft {
			t.Errorf("the left pane has %d cells, want %d", w, minLeft)
		}
	})
}

func TestHintsSayWhyNot(t *testing.T) {
	drive(t, newFake(), Options{ReadOnly: true}, 120, 40, func(d *driver) {
		d.hint("mark")
		d.has("mark: go into the findings first")
		d.press("a", "f")
		d.hint("apply")
		d.has("apply: started with --read-only")
	})
}

func TestWheelScrollsWhatIsUnderIt(t *testing.T) {
	f := newFake()
	f.snap = crowd(2000, 1)
	drive(t, f, Options{}, 160, 48, func(d *driver) {
		d.rest()
		p := d.m.panes()
		in := func(r rect) (x, y int) { return r.x + r.w/2, r.y + r.h/2 }
		x, y := in(p.finds)
		d.turn(x, y, tea.MouseWheelDown)
		if d.m.browse.finds.at != wheelStep || d.m.browse.spaces.at != 0 {
			t.Errorf("findings at %d, namespaces at %d", d.m.browse.finds.at, d.m.browse.spaces.at)
		}
		x, y = in(p.spaces)
		d.turn(x, y, tea.MouseWheelDown)
		if d.m.browse.spaces.at != wheelStep {
			t.Errorf("namespaces at %d", d.m.browse.spaces.at)
		}
	})
}

// What is drawn says where it is: no area lies outside of the frame, and the
// table does not grow from frame to frame.
func TestAreasLieInTheFrame(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			if s.fake != nil {
				s.fake(f)
			}
			drive(t, f, s.opts, 80, 24, func(d *driver) {
				s.act(d)
				n := len(d.m.areas)
				d.m.View()
				if n == 0 || len(d.m.areas) != n {
					t.Errorf("%d areas, then %d", n, len(d.m.areas))
				}
				for _, a := range d.m.areas {
					if a.h > 0 && a.w > 0 && (a.x < 0 || a.y < 0 || a.x+a.w > 80+1 || a.y+a.h > 24) {
						t.Errorf("%+v is outside", a.rect)
					}
				}
			})
		})
	}
}
