package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// A memory is the file that keeps how the UI was left.
type memory struct {
	path string
	// known is what the file said when it was read or written last: what another
	// UI has changed since is not ours to change back.
	known tui.State
}

// patience is how long a UI waits for another one that writes.
const patience = 2 * time.Second

// openMemory reads the file. A memory that comes with an error is empty and works.
func openMemory() (*memory, error) {
	m := &memory{}
	dir, err := journal.StateDir()
	if err != nil {
		return m, err
	}
	m.path = filepath.Join(dir, "ui.json")
	m.known, err = m.read()
	return m, err
}

func (m *memory) read() (tui.State, error) {
	var s tui.State
	data, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading how the UI was left: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return tui.State{}, fmt.Errorf("reading how the UI was left: %s is damaged, so it is written anew: %w", m.path, err)
	}
	return s, nil
}

// keep writes what is new in s, beside what others have written meanwhile.
func (m *memory) keep(s tui.State) error {
	if err := m.write(s); err != nil {
		return fmt.Errorf("keeping how the UI was left: %w", err)
	}
	return nil
}

func (m *memory) write(s tui.State) error {
	if m.path == "" {
		return errors.New("there is no place for it")
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lock := flock.New(m.path + ".lock")
	if _, err := lock.TryLockContext(ctx, patience/100); err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	all, _ := m.read() // a damaged file is written anew
	if all.Contexts == nil {
		all.Contexts = map[string]tui.Look{}
	}
	for name, look := range s.Contexts {
		if before, known := m.known.Contexts[name]; !known || before != look {
			all.Contexts[name] = look
		}
	}
	if s.Last != m.known.Last {
		all.Last = s.Last
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := journal.ReplaceFile(m.path, append(data, '\n')); err != nil {
		return err
	}
	m.known = tui.State{Contexts: maps.Clone(s.Contexts), Last: s.Last}
	return nil
}
