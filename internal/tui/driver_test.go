package tui

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// driver runs a Model as Bubble Tea would, inside a synctest bubble: every
// command in a goroutine of its own, ticks on the clock of the bubble.
type driver struct {
	t         *testing.T
	m         *Model
	stop      context.CancelFunc
	mu        sync.Mutex
	queue     []tea.Msg
	quit      bool
	clipboard string
	frames    int

	system   string // the clipboard of the system
	noSystem error  // why it has none
	editor   string // the value of EDITOR
	// execute replaces what gets the terminal; nil: it runs.
	execute func(tea.ExecCommand) error
	log     chan LogLine
}

// drive calls body with a started UI of the given size.
func drive(t *testing.T, b Backend, opts Options, w, h int, body func(*driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &driver{t: t, m: New(b, opts)}
		d.equip()
		d.m.root, d.stop = context.WithCancel(context.Background())
		defer func() {
			d.stop()
			time.Sleep(time.Minute) // ticks that nobody waits for any more
		}()
		d.run(d.m.Init())
		d.send(tea.WindowSizeMsg{Width: w, Height: h})
		body(d)
	})
}

// restart begins anew after the person quit.
func (d *driver) restart() {
	w, h := d.m.width, d.m.height
	d.stop()
	time.Sleep(time.Minute)
	d.mu.Lock()
	d.queue, d.quit = nil, false
	d.mu.Unlock()
	d.m = New(d.m.backend, d.m.opts)
	d.equip()
	d.m.root, d.stop = context.WithCancel(context.Background())
	d.run(d.m.Init())
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
}

func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.queue = append(d.queue, msg)
	}()
}

func (d *driver) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
		return
	case tea.BatchMsg:
		for _, cmd := range msg {
			d.run(cmd)
		}
		return
	case tea.QuitMsg:
		d.quit = true
		return
	}
	switch reflect.TypeOf(msg).Name() {
	case "setClipboardMsg":
		d.clipboard = fmt.Sprint(msg)
		return
	case "backgroundColorMsg":
		return
	}
	_, cmd := d.m.Update(msg)
	d.run(cmd)
	d.check()
}

// check holds the promise about the frame after every message.
func (d *driver) check() {
	d.t.Helper()
	d.frames++
	view := d.m.View().Content
	if d.m.width == 0 || d.m.height == 0 {
		return
	}
	lines := strings.Split(view, "\n")
	if len(lines) != d.m.height {
		d.t.Fatalf("the frame has %d lines, the terminal %d:\n%s", len(lines), d.m.height, ansi.Strip(view))
	}
	for i, l := range lines {
		if n := widthOf(l); n > d.m.width {
			d.t.Fatalf("line %d is %d cells wide, the terminal %d:\n%s", i, n, d.m.width, ansi.Strip(view))
		}
	}
}

// settle lets everything happen that needs no passing of time.
func (d *driver) settle() {
	d.t.Helper()
	for {
		synctest.Wait()
		d.mu.Lock()
		queue := d.queue
		d.queue = nil
		d.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, msg := range queue {
			d.take(msg)
		}
	}
}

func (d *driver) send(msg tea.Msg) {
	d.t.Helper()
	d.take(msg)
	d.settle()
}

// wait lets time pass.
func (d *driver) wait(t time.Duration) {
	d.t.Helper()
	for range 4 {
		time.Sleep(t / 4)
		d.settle()
	}
}

// rest waits until patches are drawn.
func (d *driver) rest() { d.t.Helper(); d.wait(2 * previewAfter) }

// press types keys: single characters, or names such as enter and ctrl+c.
func (d *driver) press(keys ...string) {
	d.t.Helper()
	for _, k := range keys {
		d.send(keyPress(k))
	}
}

func (d *driver) typeText(s string) {
	d.t.Helper()
	for _, r := range s {
		d.press(string(r))
	}
}

var keyCodes = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace,
}

func keyPress(k string) tea.KeyPressMsg {
	switch {
	case k == "space":
		return tea.KeyPressMsg{Code: ' ', Text: " "}
	case keyCodes[k] != 0:
		return tea.KeyPressMsg{Code: keyCodes[k]}
	case strings.HasPrefix(k, "ctrl+"):
		return tea.KeyPressMsg{Code: rune(k[5]), Mod: tea.ModCtrl}
	case strings.HasPrefix(k, "shift+"):
		return tea.KeyPressMsg{Code: keyCodes[k[6:]], Mod: tea.ModShift}
	default:
		return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
	}
}

// screen is what stands on the terminal, without styles.
func (d *driver) screen() string { return ansi.Strip(d.m.View().Content) }

func (d *driver) has(want ...string) {
	d.t.Helper()
	for _, w := range want {
		if !strings.Contains(d.screen(), w) {
			d.t.Fatalf("%q is not on the screen:\n%s", w, d.screen())
		}
	}
}

func (d *driver) hasNot(want ...string) {
	d.t.Helper()
	for _, w := range want {
		if strings.Contains(d.screen(), w) {
			d.t.Fatalf("%q is on the screen:\n%s", w, d.screen())
		}
	}
}
