package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

const twoContexts = `
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: p, cluster: {server: "https://prod.example.com"}}
- {name: s, cluster: {server: "https://staging.example.com"}}
users:
- {name: jane, user: {token: of-jane}}
- {name: joe, user: {token: of-joe}}
contexts:
- {name: staging, context: {cluster: s, user: joe, namespace: test}}
- {name: prod, context: {cluster: p, user: jane}}
- {name: broken, context: {cluster: nowhere, user: joe}}
`

func connectorWith(t *testing.T, kubeconfig string, change func(*genericclioptions.ConfigFlags)) *connector {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	c := newConnection()
	c.config.KubeConfig, c.onKeys, c.farewell = &path, true, &bytes.Buffer{}
	if change != nil {
		change(c.config)
	}
	cmd := newScan(c, genericclioptions.NewTestIOStreamsDiscard())
	return &connector{flags: c, set: cmd.Flags(), share: func(s *session.Session) tui.Backend { return sharing{Session: s} }}
}

func TestContexts(t *testing.T) {
	got, err := connectorWith(t, twoContexts, nil).Contexts()
	want := []tui.KubeContext{{Name: "broken", Cluster: "nowhere"}, {Name: "prod", Cluster: "p", Current: true}, {Name: "staging", Cluster: "s", Namespace: "test"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if got, err := connectorWith(t, "", nil).Contexts(); len(got) > 0 || err != nil {
		t.Errorf("an empty kubeconfig: %v, %v", got, err)
	}
	if _, err := connectorWith(t, "{", nil).Contexts(); err == nil {
		t.Error("a broken kubeconfig is no error")
	}
}

func TestAnotherContextIsOpened(t *testing.T) {
	c := connectorWith(t, twoContexts, nil)
	b, scope, err := c.Context("staging")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Title() != "staging" || !b.Live() || strings.Join(scope.Namespaces, " ") != "test" {
		t.Errorf("%q, live %v, scope %+v", b.Title(), b.Live(), scope)
	}
	for _, name := range []string{"nope", "broken"} {
		if _, _, err := c.Context(name); err == nil {
			t.Errorf("context %q is opened", name)
		}
	}
}

// The token of one server is not sent to another one.
func TestFlagsOfOneClusterAreNotForAnother(t *testing.T) {
	server, token, as, timeout := "https://other.example.com", "secret", "jane", "7s"
	flags := func(f *genericclioptions.ConfigFlags) {
		f.APIServer, f.BearerToken, f.Impersonate, f.Timeout = &server, &token, &as, &timeout
	}
	start := newConnection()
	flags(start.config)
	other := flagsFor(start.config, nil)
	if *other.APIServer != server || *other.BearerToken != token || *other.Impersonate != as {
		t.Error("the first context is opened again with other flags")
	}
	withoutPlace(other)
	if *other.APIServer != "" || *other.BearerToken != "" {
		t.Errorf("server %q and token %q go to another context", *other.APIServer, *other.BearerToken)
	}
	if *other.Impersonate != as || *other.Timeout != timeout {
		t.Error("who is impersonated, or the timeout, is lost")
	}
	if *start.config.BearerToken != token {
		t.Error("the flags of the start are changed")
	}
}

func TestFilesAndDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := connectorWith(t, twoContexts, nil)
	if _, _, err := c.Files([]string{filepath.Join(t.TempDir(), "nothing")}); err == nil {
		t.Error("files that are not there are opened")
	}
	for _, change := range []bool{false, true} {
		b, scope, err := c.Demo()
		if err != nil {
			t.Fatal(err)
		}
		snap, err := b.Load(t.Context(), scope)
		if err != nil || len(snap.Findings) < 50 {
			t.Fatalf("the demo has nothing to fix: %v", err)
		}
		if change {
			if err := os.WriteFile(filepath.Join(b.Title(), "new.yaml"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		if _, err := os.Stat(b.Title()); (err == nil) != change {
			t.Errorf("changed %v, and then the folder: %v", change, err)
		}
		if said := c.flags.farewell.(*bytes.Buffer).String(); strings.Contains(said, b.Title()) != change {
			t.Errorf("changed %v, and it says %q", change, said)
		}
	}
}

func TestNoClusterIsToldFromAWrongFlag(t *testing.T) {
	for _, test := range []struct {
		kubeconfig, context string
		want                bool
	}{{"", "", true}, {"{", "", true}, {twoContexts, "nope", true}, {twoContexts, "broken", true}, {twoContexts, "prod", false}} {
		c := connectorWith(t, test.kubeconfig, func(f *genericclioptions.ConfigFlags) { f.Context = &test.context })
		t.Setenv("KUBERNETES_SERVICE_HOST", "")
		_, _, err := c.flags.connect(newScan(c.flags, genericclioptions.NewTestIOStreamsDiscard()))
		var k kubeconfigError
		if errors.As(err, &k) != test.want {
			t.Errorf("%.10q, context %q: %v", test.kubeconfig, test.context, err)
		}
	}
	c := connectorWith(t, "", nil)
	ns, cmd := "shop", newScan(c.flags, genericclioptions.NewTestIOStreamsDiscard())
	c.flags.config.Namespace, c.flags.allNamespaces = &ns, true
	var k kubeconfigError
	if _, _, err := c.flags.connect(cmd); err == nil || errors.As(err, &k) {
		t.Errorf("flags that exclude each other: %v", err)
	}
}

func TestMemory(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	open := func() *memory {
		t.Helper()
		m, err := openMemory()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	look := func(ns string) tui.Look { return tui.Look{Namespace: ns} }
	a, b := open(), open()
	// Two UIs that were started at the same time know nothing of each other.
	if err := a.keep(tui.State{Contexts: map[string]tui.Look{"prod": look("shop")}, Last: "prod"}); err != nil {
		t.Fatal(err)
	}
	if err := b.keep(tui.State{Contexts: map[string]tui.Look{"staging": look("test")}, Last: "staging"}); err != nil {
		t.Fatal(err)
	}
	if err := a.keep(tui.State{Contexts: map[string]tui.Look{"prod": look("pay")}, Last: "prod"}); err != nil {
		t.Fatal(err)
	}
	want := tui.State{Contexts: map[string]tui.Look{"prod": look("pay"), "staging": look("test")}, Last: "staging"}
	if diff := cmp.Diff(want, open().known); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := os.WriteFile(a.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := openMemory()
	if err == nil || !strings.Contains(err.Error(), a.path) || len(m.known.Contexts) > 0 {
		t.Errorf("a damaged file: %+v, %v", m.known, err)
	}
	if err := m.keep(tui.State{Last: "prod"}); err != nil {
		t.Fatal(err)
	}
	if got := open().known.Last; got != "prod" {
		t.Errorf("after a damaged file: %q", got)
	}
}

func TestManyUIsRememberAtOnce(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			m, err := openMemory()
			if err == nil {
				err = m.keep(tui.State{Contexts: map[string]tui.Look{name: {Flat: true}}})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	m, err := openMemory()
	if err != nil || len(m.known.Contexts) != len(names) {
		t.Errorf("%d of %d contexts are left, error %v", len(m.known.Contexts), len(names), err)
	}
}

func TestAMemoryWithoutAPlace(t *testing.T) {
	home := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(home, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", home)
	m, err := openMemory()
	if err == nil {
		t.Error("what cannot be read is no error")
	}
	if err := m.keep(tui.State{Last: "prod"}); err == nil {
		t.Error("what cannot be written is no error")
	}
}
