//go:build unix

package source

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// writeIn makes this test binary write the files of a folder, see TestMain.
const writeIn, limitSize, noRights = "HARDEN_TEST_WRITE_IN", "HARDEN_TEST_LIMIT_SIZE", "HARDEN_TEST_NO_RIGHTS"

func TestMain(m *testing.M) {
	folder := os.Getenv(writeIn)
	if folder == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(noRights) != "" && os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			panic(err)
		}
	}
	if os.Getenv(limitSize) != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1000, Max: 1000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			panic(err)
		}
	}
	if _, err := Write(many(folder, 100)); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func writer(t *testing.T, folder string, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	for _, c := range many(folder, 100) {
		put(t, c.Path, string(c.Before))
	}
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), writeIn+"="+folder), env...)
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// Wherever a run is killed, each file is old or new, and the next run is not
// hindered by what is left behind.
func TestWriteKilled(t *testing.T) {
	// How long a whole run takes is what the moments of death are spread over.
	cmd, stderr := writer(t, t.TempDir())
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatal(err, stderr)
	}
	whole := time.Since(start)
	const runs = 7
	between := 0
	for i := range runs {
		folder := t.TempDir()
		cmd, _ := writer(t, folder)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(whole * time.Duration(i+1) / (runs + 1))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		fresh := 0
		var rest []harden.FileChange
		for _, c := range many(folder, 100) {
			got, err := os.ReadFile(c.Path)
			switch {
			case err != nil:
				t.Fatal(err)
			case bytes.Equal(got, c.After):
				fresh++
			case bytes.Equal(got, c.Before):
				rest = append(rest, c)
			default:
				t.Fatalf("%s is neither old nor new: %d bytes", c.Path, len(got))
			}
		}
		if fresh > 0 && fresh < 100 {
			between++
		}
		if i < runs-1 {
			continue
		}
		if _, err := Write(rest); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d of %d runs were killed between two files", between, runs)
}

// A disk that is full, played by a limit to the size of files.
func TestWriteWithoutSpace(t *testing.T) {
	folder := t.TempDir()
	cmd, stderr := writer(t, folder, limitSize+"=1")
	if err := cmd.Run(); err == nil {
		t.Fatal("nothing went wrong")
	}
	if !strings.Contains(stderr.String(), "000.yaml") || !strings.Contains(stderr.String(), "too large") {
		t.Errorf("got %s", stderr)
	}
	for _, c := range many(folder, 100) {
		check(t, c.Path, string(c.Before))
	}
	checkNoLeftovers(t, folder)
}

func TestWriteKeepsModeOwnerAndLinks(t *testing.T) {
	folder := t.TempDir()
	real, link, hard := filepath.Join(folder, "real.yaml"), filepath.Join(t.TempDir(), "link.yaml"), filepath.Join(folder, "hard.yaml")
	put(t, real, "old")
	for _, err := range []error{os.Chmod(real, 0o640), os.Symlink(real, link), os.Link(real, hard)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 2345
		if err := os.Chown(real, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Write([]harden.FileChange{{Path: link, Before: []byte("old"), After: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || target != real {
		t.Errorf("the link is %q, %v", target, err)
	}
	check(t, real, "new")
	check(t, hard, "old")
	info, err := os.Stat(real)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o640 || int(got.Uid) != uid || int(got.Gid) != gid {
		t.Errorf("mode %v, owner %d:%d, want 0640 %d:%d", info.Mode(), got.Uid, got.Gid, uid, gid)
	}
	checkNoLeftovers(t, folder)
}

func TestWriteWithoutRights(t *testing.T) {
	for name, test := range map[string]struct {
		folder, file os.FileMode
		want         string
	}{
		"folder": {0o555, 0o666, "no file can be made in"},
		"file":   {0o777, 0o644, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			cmd, stderr := writer(t, folder, noRights+"=1")
			if test.want == "permission denied" && os.Getuid() != 0 {
				t.Skip("the files are the tester's own")
			}
			for _, err := range []error{os.Chmod(filepath.Dir(folder), 0o755), os.Chmod(folder, test.folder)} { //nolint:gosec // another user looks into them
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range many(folder, 100) {
				if err := os.Chmod(c.Path, test.file); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Run(); err == nil {
				t.Fatal("nothing went wrong")
			}
			if !strings.Contains(stderr.String(), "000.yaml") || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("got %s", stderr)
			}
			check(t, filepath.Join(folder, "000.yaml"), string(many(folder, 1)[0].Before))
			checkNoLeftovers(t, folder)
		})
	}
}
