package prompts

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// doing calls something that takes a while and may tell how far it is. An
// interrupt cancels it, and a second one quits.
func (d *dialog) doing(call func(ctx context.Context, tell func(string)) error) error {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	done, told := make(chan error, 1), make(chan string, 64)
	go func() {
		done <- call(ctx, func(line string) {
			select {
			case told <- line:
			default: // the next says more
			}
		})
	}()
	cancelled := false
	for {
		select {
		case line := <-told:
			d.say("%s", line)
		case err := <-done:
			for len(told) > 0 {
				d.say("%s", <-told)
			}
			return err
		case <-d.interrupts:
			if cancelled {
				return errQuit
			}
			cancelled = true
			d.gap()
			d.say("Cancelling. Control-c once more quits.")
			cancel()
		case <-d.ctx.Done():
			return errQuit
		}
	}
}

// read reads the scope and watches it. An error is said; what was known stays.
func (d *dialog) read() error {
	d.say("Reading %s%s.", scopeWords(d.scope), d.of())
	var snap *harden.Snapshot
	err := d.doing(func(ctx context.Context, _ func(string)) error {
		var err error
		snap, err = d.b.Load(ctx, d.scope)
		if err == nil && snap == nil {
			err = errors.New("no answer")
		}
		return err
	})
	switch {
	case errors.Is(err, errQuit):
		return err
	case err != nil:
		d.fail("reading", err)
		return nil
	}
	d.adopt(snap)
	d.told = snap
	d.sum()
	if d.watch != nil {
		d.watch.stop()
	}
	d.watch = newWatch(d.ctx, d.b, d.scope)
	return nil
}

func (d *dialog) of() string {
	if title := d.b.Title(); title != "" {
		return " of " + title
	}
	return ""
}

func scopeWords(s harden.Scope) string {
	switch {
	case s.All:
		return "all namespaces"
	case len(s.Namespaces) > 0:
		return "namespace " + join(s.Namespaces)
	}
	return "the current scope"
}

// adopt takes a newer snapshot.
func (d *dialog) adopt(snap *harden.Snapshot) {
	if snap.Result == nil {
		copied := *snap
		copied.Result = &harden.Result{}
		if d.snap != nil {
			copied.Result = d.snap.Result
		}
		snap = &copied
	}
	if d.snap == nil || snap.Generation >= d.snap.Generation {
		d.snap, d.byID, d.class = snap, nil, map[string]string{}
	}
}

// sum says what there is.
func (d *dialog) sum() {
	spaces, err := d.list("")
	if err != nil {
		d.fail("listing", err)
		return
	}
	var all tui.Counts
	for _, s := range spaces {
		if !s.System {
			plus(&all, s.Counts)
		}
	}
	objects := 0
	if d.snap.Inventory != nil {
		objects = d.snap.Inventory.Objects
	}
	defer func() { d.unreadable = len(d.unread()) }()
	d.say("Read %s: %s.", plural(objects, "object", "objects"), countWords(all))
	if n := len(d.unread()); n > 0 && n != d.unreadable {
		d.say("%s could not be read; type unread to hear which.", plural(n, "kind of objects", "kinds of objects"))
	}
}

// listing is what a filter left of a snapshot.
type listing struct {
	of     *harden.Snapshot
	filter string
	spaces []tui.Space
}

// list is what there is, by namespaces.
func (d *dialog) list(filter string) ([]tui.Space, error) {
	if d.listed.of != d.snap || d.listed.filter != filter {
		spaces, err := tui.Spaces(d.snap, filter, d.classOf)
		if err != nil {
			return nil, err
		}
		d.listed = listing{d.snap, filter, spaces}
	}
	return slices.Clone(d.listed.spaces), nil
}

// classOf is the class of the best fix of a finding, or "none".
func (d *dialog) classOf(f *harden.Finding) string {
	id := f.ID()
	class, known := d.class[id]
	if !known {
		class = "none"
		if fixes := d.b.Fixes(f); len(fixes) > 0 {
			class = fixes[0].Class.String()
		}
		d.class[id] = class
	}
	return class
}

// find is the finding as it is now, or nil.
func (d *dialog) find(id string) *harden.Finding {
	if d.byID == nil {
		d.byID = make(map[string]*harden.Finding, len(d.snap.Findings))
		for _, f := range d.snap.Findings {
			d.byID[f.ID()] = f
		}
	}
	return d.byID[id]
}

func (d *dialog) unread() []harden.Unread {
	if d.snap == nil || d.snap.Inventory == nil {
		return nil
	}
	return harden.GatherUnread(d.snap.Inventory.Unread)
}

// announce says what the watch has seen since the question before.
func (d *dialog) announce() {
	if d.watch == nil {
		return
	}
	if snap := d.watch.latest(); snap != nil {
		d.adopt(snap)
	}
	old, now := d.told, d.snap
	if old == nil || now == nil || old == now {
		return
	}
	d.told = now
	switch {
	case now.Stale && !old.Stale:
		why := ""
		if now.Err != nil {
			d.last = now.Err
			why = ": " + now.Err.Error()
		}
		d.say("The connection is lost%s. What you hear is what was last seen.", why)
	case !now.Stale && old.Stale:
		d.say("The connection is back.")
	}
	d.difference(old, now)
}

// difference says how many findings are new and how many are gone.
func (d *dialog) difference(old, now *harden.Snapshot) {
	if old.Result == now.Result {
		return
	}
	before := map[string]bool{}
	for _, f := range old.Findings {
		before[f.ID()] = f.Status == harden.StatusFail
	}
	added, gone := 0, 0
	for _, f := range now.Findings {
		id := f.ID()
		failed := before[id]
		delete(before, id)
		switch fails := f.Status == harden.StatusFail; {
		case fails && !failed:
			added++
		case failed && !fails:
			gone++
		}
	}
	for _, failed := range before {
		if failed {
			gone++
		}
	}
	switch {
	case added > 0 && gone > 0:
		d.say("The cluster changed since: %s new, %d gone; l says the list again.", plural(added, "finding", "findings"), gone)
	case added > 0:
		d.say("The cluster changed since: %s new; l says the list again.", plural(added, "finding", "findings"))
	case gone > 0:
		d.say("The cluster changed since: %s gone; l says the list again.", plural(gone, "finding", "findings"))
	}
}

// watch keeps the newest snapshot until somebody asks for it.
type watch struct {
	cancel context.CancelFunc
	mu     sync.Mutex
	snap   *harden.Snapshot
}

func newWatch(ctx context.Context, b tui.Backend, scope harden.Scope) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel}
	go func() {
		for snap := range b.Watch(ctx, scope) {
			w.mu.Lock()
			w.snap = snap
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *watch) stop() { w.cancel() }

// latest is the newest since the call before, or nil.
func (w *watch) latest() *harden.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	snap := w.snap
	w.snap = nil
	return snap
}

// now is the moment of the data; zero when it is not known.
func (d *dialog) now() time.Time {
	if d.snap == nil || d.snap.Inventory == nil {
		return time.Time{}
	}
	return d.snap.Inventory.Now
}
