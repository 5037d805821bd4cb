package prompts

import (
	"context"
	"strconv"
	"sync"

	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// mostLog is how many lines of the log are kept.
const mostLog = 1000

// A logbook keeps what others say meanwhile until somebody asks.
type logbook struct {
	mu    sync.Mutex
	lines []tui.LogLine
	first int // number of lines[0]
}

func newLogbook(ctx context.Context, said <-chan tui.LogLine) *logbook {
	b := &logbook{}
	if said == nil {
		return b
	}
	go func() {
		for {
			select {
			case line, ok := <-said:
				if !ok {
					return
				}
				b.add(line)
			case <-ctx.Done():
				return
			}
		}
	}()
	return b
}

func (b *logbook) add(line tui.LogLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == mostLog {
		b.lines = append(b.lines[:0], b.lines[1:]...)
		b.first++
	}
	b.lines = append(b.lines, line)
}

func (b *logbook) all() (lines []tui.LogLine, first int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(lines, b.lines...), b.first
}

// logs says the log, the newest line first.
func (d *dialog) logs() error {
	return d.browse(func() (menu, error) {
		said, first := d.log.all()
		m := menu{title: "Log: " + plural(len(said), "line", "lines") + ", the newest first", none: "Nothing was said so far."}
		for i := len(said) - 1; i >= 0; i-- {
			l := said[i]
			m.items = append(m.items, item{id: strconv.Itoa(first + i), text: func() string {
				return l.Time.Format("15:04:05") + ", " + l.From + ": " + l.Text
			}})
		}
		return m, nil
	})
}
