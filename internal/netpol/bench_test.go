package netpol_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

var sizes = []int{500, 5000, 20000}

// BenchmarkMatrix compiles a cluster and decides its whole matrix: every workload
// to every other at every port. It reports the cells, and the memory that is
// held when the matrix is there.
func BenchmarkMatrix(b *testing.B) {
	for _, pods := range sizes {
		inv := city(1, pods)
		b.Run(fmt.Sprintf("%d-pods", pods), func(b *testing.B) {
			b.ReportAllocs()
			var cells []harden.NetworkCell
			var held runtime.MemStats
			for b.Loop() {
				w := netpol.New(inv)
				_, cells = netpol.Cells(w, w, inv.Scope, nil)
			}
			runtime.GC()
			runtime.ReadMemStats(&held)
			b.ReportMetric(float64(len(cells)), "cells")
			b.ReportMetric(float64(held.HeapAlloc)/(1<<20), "MiB-held")
			runtime.KeepAlive(cells)
		})
	}
}

// BenchmarkNamespace decides the matrix of one namespace in the cluster, as a
// user looks at it.
func BenchmarkNamespace(b *testing.B) {
	for _, pods := range sizes {
		inv := city(1, pods)
		w := netpol.New(inv)
		b.Run(fmt.Sprintf("%d-pods", pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				netpol.Cells(w, w, inv.Scope[:1], nil)
			}
		})
	}
}

// BenchmarkCompile makes a world, and one with another policy.
func BenchmarkCompile(b *testing.B) {
	for _, pods := range sizes {
		inv := city(1, pods)
		w := netpol.New(inv)
		policy := inv.NetworkPolicies[inv.Scope[0]][0].DeepCopy()
		policy.Name = "another"
		b.Run(fmt.Sprintf("New/%d-pods", pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				netpol.New(inv)
			}
		})
		b.Run(fmt.Sprintf("With/%d-pods", pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.With(policy)
			}
		})
	}
}
