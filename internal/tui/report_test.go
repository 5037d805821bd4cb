package tui

import (
	"errors"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestReport(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("C")
		d.has("[pss-restricted ✗2]", "cis-1.12 ✗", "What fails", "2 fail", "as of 10:15:00", "✗ fail", "No privileged containers")
		d.press("down")
		d.has("Containers must run as non-root", "Answered by", "run-as-non-root", "5 failures")
		d.press("a")
		d.has("All controls", "? unknown")
		d.press("tab")
		d.has("[cis-1.12", "are about the whole cluster, and only 7 namespaces were looked at: start with -A")
		d.press("/")
		d.typeText("status:notvisible 1.1")
		d.press("enter")
		d.has("· hidden", "not visible")
		d.hasNot("5.2.2")
		d.press("esc", "shift+tab", "shift+tab")
		d.has("[nsa-1.2")
		d.press("esc")
		d.has("Namespaces")
	})
}

func TestControlsLeadToTheirFindings(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("C", "down", "enter")
		d.has("/ id:run-as-non-root status:fail")
		d.press("a", "f")
		d.has("Plan")
		for _, x := range d.m.plan.findings {
			if x.Fixer != fixNonRoot {
				t.Errorf("%s is planned", x.Fixer.ID)
			}
		}
	})
}

// A rule whose name is a part of another's is not mixed up with it.
func TestFindingsOfExactlyOneRule(t *testing.T) {
	f := newFake()
	longer := &harden.Fixer{ID: "run-as-non-root-user", Title: "Longer", Severity: harden.High}
	f.snap.Findings = append(f.snap.Findings, finding(f.snap.Inventory.Workloads[1], longer, "web", "longer"))
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("C", "down", "enter")
		d.has("/ id:=run-as-non-root status:fail")
		if n := d.m.browse.findRows.n; n != 5 {
			t.Errorf("%d findings, want 5", n)
		}
	})
}

// A report is worked out again when the data changed, only while it is shown, and
// not with every event.
func TestReportFollowsTheData(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("C")
		for generation := 2; generation < 12; generation++ {
			s := shop()
			s.Generation = generation
			f.send(s)
			d.settle()
		}
		d.has("being worked out again")
		d.wait(2 * reportEvery)
		d.hasNot("being worked out again")
		if f.reports != 2 {
			t.Errorf("worked out %d times, want 2", f.reports)
		}
		d.press("esc")
		s := shop()
		s.Generation = 20
		f.send(s)
		d.wait(2 * reportEvery)
		if f.reports != 2 {
			t.Errorf("worked out %d times while it is not shown", f.reports-2)
		}
	})
}

func TestReportThatFails(t *testing.T) {
	f := newFake()
	f.reportErr = errors.New("the standard is broken")
	drive(t, f, Options{}, 80, 24, func(d *driver) {
		d.press("C")
		d.has("could not be worked out", "the standard is broken")
		f.reportErr = nil
		d.press("ctrl+r")
		d.has("pss-restricted")
	})
}
