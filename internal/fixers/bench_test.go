package fixers_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
)

// BenchmarkSuite runs all rules over a cluster of 5,000 workloads with 10,000 pods
// and 20,000 other objects: objects per second, allocations per object, and the
// most heap that was in use above that of the cluster itself.
func BenchmarkSuite(b *testing.B) {
	inv := estate(1, 5000)
	e := &engine.Engine{Suite: fixers.Suite()}
	runtime.GC()
	var before, m runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, stop := watchHeap()
	findings := 0
	b.ReportAllocs()
	start := time.Now()
	for b.Loop() {
		findings = len(e.Run(inv).Findings)
	}
	took := time.Since(start)
	stop()
	runtime.ReadMemStats(&m)
	n := float64(inv.Objects)
	b.ReportMetric(n*float64(b.N)/took.Seconds(), "objects/s")
	b.ReportMetric(float64(m.Mallocs-before.Mallocs)/float64(b.N)/n, "allocs/object")
	b.ReportMetric(float64(peak.Load()-min(peak.Load(), before.HeapInuse))/(1<<20), "peak-MiB")
	b.ReportMetric(n, "objects")
	b.ReportMetric(float64(findings), "findings")
}

func watchHeap() (peak *atomic.Uint64, stop func()) {
	peak = &atomic.Uint64{}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return peak, func() { close(done); <-ended }
}

// The same input gives the same bytes, whatever the order in which it was read and
// however many processors there are.
func TestT70TheSuiteIsDeterministic(t *testing.T) {
	want := written(estate(3, 150), 1)
	if len(want) < 10_000 {
		t.Fatalf("too little is found to show anything: %d bytes", len(want))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for processors := 1; processors <= 4; processors++ {
		inv := estate(3, 150)
		rnd.Shuffle(len(inv.Workloads), func(i, j int) { inv.Workloads[i], inv.Workloads[j] = inv.Workloads[j], inv.Workloads[i] })
		for _, list := range inv.Others {
			rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		inventory.Sort(inv.Workloads)
		inv.Others.Sort()
		if got := written(inv, processors); !bytes.Equal(want, got) {
			t.Fatalf("with %d processors and another order the findings differ: %s", processors, firstDifference(want, got))
		}
	}
}

func written(inv *harden.Inventory, processors int) []byte {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	e := &engine.Engine{Suite: fixers.Suite()}
	res := e.Run(inv)
	var b bytes.Buffer
	for _, f := range res.Findings {
		fmt.Fprintln(&b, f.ID(), f.Severity, f.SeverityWhy, f.Status, f.Field, f.Reason, f.Detail)
		for _, fix := range e.Fixes(res.Inventory, f) {
			fmt.Fprintln(&b, fix.Title, fix.Class, fix.Manual, fix.Warning, fix.Evidence)
			for _, c := range fix.Changes {
				fmt.Fprintln(&b, c.Target, c.Verb, c.Set, c.Remove)
			}
		}
	}
	return b.Bytes()
}

func firstDifference(a, b []byte) string {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("line %d:\n%s\n%s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines and %d lines", len(x), len(y))
}
