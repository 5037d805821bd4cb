package database

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestMain is also a process that takes a database and holds it until its stdin is closed.
func TestMain(m *testing.M) {
	dir := os.Getenv("DATABASE_TEST_HOLD")
	if dir == "" {
		os.Exit(m.Run())
	}
	o := Options{Dir: dir, Repositories: []string{os.Getenv("DATABASE_TEST_REFERENCE")}, Now: noon}
	s, err := Ensure(context.Background(), o, nil)
	fmt.Println(s.Dir, s.Why, err)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	os.Exit(0)
}

// hold starts another process that holds the current database, and returns what lets it end.
func hold(t *testing.T, dir, reference string) (place string, end func()) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "DATABASE_TEST_HOLD="+dir, "DATABASE_TEST_REFERENCE="+reference)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(stdout, &place); err != nil {
		t.Fatal(err)
	}
	return place, sync.OnceFunc(func() {
		_ = stdin.Close()
		_ = child.Wait()
	})
}

func TestADatabaseInUseStays(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	reference := s.pushDatabase(t, "first", built(noon()))
	place, end := hold(t, dir, reference)
	defer end()
	holds(t, place, "first")

	now := noon().Add(25 * time.Hour)
	o := options(dir, reference)
	o.Now = func() time.Time { return now }
	s.pushDatabase(t, "second", built(now))
	second := ensure(t, o)
	holds(t, second.Dir, "second")
	holds(t, place, "first")

	end()
	now = now.Add(25 * time.Hour)
	s.pushDatabase(t, "third", built(now))
	holds(t, ensure(t, o).Dir, "third")
	if _, err := os.Stat(place); !os.IsNotExist(err) {
		t.Errorf("a database that nobody uses any more stayed: %v", err)
	}
	holds(t, second.Dir, "second") // this process was given it
}

func TestManyAtOnce(t *testing.T) {
	s := serve(t)
	dir := filepath.Join(t.TempDir(), "db")
	reference := s.pushDatabase(t, "first", built(noon()))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := Ensure(t.Context(), options(dir, reference), nil)
			if err != nil || got.Why != "" {
				t.Error(got.Why, err)
				return
			}
			holds(t, got.Dir, "first")
		})
	}
	for range 3 {
		all.Go(func() {
			place, end := hold(t, dir, reference)
			holds(t, place, "first")
			end()
		})
	}
	all.Wait()
	if asked := s.requests(); asked != "manifest, blob" {
		t.Errorf("asked for %s", asked)
	}
}

// Whoever is given a database can open it, however often it is renewed meanwhile.
func TestRenewedUnderWay(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	reference := s.pushDatabase(t, "0", built(noon()))
	ensure(t, options(dir, reference))
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				o := options(dir, reference)
				o.Offline = true
				if got := ensure(t, o); got.Dir == "" {
					t.Error(got.Why)
				} else if err := checkBolt(filepath.Join(got.Dir, "trivy.db")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := 1; i <= 5; i++ {
		now := noon().AddDate(0, 0, 2*i)
		s.pushDatabase(t, fmt.Sprint(i), built(now))
		o := options(dir, reference)
		o.Now = func() time.Time { return now }
		if got := ensure(t, o); got.Why != "" {
			t.Error(got.Why)
		}
	}
	close(done)
	all.Wait()
}
