package tui

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStateIsKept(t *testing.T) {
	e, f := otherPlaces(), newFake()
	var mu sync.Mutex
	var kept []State
	remember := func(s State) error {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, s)
		return nil
	}
	last := func() State {
		mu.Lock()
		defer mu.Unlock()
		if len(kept) == 0 {
			return State{}
		}
		return kept[len(kept)-1]
	}
	before := State{Contexts: map[string]Look{"prod-eu": {Namespace: "payments", Grouping: "fixer", Sort: "name", Unfolded: true, Left: 44}}}
	drive(t, f, Options{Connector: e, Remembered: before, Remember: remember}, wide, high, func(d *driver) {
		d.has("prod-eu › payments", "by fixer", "by name", "kube-public")
		if got := d.m.panes().spaces.w; got != 44 {
			t.Errorf("the left pane has %d cells", got)
		}
		d.press("o", ">", "g", "S", "down", "up", "v")
		mu.Lock()
		if n := len(kept); n > 0 && kept[0].Contexts["prod-eu"].Flat {
			t.Errorf("kept %d times before the hands rested", n)
		}
		mu.Unlock()
		d.wait(keepAfter)
		want := State{Last: "prod-eu", Contexts: map[string]Look{"prod-eu": {Namespace: "payments", Grouping: "object", Sort: "most", Flat: true, Left: 48}}}
		if diff := cmp.Diff(want, last()); diff != "" {
			t.Errorf("kept after a change:\n%s", diff)
		}
		d.press("g", "c")
		d.typeText("dev")
		d.press("enter")
		d.has(" dev ")
		if got := last().Contexts["prod-eu"].Grouping; got != "severity" {
			t.Errorf("the switch kept %q", got)
		}
		d.wait(keepAfter)
		if got := last().Last; got != "dev" {
			t.Errorf("the last context is %q", got)
		}
		if before.Contexts["prod-eu"].Left != 44 {
			t.Error("what was remembered was changed in place")
		}
		if err := d.m.keep(); err != nil {
			t.Error(err)
		}
		n := len(kept)
		if err := d.m.keep(); err != nil || len(kept) != n {
			t.Error("what is kept already is kept again")
		}
	})
	// Nonsense is passed over.
	odd := State{Contexts: map[string]Look{"prod-eu": {Namespace: "gone", Grouping: "mood", Sort: "?", Left: -7}}}
	drive(t, f, Options{Remembered: odd, Remember: func(State) error { return errors.New("no space left") }}, 80, 24, func(d *driver) {
		d.has("all namespaces", "by severity")
		d.press("g")
		d.wait(keepAfter)
		d.has("no space left")
	})
}

// An older state never replaces a newer one.
func TestKeeperKeepsTheNewest(t *testing.T) {
	k := &keeper{}
	var kept []string
	remember := func(s State) error {
		kept = append(kept, s.Last)
		return nil
	}
	for _, n := range []int{1, 3, 2, 3, 4} {
		if err := k.keep(n, State{Last: fmt.Sprint(n)}, remember); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"1", "3", "4"}; !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
}
