// Package lessons keeps what failed rollouts taught about images, and draws
// lessons from what was seen on the pods of such a rollout.
package lessons

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// version names the format of the file.
const version = "kubectl-harden.github.io/lessons/v1"

// A Store is a file of lessons. It is shared by all clusters: an image behaves
// alike wherever it runs.
type Store struct {
	path string
}

// Open returns the store in a folder, usually journal.StateDir; nothing is read
// or made yet.
func Open(dir string) *Store { return &Store{path: filepath.Join(dir, "lessons.json")} }

// Path is the file; removing it forgets everything.
func (s *Store) Path() string { return s.path }

type file struct {
	APIVersion string          `json:"apiVersion"`
	Lessons    []harden.Lesson `json:"lessons"`
}

// Load reads all lessons, by the names that harden.LessonName makes. A file that
// does not exist holds none.
func (s *Store) Load() (map[string][]harden.Lesson, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what was learnt: %w", err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("reading what was learnt from %q: the file is damaged: %w; remove it to forget everything", s.path, err)
	}
	if f.APIVersion != version {
		return nil, fmt.Errorf("reading what was learnt from %q: it is of version %q, which this program does not know", s.path, f.APIVersion)
	}
	all := map[string][]harden.Lesson{}
	for _, l := range f.Lessons {
		all[l.Image] = append(all[l.Image], l)
	}
	return all, nil
}

// Add keeps new lessons and returns all. One that says the same as an older one
// takes its place. Two runs that add at once may lose a lesson, never the file.
func (s *Store) Add(learnt ...harden.Lesson) (map[string][]harden.Lesson, error) {
	all, err := s.Load()
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = map[string][]harden.Lesson{}
	}
	for _, l := range learnt {
		kept := slices.DeleteFunc(slices.Clone(all[l.Image]), func(old harden.Lesson) bool {
			return old.Kind == l.Kind && old.Value == l.Value && old.Fixer == l.Fixer
		})
		all[l.Image] = append(kept, l)
	}
	f := file{APIVersion: version}
	for _, image := range sortedKeys(all) {
		f.Lessons = append(f.Lessons, all[image]...)
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding what was learnt: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, fmt.Errorf("keeping what was learnt: %w", err)
	}
	if err := journal.ReplaceFile(s.path, append(data, '\n')); err != nil {
		return nil, fmt.Errorf("keeping what was learnt in %q: %w", s.path, err)
	}
	return all, nil
}
