package session_test

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// BenchmarkScanFiles scans generated Deployments from files with the whole
// suite: objects per second, the peak of the process's memory that is in use,
// and the part of the time that reading the files takes.
func BenchmarkScanFiles(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			if err := filestest.WriteCorpus(dir, n); err != nil {
				b.Fatal(err)
			}
			var reading, total time.Duration
			peak := watchMemory(b)
			findings := 0
			for b.Loop() {
				start := time.Now()
				if _, err := files.Load([]string{dir}, nil, files.Options{}); err != nil {
					b.Fatal(err)
				}
				reading += time.Since(start)
				runtime.GC()

				start = time.Now()
				findings = scan(b, dir)
				total += time.Since(start)
				runtime.GC()
			}
			seconds := total.Seconds() / float64(b.N)
			b.ReportMetric(float64(n)/seconds, "objects/s")
			b.ReportMetric(seconds, "s/scan")
			b.ReportMetric(100*reading.Seconds()/total.Seconds(), "%reading")
			b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
			b.ReportMetric(float64(findings), "findings")
		})
	}
}

func scan(b *testing.B, dir string) int {
	s, err := session.OpenFiles([]string{dir}, nil, session.FileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Load(b.Context(), harden.Scope{})
	if err != nil {
		b.Fatal(err)
	}
	return len(snap.Findings)
}

// watchMemory samples the memory that Go holds, every millisecond.
func watchMemory(b *testing.B) (peak func() uint64) {
	var most atomic.Uint64
	done := make(chan struct{})
	go func() {
		samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				metrics.Read(samples)
				if now := samples[0].Value.Uint64() - samples[1].Value.Uint64(); now > most.Load() {
					most.Store(now)
				}
			}
		}
	}()
	b.Cleanup(func() { close(done) })
	return most.Load
}
