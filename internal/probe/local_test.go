package probe

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The script has to fit into the URL of an exec: proxies allow 8 KiB for it.
func TestScriptFitsIntoAURL(t *testing.T) {
	length := 0
	for _, word := range command(newMark(), time.Now(), strings.Repeat("f", 64)) {
		for _, c := range word {
			length++
			if !strings.ContainsRune(" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*", c) {
				length += 2
			}
		}
	}
	if length > 6500 {
		t.Errorf("the command takes %d bytes of the URL", length)
	}
}

// Every shell of this machine runs the script, and it sees this process. It does not look for changed files here: the
// root file system of a machine is not that of a container.
func TestShells(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc as on Linux")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open, err := os.Create(filepath.Join(t.TempDir(), "with space"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	port := listener.Addr().(*net.TCPAddr).Port

	for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			if _, err := exec.LookPath(shell[0]); err != nil {
				t.Skip(err)
			}
			args := command("MARK", time.Now(), "")
			args[2], _, _ = strings.Cut(args[2], `say "$mark changed"`)
			// A machine has many more processes than a container.
			args[2] = strings.ReplaceAll(args[2], "/proc/[0-9]*", "/proc/"+strconv.Itoa(os.Getpid())+" /proc/$$")
			run := exec.CommandContext(t.Context(), shell[0], slices.Concat(shell[1:], args[1:])...)
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s, err := parse(string(out), "MARK")
			if err != nil {
				t.Fatal(err)
			}
			var p harden.Probe
			s.fill(&p, setting{late: "late"})
			if i := slices.IndexFunc(p.Processes, func(p harden.Process) bool { return p.PID == os.Getpid() }); i < 0 {
				t.Error("this process was not seen")
			} else if got := p.Processes[i]; got.UID != int64(os.Geteuid()) || got.GID != int64(os.Getegid()) || got.Command != "probe.test" {
				t.Errorf("this process is %+v", got)
			}
			if slices.ContainsFunc(p.Processes, func(p harden.Process) bool { return p.PID == run.Process.Pid }) || s.self != run.Process.Pid {
				t.Errorf("the script is process %d, not %d, or it saw itself", run.Process.Pid, s.self)
			}
			if !slices.ContainsFunc(p.Listeners, func(s harden.Socket) bool { return s.Port == port && s.Address == "127.0.0.1" && s.Protocol == "tcp" }) {
				t.Errorf("port %d is not among %v", port, p.Listeners)
			}
			if !slices.ContainsFunc(s.open, func(f openFile) bool { return f.path == open.Name() && f.pid == os.Getpid() && f.mount > 0 }) {
				t.Errorf("%q is not among %v", open.Name(), s.open)
			}
			if s.rootMount() == nil {
				t.Errorf("no root among %v", s.mounts)
			}
		})
	}
}

// A program may write before the runtime says that its container has started, and an image may be unpacked in the same
// second.
func TestWhatIsWrittenInTheFirstMoments(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the script is for containers of Linux")
	}
	long := time.Now().Add(-24 * time.Hour)
	file := func(root, name string, old bool) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if !old {
			return
		}
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		link  bool          // the runtime makes /dev/fd
		start time.Duration // from now on
		want  []string
	}{
		{"long before they were changed", false, -10 * time.Second, []string{"copied", "fresh", "unpacked"}},
		{"seconds after", false, 20 * time.Second, []string{"fresh"}},
		{"minutes after", false, 3 * time.Minute, nil},
		{"in the same second, by the link", true, 0, []string{"copied", "fresh"}},
		{"seconds after, by the link", true, 20 * time.Second, []string{"copied", "fresh"}},
		{"before the link, which is of somebody else", true, -10 * time.Second, []string{"copied", "fresh", "unpacked"}},
	} {
		root := t.TempDir()
		file(root, "unpacked", true)
		if test.link {
			// The times of files are those of the kernel's last tick, at most 10 ms ago.
			time.Sleep(30 * time.Millisecond)
			if err := os.Mkdir(filepath.Join(root, "dev"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/proc/self/fd", filepath.Join(root, "dev", "fd")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Millisecond)
		}
		file(root, "fresh", false)
		file(root, "copied", true)
		start := strconv.FormatInt(time.Now().Add(test.start).Unix(), 10)

		for _, shell := range [][]string{{"sh"}, {"busybox", "sh"}} {
			t.Run(shell[0]+", started "+test.name, func(t *testing.T) {
				got := changedFiles(t, shell, start, root)
				if !slices.Equal(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
	}
}

// changedFiles are the names of the files directly in the folder that the script calls changed. busybox uses its own
// find and stat.
func changedFiles(t *testing.T, shell []string, start, root string) []string {
	t.Helper()
	program, err := exec.LookPath(shell[0])
	if err != nil {
		t.Skip(err)
	}
	_, section, _ := strings.Cut(command("MARK", time.Now(), "")[2], "early=")
	script := "say() { printf '%s\\n' \"$*\"; }\nmark=MARK start=$1 root=$2\nearly=" + section
	run := exec.CommandContext(t.Context(), program, slices.Concat(shell[1:], []string{"-c", script, "sh", start, root})...)
	if shell[0] == "busybox" {
		bin := t.TempDir()
		for _, applet := range []string{"find", "stat", "date"} {
			if err := os.Symlink(program, filepath.Join(bin, applet)); err != nil {
				t.Fatal(err)
			}
		}
		run.Env = []string{"PATH=" + bin}
	}
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "file "+root+"/"); ok && !strings.Contains(name, "/") {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	return got
}
