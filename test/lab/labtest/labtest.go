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
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// Required is the value of the environment variable HARDEN_LAB that makes tests build the lab instead of skipping.
const Required = "required"

// build builds the binaries at most once a test binary, if it has to be.
var build = sync.OnceValues(func() (*lab.Binaries, error) {
	if required() {
		return lab.Build(context.Background(), os.Stderr)
	}
	return lab.Cached(context.Background())
})

func required() bool { return os.Getenv("HARDEN_LAB") == Required }

// need skips the test when there are no binaries, and fails it when they are required and cannot be built.
func need(t testing.TB) *lab.Binaries {
	t.Helper()
	binaries, err := build()
	skipOrFail(t, err)
	return binaries
}

// needContainers is need for a lab that runs containers.
func needContainers(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("a lab that runs containers needs Linux and root")
	}
	skipOrFail(t, need(t).Containers())
}

func skipOrFail(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, lab.ErrNotBuilt) && !required():
		t.Skipf("%v, or set HARDEN_LAB=%s", lab.ErrNotBuilt, Required)
	default:
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

// A sharedLab is started at the first call of get.
type sharedLab struct {
	sync.Mutex
	lab *lab.Lab
	err error
}

var shared, containers sharedLab

func (s *sharedLab) get(t testing.TB, opts lab.Options) *lab.Lab {
	t.Helper()
	s.Lock()
	defer s.Unlock()
	if s.lab == nil && s.err == nil {
		s.lab, s.err = lab.Start(context.Background(), opts)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.lab
}

func (s *sharedLab) stop() error {
	s.Lock()
	defer s.Unlock()
	if s.lab == nil {
		return nil
	}
	return s.lab.Stop()
}

// Shared returns the lab that all tests of the test binary share: two simulated nodes, an audit log. The package's
// TestMain must call Main, which stops it.
func Shared(t testing.TB) *lab.Lab {
	t.Helper()
	need(t)
	return shared.get(t, lab.Options{Nodes: 2, Audit: true})
}

// Containers returns a lab that all tests of the test binary share, with one node that runs containers and no other; its
// images come from Lab.Registry. It is another lab than Shared, and TestMain must call Main as well. The test is skipped
// where that cannot be, on other systems than Linux or without root, whatever HARDEN_LAB says.
func Containers(t testing.TB) *lab.Lab {
	t.Helper()
	needContainers(t)
	return containers.get(t, lab.Options{Containers: true, Audit: true})
}

// StartContainers is Start for a lab that runs containers, and skips as Containers does.
func StartContainers(t testing.TB, opts lab.Options) *lab.Lab {
	t.Helper()
	needContainers(t)
	opts.Containers = true
	return Start(t, opts)
}

// Main runs the tests, stops the shared labs that were started, and returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	if err := errors.Join(shared.stop(), containers.stop()); err != nil {
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
