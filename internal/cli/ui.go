package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/cli/quiet"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// A ui is what surrounds the terminal UI.
type ui struct {
	stderr    *quiet.Stderr
	connector *connector
	memory    *memory
	farewell  farewell
	err       error // why there is no session
}

// A farewell is what is to be read when the UI has ended.
type farewell struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps it until then.
func (f *farewell) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.Write(b)
}

func (f *farewell) say(w io.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = f.text.WriteTo(w)
}

// prepare connects the UI. What is wrong with the kubeconfig is for the UI to
// say; a mistake in flags is an error.
func (o *rootOptions) prepare(cmd *cobra.Command) (err error) {
	u := &ui{}
	if u.stderr, err = quiet.Take(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			u.stderr.Close()
		}
	}()
	klog.SetSlogLogger(slog.New(u.stderr.Logger("client-go")))
	o.warnings, o.connection.farewell = warnings{u.stderr}, &u.farewell
	u.connector = &connector{flags: o.connection, set: cmd.Flags(), share: u.share}
	if u.memory, err = openMemory(); err != nil {
		u.stderr.Note("harden", err.Error())
	}
	o.session, o.scope, err = o.connect(cmd)
	var kubeconfig kubeconfigError
	if errors.As(err, &kubeconfig) {
		u.err, err = err, nil
	}
	o.ui = u
	return err
}

// show runs the UI until the person or a signal ends it.
func (o *rootOptions) show(ctx context.Context) error {
	u := o.ui
	if err := o.loginFirst(ctx); err != nil {
		u.stderr.Close()
		return err
	}
	opts := tui.Options{
		Scope: o.scope, ReadOnly: o.readOnly, Apply: o.apply, Evidence: o.evidence, DatabaseNote: o.databaseNote(), Version: version,
		Connector: u.connector, Err: u.err, Log: u.stderr.Lines(), Remembered: u.memory.known, Remember: u.remember,
	}
	var backend tui.Backend
	if o.session != nil {
		backend = u.share(o.session)
	}
	ctx, ended, stop := untilEnded(ctx)
	defer stop()
	u.stderr.Hold()
	err := o.face(ctx, backend, opts)
	if o.session != nil {
		o.session.Close()
	}
	u.stderr.Close()
	u.farewell.say(o.streams.ErrOut)
	if errors.Is(err, tea.ErrProgramPanic) {
		for _, line := range u.stderr.Held() {
			fmt.Fprintln(o.streams.ErrOut, line)
		}
	}
	if s := ended(); s != 0 {
		return exitCode(128 + int(s))
	}
	return err
}

// untilEnded is a context that ends when the process is told to, or has lost its
// terminal. Ctrl-c is a key to the UI, and to a plugin that asks it is no end of
// the UI: Bubble Tea tells these apart. The signal is 0 when none came.
func untilEnded(ctx context.Context) (_ context.Context, ended func() syscall.Signal, stop func()) {
	var got atomic.Int32
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			if n, ok := s.(syscall.Signal); ok {
				got.Store(int32(n))
			}
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() syscall.Signal { return syscall.Signal(got.Load()) }, func() {
		signal.Stop(signals)
		cancel()
	}
}

// silence is how long a credential plugin may work without a word about it.
const silence = time.Second

// loginFirst lets a credential plugin ask while the terminal is nobody's yet.
// That it failed is no end: the UI says so, and has a key for it.
func (o *rootOptions) loginFirst(ctx context.Context) error {
	if o.session == nil || !o.session.MayAsk() {
		return nil
	}
	wait := time.AfterFunc(silence, func() {
		if len(o.ui.stderr.Lines()) > 0 {
			return // it has spoken for itself
		}
		fmt.Fprintf(o.streams.ErrOut, "waiting for the credential plugin of context %q; ctrl-c ends\n", harden.OneLine(o.session.Title()))
	})
	err := o.session.Login(ctx)
	wait.Stop()
	if ctx.Err() != nil {
		return exitCode(128 + int(syscall.SIGINT))
	}
	if err != nil {
		o.ui.stderr.Note("harden", err.Error())
	}
	return nil
}

func (u *ui) remember(s tui.State) error {
	if err := u.memory.keep(s); err != nil {
		u.stderr.Note("harden", err.Error())
	}
	return nil
}

func (u *ui) share(s *session.Session) tui.Backend { return sharing{s, u.stderr} }

// A sharing is a session on a terminal that is drawn on: a plugin that asks may
// write to it.
type sharing struct {
	*session.Session
	stderr *quiet.Stderr
}

// Login lets the credential plugin ask.
func (s sharing) Login(ctx context.Context) error {
	s.stderr.Release()
	defer s.stderr.Hold()
	return s.Session.Login(ctx)
}

// warnings passes on those of the API server.
type warnings struct{ to *quiet.Stderr }

// warningCode is that of warnings that are meant for people (RFC 7234, 5.5.7).
const warningCode = 299

// HandleWarningHeader keeps the text as a line.
func (w warnings) HandleWarningHeader(code int, _, text string) {
	if code == warningCode {
		w.to.Note("api-server", text)
	}
}
