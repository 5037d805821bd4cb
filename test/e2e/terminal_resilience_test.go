//go:build unix

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// isReset wants the terminal as it was before the program.
func (term *terminal) isReset() {
	term.t.Helper()
	if term.screen.IsAltScreen() {
		term.t.Error("the alternate screen is left on")
	}
	term.mu.Lock()
	defer term.mu.Unlock()
	for mode, on := range term.modes {
		// Auto-wrap and the cursor are on in a terminal that nobody has touched.
		if usual := mode == ansi.ModeTextCursorEnable || mode == ansi.ModeAutoWrap; on != usual && !(usual && !on && mode == ansi.ModeAutoWrap) {
			term.t.Errorf("mode %v is left, on: %v", mode, on)
		}
	}
	attributes, err := unix.IoctlGetTermios(int(term.pty.Fd()), getTermios)
	if err != nil {
		term.t.Fatal(err)
	}
	if attributes.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != unix.ICANON|unix.ECHO|unix.ISIG {
		term.t.Error("the terminal is left in raw mode")
	}
}

// endsWith wants the program to end with an exit code.
func (term *terminal) endsWith(code int) {
	term.t.Helper()
	select {
	case <-term.ended:
		if got := term.cmd.ProcessState.ExitCode(); got != code {
			term.t.Errorf("exit code %d, want %d:\n%s", got, code, term.text())
		}
	case <-time.After(20 * time.Second):
		term.t.Fatalf("the program does not end:\n%s", term.text())
	}
}

// A server that is gone for a while is said to be, and is followed again after.
func TestTerminalLosesTheServer(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	p := proxyTo(t, u)
	term := u.open(t, 120, 30, nil, "-n", ns)
	term.sees("● live", "deploy/web")
	p.cut(true)
	term.sees("stale", "deploy/web")
	kubectlApply(t, l, ns, strings.ReplaceAll(restrictedFailing, "name: web", "name: later"))
	p.cut(false)
	term.sees("● live", "deploy/web", "deploy/later")
	term.keys("q")
	term.wait()
	term.isReset()
}

func TestTerminalIsToldToEnd(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			u := &user{home: t.TempDir(), kubeconfig: os.DevNull}
			term := u.open(t, 100, 30, nil, "-f", "../../examples/shop")
			term.sees("shop", "privileged")
			if !term.screen.IsAltScreen() {
				t.Error("it is not on the alternate screen")
			}
			if err := term.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			term.endsWith(code)
			time.Sleep(100 * time.Millisecond) // its last bytes are on their way to the emulator
			term.isReset()
		})
	}
}

// ctrl+z gives the shell its terminal back; fg comes back to a whole screen.
func TestTerminalIsSuspended(t *testing.T) {
	t.Parallel()
	u := &user{home: t.TempDir(), kubeconfig: os.DevNull}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	program := u.command(ctx, t, "-f", "../../examples/shop")
	shell := exec.CommandContext(ctx, "sh", "-i")
	shell.Env = append(program.Env, "TERM=xterm-256color", "PS1=shell-prompt ", "ENV=")
	term := openCommand(t, shell, 100, 30)
	term.sees("shell-prompt")
	term.keys(strings.Join(program.Args, " ") + "\r")
	term.sees("all namespaces", "privileged")
	for range 2 {
		term.keys("\x1a")
		term.sees("Stopped")
		term.isReset()
		term.keys("clear; echo hal\"\"lo\r")
		term.sees("hallo")
		term.keys("fg\r")
		term.sees("all namespaces", "privileged", "quit")
		term.seesNo("hallo")
	}
	term.keys("q")
	term.seesNo("all namespaces")
	term.keys("exit\r")
	term.wait()
}

// A terminal that is dragged about ends up with a whole screen of its last size.
func TestTerminalIsResized(t *testing.T) {
	t.Parallel()
	u := &user{home: t.TempDir(), kubeconfig: os.DevNull}
	term := u.open(t, 100, 30, nil, "-f", "../../examples/shop")
	term.sees("shop", "privileged")
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 200 {
		width, height := 1+r.IntN(250), 1+r.IntN(80)
		if i == 199 {
			width, height = 120, 36
		}
		term.screen.Resize(width, height)
		if err := pty.Setsize(term.pty, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
	}
	term.sees("all namespaces", "privileged", "quit", "┘")
	lines := strings.Split(term.text(), "\n")
	if first, last := lines[0], lines[len(lines)-1]; len(lines) != 36 || !strings.Contains(first, "harden") || !strings.Contains(last, "quit") {
		t.Errorf("the screen is not whole, %d lines:\n%s", len(lines), term.text())
	}
	term.keys("q")
	term.wait()
}

// A namespace that is deleted while it is looked at leaves an empty screen with
// words, not an error that stays.
func TestTerminalOnANamespaceThatGoes(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	const ns = "terminal-goes"
	kubectl(t, l, "create", "namespace", ns)
	web(t, l, ns)
	u := admin(t, l)
	term := u.open(t, 120, 30, nil, "-n", ns)
	term.sees("● live", "deploy/web")
	kubectl(t, l, "delete", "namespace", ns, "--wait=true", "--timeout=60s")
	term.seesNo("deploy/web")
	term.seesNo("ns/" + ns)
	term.keys("jjkk\r")
	term.sees("harden", "quit")
	term.keys("\x03")
	term.wait()
	term.isReset()
}

// Rights that come and go are told in the header.
func TestTerminalWithRightsThatChange(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	name := "reader-of-" + ns
	u := as(t, l, name)
	kubectl(t, l, "create", "rolebinding", "some", "-n", ns, "--clusterrole=view", "--user="+name)
	kubectl(t, l, "create", "role", "rest", "-n", ns, "--verb=get,list,watch", "--resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io")
	term := u.open(t, 120, 30, nil, "-n", ns)
	term.sees("● live", "deploy/web", "not readable")
	before := readable(term.text())
	kubectl(t, l, "create", "rolebinding", "rest", "-n", ns, "--role=rest", "--user="+name)
	rereads(term, "more is readable", func() bool { return readable(term.text()) < before })
	kubectl(t, l, "delete", "rolebinding", "rest", "-n", ns)
	rereads(term, "less is readable", func() bool { return readable(term.text()) == before })
	kubectl(t, l, "delete", "rolebinding", "some", "-n", ns)
	term.keys("\x12")
	term.sees("may be read")
	kubectl(t, l, "create", "rolebinding", "some", "-n", ns, "--clusterrole=view", "--user="+name)
	rereads(term, "it is readable again", func() bool { return strings.Contains(term.text(), "● live") })
	term.keys("q")
	term.wait()
}

// readable is the number of kinds that the header says are not.
func readable(screen string) (n int) {
	for line := range strings.Lines(screen) {
		if _, rest, ok := strings.Cut(line, "⚠ "); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n
}

// rereads presses ctrl+r until something holds.
func rereads(term *terminal, what string, holds func() bool) {
	term.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			term.t.Fatalf("not so: %s:\n%s", what, term.text())
		}
		term.keys("\x12")
		time.Sleep(500 * time.Millisecond)
	}
}

// Credentials that a person must give, that are wrong at first, and that expire.
func TestTerminalAsksForCredentials(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	u := admin(t, l)
	p := proxyTo(t, u)
	account := func() {
		kubectl(t, l, "create", "serviceaccount", "jane", "-n", ns)
	}
	token := func() string {
		t.Helper()
		return strings.TrimSpace(kubectl(t, l, "create", "token", "jane", "-n", ns))
	}
	account()
	kubectl(t, l, "create", "rolebinding", "jane", "-n", ns, "--clusterrole=admin", "--serviceaccount="+ns+":jane")
	// The person types a word; the plugin knows the token behind it, and keeps nothing.
	valid := filepath.Join(u.home, "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(valid, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(token())
	plugin := filepath.Join(t.TempDir(), "plugin") // beside the kubeconfig, kubectl would write it there without its folder
	script := `#!/bin/sh
printf 'Word for the cluster: ' >&2
read word
token=wrong
[ "$word" = sesame ] && token=$(cat ` + valid + `)
echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$token\"}}"
`
	if err := os.WriteFile(plugin, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	kubectl(t, l, "config", "--kubeconfig", u.kubeconfig, "set-credentials", "jane", "--exec-command="+plugin, "--exec-api-version=client.authentication.k8s.io/v1", "--exec-interactive-mode=Always")
	current := strings.TrimSpace(kubectl(t, l, "config", "--kubeconfig", u.kubeconfig, "current-context"))
	kubectl(t, l, "config", "--kubeconfig", u.kubeconfig, "set-context", current, "--user=jane")

	term := u.open(t, 120, 30, nil, "-n", ns)
	term.sees("Word for the cluster:")
	if term.screen.IsAltScreen() {
		t.Error("the plugin asks on a screen that is drawn on")
	}
	term.keys("open\r")
	term.sees("credentials", "log in")
	term.logIn("Word for the cluster:")
	term.keys("sesame\r")
	term.sees("● live", "deploy/web")

	kubectl(t, l, "delete", "serviceaccount", "jane", "-n", ns) // its tokens are worth nothing now
	account()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(term.text(), "credentials expired"); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody says that the credentials have expired:\n%s", term.text())
		}
		p.cut(false) // the server looks at credentials when a request comes, and caches what it saw for seconds
	}
	term.sees("credentials expired", "deploy/web")
	write(token())
	term.logIn("Word for the cluster:")
	term.keys("sesame\r")
	term.sees("● live", "deploy/web")
	kubectlApply(t, l, ns, strings.ReplaceAll(restrictedFailing, "name: web", "name: later"))
	term.sees("deploy/later")
	term.keys("q")
	term.wait()
	term.isReset()
}

// logIn presses the key until the plugin asks: while something is read, it says so.
func (term *terminal) logIn(question string) {
	term.t.Helper()
	for deadline := time.Now().Add(time.Minute); term.screen.IsAltScreen() || !strings.Contains(term.text(), question); {
		if time.Now().After(deadline) {
			term.t.Fatalf("nobody asks:\n%s", term.text())
		}
		if term.screen.IsAltScreen() {
			term.keys("L")
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// ctrl-c at a question before there is a screen ends the program, not more.
func TestTerminalIsInterruptedAtTheQuestion(t *testing.T) {
	t.Parallel()
	u := &user{home: t.TempDir()}
	plugin := filepath.Join(u.home, "plugin")
	if err := os.WriteFile(plugin, []byte("#!/bin/sh\nprintf 'Password: ' >&2\nread word\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	u.kubeconfig = filepath.Join(u.home, "config")
	config := "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: " + plugin + "}}}]\ncontexts: [{name: prod, context: {cluster: c, user: u}}]\ncurrent-context: prod\n"
	if err := os.WriteFile(u.kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	term := u.open(t, 100, 30, nil)
	term.sees("Password:")
	term.keys("\x03")
	term.endsWith(130)
	term.isReset()
}
