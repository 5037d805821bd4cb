// Package prompts is the interactive face for screen readers, and for terminals
// that cannot draw: numbered lists, plain lines, one question at a time. Nothing
// is drawn over, nothing is coloured, and nothing moves by itself: what changed
// meanwhile is said before the next question.
//
// It asks the same Backend in the same way as the full UI, and reads lines with
// bufio: form libraries ask one field after the other, and know no lists with
// pages, no commands that are possible everywhere, and no way back.
package prompts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// lastWrite is how long Run waits for a write that is under way when ctx ends.
const lastWrite = 10 * time.Second

// Run talks until the person quits, the input ends or ctx ends; none of these is
// an error. Without a backend Options.Err says why, and the person is asked what
// to look at. Input and Output of the options are not used.
//
// It handles interrupts (ctrl-c) itself: a look is cancelled, an apply stops after
// the object in hand if the person says so, at a question it quits. So ctx should
// not end by one.
func Run(ctx context.Context, b tui.Backend, opts tui.Options, in io.Reader, out io.Writer) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	return run(ctx, b, opts, newPrompter(in, out, interrupts))
}

// dialog is everything that is known while talking.
type dialog struct {
	*prompter
	ctx    context.Context
	b      tui.Backend // nil until something is opened
	opened bool        // b is to be closed here
	opts   tui.Options
	scope  harden.Scope
	snap   *harden.Snapshot // nil until something is read
	told   *harden.Snapshot // what the person knows of
	watch  *watch
	log    *logbook
	filter string
	listed listing                    // the last one
	marks  map[string]bool            // by finding id
	byID   map[string]*harden.Finding // of snap; nil until somebody asks
	class  map[string]string          // of the best fix by finding id, for snap
	last   error
	// unreadable is how many kinds of objects the person was told of that could
	// not be read.
	unreadable int
}

func run(ctx context.Context, b tui.Backend, opts tui.Options, p *prompter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.close()
	d := &dialog{prompter: p, ctx: ctx, b: b, opts: opts, scope: opts.Scope, marks: map[string]bool{}, log: newLogbook(ctx, opts.Log)}
	defer d.leave()
	err := d.talk()
	switch {
	case d.prompter.err != nil:
		return fmt.Errorf("writing: %w", d.prompter.err)
	case errors.Is(err, errQuit):
		return nil
	}
	return err
}

func (d *dialog) talk() error {
	d.say("kubectl harden with numbered prompts. Type an answer and press enter; a question mark lists what you can type, q quits.")
	if d.b == nil {
		if d.opts.Connector == nil {
			return d.opts.Err
		}
		d.fail("connecting", d.opts.Err)
	} else if err := d.read(); err != nil {
		return err
	}
	for {
		next := d.spaces
		if d.snap == nil {
			next = d.start
		}
		if err := next(); err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
	}
}

// errElsewhere leaves all lists: something else is looked at.
var errElsewhere = errors.New("something else is looked at")

// leave ends what was opened here.
func (d *dialog) leave() {
	if d.watch != nil {
		d.watch.stop()
		d.watch = nil
	}
	if d.opened {
		d.b.Close()
		d.opened = false
	}
}

// fail says an error, all of it, and keeps it.
func (d *dialog) fail(doing string, err error) {
	if err == nil {
		return
	}
	d.last = fmt.Errorf("%s: %w", doing, err)
	d.sayError()
}

func (d *dialog) sayError() {
	for i, line := range lines(d.last.Error()) {
		if i == 0 {
			line = "Error: " + line
		}
		d.say("%s", line)
	}
}

// live reports whether there is a cluster.
func (d *dialog) live() bool { return d.b != nil && d.b.Live() }
