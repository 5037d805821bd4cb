package trivy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/metadata"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	testscans "github.com/kubectl-harden/kubectl-harden/test/scans"
)

// pushFleet pushes a fleet and forgets what was fetched until then.
func pushFleet(t testing.TB, r *testscans.Registry, fleet testscans.Fleet) []harden.ImageKey {
	t.Helper()
	var keys []harden.ImageKey
	for n, i := range fleet.Images {
		repository := fmt.Sprintf("fleet/app%d", n)
		r.Push(t, repository+":1", i)
		digest, err := i.Digest()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, harden.ImageKey{Reference: r.Host + "/" + repository + "@" + digest.String(), Platform: "linux/amd64"})
	}
	r.Fetched()
	return keys
}

// Of images that share layers each layer is fetched once, and nothing the second time.
func TestEachLayerIsFetchedOnce(t *testing.T) {
	r := testscans.Serve(t)
	fleet := testscans.NewFleet(t, 50, 1)
	db := ensure(t, r)
	keys := pushFleet(t, r, fleet)
	o := scannerOptions(t.TempDir(), db)
	found := scanAll(t, images.NewScanner(o), keys)
	for n, key := range keys {
		if got, want := len(found[key].Vulnerabilities), fleet.Vulnerabilities(n); got != want {
			t.Errorf("image %d: %d vulnerabilities, want %d: %+v", n, got, want, found[key].Vulnerabilities)
		}
	}
	times, _ := r.Fetched()
	if want := fleet.Layers + len(fleet.Images); len(times) != want { // a config each
		t.Errorf("%d blobs were fetched, want %d", len(times), want)
	}
	for digest, n := range times {
		if n != 1 {
			t.Errorf("%s was fetched %d times", digest, n)
		}
	}
	scanAll(t, images.NewScanner(o), keys)
	if times, _ := r.Fetched(); len(times) > 0 {
		t.Errorf("%d blobs were fetched for images that are known", len(times))
	}
	// A newer database is another question, to the same layers.
	o.Database = t.TempDir()
	if err := os.CopyFS(o.Database, os.DirFS(db.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := metadata.NewClient(o.Database).Update(metadata.Metadata{Version: 2, UpdatedAt: time.Now().Add(time.Hour), NextUpdate: time.Now().Add(25 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	again := scanAll(t, images.NewScanner(o), keys)
	if times, _ := r.Fetched(); len(times) > len(keys) { // a config each
		t.Errorf("%d blobs were fetched for a newer database", len(times))
	}
	if was, is := found[keys[0]].Database, again[keys[0]].Database; !is.After(was) {
		t.Errorf("the database was of %s and is of %s", was, is)
	}
}

// BenchmarkFleet scans 50 images that share layers, here and with the trivy
// command in a loop: with an empty cache, and again with what is kept. It takes
// some minutes; run it with -benchtime 1x.
func BenchmarkFleet(b *testing.B) {
	r := testscans.Serve(b)
	fleet := testscans.NewFleet(b, 50, 150)
	db := ensure(b, r)
	keys := pushFleet(b, r, fleet)
	trivy := newProgram(b, db)
	cache := ""
	for _, run := range []struct {
		name string
		cold func()
		scan func(b *testing.B)
	}{
		{"ours", func() { cache = b.TempDir() }, func(b *testing.B) { scanAll(b, images.NewScanner(scannerOptions(cache, db)), keys) }},
		{"trivy", func() { trivy = trivy.apart(b, db) }, func(b *testing.B) {
			for _, key := range keys {
				if out, err := trivy.command(b.Context(), key).Output(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
		}},
	} {
		measured := func(cold bool) func(*testing.B) {
			return func(b *testing.B) {
				for b.Loop() {
					if cold {
						b.StopTimer()
						run.cold()
						b.StartTimer()
					}
					peak := watchChildren()
					run.scan(b)
					b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
					times, bytes := r.Fetched()
					b.ReportMetric(float64(bytes)/(1<<20), "fetched-MiB")
					most := 0
					for _, n := range times {
						most = max(most, n)
					}
					b.ReportMetric(float64(most), "most-fetches-of-a-blob")
				}
			}
		}
		b.Run(run.name+"/cold", measured(true))
		b.Run(run.name+"/warm", measured(false))
	}
}

// watchChildren looks at the processes that this one starts until peak is
// called, which returns the most memory that one of them took, in bytes; 0 where
// there is no /proc.
func watchChildren() (peak func() int64) {
	done, over := make(chan struct{}), make(chan struct{})
	var most int64
	go func() {
		defer close(over)
		for {
			most = max(most, highWater())
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(done)
		<-over
		return most
	}
}

// highWater is the most memory that one of the children took so far: proc_pid_status(5).
func highWater() int64 {
	var most int64
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(children)) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			_, after, _ := strings.Cut(string(status), "VmHWM:")
			if fields := strings.Fields(after); len(fields) > 0 {
				kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
				most = max(most, kilobytes<<10)
			}
		}
	}
	return most
}
