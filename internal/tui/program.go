package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Options say how the UI starts.
type Options struct {
	Scope    harden.Scope // what to look at
	ReadOnly bool         // nothing can be applied or undone
	// Apply says how rollouts are watched.
	Apply harden.ApplyOptions
	// Evidence says what looks into images may do besides what their keys ask for:
	// PullSecrets, Updates, Signatures.
	Evidence harden.EvidenceOptions
	// DatabaseNote says in the question before a scan where the vulnerability
	// database comes from; empty: it is downloaded.
	DatabaseNote string
	Version      string // shown in the help; optional

	// Connector opens other clusters and files; nil: there are none.
	Connector Connector
	// Err is why there is no backend to start with: the UI starts by asking what to
	// look at.
	Err error
	// Log is what others say meanwhile: client-go, warnings of the API server, image
	// scanners, credential plugins. It is shown on a screen of its own. May be nil.
	Log <-chan LogLine
	// Remembered is how the UI was left the last time, and Remember keeps how it is
	// left now; it is called off the update loop and may be nil.
	Remembered State
	Remember   func(State) error

	// Input and Output are the terminal; nil for the process's own.
	Input  io.Reader
	Output io.Writer
	// Environ replaces the environment that tells the colours of the terminal
	// (NO_COLOR, TERM, COLORTERM); nil for the process's own.
	Environ []string
}

// A LogLine is one line that something said.
type LogLine struct {
	Time time.Time
	From string // who: client-go, api-server, trivy, credential plugin …
	Text string
}

// State is what outlives the UI: how each context was looked at last.
type State struct {
	Contexts map[string]Look `json:"contexts,omitempty"` // by Backend.Title
	Last     string          `json:"last,omitempty"`     // the context that was looked at last
}

// A Look is how one context was looked at.
type Look struct {
	Namespace string `json:"namespace,omitempty"` // under the cursor
	Grouping  string `json:"grouping,omitempty"`  // severity, fixer, object
	Sort      string `json:"sort,omitempty"`      // of namespaces and workloads
	Flat      bool   `json:"flat,omitempty"`      // all findings in one list
	Unfolded  bool   `json:"unfolded,omitempty"`  // namespaces of the system are listed
	Left      int    `json:"left,omitempty"`      // cells of the left pane; 0: by the width
}

// lastWrite is how long Run waits for a write that is under way when the
// terminal is gone or the process is told to end.
const lastWrite = 10 * time.Second

// Run shows the UI until the person quits or ctx ends. An end by ctx is no error.
// b may be nil, with Options.Err. What is opened meanwhile is closed; b is
// closed when the UI turns to something else.
func Run(ctx context.Context, b Backend, opts Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := New(b, opts)
	m.root = ctx
	programOptions := []tea.ProgramOption{tea.WithContext(ctx)}
	if opts.Input != nil {
		programOptions = append(programOptions, tea.WithInput(opts.Input))
	}
	if opts.Output != nil {
		programOptions = append(programOptions, tea.WithOutput(opts.Output))
	}
	if opts.Environ != nil {
		programOptions = append(programOptions, tea.WithEnvironment(opts.Environ))
	}
	_, err := tea.NewProgram(m, programOptions...).Run()
	ended := ctx.Err() != nil
	cancel()
	if m.backend != nil && m.backend != b {
		defer m.backend.Close()
	}
	// A write that is cut off leaves an object whose outcome nobody recorded.
	select {
	case <-m.writes.done():
	case <-time.After(lastWrite):
	}
	if err != nil && !ended && !errors.Is(err, tea.ErrInterrupted) {
		return fmt.Errorf("running the terminal UI: %w", err)
	}
	// A UI that was worked with is not an error because its look was not kept.
	_ = m.keep()
	return nil
}
