//go:build unix

package session

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A gate is an API server that lets in who knows the word, and lists one
// namespace to them.
type gate struct {
	*httptest.Server
	word atomic.Value
}

func newGate(t *testing.T) *gate {
	g := &gate{}
	g.word.Store("")
	g.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if req.Header.Get("Authorization") != "Bearer "+g.word.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "message": "Unauthorized", "code": 401}`)
			return
		}
		fmt.Fprintf(w, `{"kind": "NamespaceList", "apiVersion": "v1", "items": [{"metadata": {"name": "of-%s"}}]}`, g.word.Load())
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) config(plugin *api.ExecConfig) *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	return &rest.Config{Host: g.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, ExecProvider: plugin}
}

// plugin is a credential plugin that runs a shell script.
func plugin(t *testing.T, mode api.ExecInteractiveMode, script string) *api.ExecConfig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return &api.ExecConfig{Command: path, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: mode}
}

const answerWord = `echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$word\"}}"
`

// person puts a terminal in the place of standard input, and returns its keyboard.
func person(t *testing.T) *os.File {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatal("no pseudo-terminal:", err)
	}
	stdin := os.Stdin
	os.Stdin = tty
	t.Cleanup(func() {
		os.Stdin = stdin
		tty.Close()
		keyboard.Close()
	})
	return keyboard
}

func wantNamespaces(t *testing.T, s *Session, want string) {
	t.Helper()
	if got, err := s.Namespaces(t.Context()); err != nil || strings.Join(got, " ") != want {
		t.Errorf("got namespaces %q, error %v, want %q", got, err, want)
	}
}

func wantRefused(t *testing.T, s *Session, words ...string) {
	t.Helper()
	_, err := s.Namespaces(t.Context())
	if !errors.Is(err, harden.ErrCredentials) {
		t.Fatalf("got %v, want an error about credentials", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

// Every way of a plugin to ask ends in a session that goes on by itself.
func TestLogin(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	for _, test := range []struct {
		name   string
		mode   api.ExecInteractiveMode
		script string
	}{
		{"asks always and keeps nothing", api.AlwaysExecInteractiveMode, "read word\n" + answerWord},
		{"asks where it can and keeps nothing", api.IfAvailableExecInteractiveMode, `case $KUBERNETES_EXEC_INFO in *'"interactive":true'*) read word;; *) exit 1;; esac
` + answerWord},
		{"asks where it can and keeps it", api.IfAvailableExecInteractiveMode, `case $KUBERNETES_EXEC_INFO in *'"interactive":true'*) read word; echo $word > ` + cache + `;; *) word=$(cat ` + cache + `);; esac
` + answerWord},
	} {
		t.Run(test.name, func(t *testing.T) {
			keyboard, g := person(t), newGate(t)
			s, err := OpenCluster(g.config(plugin(t, test.mode, test.script)), ClusterOptions{Context: "prod", Shared: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !s.MayAsk() {
				t.Error("a plugin that may ask is not told")
			}
			wantRefused(t, s)
			for _, word := range []string{"one", "two"} { // the second login follows the end of the first
				g.word.Store(word)
				wantRefused(t, s)
				fmt.Fprintln(keyboard, word)
				if err := s.Login(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantNamespaces(t, s, "of-"+word)
				wantNamespaces(t, s, "of-"+word)
			}
		})
	}
}

func TestAPluginThatNeedsTheTerminalNamesTheWayOut(t *testing.T) {
	person(t)
	g := newGate(t)
	s, err := OpenCluster(g.config(plugin(t, api.AlwaysExecInteractiveMode, "exit 1")), ClusterOptions{Context: "prod", Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantRefused(t, s, "key L")
	if err := s.Login(t.Context()); !errors.Is(err, harden.ErrCredentials) || !strings.Contains(err.Error(), `"prod"`) {
		t.Errorf("a plugin that fails: %v", err)
	}
}

// A person who interrupts the question is not held by the plugin.
func TestLoginCanBeInterrupted(t *testing.T) {
	person(t)
	g := newGate(t)
	s, err := OpenCluster(g.config(plugin(t, api.AlwaysExecInteractiveMode, "read word")), ClusterOptions{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := s.Login(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Without a plugin somebody else logs in: the kubeconfig is read again.
func TestLoginReadsTheKubeconfigAgain(t *testing.T) {
	g := newGate(t)
	g.word.Store("new")
	cfg := g.config(nil)
	cfg.BearerToken = "old"
	fresh := rest.CopyConfig(cfg)
	s, err := OpenCluster(cfg, ClusterOptions{Shared: true, Again: func() (*rest.Config, error) { return fresh, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.MayAsk() {
		t.Error("there is no plugin that could ask")
	}
	wantRefused(t, s)
	if err := s.Login(t.Context()); !errors.Is(err, harden.ErrCredentials) || !strings.Contains(err.Error(), "no credential plugin") {
		t.Errorf("the same credentials again: %v", err)
	}
	fresh = rest.CopyConfig(cfg)
	fresh.BearerToken = "new"
	if err := s.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNamespaces(t, s, "of-new")
}
