package journal

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var noon = time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)

func sample(at time.Time) *Entry {
	fields := &metav1.FieldsV1{}
	fields.SetRawBytes([]byte(`{"f:spec":{"f:hostNetwork":{}}}`))
	return &Entry{
		Time: at, Context: "prod", Server: "https://127.0.0.1:6443", Actor: "jane",
		Objects: []*Object{{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", UID: "u1", State: harden.RecordStarted,
			Fixes:   []Fix{{ID: "host-network", Title: "leave the host network", Class: "review", Evidence: []Claim{{Code: "E-SPEC", State: "holds", Text: "seen"}}}, {ID: "host-network", Container: "app:web"}},
			Request: []byte(`{"kind":"Deployment"}`),
			Leaves: []Leaf{
				{Path: Path(fieldpath.MakePathOrDie("spec", "template", "spec", "hostNetwork")), Value: false, Previous: true, Owners: []Owner{{Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate}}},
				{Path: Path(fieldpath.MakePathOrDie("containers", fieldpath.KeyByFields("name", "web"), "ports", fieldpath.KeyByFields("containerPort", 53, "protocol", "UDP"), "hostPort")), Value: int64(0), Previous: int64(8080)},
				{Path: Path(fieldpath.MakePathOrDie("volumes", fieldpath.KeyByFields("name", "host"))), Removed: true, Previous: map[string]any{"name": "host", "weight": 1.5, "n": []any{int64(1)}}, Position: 2},
			},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1", FieldsV1: fields}},
			Before:        Revision{ResourceVersion: "7", Generation: 1, Revision: "1"},
			Sent:          at,
		}},
	}
}

func TestEntryComesBackAsItWasWritten(t *testing.T) {
	j := Open(filepath.Join(t.TempDir(), "a", "b"))
	want := sample(noon)
	if err := j.Create(want); err != nil {
		t.Fatal(err)
	}
	got, err := j.Load(want.ID)
	if err != nil {
		t.Fatal(err)
	}
	// The spelling of JSON inside is free.
	want.Objects[0].Request, got.Objects[0].Request = nil, nil
	set := func(e *Entry) string {
		s := fieldpath.NewSet()
		if err := s.FromJSON(e.Objects[0].ManagedFields[0].FieldsV1.GetRawReader()); err != nil {
			t.Fatal(err)
		}
		e.Objects[0].ManagedFields = nil
		return s.String()
	}
	if a, b := set(want), set(got); a != b {
		t.Errorf("managed fields %s, want %s", b, a)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Path) bool { return fieldpath.Path(a).Equals(fieldpath.Path(b)) })); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestFilesAreForTheUserOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	j := Open(filepath.Join(t.TempDir(), "journal"))
	e := sample(noon)
	if err := j.Create(e); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{j.Dir(): 0o700, j.path(e.ID): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s is %o, want %o", filepath.Base(path), got, want)
		}
	}
}

func TestListIsNewestFirstAndToleratesForeignFiles(t *testing.T) {
	j := Open(t.TempDir())
	old, recent := sample(noon), sample(noon.Add(time.Hour))
	for _, e := range []*Entry{recent, old} {
		if err := j.Create(e); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"torn.json":       `{"apiVersion": "kubectl-harden.github.io/journal/v1", "id": "to`,
		"newer.json":      `{"apiVersion": "kubectl-harden.github.io/journal/v9", "id": "newer"}`,
		"empty.json":      ``,
		"renamed.json":    `{"apiVersion": "kubectl-harden.github.io/journal/v1", "id": "other"}`,
		".x.json-123":     `half written`,
		"notes.txt":       `hello`,
		"hole.json":       `{"apiVersion": "kubectl-harden.github.io/journal/v1", "id": "hole", "objects": [null]}`,
		"wrong-path.json": `{"apiVersion": "kubectl-harden.github.io/journal/v1", "id": "wrong-path", "objects": [{"leaves": [{"path": ["z:?"]}]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(j.Dir(), name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries, problems := j.List()
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	if diff := cmp.Diff([]string{recent.ID, old.ID}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	said := errors.Join(problems...).Error()
	for _, part := range []string{"torn.json", "empty.json", "renamed.json", "hole.json", "wrong-path.json", `newer.json": it is of version "kubectl-harden.github.io/journal/v9"`} {
		if !strings.Contains(said, part) {
			t.Errorf("the problems do not name %s: %s", part, said)
		}
	}
	if len(problems) != 6 {
		t.Errorf("%d problems, want 6: %s", len(problems), said)
	}
}

func TestEmptyJournal(t *testing.T) {
	entries, problems := Open(filepath.Join(t.TempDir(), "none")).List()
	if len(entries) != 0 || len(problems) != 0 {
		t.Errorf("entries %v, problems %v of a journal that does not exist", entries, problems)
	}
}

func TestLoadOfWhatIsNotThere(t *testing.T) {
	j := Open(t.TempDir())
	for _, id := range []string{"20260101-000000-abcd", "", "../secret", ".hidden"} {
		_, err := j.Load(id)
		if err == nil || !strings.Contains(err.Error(), "undo --list") {
			t.Errorf("loading %q: %v, want an error that names undo --list", id, err)
		}
	}
}

func TestRecordOfAnEntry(t *testing.T) {
	e := sample(noon)
	e.ID = "x"
	r := e.Record()
	if diff := cmp.Diff([]string{"host-network"}, r.Objects[0].Fixes); diff != "" {
		t.Errorf("fixes (-want +got):\n%s", diff)
	}
	if !strings.Contains(r.Objects[0].Note, "ended before it knew the answer") {
		t.Errorf("note %q of an entry without outcome", r.Objects[0].Note)
	}
}

func TestLockKeepsASecondRunOut(t *testing.T) {
	j := Open(t.TempDir())
	unlock, err := j.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(j.Dir()).Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v, want ErrLocked", err)
	}
	unlock()
	again, err := j.Lock()
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	again()
}

// A run that is killed takes its lock with it, and leaves nothing that is in the way.
func TestLockOfAKilledRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the child waits in a way that only Unix has")
	}
	if dir := os.Getenv("JOURNAL_LOCK_DIR"); dir != "" { // the child
		j := Open(dir)
		if _, err := j.Lock(); err != nil {
			t.Fatal(err)
		}
		if err := j.Create(sample(noon)); err != nil {
			t.Fatal(err)
		}
		// As if it died while it wrote.
		if err := os.WriteFile(filepath.Join(dir, ".half.json-1"), []byte(`{"apiVersion":`), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		select {}
	}
	j := Open(t.TempDir())
	child := exec.Command(os.Args[0], "-test.run", "^TestLockOfAKilledRun$")
	child.Env = append(os.Environ(), "JOURNAL_LOCK_DIR="+j.Dir())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if busy, err := j.Busy(); !busy || err != nil {
		t.Errorf("busy %v, %v while the child holds the lock", busy, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if busy, err := j.Busy(); busy || err != nil {
		t.Errorf("busy %v, %v after the child was killed", busy, err)
	}
	entries, problems := j.List()
	if len(entries) != 1 || len(problems) > 0 {
		t.Errorf("entries %v, problems %v, want the one entry", entries, problems)
	}
	unlock, err := j.Lock()
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestWhatCannotBeWrittenSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := Open(filepath.Join(file, "journal"))
	_, lockErr := j.Lock()
	for _, err := range []error{lockErr, j.Create(sample(noon))} {
		if err == nil || !strings.Contains(err.Error(), "nothing is changed without a journal") || !strings.Contains(err.Error(), "XDG_STATE_HOME") {
			t.Errorf("error %v, want one that says what follows and what to do", err)
		}
	}
}

// A full disk leaves the entry as it was.
func TestFullDiskKeepsTheOldFile(t *testing.T) {
	dir := os.Getenv("JOURNAL_TEST_DIR")
	if dir != "" { // the child, which may not write more than a few bytes a file
		j := Open(dir)
		entries, problems := j.List()
		if len(problems) > 0 || len(entries) != 1 {
			t.Fatal(entries, problems)
		}
		entries[0].Objects[0].Note = strings.Repeat("more ", 4096)
		err := j.Save(entries[0])
		if err == nil || !strings.Contains(err.Error(), "nothing is changed without a journal") {
			t.Errorf("saving to a full disk: %v", err)
		}
		if err := j.Create(sample(noon)); err == nil {
			t.Error("creating on a full disk worked")
		}
		return
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash limits the size of files for this test")
	}
	j := Open(t.TempDir())
	e := sample(noon)
	if err := j.Create(e); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(j.path(e.ID))
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("bash", "-c", `ulimit -f 1; trap "" XFSZ; exec "$0" -test.run '^TestFullDiskKeepsTheOldFile$'`, os.Args[0])
	child.Env = append(os.Environ(), "JOURNAL_TEST_DIR="+j.Dir())
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(j.path(e.ID))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the file changed (-before +after):\n%s", diff)
	}
	files, err := os.ReadDir(j.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("files %v are left, want the entry only", files)
	}
}

func TestLocation(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if got, _ := Location(ClusterID("uid-1", "https://a", nil)); got != filepath.FromSlash("/state/kubectl-harden/uid-1") {
		t.Errorf("location %q", got)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "/home/jane")
	if got, _ := Location("x"); runtime.GOOS == "linux" && got != "/home/jane/.local/state/kubectl-harden/x" {
		t.Errorf("location %q, want the default: a relative XDG_STATE_HOME is ignored", got)
	}
	a, b, c := ClusterID("", "https://a", nil), ClusterID("", "https://b", nil), ClusterID("", "https://a", []byte("ca"))
	if a == b || a == c || !strings.HasPrefix(a, "server-") {
		t.Errorf("ids %q %q %q of different servers, want different ones", a, b, c)
	}
}

func FuzzDecode(f *testing.F) {
	j := Open(f.TempDir())
	e := sample(noon)
	if err := j.Create(e); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(j.path(e.ID))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"apiVersion":"kubectl-harden.github.io/journal/v1","objects":[{"leaves":[{"path":["f:a","k:{\"x\":1}","v:1","i:0"]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode(data)
		if err != nil {
			return
		}
		e.Record() // must not panic on whatever was read
	})
}
