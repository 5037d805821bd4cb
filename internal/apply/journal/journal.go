package journal

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	suffix   = ".json"
	lockName = "lock"
)

// A Journal is the folder that holds the entries of one cluster. It is created
// when the first entry is.
type Journal struct {
	dir string
}

// Open returns the journal in a folder; nothing is read or made yet.
func Open(dir string) *Journal { return &Journal{dir: dir} }

// Dir is the folder.
func (j *Journal) Dir() string { return j.dir }

// Lock keeps other runs from changing the journal until unlock is called; the
// error wraps ErrLocked when another run holds it. It also proves that the
// folder can be written, before anything is sent.
func (j *Journal) Lock() (unlock func(), err error) {
	if err := j.makeDir(); err != nil {
		return nil, err
	}
	path := filepath.Join(j.dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, j.unwritable(err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		if errors.Is(err, ErrLocked) {
			return nil, fmt.Errorf("%w (%s): wait until it ends", ErrLocked, path)
		}
		return nil, fmt.Errorf("locking journal %q: %w", path, err)
	}
	// The file stays: removing it would let a third run lock another file of the same name.
	return func() {
		unlockFile(f)
		f.Close()
	}, nil
}

// Busy reports whether a run is changing the journal now. The lock of a run that
// was killed is gone with it.
func (j *Journal) Busy() (bool, error) {
	unlock, err := j.Lock()
	if errors.Is(err, ErrLocked) {
		return true, nil
	}
	if err == nil {
		unlock()
	}
	return false, err
}

// ErrLocked says that another run is applying or undoing on the same cluster.
var ErrLocked = errors.New("another kubectl harden is changing this cluster right now")

func (j *Journal) makeDir() error {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return j.unwritable(err)
	}
	return nil
}

func (j *Journal) unwritable(err error) error {
	return fmt.Errorf("writing the journal in %q: %w; nothing is changed without a journal, since it could not be undone: make the folder writable, or set XDG_STATE_HOME to one that is", j.dir, err)
}

// Create gives the entry an id and writes it, synced, to a file of its own. The
// caller holds the lock, so nobody else makes one at the same time.
func (j *Journal) Create(e *Entry) error {
	if err := j.makeDir(); err != nil {
		return err
	}
	e.APIVersion = Version
	for {
		e.ID = newID(e.Time)
		if _, err := os.Lstat(j.path(e.ID)); err == nil {
			continue
		}
		return j.Save(e)
	}
}

// Save replaces the entry's file. When it returns nil, file and folder are on
// disk; when it fails, the file holds what it held before.
func (j *Journal) Save(e *Entry) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding journal entry %q: %w", e.ID, err)
	}
	if err := ReplaceFile(j.path(e.ID), append(data, '\n')); err != nil {
		return j.unwritable(err)
	}
	return nil
}

// ReplaceFile writes a file of mode 0600 as a whole: when it returns nil, file and
// folder are on disk; when it fails, the file holds what it held before.
func ReplaceFile(path string, data []byte) (err error) {
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Load reads one entry.
func (j *Journal) Load(id string) (*Entry, error) {
	if id == "" || id != filepath.Base(id) || strings.HasPrefix(id, ".") {
		return nil, fmt.Errorf("%q is not the id of an applied plan: undo --list shows them", id)
	}
	e, err := read(j.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("nothing was applied under %q on this cluster: undo --list shows what was", id)
	}
	return e, err
}

// List reads all entries, newest first. Files that cannot be read, are torn or
// come from a newer version are named in problems and left alone. A journal that
// does not exist is empty.
func (j *Journal) List() (entries []*Entry, problems []error) {
	files, err := os.ReadDir(j.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, []error{fmt.Errorf("reading the journal: %w", err)}
	}
	for _, f := range files {
		if f.IsDir() || strings.HasPrefix(f.Name(), ".") || !strings.HasSuffix(f.Name(), suffix) {
			continue
		}
		e, err := read(filepath.Join(j.dir, f.Name()))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *Entry) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
	})
	return entries, problems
}

func read(path string) (*Entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading journal entry: %w", err)
	}
	e, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("reading journal entry %q: %w", path, err)
	}
	if want := strings.TrimSuffix(filepath.Base(path), suffix); e.ID != want {
		return nil, fmt.Errorf("reading journal entry %q: it calls itself %q", path, e.ID)
	}
	return e, nil
}

func decode(data []byte) (*Entry, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("the file is damaged: %w", err)
	}
	if head.APIVersion != Version {
		return nil, fmt.Errorf("it is of version %q and this program knows %q: use the program that wrote it", head.APIVersion, Version)
	}
	e := &Entry{}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	// Numbers of objects are int64 or float64, as everywhere in apimachinery.
	decoder.UseNumber()
	if err := decoder.Decode(e); err != nil {
		return nil, fmt.Errorf("the file is damaged: %w", err)
	}
	for _, o := range e.Objects {
		if o == nil {
			return nil, errors.New("the file is damaged: an object is null")
		}
		for i := range o.Leaves {
			o.Leaves[i].Value = plainNumbers(o.Leaves[i].Value)
			o.Leaves[i].Previous = plainNumbers(o.Leaves[i].Previous)
		}
	}
	return e, nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	}
	return v
}

func (j *Journal) path(id string) string { return filepath.Join(j.dir, id+suffix) }

// newID is sortable by time and can be typed: 20260731-142233-k7q2.
func newID(t time.Time) string {
	var random [5]byte
	rand.Read(random[:]) // never fails
	tail := strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))[:4]
	return t.UTC().Format("20060102-150405-") + tail
}

// Records are entries as they are listed for people.
func Records(entries []*Entry) []harden.Record {
	var records []harden.Record
	for _, e := range entries {
		records = append(records, e.Record())
	}
	return records
}
