package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// A store is the folder of this program, as far as one kind of database is
// concerned. It holds, with NAME for db or java-db:
//
//	NAME.json              which one is the current one
//	NAME.lock              locked by who downloads
//	NAME-DIGEST/NAME/      a database, never written again
//	NAME-DIGEST.used       locked, shared, by each process that was given it
//	NAME-DIGEST.new/       one that is being unpacked
//	NAME-DIGEST.part       what was downloaded of it
type store struct {
	dir  string
	kind kind
}

// A pointer is what NAME.json says.
type pointer struct {
	Digest  string // of the packed database: 64 hex digits
	Source  string
	Checked time.Time // when the source last had no other one
}

// A localError is about the folder, not about a registry.
type localError struct {
	dir string
	err error
}

func (e *localError) Unwrap() error { return e.err }

func (e *localError) Error() string {
	const way = "set XDG_CACHE_HOME to another place"
	switch cause := e.cause(); {
	case errors.Is(e.err, syscall.ENOSPC), errors.Is(e.err, syscall.EDQUOT):
		return fmt.Sprintf("the disk of %q is full: free some of it (the vulnerability database takes 1.5 GB, that of jar files 3 GB), or %s", e.dir, way)
	case errors.Is(e.err, fs.ErrPermission), errors.Is(e.err, syscall.EROFS):
		return fmt.Sprintf("the folder %q cannot be written: %v; %s", e.dir, cause, way)
	default:
		return fmt.Sprintf("the folder %q cannot be used: %v; %s", e.dir, cause, way)
	}
}

// cause is the error without the path, which may be of a file with a long name.
func (e *localError) cause() error {
	var at *fs.PathError
	if errors.As(e.err, &at) {
		return at.Err
	}
	var link *os.LinkError
	if errors.As(e.err, &link) {
		return link.Err
	}
	return e.err
}

// local says that an error is about the folder; nil stays nil.
func (s store) local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{dir: s.dir, err: err}
}

func (s store) path(suffix string) string { return filepath.Join(s.dir, s.kind.folder+suffix) }

func (s store) home(digest string) string { return s.path("-" + digest) }

// place is the folder of the database itself.
func (s store) place(digest string) string { return filepath.Join(s.home(digest), s.kind.folder) }

// has reports whether a database is there and can be used.
func (s store) has(digest string) bool {
	_, err := s.kind.read(s.place(digest))
	return err == nil
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// take finds the current database and keeps it from being removed as long as this process runs.
func (s store) take() found {
	for range 10 { // it may be replaced and removed meanwhile, hardly twice
		p, err := s.pointer()
		if err != nil {
			return found{why: err.Error()}
		}
		if p.Digest == "" {
			return found{}
		}
		kept := s.keep(p.Digest)
		f := found{dir: s.place(p.Digest), source: p.Source, checked: p.Checked}
		if f.metadata, err = s.kind.read(f.dir); err == nil {
			return f
		}
		if !kept {
			continue
		}
		f.drop()
		if errors.Is(err, fs.ErrNotExist) {
			return found{why: fmt.Sprintf("it was removed from %q", f.dir)}
		}
		return found{why: err.Error()}
	}
	return found{why: "other processes keep replacing it"}
}

// pointer reads which database is current: an empty digest when none is.
func (s store) pointer() (pointer, error) {
	data, err := os.ReadFile(s.path(".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return pointer{}, nil
	}
	if err != nil {
		return pointer{}, s.local(err)
	}
	var p pointer
	if err := json.Unmarshal(data, &p); err != nil || !digestForm.MatchString(p.Digest) {
		return pointer{}, fmt.Errorf("%s is broken", s.path(".json"))
	}
	return p, nil
}

// point makes a database the current one.
func (s store) point(p pointer) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	at := s.path(".json")
	return s.local(errors.Join(writeFile(at+".new", data), os.Rename(at+".new", at)))
}

// lock is held by who downloads. Waiting is called if it is not free at once.
func (s store) lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, s.local(err)
	}
	l := flock.New(s.path(".lock"))
	taken, err := l.TryLock()
	if err == nil && !taken {
		waiting()
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, s.local(err)
	}
	return func() { l.Close() }, nil
}

// used are the databases that this process was given, by the paths of their
// locks, and how often. What Ensure returns is never given back: the kernel does
// that when the process ends, however it ends.
var used struct {
	sync.Mutex
	locks map[string]*use
}

type use struct {
	lock  *flock.Flock
	times int
}

// keep locks a database for this process. It fails while another process removes it.
func (s store) keep(digest string) bool {
	used.Lock()
	defer used.Unlock()
	path := s.home(digest) + ".used"
	if u := used.locks[path]; u != nil {
		u.times++
		return true
	}
	l := flock.New(path)
	if taken, err := l.TryRLock(); err != nil || !taken {
		l.Close()
		// Who cannot write here cannot lock either; nor can others remove it.
		return err != nil
	}
	if used.locks == nil {
		used.locks = map[string]*use{}
	}
	used.locks[path] = &use{lock: l, times: 1}
	return true
}

// drop gives back what take gave, if there was one.
func (f found) drop() {
	used.Lock()
	defer used.Unlock()
	path := filepath.Dir(f.dir) + ".used"
	u := used.locks[path]
	if f.dir == "" || u == nil {
		return
	}
	if u.times--; u.times == 0 {
		u.lock.Close()
		delete(used.locks, path)
	}
}

// prune removes what is neither current nor given to a process that still runs,
// and what was left behind. The lock must be held. What cannot be removed is
// tried again after the next download.
func (s store) prune() {
	current, err := s.pointer()
	entries, listErr := os.ReadDir(s.dir)
	if err != nil || listErr != nil {
		return
	}
	for _, entry := range entries {
		name, ok := strings.CutPrefix(entry.Name(), s.kind.folder+"-")
		digest, rest, _ := strings.Cut(name, ".")
		if !ok || !digestForm.MatchString(digest) {
			continue
		}
		switch {
		case rest == "part", rest == "new":
			os.RemoveAll(filepath.Join(s.dir, entry.Name()))
		case rest == "" && digest != current.Digest:
			s.remove(digest)
		}
	}
}

// remove removes a database unless a process uses it.
func (s store) remove(digest string) {
	l := flock.New(s.home(digest) + ".used")
	defer l.Close()
	if taken, err := l.TryLock(); err != nil || !taken {
		return
	}
	// Away at once, so that nobody finds half of it.
	gone := s.home(digest) + ".new"
	os.RemoveAll(gone)
	if err := os.Rename(s.home(digest), gone); err != nil {
		return
	}
	os.RemoveAll(gone)
	os.Remove(l.Path())
}

// writeFile writes a file that is on the disk when it returns.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
