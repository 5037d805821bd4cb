package files

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
)

// BenchmarkLoadFiles reads a folder of Deployments and makes the inventory. It
// reports objects a second, the highest heap (with garbage that was not yet
// collected), and which share of the work on one processor is reading YAML.
func BenchmarkLoadFiles(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			folder := b.TempDir()
			if err := filestest.WriteCorpus(folder, n); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			peak := watchHeap()
			b.ResetTimer()
			for b.Loop() {
				set, err := Load([]string{folder}, nil, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if got := len(set.Inventory(time.Time{}).Workloads); got != n {
					b.Fatalf("got %d workloads, want %d", got, n)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "objects/s")
			b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
			b.ReportMetric(parsingShare(b, folder), "%yaml")
		})
	}
}

// watchHeap samples the heap until the returned function is called, which gives the highest value.
func watchHeap() (peak func() uint64) {
	var most atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return most.Load()
	}
}

func parsingShare(b *testing.B, folder string) float64 {
	b.Helper()
	files, _ := readAll([]string{folder}, nil)
	s := &Set{}
	var nodes arena
	var parsing, decoding time.Duration
	for _, f := range files {
		for _, sp := range split(f.text) {
			d := &document{file: f, span: sp}
			start := time.Now()
			if _, err := d.parseInto(&nodes); err != nil {
				b.Fatal(err)
			}
			parsing += time.Since(start)
			start = time.Now()
			s.decode(d, &nodes)
			decoding += time.Since(start)
		}
	}
	// decode parses once more.
	return 100 * parsing.Seconds() / max(decoding, parsing).Seconds()
}
