package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The test binary is the child process of the scanners in these tests, with an
// actor in place of Trivy.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == WorkerArgument {
		os.Exit(Serve(func(s Settings) (Worker, error) {
			if s.DatabaseWhy == "refuse" {
				return nil, errors.New("it \x1b[31mrefuses")
			}
			return actor{s}, nil
		}))
	}
	os.Exit(m.Run())
}

// An actor does what the reference says.
type actor struct{ settings Settings }

var sink [][]byte

func (a actor) Look(ctx context.Context, task Task) Looked {
	looked := Looked{Facts: &harden.ImageFacts{Known: true, User: task.Key.Reference}}
	act, argument, _ := strings.Cut(task.Key.Reference, "/")
	switch act {
	case "say":
		fmt.Println("something that is no answer")
	case "panic":
		panic("oh \x1b[31mno")
	case "exit":
		time.Sleep(20 * time.Millisecond)
		os.Exit(3)
	case "grow":
		for {
			block := make([]byte, 16<<20)
			for i := range block {
				block[i] = byte(i)
			}
			sink = append(sink, block)
		}
	case "wait":
		<-ctx.Done()
		looked.Facts.Why = context.Cause(ctx).Error()
	case "deaf":
		if argument != "" {
			_ = os.WriteFile(filepath.Join(a.settings.Database, argument), []byte(strconv.Itoa(os.Getpid())), 0o600)
		}
		select {}
	case "tell":
		told, _ := json.Marshal([]any{os.Args, os.Environ(), os.TempDir()})
		looked.Facts.Why = string(told)
		for _, c := range task.Credentials.For["index.docker.io/tell/it"] {
			looked.Facts.Cmd = append(looked.Facts.Cmd, c.Password)
		}
	case "crash-once":
		name := filepath.Join(a.settings.Database, "crashed")
		if _, err := os.Stat(name); err != nil {
			_ = os.WriteFile(name, nil, 0o600)
			os.Exit(3)
		}
	}
	return looked
}

// acting is a scanner whose child process is an actor.
func acting(t *testing.T, o ScannerOptions) *Scanner {
	t.Helper()
	o.Command = []string{os.Args[0], WorkerArgument}
	t.Setenv("TMPDIR", t.TempDir())
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	if o.Keychain == nil {
		o.Keychain = none
	}
	return NewScanner(o)
}

func wantedOf(references ...string) []Wanted {
	var all []Wanted
	for _, r := range references {
		all = append(all, Wanted{Key: amd64(r), Scan: true})
	}
	return all
}

// lookAll looks, and checks that each image has one answer and nothing is left behind.
func lookAll(t *testing.T, s *Scanner, references ...string) map[string]Looked {
	t.Helper()
	found := map[string]Looked{}
	err := s.Look(t.Context(), wantedOf(references...), func(l Looked) {
		if _, ok := found[l.Key.Reference]; ok {
			t.Errorf("%s has two answers", l.Key.Reference)
		}
		found[l.Key.Reference] = l
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(references) {
		t.Errorf("%d answers for %d images", len(found), len(references))
	}
	nothingLeft(t)
	return found
}

func nothingLeft(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), workPrefix+"*")); len(left) > 0 {
		t.Errorf("%q is left behind", left)
	}
}

func many(n int) []string {
	var all []string
	for i := range n {
		all = append(all, "ok/"+strconv.Itoa(i))
	}
	return all
}

func allGood(t *testing.T, found map[string]Looked, references []string) {
	t.Helper()
	for _, r := range references {
		if l := found[r]; l.Facts == nil || l.Facts.User != r {
			t.Errorf("%s: %+v", r, l.Facts)
		}
	}
}

func TestScannerHandsOverEachImageOnce(t *testing.T) {
	references := append(many(50), "say/something")
	for _, parallel := range []int{1, 3, 100} {
		allGood(t, lookAll(t, acting(t, ScannerOptions{Parallel: parallel}), references...), references)
	}
}

func TestImageThatEndsTheProcessTakesNoOtherWithIt(t *testing.T) {
	for _, test := range []struct{ reference, why string }{
		{"panic/now", `the process broke: "panic: oh \x1b[31mno"`},
		{"exit/3", "the process ended: exit status 3"},
	} {
		t.Run(test.reference, func(t *testing.T) {
			good := many(12)
			references := slices.Insert(slices.Clone(good), 5, test.reference)
			found := lookAll(t, acting(t, ScannerOptions{}), references...)
			allGood(t, found, good)
			l := found[test.reference]
			for _, why := range []string{l.Facts.Why, l.Scan.Why} {
				if !strings.HasPrefix(why, `image "`+test.reference+`": `) || !strings.Contains(why, test.why) {
					t.Errorf("why %q, want %q", why, test.why)
				}
			}
			if l.Facts.Known || l.Scan.Known {
				t.Error("something is known of it")
			}
		})
	}
}

func TestImageThatTakesTooMuchMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("only Linux bounds the memory of a process")
	}
	good := many(6)
	found := lookAll(t, acting(t, ScannerOptions{Memory: 256 << 20}), append([]string{"grow/x"}, good...)...)
	allGood(t, found, good)
	if l := found["grow/x"]; !strings.Contains(l.Facts.Why, "it takes more than the 256 MiB of memory that it may") {
		t.Errorf("why %q", l.Facts.Why)
	}
}

func TestImageThatOnceEndsTheProcessIsTriedAgain(t *testing.T) {
	references := append(many(5), "crash-once/x")
	allGood(t, lookAll(t, acting(t, ScannerOptions{Database: t.TempDir()}), references...), references)
}

func TestImageThatTakesTooLong(t *testing.T) {
	good := many(6)
	s := acting(t, ScannerOptions{Timeout: 100 * time.Millisecond})
	s.grace = 300 * time.Millisecond
	found := lookAll(t, s, append([]string{"wait/x", "deaf"}, good...)...)
	allGood(t, found, good)
	for _, reference := range []string{"wait/x", "deaf"} {
		if l := found[reference]; !strings.Contains(l.Facts.Why, "it took longer than 100ms") {
			t.Errorf("%s: why %q", reference, l.Facts.Why)
		}
	}
}

func TestCancelEndsTheProcess(t *testing.T) {
	told := t.TempDir()
	s := acting(t, ScannerOptions{Database: told, Parallel: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Look(ctx, wantedOf("deaf/pid", "deaf/pid2", "ok/1"), func(l Looked) { t.Errorf("an answer of %s", l.Key.Reference) })
	}()
	var pid int
	for pid == 0 {
		if data, err := os.ReadFile(filepath.Join(told, "pid")); err == nil {
			pid, _ = strconv.Atoi(string(data))
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the process %d is still there (%v)", pid, err)
	}
	nothingLeft(t)
	if err := s.Look(ctx, wantedOf("ok/1"), func(Looked) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestProcessEndsWithItsParent(t *testing.T) {
	command := exec.Command(os.Args[0], WorkerArgument)
	work := t.TempDir()
	command.Env = append(os.Environ(), workVariable+"="+work)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewEncoder(stdin)
	if err := errors.Join(lines.Encode(Settings{Protocol: protocol, Timeout: time.Hour, Memory: 1 << 30}), lines.Encode(Task{ID: 1, Key: amd64("deaf")}), stdin.Close()); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(work); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left behind (%v)", err)
	}
}

// slow is a credential helper that takes its time.
type slow struct{}

func (slow) Resolve(authn.Resource) (authn.Authenticator, error) {
	time.Sleep(10 * time.Second)
	return authn.Anonymous, nil
}

func TestProcessThatCannotWork(t *testing.T) {
	for name, test := range map[string]struct {
		options ScannerOptions
		command []string
		want    string
	}{
		"is not there":      {command: []string{"/not/there"}, want: "no such file"},
		"ends at once":      {command: []string{"/bin/false"}, want: "ended at once"},
		"writes nonsense":   {command: []string{"/bin/echo", "hello"}, want: "its answer cannot be read"},
		"refuses":           {options: ScannerOptions{DatabaseWhy: "refuse"}, want: "cannot work: it [31mrefuses"},
		"does nothing":      {command: []string{"/bin/sh", "-c", `echo '{"Protocol":1}'; sleep 0.1; exit 4`}, options: ScannerOptions{Options: Options{Keychain: slow{}}}, want: "ended before it did anything: the process ended: exit status 4"},
		"is of another age": {command: []string{"/bin/echo", `{"Protocol":99}`}, want: "another version"},
	} {
		t.Run(name, func(t *testing.T) {
			s := acting(t, test.options)
			if test.command != nil {
				s.options.Command = test.command
			}
			err := s.Look(t.Context(), wantedOf("ok/1"), func(Looked) { t.Error("an answer") })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			nothingLeft(t)
		})
	}
}

func TestCredentialsGoOverStdin(t *testing.T) {
	t.Setenv("TRIVY_SECRET_CONFIG", "x")
	keychain := fixed{&authn.Basic{Username: "me", Password: "s3cret-word"}}
	s := acting(t, ScannerOptions{Options: Options{Keychain: keychain}, ServerToken: "t0ken-word", Server: "http://127.0.0.1:1"})
	l := lookAll(t, s, "tell/it")["tell/it"]
	if len(l.Facts.Cmd) != 1 || l.Facts.Cmd[0] != "s3cret-word" {
		t.Errorf("the process got the passwords %q", l.Facts.Cmd)
	}
	if strings.Contains(l.Facts.Why, "-word") {
		t.Errorf("arguments or environment tell a secret: %s", l.Facts.Why)
	}
	if strings.Contains(l.Facts.Why, "TRIVY_") {
		t.Errorf("the environment changes how Trivy works: %s", l.Facts.Why)
	}
	if !strings.Contains(l.Facts.Why, filepath.Join(os.TempDir(), workPrefix)) {
		t.Errorf("temporary files do not go into a folder that is removed: %s", l.Facts.Why)
	}
}

func TestAnswersThatAreKeptStartNoProcess(t *testing.T) {
	r := newRegistry(t, nil)
	key := amd64(r.host + "/x@" + r.push(t, "x:1", rich(t)))
	database := t.TempDir()
	if err := os.WriteFile(filepath.Join(database, "metadata.json"), []byte(`{"Version":2,"UpdatedAt":"2026-11-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	options := ScannerOptions{Options: Options{CacheDir: t.TempDir(), Keychain: none, Now: noon}, Database: database, Command: []string{"/not/there"}}
	s := NewScanner(options)
	image, _ := s.reader.Find(t.Context(), key, nil)
	if facts := image.Read(t.Context()); facts != nil {
		t.Fatal(facts.Why)
	}
	facts := image.Facts(t.Context())
	scan := &harden.ImageScan{Known: true, Digest: image.Digest(), Packages: 7}
	image.KeepScan(s.settings.Stamp, scan)
	var got []Looked
	if err := s.Look(t.Context(), []Wanted{{Key: key}, {Key: key, Scan: true}}, func(l Looked) { got = append(got, l) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Facts.Digest != facts.Digest || got[0].Scan != nil || got[1].Scan == nil || got[1].Scan.Packages != 7 {
		t.Errorf("got %+v", got)
	}
	for name, change := range map[string]func(*ScannerOptions){
		"another database": func(o *ScannerOptions) { o.Database = t.TempDir() },
		"a server":         func(o *ScannerOptions) { o.Server = "http://127.0.0.1:1" },
		"a Java database":  func(o *ScannerOptions) { o.JavaDatabase = database },
	} {
		other := options
		change(&other)
		if err := NewScanner(other).Look(t.Context(), []Wanted{{Key: key, Scan: true}}, func(Looked) {}); err == nil {
			t.Errorf("%s: the scan is answered from the cache", name)
		}
	}
}

// Layers of one image that are opened at once are read as well as one by one.
func TestLayersInParallel(t *testing.T) {
	r := newRegistry(t, nil)
	var layers [][]any
	for i := range 10 {
		layers = append(layers, []any{file(fmt.Sprintf("bin/p%d", i), 0o755, strings.Repeat("x", 10_000*i)), file("same", 0o700|int64(i), "")})
	}
	key := amd64(r.host + "/x@" + r.push(t, "x:1", imageOf(t, v1.Config{}, layers...)))
	want := newReader(Options{}).Look(t.Context(), key, nil)
	reader := newReader(Options{CacheDir: t.TempDir()})
	image, _ := reader.Find(t.Context(), key, nil)
	if facts := image.Read(t.Context()); facts != nil {
		t.Fatal(facts.Why)
	}
	all, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for n := range all {
		wait.Go(func() {
			s, err := image.OpenLayer(t.Context(), n)
			if err != nil {
				t.Error(err)
				return
			}
			// Some readers stop early; what they leave is read all the same.
			_, _ = s.Read(make([]byte, 100*n))
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	r.Close()
	got := image.Facts(t.Context())
	if want.Files == nil || got.Files == nil || len(got.Files.Programs) != 11 || got.Files.Programs["/same"].Mode != want.Files.Programs["/same"].Mode {
		t.Errorf("got %+v (%s), want %+v", got.Files, got.FilesWhy, want.Files)
	}
}
