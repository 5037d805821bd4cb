package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/engine"
)

// An Update is the state of a watched scope. Its Inventory is complete and is
// never changed; objects that did not change are those of the inventory before.
type Update struct {
	Inventory *harden.Inventory
	Stale     bool  // the server cannot be reached: Inventory is what was last seen
	Err       error // why it is stale
	// Polled lists resources that may be listed but not watched: they are read
	// again every 30 seconds.
	Polled []string
}

// timing holds the waits of a watch, so that tests need not wait.
type timing struct {
	coalesce time.Duration // an update is not sent sooner than this after a change
	poll     time.Duration // between lists of what may not be watched
	backoff  time.Duration // before the first new attempt after a failure; doubles
	most     time.Duration // longest backoff
}

var defaultTiming = timing{coalesce: 300 * time.Millisecond, poll: 30 * time.Second, backoff: 500 * time.Millisecond, most: 10 * time.Second}

// Watch keeps the inventory of a scope current until ctx ends; the channel is
// closed then. It goes on from first where that is the last that Read returned,
// and reads the scope again otherwise. Changes are gathered for 300 ms. A slow
// receiver gets the newest state and misses those between.
func (r *Reader) Watch(ctx context.Context, scope harden.Scope, first *harden.Inventory) <-chan Update {
	out := make(chan Update)
	h := &hub{reader: r, out: out, events: make(chan event), down: map[key]error{}, polled: map[key]bool{}}
	if s := r.take(first); s != nil {
		h.state = s
	} else {
		h.state = newState(normalize(scope))
		h.state.inv = first
		if first == nil {
			h.state.inv = &harden.Inventory{Now: r.now()}
		}
		h.unread = true
	}
	go h.run(ctx)
	return out
}

// take hands over the state behind an inventory, if it is still there.
func (r *Reader) take(inv *harden.Inventory) *state {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.last
	if s == nil || inv == nil || s.inv != inv {
		return nil
	}
	r.last = nil
	return s
}

// An event is what a source tells the hub.
type event struct {
	source source
	// One of: the whole content anew; one object that changed or went; the
	// connection is lost, or back when nothing else is set; what tells the engine.
	content *content
	object  object
	gone    bool
	err     error
	polling bool
	engine  *engine.Seen
}

// A hub owns the state: it applies events and sends updates.
type hub struct {
	reader *Reader
	state  *state
	unread bool // state must be read before there is anything to watch
	out    chan<- Update
	events chan event
	down   map[key]error
	polled map[key]bool
}

func (h *hub) run(ctx context.Context) {
	defer close(h.out)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var pending *Update
	if h.unread {
		if !h.readFirst(ctx) {
			return
		}
		pending = h.update()
	}
	for _, k := range slices.SortedFunc(maps.Keys(h.state.contents), compareKeys) {
		c := h.state.contents[k]
		f := &follower{hub: h, source: c.source, resourceVersion: c.resourceVersion, refused: c.err != nil, polling: c.source.kind.watch == nil}
		go f.run(ctx)
	}
	go h.followEngine(ctx, h.state.who)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	waiting := false
	for {
		var out chan<- Update
		var next Update
		if pending != nil {
			out, next = h.out, *pending
		}
		select {
		case <-ctx.Done():
			return
		case out <- next:
			pending = nil
		case <-timer.C:
			waiting = false
			if u := h.update(); u != nil {
				pending = u
			}
		case e := <-h.events:
			if h.apply(e) && !waiting {
				waiting = true
				timer.Reset(h.reader.timing.coalesce)
			}
		}
	}
}

// readFirst reads the scope until that works; it is false when ctx ended.
func (h *hub) readFirst(ctx context.Context) bool {
	wait := h.reader.timing.backoff
	for {
		s, err := h.reader.read(ctx, reading{scope: h.state.scope})
		if err == nil {
			h.state = s
			return true
		}
		select {
		case h.out <- Update{Inventory: h.state.inv, Stale: true, Err: err}:
		case <-ctx.Done():
			return false
		}
		if !sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, h.reader.timing.most)
	}
}

// apply changes the state; it reports whether people should hear of it.
func (h *hub) apply(e event) bool {
	if e.engine != nil {
		changed := !equality.Semantic.DeepEqual(h.state.seen, *e.engine)
		h.state.seen = *e.engine
		return changed
	}
	k := e.source.key()
	h.polled[k] = e.polling && e.source.kind.watch != nil || h.polled[k]
	if e.err != nil {
		h.down[k] = e.err
		return len(h.down) == 1
	}
	_, wasDown := h.down[k]
	delete(h.down, k)
	changed := wasDown && len(h.down) == 0
	switch {
	case e.content != nil:
		return h.replace(k, e.content) || changed
	case e.object != nil:
		return h.change(k, e.object, e.gone) || changed
	}
	return changed
}

func (h *hub) replace(k key, c *content) bool {
	old := h.state.contents[k]
	h.state.contents[k] = c
	if old == nil || (old.err == nil) != (c.err == nil) || len(old.objects) != len(c.objects) {
		return true
	}
	changed := false
	for name, o := range c.objects {
		if before := old.objects[name]; before != nil && unchanged(before, o) {
			c.objects[name] = before
		} else {
			changed = true
		}
	}
	return changed
}

func (h *hub) change(k key, o object, gone bool) bool {
	c := h.state.contents[k]
	name := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
	before := c.objects[name]
	switch {
	case gone:
		delete(c.objects, name)
		return before != nil
	case before != nil && unchanged(before, o):
		return false
	}
	c.objects[name] = o
	return true
}

func (h *hub) update() *Update {
	u := &Update{Stale: len(h.down) > 0}
	for _, k := range slices.SortedFunc(maps.Keys(h.down), compareKeys) {
		u.Err = fmt.Errorf("watching %s: %w", k.resource, h.down[k])
		break
	}
	for k, on := range h.polled {
		if on && !slices.Contains(u.Polled, k.resource) {
			u.Polled = append(u.Polled, k.resource)
		}
	}
	slices.Sort(u.Polled)
	before := h.state.inv
	inv, err := h.state.build(h.reader.now())
	if err != nil {
		// A named object is gone: an inventory without it says so.
		inv = h.state.empty(before)
		u.Err = errors.Join(err, u.Err)
	}
	u.Inventory = inv
	h.reader.knowEngine(inv.Net.Engine)
	return u
}

// followEngine reads from time to time what tells the engine: no watch is worth
// the objects that an engine is recognised by.
func (h *hub) followEngine(ctx context.Context, who identity) {
	for sleep(ctx, refusedFactor*h.reader.timing.poll) {
		seen, err := h.reader.readSeen(ctx, who, nil)
		if err != nil {
			continue // the followers say so
		}
		select {
		case h.events <- event{engine: &seen}:
		case <-ctx.Done():
		}
	}
}

// refusedFactor makes what was refused be asked for again less often than what may be listed.
const refusedFactor = 10

// A follower keeps one source current.
type follower struct {
	hub             *hub
	source          source
	resourceVersion string
	refused         bool // at the last list
	polling         bool
	failures        int
}

func (f *follower) send(ctx context.Context, e event) bool {
	e.source = f.source
	e.polling = f.polling
	select {
	case f.hub.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *follower) run(ctx context.Context) {
	byName := f.source.field != "" // a Namespace, read by name
	relist := false
	for ctx.Err() == nil {
		if f.refused || f.polling {
			wait := f.hub.reader.timing.poll
			if f.refused {
				wait *= refusedFactor
			}
			if !sleep(ctx, wait) {
				return
			}
			relist = true
		}
		if relist && !f.relist(ctx) {
			continue
		}
		relist = false
		if f.refused || f.polling {
			continue
		}
		version := f.resourceVersion
		if byName {
			version = "" // a get has no list version: begin with what there is now
		}
		began := time.Now()
		switch err := f.watch(ctx, version); {
		case err == nil:
			relist = byName // it may have been deleted in between
			if pause := f.hub.reader.timing.backoff; time.Since(began) < pause {
				sleep(ctx, pause) // a server that hangs up at once is not asked in a circle
			}
		case apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsNotFound(err):
			f.polling = true
			f.send(ctx, event{})
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			relist = true
		default:
			relist = apierrors.ReasonForError(err) != metav1.StatusReasonUnknown
			f.lost(ctx, err)
		}
	}
}

// relist reads the whole source; it is false when that failed for now.
func (f *follower) relist(ctx context.Context) bool {
	c := f.hub.reader.readSource(ctx, f.source)
	if isNoAnswer(c.err) && !f.refused {
		f.lost(ctx, c.err) // what was read stays
		return false
	}
	if isFatal(c.err) && !errors.Is(c.err, ErrNamespaceNotFound) {
		f.lost(ctx, c.err)
		return false
	}
	if errors.Is(c.err, ErrNamespaceNotFound) {
		c.err = nil // deleted meanwhile: nothing is left in it
	}
	f.failures = 0
	f.refused = c.err != nil
	f.resourceVersion = c.resourceVersion
	return f.send(ctx, event{content: c})
}

func (f *follower) lost(ctx context.Context, err error) {
	t := f.hub.reader.timing
	// Where an API has a server of its own, the others know whether the connection is lost.
	if f.source.kind.group == "" && !f.send(ctx, event{err: classify(err)}) {
		return
	}
	wait := min(t.backoff<<min(f.failures, 10), t.most)
	f.failures++
	// Followers that lost one server should not all come back at once.
	sleep(ctx, wait/2+rand.N(wait/2+1))
}

// watch follows the source from a version on until the watch ends. A server ends
// each after some minutes; that is no error.
func (f *follower) watch(ctx context.Context, version string) error {
	const longest = 600
	seconds := int64(longest/2 + rand.N(longest/2))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := f.source.kind.watch(ctx, f.source.namespace, metav1.ListOptions{
		ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
		LabelSelector: f.source.selector, FieldSelector: f.source.field,
	})
	if err != nil {
		return err
	}
	defer w.Stop()
	if !f.send(ctx, event{}) {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if err := f.receive(ctx, e); err != nil {
				return err
			}
		}
	}
}

func (f *follower) receive(ctx context.Context, e watch.Event) error {
	if e.Type == watch.Error {
		return apierrors.FromObject(e.Object)
	}
	o, ok := e.Object.(object)
	if !ok {
		return fmt.Errorf("watching %s: got a %T", f.source.kind.resource, e.Object)
	}
	f.resourceVersion = o.GetResourceVersion()
	f.failures = 0
	switch e.Type {
	case watch.Added, watch.Modified, watch.Deleted:
		trim(o)
		f.send(ctx, event{object: o, gone: e.Type == watch.Deleted})
	}
	return nil
}

// sleep is false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
