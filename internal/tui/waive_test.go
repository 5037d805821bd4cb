package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// writes is everything that the fake has written or applied.
func (f *fake) writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.applied) + len(f.undone) + len(f.resumed) + len(f.written)
}

func TestWaiveByAnnotation(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("w")
		d.has("waive: go into the findings first")
		d.press("tab", "tab", "down", "down", "w")
		d.has("run-as-non-root of shop/deploy/web › web stays wrong", "2027-02-02")
		d.hasNot("critical too")
		d.press("enter")
		d.has("say why it may stay")
		d.typeText("until the new image")
		d.press("tab", "tab")
		d.typeText("OPS-7")
		d.press("tab")
		d.typeText("ann")
		d.press("enter")
		d.has("Plan of waivers", "accepted", "1 waiver", "Waive until 2027-02-02")
		want := []harden.Waiving{{Reason: "until the new image", Until: time.Date(2027, 2, 2, 0, 0, 0, 0, time.UTC), Ticket: "OPS-7", By: "ann"}}
		if diff := cmp.Diff(want, f.waivings); diff != "" {
			t.Error(diff)
		}
		d.press("f", "y")
		d.has("Apply to prod-eu?", "1 finding stays wrong and will not count: nothing is repaired")
		d.hasNot("fixed")
		if f.writes() != 0 {
			t.Fatal("written before the confirm was armed")
		}
		d.wait(armAfter)
		d.press("y")
		if diff := cmp.Diff([]string{"web"}, f.appliedNames()); diff != "" {
			t.Error(diff)
		}
		d.has("takes it all back")
		d.press("u")
		d.has("Undo in prod-eu?")
	})
}

func TestWhatARunOfWaiversSays(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "down", "down", "w")
		d.typeText("why")
		d.press("enter", "f")
		d.wait(armAfter)
		d.press("y")
		waived := *d.m.plan.findings[0]
		waived.Status, waived.Excuse = harden.StatusWaived, &harden.Excuse{Reason: "why", Until: time.Date(2027, 2, 2, 0, 0, 0, 0, time.UTC)}
		d.send(runDoneMsg{d.m.run.seq, &harden.ApplyReport{ID: "1", Outcomes: []harden.Outcome{
			{Object: waived.Object, Phase: harden.Proven, Waived: []*harden.Finding{&waived}},
		}}, nil})
		d.has("1 finding waived (still wrong, not counted)", "run-as-non-root is waived until 2027-02-02")
		d.hasNot("fixed", "gone")
	})
}

// Nothing that was typed is lost when something is wrong with it.
func TestWaiveErrorsStandAtTheField(t *testing.T) {
	f := newFake()
	f.waiveErr = errors.New("until is 2027-02-02, more than 30 days ahead: 2026-12-04 at the latest")
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "w")
		d.typeText("a; b")
		d.press("enter")
		d.has("an annotation cannot hold a semicolon", "nothing would be waived: what is chosen is critical")
		d.press("backspace", "backspace", "backspace", "tab", "tab", "tab", "tab", "tab", "space", "enter")
		d.has("2026-12-04 at the latest", "Waive")
		f.waiveErr = nil
		d.press("enter")
		d.has("Plan of waivers")
		if w := f.waivings[len(f.waivings)-1]; !w.AllowCritical || w.Reason != "a" {
			t.Errorf("asked for %+v", w)
		}
	})
}

func TestWaiveInTheConfiguration(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "down", "down", "space", "space", "up", "w")
		d.has("2 marked findings stay wrong")
		d.typeText("known")
		d.press("shift+tab", "right", "enter")
		d.has("Write the waivers?", ".harden.yaml will change", "+ - rule: run-as-non-root", "reason: known")
		d.press("y")
		if f.written != nil {
			t.Fatal("a key that was typed ahead answered")
		}
		d.wait(armAfter)
		d.press("n")
		d.has("Waive", "known") // what was typed is still there
		d.press("enter")
		d.wait(armAfter)
		d.press("y")
		if diff := cmp.Diff([]string{".harden.yaml"}, f.written); diff != "" {
			t.Error(diff)
		}
		d.has("2 findings are waived in .harden.yaml")
		if len(d.m.marks) != 0 || f.applied != nil {
			t.Errorf("marks %v, applied %v", d.m.marks, f.applied)
		}
	})
}

func TestWaiversNeedARightToWrite(t *testing.T) {
	f := newFake()
	drive(t, f, Options{ReadOnly: true}, wide, high, func(d *driver) {
		d.press("tab", "tab", "w")
		d.has("waive: started with --read-only")
		d.press("W", "end", "x")
		d.has("take away: started with --read-only")
		if f.waivings != nil || f.unwaived != nil {
			t.Error("asked for a plan")
		}
	})
}

func TestParseUntil(t *testing.T) {
	now := time.Date(2026, 11, 4, 10, 15, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"30d": "2026-12-04", "0d": "2026-11-04", "90D": "2027-02-02", "2027-01-31": "2027-01-31", "2026-11-04": "2026-11-04",
		"": "say which day", "2026-11-03": "over already", "31.1.2027": "write a day", "d": "write a day", "-1d": "write a day", "999999999999d": "write a day",
	} {
		got, err := parseUntil(text, now)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && got.Format(dateForm) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestWaivers(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("W")
		d.has("✗ invalid", "reason is missing: say why", "✗ expired", "3 days ago", "! ends soon", "5 days", "– unused", "✓ holds")
		d.press("x")
		d.has("Plan without waivers", "Take the waiver of run-as-non-root away")
		d.press("f")
		d.wait(armAfter)
		d.has("what they excuse will count again")
		d.press("n", "esc")
		if f.writes() != 0 {
			t.Fatal("written without a yes")
		}
		d.has("prod-eu › waivers")
		d.press("down", "x")
		d.has("a line of the configuration: take it out at .harden.yaml:12")
		d.press("space", "end", "space", "x")
		d.has("shop/deploy/search", "1 finding left out")
		if diff := cmp.Diff([]string{"run-as-non-root", "memory-limit", "read-only-root-filesystem"}, f.unwaived); diff != "" {
			t.Error(diff)
		}
		d.press("f")
		d.wait(armAfter)
		d.press("y", "esc")
		d.has("prod-eu › waivers") // back to where it was asked for
	})
}

func TestWaiversLeadToTheirFindings(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("W", "end")
		d.has("memory-limit", "OPS-12", "platform", "(60 days)", "search")
		d.press("enter")
		d.has("prod-eu › shop", "memory-limit")
		if r := d.m.current(); r == nil || r.Status != harden.StatusWaived {
			t.Fatal("the cursor is not on the waived finding")
		}
		d.press("esc", "esc", "W", "home", "down", "enter")
		d.has("/ id:read-only-root-filesystem status:fail")
		if n := d.m.browse.findRows.n; n != 3 {
			t.Errorf("%d findings, want the 3 of the rule", n)
		}
	})
}

func TestWaiversAreFilteredAndSorted(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("W", "/")
		d.typeText("mirrored")
		d.press("enter")
		d.has("image-*", "1 found")
		d.hasNot("memory-limit", "\x1b[2J")
		d.press("esc", "g")
		d.has("waivers by end")
		if v := d.m.waiver(); v == nil {
			t.Fatal("no waiver under the cursor")
		}
		d.press("home")
		if v := d.m.waiver(); v.Rule != "run-as-non-root" {
			t.Errorf("%s is first, want the one without an end", v.Rule)
		}
		d.press("esc")
		d.has("Namespaces")
	})
}

// What is shown follows the data while it is on the screen.
func TestWaiversFollowTheData(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("W")
		f.waivers = noWaivers
		s := shop()
		s.Generation = 2
		f.send(s)
		d.settle()
		d.has("Nothing is waived")
	})
}
