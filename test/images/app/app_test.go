//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is the program when it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("APP_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A running program, and what it logs.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	exited chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// launch starts the program and does not wait for it. It is killed when the test ends.
func launch(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, exited: make(chan struct{})}
	r.cmd = exec.Command(os.Args[0], append([]string{"-listen=127.0.0.1:0"}, args...)...)
	r.cmd.Env = append(append(os.Environ(), "APP_TEST_MAIN=1"), env...)
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			r.mu.Lock()
			r.log.WriteString(lines.Text() + "\n")
			r.mu.Unlock()
		}
		r.cmd.Wait()
		close(r.exited)
	}()
	t.Cleanup(func() {
		r.cmd.Process.Kill()
		<-r.exited
	})
	return r
}

// serve starts the program and waits until it listens.
func serve(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	r := launch(t, env, args...)
	_, address, _ := strings.Cut(r.waitLog("listening on "), "listening on ")
	r.url = "http://" + address
	return r
}

func (r *running) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// waitLog waits for a line that contains text.
func (r *running) waitLog(text string) string {
	r.t.Helper()
	var line string
	r.until("log "+text, func() bool {
		for l := range strings.Lines(r.logged()) {
			if strings.Contains(l, text) {
				line = strings.TrimSpace(l)
				return true
			}
		}
		return false
	})
	return line
}

func (r *running) until(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	r.t.Fatalf("waited in vain for: %s\n%s", what, r.logged())
}

func (r *running) waitExit() int {
	r.t.Helper()
	select {
	case <-r.exited:
	case <-time.After(30 * time.Second):
		r.t.Fatalf("it still runs\n%s", r.logged())
	}
	return r.cmd.ProcessState.ExitCode()
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	response, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (r *running) want(path string, status int, body string) {
	r.t.Helper()
	if got, text := r.get(path); got != status || !strings.Contains(text, body) {
		r.t.Errorf("GET %s: got %d %q, want %d with %q\n%s", path, got, text, status, body, r.logged())
	}
}

func TestServes(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, nil)
	r.want("/healthz", 200, "ok")
	r.want("/", 200, host)
}

func TestIsReadyAfterAWhile(t *testing.T) {
	r := serve(t, []string{"READY_AFTER=1h"})
	r.want("/healthz", 503, "warming up")
	r.want("/", 200, "")

	r = serve(t, []string{"READY_AFTER=1ms"})
	r.until("ready", func() bool { status, _ := r.get("/healthz"); return status == 200 })
}

func TestStopsBeingReadyBeforeItStops(t *testing.T) {
	r := serve(t, []string{"DRAIN_AFTER=1h"})
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.waitLog("draining")
	r.until("not ready", func() bool { status, _ := r.get("/healthz"); return status == 503 })
	r.want("/", 200, "")
}

func TestExitsWithZeroWhenDrained(t *testing.T) {
	r := serve(t, []string{"DRAIN_AFTER=1ms"})
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := r.waitExit(); code != 0 || !strings.Contains(r.logged(), "drained") {
		t.Errorf("got exit code %d\n%s", code, r.logged())
	}
}

func TestWhatFailsAtStart(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"a file that is not there", nil, []string{"-need", dir + "/defaults"}, "open " + dir + "/defaults: no such file or directory"},
		{"a file that cannot be written", nil, []string{"-write", "/proc/sys/state"}, "open /proc/sys/state: "},
		{"a helper that fails", nil, []string{"-helper", "/bin/false"}, "running /bin/false: exit status 1"},
		{"a port that cannot be", nil, []string{"-listen=127.0.0.1:99999"}, "invalid port"},
		{"a user that is none", nil, []string{"-user", "app"}, `reading the user "app"`},
		{"a duration that is none", []string{"READY_AFTER=soon"}, nil, "reading READY_AFTER"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := launch(t, test.env, test.args...)
			if code := r.waitExit(); code != 1 || !strings.Contains(r.logged(), test.want) {
				t.Errorf("got exit code %d, want 1 with %q\n%s", code, test.want, r.logged())
			}
		})
	}
}

func TestWritesAtStart(t *testing.T) {
	dir := t.TempDir()
	serve(t, nil, "-write", dir+"/a", "-write", dir+"/b")
	for _, name := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestFlushesLater(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	r := serve(t, []string{"FAIL_AFTER=1ms"}, "-flush", file)
	r.until("the file", func() bool { _, err := os.Stat(file); return err == nil })
	r.want("/healthz", 200, "ok")

	r = launch(t, []string{"FAIL_AFTER=1ms"}, "-flush", "/proc/sys/state")
	if code := r.waitExit(); code != 1 || !strings.Contains(r.logged(), "flush /proc/sys/state: ") {
		t.Errorf("got exit code %d\n%s", code, r.logged())
	}
}

func TestSpools(t *testing.T) {
	dir := t.TempDir()
	r := serve(t, nil, "-spool", dir)
	r.want("/", 200, "")
	if _, err := os.Stat(filepath.Join(dir, "app-spool")); err != nil {
		t.Error(err)
	}

	r = serve(t, nil, "-spool", "/proc/sys")
	r.want("/", 500, "open /proc/sys/app-spool: ")
	r.want("/healthz", 200, "ok")
	r.waitLog("open /proc/sys/app-spool: ")
}

func TestRunsItsHelperWithEachRequest(t *testing.T) {
	helper := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(helper, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := serve(t, nil, "-helper", helper)
	r.want("/", 200, "")
	if err := os.WriteFile(helper, []byte("#!/bin/sh\necho no; exit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.want("/", 500, "exit status 3: no")
}

func TestDropsToItsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can drop to another user")
	}
	dir := t.TempDir()
	for parent := dir; parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := serve(t, nil, "-chown", dir, "-user", "10001:10002", "-write", dir+"/state")
	info, err := os.Stat(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 10001 || owner.Gid != 10002 {
		t.Errorf("the file is owned by %d:%d\n%s", owner.Uid, owner.Gid, r.logged())
	}
}

func TestSeesASeccompFilter(t *testing.T) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Contains(status, []byte("\nSeccomp:\t2\n"))
	if got, err := underSeccompFilter(); got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if want {
		return
	}
	serve(t, nil, "-thread").want("/healthz", 200, "ok")
}

func TestIsNotReadyWithoutToken(t *testing.T) {
	if _, err := os.Stat(serviceAccount); err == nil {
		t.Skip("this test runs in a pod that has a token")
	}
	r := serve(t, nil, "-token")
	r.want("/healthz", 503, "the API server does not know us")
	r.waitLog("open " + serviceAccount + "/token: no such file or directory")
}

func TestAsksTheAPIServer(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	ask := func() error { return askVersion(t.Context(), dir, address.Hostname(), address.Port()) }

	write("token", "good\n")
	if err := ask(); err != nil {
		t.Error(err)
	}
	write("token", "stale")
	if err := ask(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v, want a refusal", err)
	}
}
