package session_test

import (
	"io"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// BenchmarkScanFiles is `scan -f` on generated Deployments, from reading them with
// the whole suite to the table or the JSON: objects per second, the peak of the
// process's memory that is in use, and the part of the time that reading the files
// takes. One size alone, for its peak: go test -run '^$' -bench ScanFiles/table/5000
func BenchmarkScanFiles(b *testing.B) {
	writers := map[string]func(*report.Scan) error{
		"table": func(r *report.Scan) error { return r.Table(io.Discard) },
		"json":  func(r *report.Scan) error { return r.JSON(io.Discard) },
	}
	for _, name := range []string{"table/1000", "table/5000", "json/1000", "json/5000"} {
		b.Run(name, func(b *testing.B) {
			format, size, _ := strings.Cut(name, "/")
			n, err := strconv.Atoi(size)
			if err != nil {
				b.Fatal(err)
			}
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
				findings = scan(b, dir, writers[format])
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

func scan(b *testing.B, dir string, write func(*report.Scan) error) int {
	s, err := session.OpenFiles([]string{dir}, nil, session.FileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Load(b.Context(), harden.Scope{})
	if err != nil {
		b.Fatal(err)
	}
	if err := write(&report.Scan{Result: snap.Result, Findings: snap.Findings, Fixes: s.Fixes}); err != nil {
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
