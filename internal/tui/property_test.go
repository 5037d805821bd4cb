package tui

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var anything = flag.Int("anything", 2400, "steps of TestAnything")

// writing are the answers after which something may be written.
var writing = []string{"apply", "undo", "go on", "write"}

// Whatever is pressed, clicked, resized or sent by the cluster: no panic, nothing
// outside of the frame (the driver checks each one), nothing is written without
// the answer to an armed question that was on the screen, there is always a way
// back, and always one out.
func TestAnything(t *testing.T) {
	sizes := []size{{40, 12}, {80, 24}, {120, 40}, {200, 60}}
	var confirmed atomic.Int64
	t.Cleanup(func() {
		if confirmed.Load() == 0 && !t.Failed() {
			t.Error("nothing was ever written: this test tests nothing")
		}
	})
	for i, size := range sizes {
		t.Run(size.String(), func(t *testing.T) {
			t.Parallel()
			steps := *anything / len(sizes)
			if testing.Short() {
				steps /= 4
			}
			confirmed.Add(int64(person(t, uint64(i), size, steps)))
		})
	}
}

// chaos is a person and a cluster of which anything may come.
type chaos struct {
	*driver
	t    *testing.T
	r    *rand.Rand
	size size
	keys []string

	mu         sync.Mutex
	fakes      []*fake // all backends so far
	generation int
	trace      []string // the last steps
	confirmed  int
}

// person does so many steps and tells how many of them wrote.
func person(t *testing.T, seed uint64, size size, steps int) int {
	c := &chaos{t: t, r: rand.New(rand.NewPCG(9, seed)), size: size, keys: anyKeys()}
	first := c.backend("prod-eu")
	drive(t, first, Options{Connector: c}, size.w, size.h, func(d *driver) {
		c.driver = d
		defer func() {
			if p := recover(); p != nil {
				c.fail(fmt.Sprintf("panic: %v", p))
			}
		}()
		d.execute = func(e tea.ExecCommand) error {
			if e, ok := e.(*editor); ok {
				e.text += "# edited\n"
				return nil
			}
			return oneOf(c, nil, errors.New("exit status 1"))
		}
		for step := range steps {
			c.step()
			if step%40 == 39 {
				c.goHome()
			}
			if step%200 == 199 {
				c.leave()
			}
		}
		t.Logf("%d steps, %d frames, %d backends, %d confirmed writes", steps, d.frames, len(c.fakes), c.confirmed)
	})
	return c.confirmed
}

// fail ends the test with what led there.
func (c *chaos) fail(why string) {
	c.t.Helper()
	why += "\nafter " + strings.Join(c.trace, "; ")
	defer func() { panic(why) }() // where the screen cannot be drawn too
	why += "\n" + c.screen()
}

// anyKeys are those of the table of actions, those of dialogs, and letters.
func anyKeys() []string {
	keys := []string{"esc", "enter", "y", "n", "space", "backspace", "tab", "up", "down", "日", "é", ",", "-", "2"}
	for _, a := range actions() {
		keys = append(keys, a.keys...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// oneOf is one of several.
func oneOf[T any](c *chaos, of ...T) T { return of[c.r.IntN(len(of))] }

func (c *chaos) did(format string, args ...any) {
	const most = 60
	c.trace = append(c.trace, fmt.Sprintf(format, args...))
	c.trace = c.trace[max(0, len(c.trace)-most):]
}

func (c *chaos) written() int {
	n := 0
	for _, f := range c.fakes {
		n += f.writes()
	}
	return n
}

// act does one thing that a person does, and sees that it writes only as an answer.
func (c *chaos) act(answers func(yes string) bool, do func()) {
	c.t.Helper()
	allowed := false
	if q, ok := c.m.top().(*confirm); ok {
		allowed = q.armed && !c.m.tooSmall() && slices.Contains(writing, q.yes) && answers(q.yes)
	}
	before := c.written()
	do()
	if c.written() != before {
		if !allowed {
			c.fail("something was written without an answer")
		}
		c.confirmed++
	}
	if c.quit {
		c.did("quit")
		c.restart()
	}
}

func never(string) bool { return false }

func (c *chaos) pressKey(k string) {
	c.did("key %s", k)
	c.act(func(string) bool { return k == "y" }, func() { c.press(k) })
}

func (c *chaos) pause(d time.Duration) {
	c.did("wait %s", d)
	c.act(never, func() { c.wait(d) })
}

func (c *chaos) step() {
	switch n := c.r.IntN(100); {
	case n < 44:
		k := oneOf(c, c.keys...)
		if _, ok := c.m.top().(*confirm); ok && c.r.IntN(3) == 0 {
			k = "y"
		}
		c.pressKey(k)
	case n < 54:
		c.goal()
	case n < 58:
		c.text()
	case n < 64:
		c.pause(time.Duration(c.r.IntN(900)) * time.Millisecond)
	case n < 68:
		c.resize()
	case n < 84:
		c.mouse()
	case n < 96:
		c.cluster()
	case n < 98:
		c.suspended()
	default:
		c.colours()
	}
}

// goal is what a person does who knows the keys, up to the answer.
func (c *chaos) goal() {
	out := []string{"esc", "esc", "esc", "esc"}
	for _, k := range append(out, oneOf(c,
		[]string{"A", "a", "f", "f"},
		[]string{"u", "u"},
		[]string{"i", "enter"},
		[]string{"i", "s"},
		[]string{"n", "right"},
		[]string{"n", "tab", "f", "f"},
		[]string{"tab", "tab", "w", "x", "enter", "f"},
		[]string{"tab", "tab", "w", "x", "shift+tab", "right", "enter"},
		[]string{"W", "end", "x", "f"},
		[]string{"C", "tab"},
		[]string{"a", "e", "enter"},
		[]string{"A", "a", "f", "E"},
		[]string{"v", "end", "g", "o"},
		[]string{":", "c", "t", "x", " ", "enter"},
		[]string{":", "d", "e", "m", "o", "enter"},
		[]string{"~"},
	)...) {
		c.pressKey(k)
	}
	c.pause(armAfter)
	if c.r.IntN(2) == 0 {
		c.pressKey("y")
	}
}

func (c *chaos) text() {
	text := oneOf(c, "root", "severity:high+ ", "ns:shop", "class:safe", "zzz", "ctx ", "日本", hostile()[c.r.IntN(len(hostile()))])
	text = string([]rune(text)[:min(len([]rune(text)), 40)])
	if c.r.IntN(2) == 0 {
		c.did("paste %q", text)
		c.act(never, func() { c.send(tea.PasteMsg{Content: text}) })
		return
	}
	c.pressKey("/")
	for _, r := range text {
		c.pressKey(string(r))
	}
}

// resize goes through other sizes, now and then in a storm, and mostly back.
func (c *chaos) resize() {
	n := oneOf(c, 1, 1, 2, 50)
	c.did("%d sizes", n)
	for range n {
		w, h := c.r.IntN(260), c.r.IntN(80)
		c.act(never, func() { c.send(tea.WindowSizeMsg{Width: w, Height: h}) })
	}
	if c.m.width == 0 || c.m.height == 0 || c.r.IntN(3) > 0 {
		c.act(never, func() { c.send(tea.WindowSizeMsg{Width: c.size.w, Height: c.size.h}) })
	}
}

// place is one where something is, or any.
func (c *chaos) place() (x, y int) {
	if n := len(c.m.areas); n > 0 && c.r.IntN(4) > 0 {
		if a := c.m.areas[c.r.IntN(n)]; a.w > 0 && a.h > 0 {
			return a.x + c.r.IntN(a.w), a.y + c.r.IntN(a.h)
		}
	}
	return c.r.IntN(c.m.width+2) - 1, c.r.IntN(c.m.height+2) - 1
}

// onYes reports whether the button that agrees is at a place.
func (c *chaos) onYes(x, y int) func(string) bool {
	lines := strings.Split(c.screen(), "\n")
	return func(yes string) bool {
		text := "y " + yes
		return y >= 0 && y < len(lines) && x >= 0 && slices.ContainsFunc([]int{0, 1, 2, 3, 4, 5, 6}, func(i int) bool {
			return i < len(text) && x-i >= 0 && strings.HasPrefix(ansi.Cut(lines[y], x-i, c.m.width), text)
		})
	}
}

func (c *chaos) mouse() {
	x, y := c.place()
	button := oneOf(c, tea.MouseLeft, tea.MouseLeft, tea.MouseLeft, tea.MouseLeft, tea.MouseRight, tea.MouseMiddle, tea.MouseNone)
	click := func(x, y int) {
		c.act(func(yes string) bool { return button == tea.MouseLeft && c.onYes(x, y)(yes) }, func() {
			c.send(tea.MouseClickMsg{X: x, Y: y, Button: button})
		})
	}
	switch c.r.IntN(5) {
	case 0:
		c.did("wheel %d,%d", x, y)
		to := oneOf(c, tea.MouseWheelUp, tea.MouseWheelDown, tea.MouseWheelLeft)
		c.act(never, func() { c.send(tea.MouseWheelMsg{X: x, Y: y, Button: to}) })
	case 1:
		c.did("drag from %d,%d", x, y)
		click(x, y)
		for range 1 + c.r.IntN(5) {
			x, y := c.place()
			c.act(never, func() { c.send(tea.MouseMotionMsg{X: x, Y: y, Button: button}) })
		}
		c.act(never, func() { c.send(tea.MouseReleaseMsg{X: x, Y: y, Button: button}) })
	default:
		for range 1 + c.r.IntN(2) {
			c.did("click %d,%d", x, y)
			click(x, y)
			c.act(never, func() { c.send(tea.MouseReleaseMsg{X: x, Y: y, Button: button}) })
		}
	}
}

// cluster is what comes from outside.
func (c *chaos) cluster() {
	f := c.fakes[c.r.IntN(len(c.fakes))]
	switch c.r.IntN(8) {
	case 0:
		c.did("log")
		c.act(never, func() { c.say(logged(1 + c.r.IntN(50))...) })
	case 1, 2:
		c.did("errors")
		c.errors(f)
	default:
		c.did("snapshot")
		c.generation++
		f.snap = anySnapshot(c.r, 1+c.generation)
		c.act(never, func() {
			f.send(f.snap)
			c.settle()
		})
	}
}

func (c *chaos) errors(f *fake) {
	maybe := func(text string) error {
		if c.r.IntN(4) > 0 {
			return nil
		}
		return errors.New(text)
	}
	f.loadErr, f.planErr, f.prevErr, f.networkErr = maybe("no route to host"), maybe("timed out"), maybe("the schema is unknown"), maybe("forbidden")
	f.waiveErr, f.reportErr, f.exportErr = maybe("until is too far ahead"), maybe("no standard"), maybe("not a kustomization")
	f.reviseErr, f.writeErr, f.loginErr, f.spacesErr = maybe("line 3: unknown field"), maybe("no space left"), maybe("denied"), maybe("namespaces is forbidden")
}

func (c *chaos) suspended() {
	c.pressKey("ctrl+z")
	c.did("resume")
	c.act(never, func() { c.send(tea.ResumeMsg{}) })
}

func (c *chaos) colours() {
	c.did("colours")
	c.act(never, func() {
		c.send(tea.ColorProfileMsg{Profile: oneOf(c, colorprofile.ASCII, colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor)})
		c.send(tea.BackgroundColorMsg{Color: background(c.r.IntN(2) == 0)})
	})
}

// goHome goes back by escapes alone, as anybody may at any time.
func (c *chaos) goHome() {
	c.act(never, func() { c.send(tea.WindowSizeMsg{Width: c.size.w, Height: c.size.h}) })
	const most = 25
	for range most {
		if (c.m.screen == screenBrowse || c.m.screen == screenStart) && c.m.top() == nil && c.m.typing == nil {
			return
		}
		c.pause(armAfter)
		c.pressKey("esc")
	}
	c.fail("no way back")
}

// leave quits, and answers what is asked then.
func (c *chaos) leave() {
	c.goHome()
	c.did("leave")
	c.press("q")
	for range 3 {
		if c.quit {
			break
		}
		c.wait(armAfter)
		c.press("y")
	}
	if !c.quit {
		c.fail("no way out")
	}
	c.restart()
}

// backend is another one that answers when it likes.
func (c *chaos) backend(title string) Backend {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := newFake()
	f.title = title
	conflicted(f)
	c.fakes = append(c.fakes, f)
	return &late{fake: f, r: rand.New(rand.NewPCG(7, uint64(len(c.fakes))))}
}

func (c *chaos) Contexts() ([]KubeContext, error) {
	return []KubeContext{{Name: "prod-eu", Current: true}, {Name: "staging", Namespace: "shop"}, {Name: "gone"}}, nil
}

func (c *chaos) Context(name string) (Backend, harden.Scope, error) {
	if name == "gone" {
		return nil, harden.Scope{}, errors.New("no such context")
	}
	return c.backend(name), harden.Scope{All: true}, nil
}

func (c *chaos) Files(paths []string) (Backend, harden.Scope, error) {
	b := c.backend(strings.Join(paths, ","))
	b.(*late).live = false
	return b, harden.Scope{}, nil
}

func (c *chaos) Demo() (Backend, harden.Scope, error) { return c.Files([]string{"demo"}) }

// late is a fake whose answers take a while, also after nobody waits for them.
type late struct {
	*fake
	mu sync.Mutex
	r  *rand.Rand
}

func (l *late) delay() {
	l.mu.Lock()
	n := l.r.IntN(4) * l.r.IntN(700)
	l.mu.Unlock()
	time.Sleep(time.Duration(n) * time.Millisecond)
}

func (l *late) Load(ctx context.Context, s harden.Scope) (*harden.Snapshot, error) {
	l.delay()
	return l.fake.Load(ctx, s)
}

func (l *late) Namespaces(ctx context.Context) ([]string, error) {
	l.delay()
	return l.fake.Namespaces(ctx)
}

func (l *late) Preview(ctx context.Context, f *harden.Finding) (*harden.Plan, error) {
	l.delay()
	return l.fake.Preview(ctx, f)
}

func (l *late) Plan(ctx context.Context, f []*harden.Finding, o harden.PlanOptions) (*harden.Plan, error) {
	l.delay()
	return l.fake.Plan(ctx, f, o)
}

func (l *late) History(ctx context.Context) ([]harden.Record, error) {
	l.delay()
	return l.fake.History(ctx)
}

func (l *late) Network(ctx context.Context, ns []string) (*harden.NetworkView, error) {
	l.delay()
	return l.fake.Network(ctx, ns)
}

// anySnapshot is one of which much may be gone, forbidden or old.
func anySnapshot(r *rand.Rand, generation int) *harden.Snapshot {
	s := shop()
	if r.IntN(2) == 0 {
		s = scanned()
	}
	s.Generation = generation
	if r.IntN(8) == 0 {
		s.Generation = max(1, s.Generation-5)
	}
	gone := ""
	if inv := s.Inventory; r.IntN(4) == 0 {
		gone = inv.Scope[r.IntN(len(inv.Scope))]
		inv.Scope = slices.DeleteFunc(inv.Scope, func(n string) bool { return n == gone })
		inv.Workloads = slices.DeleteFunc(inv.Workloads, func(w *harden.Workload) bool { return w.Ref.Namespace == gone })
	}
	if r.IntN(4) == 0 {
		s.Inventory.Unread = nil
	}
	for i := range r.IntN(3) {
		s.Inventory.Unread = append(s.Inventory.Unread, harden.Unread{Resource: fmt.Sprintf("things%d.example.com", i), Namespace: gone, Why: "403: forbidden"})
	}
	s.Findings = slices.DeleteFunc(s.Findings, func(f *harden.Finding) bool {
		f.Severity = harden.Severity(r.IntN(5))
		return r.IntN(10) == 0 || gone != "" && (f.Object.Namespace == gone || f.Object.Name == gone)
	})
	switch r.IntN(20) {
	case 0:
		s.Findings = nil
	case 1:
		s.Result = nil
	case 2, 3, 4:
		s.Stale, s.Err = true, errors.New("connection reset by peer")
	}
	return s
}
