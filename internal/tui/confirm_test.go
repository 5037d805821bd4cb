package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// All of what will happen can be read before the yes, however small the frame.
func TestLongConfirmScrolls(t *testing.T) {
	drive(t, newFake(), Options{}, 60, 20, func(d *driver) {
		agreed := false
		c := &confirm{title: "Write?", yes: "write", do: func(*Model) tea.Cmd { agreed = true; return nil }}
		for i := range 30 {
			c.lines = append(c.lines, fmt.Sprintf("file-%02d will be made", i))
		}
		c.notes = []string{"the last word"}
		d.run(d.m.ask(c))
		d.wait(armAfter)
		d.has("file-00", "1-16 of 32", "↓ 16 more lines", "y write")
		d.hasNot("the last word")
		d.press("pgdown", "pgdown")
		d.has("the last word", "17-32 of 32", "y write")
		d.hasNot("more line", "file-00")
		d.press("y")
		if !agreed {
			t.Error("y does not agree")
		}
	})
}

func TestConfirmNamesWhatIsLeftOut(t *testing.T) {
	f := newFake()
	conflicted(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toConfirm(d)
		d.has("not applied:", "deploy/web", "deploy/api")
	})
}

func TestUndoSaysWhatItDeletes(t *testing.T) {
	f := newFake()
	f.records[0].Objects = append(f.records[0].Objects,
		harden.RecordObject{Object: harden.Ref{Kind: "NetworkPolicy", Namespace: "shop", Name: "harden-web"}, State: harden.RecordApplied, Made: true},
		harden.RecordObject{Object: harden.Ref{Kind: "NetworkPolicy", Namespace: "shop", Name: "harden-api"}, State: harden.RecordFailed, Made: true})
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("u", "u")
		d.has("2 Deployments will get the former values back", "1 NetworkPolicy will be deleted again")
	})
}

func TestUndoOfARunSaysWhatItDeletes(t *testing.T) {
	f := newFake()
	f.replan = func(p *harden.Plan, _ harden.PlanOptions) { p.Objects[0].Verb = harden.Create }
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toConfirm(d)
		d.press("y", "u")
		d.has("1 "+f.applied[0].Objects[0].Target.Kind+" will be deleted again", "get the former values back")
	})
}

// A filter that cannot match must not look as if nothing were wrong.
func TestFilterSaysWhyItCannotMatch(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		d.press("/")
		d.has("↵ keep", "esc clear")
		d.typeText("severity:hgh")
		d.has(`! no severity "hgh"`, "The filter cannot match")
		d.press("enter")
		d.has(`! no severity "hgh"`, "The filter cannot match")
		d.hasNot("esc clear ·")
	})
}

func TestRunThatWasTakenBackOffersNoUndo(t *testing.T) {
	f := newFake()
	f.outcome = breakAll
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toConfirm(d)
		d.press("y")
		d.has("Nothing is applied", "rolled back", "the change was taken back")
		d.hasNot("takes it all back")
		if got := strings.Count(d.screen(), "CreateContainerConfigError"); got != 1 {
			t.Errorf("the reason stands there %d times:\n%s", got, d.screen())
		}
		d.press("u")
		d.has("undo: nothing to take back")
	})
}

func TestHintNamesWhatEscDoesToARun(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		f.gate = make(chan struct{}, 9)
		toConfirm(d)
		d.press("y")
		d.has("esc stop")
		for range 9 {
			f.gate <- struct{}{}
		}
		d.settle()
		d.has("esc back")
		d.hasNot("esc stop")
	})
}

// Who comes back after a crash is told of the plan that it interrupted.
func TestInterruptedPlanIsToldAtStart(t *testing.T) {
	f := newFake()
	f.records[0].Objects[0].State = harden.RecordOnTrial
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.has("1 plan was applied, and nobody has seen how it went: u lists")
		d.press("u")
		d.has("interrupted", "R go on")
	})
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.hasNot("nobody has seen how it went")
	})
}

func TestPlanOfFilesIsWritten(t *testing.T) {
	f := newFake()
	f.live = false
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toPlan(d)
		d.has("f write")
		d.hasNot("f apply")
	})
}
