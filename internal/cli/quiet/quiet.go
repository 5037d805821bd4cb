// Package quiet keeps what others write to standard error off a screen that
// somebody draws on: credential plugins, client-go, Go's log package.
package quiet

import (
	"bytes"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

const (
	longest = 2000                   // bytes of a line that are kept
	waiting = 1000                   // lines that nobody has read yet
	kept    = 200                    // lines that Held returns
	idle    = 500 * time.Millisecond // after which a line without an end counts as one
	ending  = 200 * time.Millisecond // how long Close waits for what is still on its way
)

// A Stderr stands in the place of os.Stderr. What is written there goes on to
// the real one, except while it is held; everything becomes a line as well.
// Writers never wait for a reader of lines: what is too much is counted, and lost.
type Stderr struct {
	real  *os.File
	pipe  *os.File // what os.Stderr is meanwhile
	lines chan tui.LogLine
	done  chan struct{}
	now   func() time.Time

	mu   sync.Mutex
	held bool
	lost int      // lines since the last one that found room
	last []string // that were not shown, the newest last
}

// Take puts a pipe in the place of os.Stderr, and of the output of package log.
func Take() (*Stderr, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("watching over standard error: %w", err)
	}
	s := &Stderr{real: os.Stderr, pipe: w, lines: make(chan tui.LogLine, waiting), done: make(chan struct{}), now: time.Now}
	os.Stderr = w
	log.SetOutput(w)
	go s.forward(r)
	return s, nil
}

// Lines are all that was written and noted. The channel is never closed.
func (s *Stderr) Lines() <-chan tui.LogLine { return s.lines }

// Hold keeps what is written from here on to itself.
func (s *Stderr) Hold() { s.hold(true) }

// Release lets it through again, byte for byte.
func (s *Stderr) Release() { s.hold(false) }

func (s *Stderr) hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = on
}

// Held are the newest lines that were written while it was held.
func (s *Stderr) Held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.last)
}

// Close gives os.Stderr back. What was written before arrives there.
func (s *Stderr) Close() {
	s.Release()
	os.Stderr = s.real
	log.SetOutput(s.real)
	s.pipe.Close()
	select {
	case <-s.done:
	case <-time.After(ending): // a child that lives on has the pipe open
	}
}

// Note adds a line by somebody who does not write to standard error.
func (s *Stderr) Note(from, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(from, text)
}

func (s *Stderr) note(from, text string) {
	if i := strings.LastIndexByte(strings.TrimRight(text, "\r"), '\r'); i >= 0 {
		text = text[i+1:] // a line that was drawn again and again
	}
	text = strings.TrimSpace(harden.OneLine(ansi.Strip(text)))
	if text == "" {
		return
	}
	if s.lost > 0 && len(s.lines) < cap(s.lines)-1 {
		s.lines <- tui.LogLine{Time: s.now(), From: "harden", Text: fmt.Sprintf("%d lines came faster than they could be kept", s.lost)}
		s.lost = 0
	}
	select {
	case s.lines <- tui.LogLine{Time: s.now(), From: from, Text: text}:
	default:
		s.lost++
	}
}

// forward takes from the pipe without a pause, so that its writers never wait.
func (s *Stderr) forward(r *os.File) {
	defer close(s.done)
	defer r.Close()
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			b := make([]byte, 4096)
			n, err := r.Read(b)
			if n > 0 {
				chunks <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	var line []byte
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case b, open := <-chunks:
			if !open {
				s.written(line)
				return
			}
			s.pass(b)
			line = s.split(line, b)
			timer.Reset(idle)
		case <-timer.C:
			s.written(line)
			line = nil
		}
	}
}

func (s *Stderr) pass(b []byte) {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if !held {
		_, _ = s.real.Write(b)
	}
}

// split tells the lines that are whole, and returns the rest.
func (s *Stderr) split(line, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\n')
		end := b
		if i >= 0 {
			end = b[:i]
		}
		if room := longest - len(line); room > 0 {
			line = append(line, end[:min(room, len(end))]...)
		}
		if i < 0 {
			return line
		}
		s.written(line)
		line, b = nil, b[i+1:]
	}
}

func (s *Stderr) written(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ToValidUTF8(string(line), "")
	if s.held && len(line) > 0 {
		s.last = append(s.last, strings.TrimRight(harden.OneLine(ansi.Strip(strings.ReplaceAll(text, "\t", "    "))), " "))
		s.last = s.last[max(0, len(s.last)-kept):]
	}
	s.note("stderr", text)
}

// Logger is for what logs by slog: what is worth a warning becomes a line.
func (s *Stderr) Logger(from string) slog.Handler {
	return slog.NewTextHandler(noter{s, from}, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	})
}

type noter struct {
	s    *Stderr
	from string
}

func (n noter) Write(b []byte) (int, error) {
	n.s.Note(n.from, string(b[:min(len(b), longest)]))
	return len(b), nil
}
