package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func get(t *testing.T, d Dir, name string) (string, bool) {
	t.Helper()
	var text []byte
	good := d.Read(name, func(r io.Reader) error {
		var err error
		text, err = io.ReadAll(r)
		return err
	})
	return string(text), good
}

func TestFilesAreWholeOrNotThere(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "not", "there", "yet"))
	if _, good := get(t, d, "a/b"); good {
		t.Error("a file that was never written")
	}
	if err := d.Write("a/b", put("first")); err != nil {
		t.Fatal(err)
	}
	// A writer that fails leaves what was there.
	broken := errors.New("broken")
	if err := d.Write("a/b", func(w io.Writer) error { return errors.Join(put("sec")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if text, good := get(t, d, "a/b"); !good || text != "first" {
		t.Errorf("got %q, %v", text, good)
	}
	if left, _ := filepath.Glob(filepath.Join(string(d), "a", "*")); len(left) != 1 {
		t.Errorf("the folder holds %q", left)
	}
	if d.Read("a/b", func(io.Reader) error { return broken }) {
		t.Error("what cannot be decoded is good")
	}
	path := filepath.Join(string(d), "a", "b")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		damaged := append([]byte(nil), data...)
		damaged[i] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		// Some bytes of the header say nothing about the content.
		if text, good := get(t, d, "a/b"); good && text != "first" {
			t.Errorf("byte %d is damaged, and %q is read", i, text)
		}
	}
}

func TestNoFolderKeepsNothing(t *testing.T) {
	if err := Dir("").Write("x", put("x")); err == nil {
		t.Error("no error")
	}
	if _, good := get(t, "", "x"); good {
		t.Error("something is read")
	}
	Dir("").Prune(time.Now())
}

func TestPrune(t *testing.T) {
	d := Dir(t.TempDir())
	now := time.Now()
	for _, name := range []string{"old", "new", "read"} {
		if err := d.Write("x/"+name, put(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, age := range map[string]time.Duration{"old": 99 * time.Hour, "new": 0, "read": 99 * time.Hour, unfinished + "1": 30 * time.Hour, unfinished + "2": time.Minute} {
		path := filepath.Join(string(d), "x", name)
		if f, err := os.OpenFile(path, os.O_CREATE, 0o600); err != nil {
			t.Fatal(err)
		} else {
			f.Close()
		}
		if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if _, good := get(t, d, "x/read"); !good {
		t.Error("it cannot be read")
	}
	d.Prune(now.Add(-50 * time.Hour))
	for name, want := range map[string]bool{"old": false, "new": true, "read": true, unfinished + "1": false, unfinished + "2": true} {
		if _, err := os.Stat(filepath.Join(string(d), "x", name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}
