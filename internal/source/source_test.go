package source

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

// checkNoLeftovers fails when temporary files are in the folder.
func checkNoLeftovers(t *testing.T, folder string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(folder, temporaryPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteReplacesAndMakesFiles(t *testing.T) {
	folder := t.TempDir()
	a, b := filepath.Join(folder, "a.yaml"), filepath.Join(folder, "new", "b.yaml")
	put(t, a, "old")
	put(t, filepath.Join(folder, temporaryPrefix+"LEFT"+temporarySuffix), "half") // of a run that was killed
	written, err := Write([]harden.FileChange{{Path: a, Before: []byte("old"), After: []byte("new")}, {Path: b, After: []byte("fresh")}})
	if err != nil || len(written) != 2 {
		t.Fatal(written, err)
	}
	check(t, a, "new")
	check(t, b, "fresh")
}

func TestWriteRefusesWhatChangedMeanwhile(t *testing.T) {
	folder := t.TempDir()
	a, b, c := filepath.Join(folder, "a.yaml"), filepath.Join(folder, "b.yaml"), filepath.Join(folder, "c.yaml")
	put(t, a, "other")
	put(t, b, "there")
	put(t, c, "old")
	written, err := Write([]harden.FileChange{
		{Path: a, Before: []byte("old"), After: []byte("new")},
		{Path: b, After: []byte("new")},
		{Path: c, Before: []byte("old"), After: []byte("new")},
		{Path: filepath.Join(folder, "gone.yaml"), Before: []byte("old"), After: []byte("new")},
	})
	if len(written) != 1 || written[0] != c {
		t.Errorf("wrote %v, want what could be written", written)
	}
	for _, want := range []string{a, "changed by somebody else", b, "is there already", "gone.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	check(t, a, "other")
	check(t, b, "there")
	check(t, c, "new")
	checkNoLeftovers(t, folder)
}

func TestWriteRefusesWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	written, err := Write([]harden.FileChange{{Path: folder, Before: []byte("old"), After: []byte("new")}})
	if err == nil || len(written) > 0 || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v, %v", written, err)
	}
}

func TestWriteRefusesReadOnlyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	put(t, path, "old")
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Write([]harden.FileChange{{Path: path, Before: []byte("old"), After: []byte("new")}}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %v", err)
	}
	check(t, path, "old")
}

// many are changes of n files, and their contents before and after.
func many(folder string, n int) (changes []harden.FileChange) {
	for i := range n {
		path := filepath.Join(folder, fmt.Sprintf("%03d.yaml", i))
		changes = append(changes, harden.FileChange{Path: path, Before: bytes.Repeat([]byte("old\n"), 5000), After: bytes.Repeat([]byte("newer\n"), 5000)})
	}
	return changes
}
