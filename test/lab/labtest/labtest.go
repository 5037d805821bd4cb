// Package labtest gives tests a lab.
//
// A test that needs a server of its own (one that goes away, one with other flags) calls [Start]. All others of a
// package share one and keep apart by namespace, since a lab takes seconds to start:
//
//	func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }
//
//	func TestApply(t *testing.T) {
//		l := labtest.Shared(t)
//		ns := labtest.Namespace(t, l)
//		…
//	}
//
// Without the lab's binaries such tests are skipped; with HARDEN_LAB=required they build them. That takes minutes,
// so run 'go run ./test/lab/cmd/lab build' before, or raise the test timeout.
package labtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// Required is the value of the environment variable HARDEN_LAB that makes tests build the lab instead of skipping.
const Required = "required"

// build builds the binaries at most once a test binary, if it has to be.
var build = sync.OnceValue(func() error {
	if os.Getenv("HARDEN_LAB") == Required {
		_, err := lab.Build(context.Background(), os.Stderr)
		return err
	}
	_, err := lab.Cached(context.Background())
	return err
})

// need skips the test when there are no binaries, and fails it when they are required and cannot be built.
func need(t testing.TB) {
	t.Helper()
	err := build()
	switch {
	case errors.Is(err, lab.ErrNotBuilt):
		t.Skipf("%v, or set HARDEN_LAB=%s", lab.ErrNotBuilt, Required)
	case err != nil:
		t.Fatal(err)
	}
}

// Start starts a lab for this test and stops it when the test ends.
func Start(t testing.TB, opts lab.Options) *lab.Lab {
	t.Helper()
	need(t)
	l, err := lab.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var shared struct {
	sync.Mutex
	lab *lab.Lab
	err error
}

// Shared returns the lab that all tests of the test binary share: two simulated nodes, an audit log. The package's
// TestMain must call Main, which stops it.
func Shared(t testing.TB) *lab.Lab {
	t.Helper()
	need(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.lab == nil && shared.err == nil {
		shared.lab, shared.err = lab.Start(context.Background(), lab.Options{Nodes: 2, Audit: true})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.lab
}

// Main runs the tests, stops the shared lab if one was started, and returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.lab == nil {
		return code
	}
	if err := shared.lab.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Namespace makes a namespace with a name of its own and returns the name. When the test ends it is deleted, without
// waiting until it is gone.
func Namespace(t testing.TB, l *lab.Lab) string {
	t.Helper()
	name := "test-" + strconv.FormatUint(uint64(rand.Uint32()), 36)
	if _, err := l.Kubectl(t.Context(), "create", "namespace", name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's context is over by now.
		if _, err := l.Kubectl(context.Background(), "delete", "namespace", name, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	return name
}
