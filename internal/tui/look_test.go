package tui

import (
	"errors"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestLookAsksFirst(t *testing.T) {
	f := newFake()
	var asked []harden.EvidenceOptions
	f.gather = func(opts harden.EvidenceOptions) (*harden.Snapshot, error) {
		asked = append(asked, opts)
		snap := shop()
		snap.Generation = 2
		snap.Findings[1].Reason = "runs as root: so the image says"
		return snap, nil
	}
	drive(t, f, Options{Evidence: harden.EvidenceOptions{PullSecrets: true}}, wide, high, func(d *driver) {
		d.press("i", "i")
		d.has("Look into images?", "pull secrets")
		d.wait(armAfter)
		d.press("n", "esc")
		d.press("p")
		d.has("Look into running containers of prod-eu?", "pods/exec")
		d.wait(armAfter)
		d.press("y")
		d.has("looked: the verdicts are up to date")
		d.press("i", "i")
		d.wait(armAfter)
		d.press("y", "esc")
		d.press("enter", "enter", "j", "j") // the third finding
		d.has("runs as root: so the image says")
	})
	want := []harden.EvidenceOptions{{Probe: true}, {Images: true, PullSecrets: true}}
	if len(asked) != 2 || asked[0] != want[0] || asked[1] != want[1] {
		t.Errorf("looked with %+v, want %+v", asked, want)
	}
}

func TestLookSaysWhatWasNotPossible(t *testing.T) {
	f := newFake()
	f.gather = func(harden.EvidenceOptions) (*harden.Snapshot, error) {
		snap := shop()
		snap.Generation = 2
		snap.Inventory.Images = map[harden.ImageKey]*harden.ImageFacts{
			{Reference: "registry.example.com/shop/web:2.14.0", Platform: harden.DefaultPlatform}: {Why: "the registry does not answer"},
		}
		return snap, nil
	}
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("i", "i")
		d.wait(armAfter)
		d.press("y")
		d.has("1 not possible: the registry does not answer")
	})
	f.gather = func(harden.EvidenceOptions) (*harden.Snapshot, error) { return nil, errors.New("no disk") }
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("i", "i")
		d.wait(armAfter)
		d.press("y")
		d.has("looking: no disk")
	})
}

func TestNoProbeOfFiles(t *testing.T) {
	f := newFake()
	f.live = false
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("p")
		d.has("probe: nothing runs behind files")
	})
}

func TestResumeOfAnInterruptedPlan(t *testing.T) {
	f := newFake()
	f.records[0].Objects[1].State = harden.RecordOnTrial
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("u")
		d.has("interrupted")
		d.press("R")
		d.has("Go on in prod-eu?", "1 object")
		d.wait(armAfter)
		d.press("y")
	})
	if len(f.resumed) != 1 || f.resumed[0] != f.records[0].ID {
		t.Errorf("resumed %q, want the first plan", f.resumed)
	}
	drive(t, f, Options{ReadOnly: true}, wide, high, func(d *driver) {
		d.press("u", "R")
		d.has("go on: " + readOnly)
	})
}
