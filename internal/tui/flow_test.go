package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	wide, high = 160, 48
)

func (f *fake) appliedNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, p := range f.applied {
		for _, o := range p.Objects {
			names = append(names, o.Target.Name)
		}
	}
	return names
}

func TestConfirmTakesNoKeyBeforeItIsArmed(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a", "f", "f", "y", "y", "enter")
		d.has("Apply to prod-eu?", "a moment")
		if got := f.appliedNames(); got != nil {
			t.Fatalf("applied %q before the confirm was armed", got)
		}
		d.wait(armAfter)
		d.press("enter", "space", "f")
		if got := f.appliedNames(); got != nil {
			t.Fatalf("applied %q by another key than y", got)
		}
		d.press("y")
		if got := f.appliedNames(); len(got) == 0 {
			t.Fatal("y after the confirm was armed applies nothing")
		}
		d.has("takes it all back")
	})
}

func TestConfirmCountsWhatWillHappen(t *testing.T) {
	objects := []*harden.ObjectPlan{
		{Target: harden.Ref{Kind: "Deployment"}, Restarts: 1},
		{Target: harden.Ref{Kind: "Namespace"}},
		{Target: harden.Ref{Kind: "Deployment"}, Restarts: 1},
		{Target: harden.Ref{Kind: "DaemonSet"}, Restarts: 2},
		{Target: harden.Ref{Kind: "NetworkPolicy"}, Verb: harden.Create},
		{Target: harden.Ref{Kind: "NetworkPolicy"}, Verb: harden.Create},
	}
	want := []string{"2 Deployments will restart", "1 Namespace will be changed", "1 DaemonSet will restart 2 times", "2 NetworkPolicies will be created"}
	if diff := cmp.Diff(want, consequences(objects)); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyAcceptedObjectsAreApplied(t *testing.T) {
	f := newFake()
	conflicted(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a", "f")
		d.has("accepted", "refused", "conflict", "in the source", "changes more")
		d.press("f")
		d.wait(armAfter)
		d.press("y")
		if diff := cmp.Diff([]string{"session-cleanup-with-a-rather-long-name"}, f.appliedNames()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTakeOverIsForOneObjectAndNeverOverOneWhoApplies(t *testing.T) {
	f := newFake()
	conflicted(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a", "f", "down", "F")
		d.has("takes over")
		d.press("F")
		d.hasNot("takes over:")
		d.press("F", "down", "F")
		d.has("the manager applies this object")
		d.press("f")
		d.wait(armAfter)
		d.has("takes .spec.template.spec.automountServiceAccountToken of", "deploy/checkout over from kubectl-edit")
		d.press("y")
		if diff := cmp.Diff([]string{"checkout", "session-cleanup-with-a-rather-long-name"}, f.appliedNames()); diff != "" {
			t.Error(diff)
		}
		// Only where it was asked for, on the object that it was asked for.
		forced := map[string][]string{}
		for _, o := range f.applied[0].Objects {
			forced[o.Target.Name] = o.Force
		}
		want := map[string][]string{"checkout": {".spec.template.spec.automountServiceAccountToken"}, "session-cleanup-with-a-rather-long-name": nil}
		if diff := cmp.Diff(want, forced); diff != "" {
			t.Error(diff)
		}
	})
}

// Whose object it is, and what becomes of a live patch, stands beside the patch.
func TestOwnersAreTold(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("a", "f")
		for range 12 {
			if strings.Contains(d.screen(), "managed by") {
				break
			}
			d.press("j")
		}
		d.has("managed by Flux Kustomization shop", "in the source: ", "writes next: within 10m0s", "held by kustomize-controller (Apply): ")
	})
}

func TestReadOnlyAppliesNothing(t *testing.T) {
	for _, test := range []struct {
		name, want string
		live       bool
		opts       Options
	}{
		{"read only", "--read-only", true, Options{ReadOnly: true}},
		{"read-only files", "--read-only", false, Options{ReadOnly: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.live = test.live
			drive(t, f, test.opts, wide, high, func(d *driver) {
				d.press("a", "f", "f")
				d.has(test.want)
				d.wait(armAfter)
				d.press("y", "esc")
				if test.live {
					d.press("u", "u")
					d.wait(armAfter)
					d.press("y")
				}
				if f.applied != nil || f.undone != nil || f.written != nil {
					t.Errorf("applied %v, undone %v, wrote %v", f.appliedNames(), f.undone, f.written)
				}
			})
		})
	}
}

// On files a plan is written into them, after a yes, and they are read again.
func TestFilesAreWritten(t *testing.T) {
	t.Run("after a yes", func(t *testing.T) {
		f := newFake()
		f.live = false
		drive(t, f, Options{}, wide, high, func(d *driver) {
			d.press("a", "f", "f")
			d.has("Write files?", "will change", "was written out")
			d.hasNot("same.yaml")
			d.press("y")
			if f.written != nil {
				t.Fatal("a key that was typed ahead answered")
			}
			d.wait(armAfter)
			d.press("y")
			if len(f.written) == 0 || f.applied != nil {
				t.Errorf("wrote %v, applied %v", f.written, f.applied)
			}
			d.has("written")
			d.hasNot("Write files?")
		})
	})
	t.Run("not after a no", func(t *testing.T) {
		f := newFake()
		f.live = false
		drive(t, f, Options{}, wide, high, func(d *driver) {
			d.press("a", "f", "f")
			d.wait(armAfter)
			d.press("n")
			if f.written != nil {
				t.Errorf("wrote %v", f.written)
			}
		})
	})
	t.Run("what goes wrong is told", func(t *testing.T) {
		f := newFake()
		f.live = false
		f.editErr = errors.New("deploy/web.yaml: a Helm template")
		drive(t, f, Options{}, wide, high, func(d *driver) {
			d.press("a", "f", "f")
			d.has("a Helm template")
			f.editErr, f.writeErr = nil, errors.New("deploy/web.yaml: no space left on device")
			d.press("f")
			d.wait(armAfter)
			d.press("y")
			d.has("no space left")
		})
	})
}

func TestStopBetweenObjects(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		gate := make(chan struct{}, 9)
		f.gate = gate
		d.press("a", "f", "f")
		d.wait(armAfter)
		d.press("y")
		gate <- struct{}{}
		d.settle()
		d.press("q")
		d.has("Stop applying and quit?")
		d.press("y")
		if d.quit {
			t.Fatal("quit while an object is being written, by a key that was pressed too early")
		}
		d.wait(armAfter)
		d.press("y")
		if !d.quit {
			t.Fatal("did not quit when the plan stopped")
		}
		d.has("skipped", "proven")
	})
}

func TestEscapeWhileApplyingStopsAndStays(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		f.gate = make(chan struct{}, 9)
		d.press("a", "f", "f")
		d.wait(armAfter)
		d.press("y", "esc")
		d.wait(armAfter)
		d.press("n")
		d.has("Applying")
		d.press("esc")
		d.wait(armAfter)
		d.press("y")
		if d.quit {
			t.Fatal("esc quit the program")
		}
		d.has("Nothing is applied", "5 objects skipped")
		d.press("esc")
		d.has("Namespaces")
	})
}

func TestUndoAsksAndReports(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("u", "u")
		d.has("Undo in prod-eu?", "2 Deployments will get the former values back")
		d.wait(armAfter)
		d.press("y")
		if diff := cmp.Diff([]string{"20261104-101500-a1b2"}, f.undone); diff != "" {
			t.Error(diff)
		}
		d.has("2 objects undone")
		d.press("esc", "u", "down", "u")
		d.has("this plan is already undone")
		d.press("down", "u")
		d.has("nothing of this plan was written")
	})
}

func TestCursorAndMarksFollowIdentity(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "down", "down", "down", "space")
		marked := slices.Collect(func(yield func(string) bool) {
			for id := range d.m.marks {
				if !yield(id) {
					return
				}
			}
		})
		at := d.m.current().id
		line := d.m.browse.finds.at - d.m.browse.finds.top

		s := shop()
		s.Generation = 2
		s.Findings = s.Findings[1:] // the first row is gone
		f.send(s)
		d.settle()
		if got := d.m.current().id; got != at {
			t.Errorf("the cursor went from %q to %q", at, got)
		}
		if len(marked) != 1 || !d.m.marks[marked[0]] {
			t.Errorf("marks %v became %v", marked, d.m.marks)
		}
		if got := d.m.browse.finds.at - d.m.browse.finds.top; got != line && got != line-1 {
			t.Errorf("the row moved from line %d to %d", line, got)
		}
		d.has("*shop")
		d.wait(changesFor + toastFor)
		d.hasNot("*shop")

		// The row itself goes: the cursor goes to its neighbour.
		s = shop()
		s.Generation = 3
		s.Findings = slices.DeleteFunc(s.Findings, func(x *harden.Finding) bool { return x.ID() == at })
		f.send(s)
		d.settle()
		if d.m.current() == nil || d.m.current().id == at {
			t.Error("the cursor is on a row that is gone")
		}
	})
}

func TestOldAnswersAreDropped(t *testing.T) {
	f := newFake()
	f.snap.Generation = 5
	drive(t, f, Options{}, wide, high, func(d *driver) {
		old := shop()
		old.Generation, old.Findings = 4, nil
		f.send(old)
		d.settle()
		d.has("privileged-container")

		seq := d.m.load.seq
		d.press("ctrl+r")
		d.send(loadedMsg{seq: seq, err: errors.New("too late")})
		d.hasNot("too late")
		d.has("privileged-container")
	})
}

func TestReloadThatFailsKeepsWhatIsShown(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		f.loadErr = errors.New("expired credentials: log in again")
		d.press("ctrl+r")
		d.has("stale", "expired credentials", "privileged-container")
		d.press("!")
		d.has("Last error")
		d.press("esc")
		s := shop()
		s.Generation = 2
		f.send(s)
		d.settle()
		d.hasNot("stale") // the watch came back by itself
		d.press("ctrl+r")
		d.has("stale")
		f.loadErr = nil
		d.press("ctrl+r")
		d.hasNot("stale")
	})
}

func TestRetryAfterAnError(t *testing.T) {
	f := newFake()
	f.loadErr = errors.New("connection refused")
	drive(t, f, Options{}, 80, 24, func(d *driver) {
		d.has("connection refused", "not connected")
		f.loadErr = nil
		d.press("r")
		d.has("Namespaces", "live")
	})
}

func TestLeavingThePlanEndsItsContext(t *testing.T) {
	b := &hanging{fake: newFake()}
	drive(t, b, Options{}, wide, high, func(d *driver) {
		d.press("a", "f")
		d.has("asking the API server")
		d.press("esc")
		synctest.Wait()
		if b.ended == nil {
			t.Error("the plan is still being made")
		}
		d.has("Namespaces")
	})
}

// hanging never finishes a plan.
type hanging struct {
	*fake
	ended error
}

func (h *hanging) Plan(ctx context.Context, _ []*harden.Finding, _ harden.PlanOptions) (*harden.Plan, error) {
	<-ctx.Done()
	h.ended = ctx.Err()
	return nil, h.ended
}

func TestUnavailableActionsSayWhy(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("f")
		d.has("fix: nothing is marked")
		d.press("tab", "tab", "end", "space")
		d.has("mark: this finding is waived")
		d.press("!")
		d.has("error: no error so far")
	})
}

func TestCopies(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab")
		d.rest()
		d.press("y")
		if want := "kind: Deployment\n"; d.clipboard != want {
			t.Errorf("clipboard %q, want %q", d.clipboard, want)
		}
		d.press("Y")
		for _, want := range []string{"### A container has all rights of the node (critical)", "`shop/Deployment/web`", "```diff\n"} {
			if !strings.Contains(d.clipboard, want) {
				t.Errorf("%q is not in the copied finding:\n%s", want, d.clipboard)
			}
		}
	})
}

func TestTextOfTheClusterCannotSteerTheTerminal(t *testing.T) {
	f := newFake()
	evil := "a\x1b[2Jb\x07c\u202ed\r\nx\x9b31m"
	f.snap.Findings[0].Reason, f.snap.Findings[0].Detail = evil, evil
	f.snap.Findings[0].Container.Name = evil
	f.title = evil
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab")
		d.rest()
		view := d.m.View()
		for _, bad := range []string{"\x1b[2J", "\x07", "\u202e", "\x9b", "\r"} {
			if strings.Contains(view.Content, bad) || strings.Contains(view.WindowTitle, bad) {
				t.Errorf("%q is on the screen", bad)
			}
		}
	})
}

func TestMouse(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		p := d.m.panes()
		d.send(tea.MouseClickMsg{X: 3, Y: p.spaces.y + 2, Button: tea.MouseLeft})
		d.has("prod-eu › shop")
		d.send(tea.MouseClickMsg{X: p.finds.x + 3, Y: p.finds.y + 3, Button: tea.MouseLeft})
		if d.m.browse.focus != levelFinds || d.m.browse.finds.at != 2 {
			t.Errorf("pane %d, row %d; want the third finding", d.m.browse.focus, d.m.browse.finds.at)
		}
		d.send(tea.MouseWheelMsg{X: p.finds.x + 3, Y: p.finds.y + 3, Button: tea.MouseWheelDown})
		if d.m.browse.finds.at != 2+wheelStep {
			t.Errorf("row %d after the wheel", d.m.browse.finds.at)
		}
	})
}

func TestFilterByClassLooksAtAllFixes(t *testing.T) {
	f := newFake()
	f.snap = crowd(3*classChunk, 1)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("/")
		d.typeText("class:safe")
		d.has("1000 of 6000")
		d.press("enter", "esc")
		d.hasNot("class:safe")
	})
}

func TestRunEndsByKeyAndByContext(t *testing.T) {
	var out strings.Builder
	in := strings.NewReader("q")
	if err := Run(t.Context(), newFake(), Options{Input: in, Output: &out, Environ: []string{"TERM=xterm"}}); err != nil {
		t.Errorf("q: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, newFake(), Options{Input: strings.NewReader(""), Output: &out, Environ: []string{"TERM=xterm"}}); err != nil {
		t.Errorf("ended context: %v", err)
	}
}

// Between a and the marks there is a moment in which f must not take the row
// under the cursor for what was marked.
func TestMarksThatAreStillToComeAreWaitedFor(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, 120, 40, func(d *driver) {
		d.press("v") // the cursor is on a finding
		clear(d.m.fixes)
		d.take(keyPress("a"))
		d.take(keyPress("f"))
		if d.m.screen == screenPlan {
			t.Fatal("the row under the cursor was planned instead of what was to be marked")
		}
		d.settle()
		d.has("marked")
		d.press("f")
		d.has("accepted")
	})
}
