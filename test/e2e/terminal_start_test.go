//go:build unix

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// In a terminal it always comes up, and offers something to look at.
func TestTerminalWithoutACluster(t *testing.T) {
	for name, test := range map[string]struct {
		kubeconfig string
		args       []string
		want       []string
	}{
		"no kubeconfig":      {"", nil, []string{"no kubeconfig"}},
		"broken kubeconfig":  {"{", nil, []string{"kubeconfig"}},
		"no such context":    {"", []string{"--context", "nope"}, []string{"nope"}},
		"nobody is at home":  {"clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\ncontexts: [{name: gone, context: {cluster: c}}]\ncurrent-context: gone\n", nil, []string{"gone", "does not answer"}},
		"without its server": {"contexts: [{name: gone, context: {cluster: c}}]\nclusters: [{name: d, cluster: {server: 'http://127.0.0.1:1'}}]\ncurrent-context: gone\n", nil, []string{"gone", "not described"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			u := &user{home: home, kubeconfig: filepath.Join(home, "config")}
			if err := os.WriteFile(u.kubeconfig, []byte(test.kubeconfig), 0o600); err != nil {
				t.Fatal(err)
			}
			term := u.open(t, 100, 30, []string{"TMPDIR=" + home}, test.args...)
			term.sees(append(test.want, "the demo", "files")...)
			term.keys("d")
			term.sees("shop", "privileged")
			term.keys("q")
			term.wait()
			term.isReset()
			if left, _ := filepath.Glob(filepath.Join(home, "kubectl-harden-demo-*")); len(left) > 0 {
				t.Errorf("the demo leaves %q", left)
			}
			r := u.harden(t, test.args...)
			if r.code != 2 || !strings.HasPrefix(r.stderr, "error: ") {
				t.Errorf("without a terminal: %s", r)
			}
		})
	}
}

// What is fixed in the demo stays, and the screen that follows says where.
func TestDemo(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	u := &user{home: home, kubeconfig: os.DevNull}
	r := u.ok(t, "scan", "--demo", "-o", "name")
	if !strings.Contains(r.stdout, "shop") {
		t.Errorf("scan --demo: %s", r)
	}
	term := u.open(t, 100, 30, []string{"TMPDIR=" + home}, "--demo")
	term.sees("shop", "privileged")
	folder, _ := filepath.Glob(filepath.Join(home, "kubectl-harden-demo-*", "shop"))
	if len(folder) != 1 {
		t.Fatalf("the demo is in %q", folder)
	}
	if err := os.WriteFile(filepath.Join(folder[0], "mine.yaml"), []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	term.keys("q")
	term.wait()
	term.sees("the manifests of the demo are in")
	if _, err := os.Stat(folder[0]); err != nil {
		t.Error(err)
	}
}

// The first frame waits for nobody: the API server takes the connection and is
// silent. What counts is the time from exec to the frame, as a person sees it.
func BenchmarkFirstPaint(b *testing.B) {
	bin, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	home := b.TempDir()
	config := filepath.Join(home, "config")
	silent := silentServer(b)
	if err := os.WriteFile(config, []byte("clusters: [{name: c, cluster: {server: 'http://"+silent+"'}}]\ncontexts: [{name: silent, context: {cluster: c}}]\ncurrent-context: silent\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	var all []time.Duration
	for b.Loop() {
		cmd := exec.Command(bin)
		cmd.Env = []string{"HOME=" + home, "KUBECONFIG=" + config, "TERM=xterm-256color"}
		begun := time.Now()
		f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 36, Cols: 120})
		if err != nil {
			b.Fatal(err)
		}
		var seen []byte
		for buf := make([]byte, 1<<16); !bytes.Contains(seen, []byte("silent")); {
			n, err := f.Read(buf)
			if err != nil {
				b.Fatalf("no frame: %v\n%q", err, seen)
			}
			seen = append(seen, buf[:n]...)
		}
		all = append(all, time.Since(begun))
		b.StopTimer()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		f.Close()
		b.StartTimer()
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(all[len(all)-1].Milliseconds()), "max-ms")
}
