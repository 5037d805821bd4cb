package tui

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sizes are in findings; the largest has some 5,000 workloads.
var sizes = []int{1_000, 10_000, 50_000}

// crowd is a snapshot of n findings, the same each time: ten a workload, and
// namespaces that hold some forty workloads each.
func crowd(n, generation int) *harden.Snapshot {
	fixers := []*harden.Fixer{fixPrivileged, fixNonRoot, fixRootFS, fixToken, fixMemory, fixTag}
	inv := &harden.Inventory{Cluster: harden.Cluster{Server: "https://192.0.2.1:6443"}, Now: seen, Objects: n}
	r := &harden.Result{Inventory: inv}
	const each = 10
	for i := range n {
		k := i / each
		if i%each == 0 {
			inv.Workloads = append(inv.Workloads, workload("Deployment", fmt.Sprintf("team-%03d", k%120), fmt.Sprintf("service-%05d", k)))
		}
		w := inv.Workloads[len(inv.Workloads)-1]
		f := finding(w, fixers[i%len(fixers)], fmt.Sprintf("container-%d", i%each/len(fixers)), "reason")
		r.Findings = append(r.Findings, f)
	}
	return &harden.Snapshot{Result: r, Generation: generation}
}

// crowded is a UI that shows a crowd.
func crowded(n int) *Model {
	f := newFake()
	f.snap = crowd(n, 1)
	m := New(f, Options{})
	m.Init()
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.Update(loadedMsg{seq: m.load.seq, x: newIndex(f.snap, nil)})
	return m
}

// frames measures each message until its frame is drawn.
func frames(b *testing.B, m *Model, messages ...tea.Msg) {
	b.Helper()
	b.ReportAllocs()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		m.Update(messages[i%len(messages)])
		m.View()
		took = append(took, time.Since(start))
	}
	reportTimes(b, took)
}

func reportTimes(b *testing.B, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	at := func(percent int) float64 {
		return float64(took[min(len(took)-1, len(took)*percent/100)].Microseconds()) / 1000
	}
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
}

func ofKeys(names ...string) []tea.Msg {
	var out []tea.Msg
	for _, k := range names {
		out = append(out, keyPress(k))
	}
	return out
}

// BenchmarkFrame is the time from what a person does to what they see.
func BenchmarkFrame(b *testing.B) {
	for _, test := range []struct {
		name     string
		before   []string
		messages []tea.Msg
	}{
		{"move", []string{"tab", "tab"}, slices.Concat(slices.Repeat(ofKeys("down"), 50), slices.Repeat(ofKeys("up"), 50))},
		{"page", []string{"tab", "tab"}, ofKeys("pgdown", "pgdown", "pgdown", "pgup", "pgup", "pgup")},
		{"end", []string{"tab", "tab"}, ofKeys("end", "home")},
		{"namespace", nil, slices.Concat(slices.Repeat(ofKeys("down"), 20), slices.Repeat(ofKeys("up"), 20))},
		{"workload", []string{"tab"}, slices.Concat(slices.Repeat(ofKeys("down"), 20), slices.Repeat(ofKeys("up"), 20))},
		{"filter", []string{"/"}, ofKeys("r", "o", "o", "t", "backspace", "backspace", "backspace", "backspace")},
		{"flat", []string{"v"}, slices.Concat(slices.Repeat(ofKeys("down"), 50), slices.Repeat(ofKeys("up"), 50))},
		{"flat turn", nil, ofKeys("v")},
		{"group", []string{"v"}, ofKeys("g")},
		{"sort", []string{"v"}, ofKeys("o")},
		{"mark", []string{"v"}, ofKeys("space")},
		{"resize", nil, []tea.Msg{tea.WindowSizeMsg{Width: 120, Height: 40}, tea.WindowSizeMsg{Width: 80, Height: 24}, tea.WindowSizeMsg{Width: 200, Height: 60}}},
		{"click", nil, []tea.Msg{tea.MouseClickMsg{X: 5, Y: 5, Button: tea.MouseLeft}, tea.MouseClickMsg{X: 5, Y: 9, Button: tea.MouseLeft}}},
	} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", test.name, n), func(b *testing.B) {
				m := crowded(n)
				for _, k := range test.before {
					m.Update(keyPress(k))
				}
				m.View()
				frames(b, m, test.messages...)
			})
		}
	}
}

// BenchmarkFirstPaint is the time until something stands on the screen, before
// any answer.
func BenchmarkFirstPaint(b *testing.B) {
	f := newFake()
	for b.Loop() {
		m := New(f, Options{})
		m.Init()
		m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
		m.View()
	}
}

// BenchmarkIndex is a new snapshot that is made ready, off the update loop.
func BenchmarkIndex(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := crowd(n, 1)
			prev := newIndex(s, nil)
			b.ReportAllocs()
			for b.Loop() {
				newIndex(s, prev)
			}
		})
	}
}

// BenchmarkAdopt is a new snapshot that the update loop takes over.
func BenchmarkAdopt(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := crowded(n)
			one, other := newIndex(crowd(n, 1), m.x), newIndex(crowd(n, 1), m.x)
			frames(b, m, snapshotMsg{seq: m.load.watch, x: one}, snapshotMsg{seq: m.load.watch, x: other})
		})
	}
}

// changed is a snapshot with one finding changed, as of an event.
func changed(s *harden.Snapshot, event int) *harden.Snapshot {
	result := *s.Result
	result.Findings = slices.Clone(result.Findings)
	at := event % len(result.Findings)
	f := *result.Findings[at]
	f.Reason = fmt.Sprint("event ", event)
	result.Findings[at] = &f
	return &harden.Snapshot{Result: &result, Generation: s.Generation + 1}
}

// loop runs commands and messages as Bubble Tea does: one message at a time, a
// frame after each, commands beside it. It calls drawn after each frame.
func loop(ctx context.Context, m *Model, drawn func()) {
	messages := make(chan tea.Msg, 64)
	var run func(cmd tea.Cmd)
	run = func(cmd tea.Cmd) {
		if cmd == nil {
			return
		}
		go func() {
			msg := cmd()
			if batch, ok := msg.(tea.BatchMsg); ok {
				for _, cmd := range batch {
					run(cmd)
				}
				return
			}
			select {
			case messages <- msg:
			case <-ctx.Done():
			}
		}()
	}
	m.root = ctx
	run(m.Init())
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-messages:
			_, cmd := m.Update(msg)
			run(cmd)
			m.View()
			drawn()
		}
	}
}

// BenchmarkEvents sends a thousand snapshots a second, each with one change, as a
// session does: a snapshot that nobody took yet gives way to the next. It tells
// how many frames were drawn, and how old what they show is.
func BenchmarkEvents(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := &flood{fake: newFake(), ch: make(chan *harden.Snapshot, 1)}
			f.snap = crowd(n, 1)
			ctx, cancel := context.WithCancel(context.Background())
			m := New(f, Options{})
			var sent sync.Map // time by generation
			var took []time.Duration
			var frames atomic.Int64
			last := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				loop(ctx, m, func() {
					frames.Add(1)
					if m.x == nil || m.x.snap.Generation <= last {
						return
					}
					last = m.x.snap.Generation
					if at, ok := sent.Load(last); ok {
						took = append(took, time.Since(at.(time.Time)))
					}
				})
			}()
			events := 0
			snap := f.snap
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			b.ResetTimer()
			for b.Loop() {
				<-tick.C
				events++
				snap = changed(snap, events)
				sent.Store(snap.Generation, time.Now())
				f.offer(snap)
			}
			elapsed := b.Elapsed()
			cancel()
			<-done
			b.ReportMetric(float64(events)/elapsed.Seconds(), "events/s")
			b.ReportMetric(float64(len(took))/elapsed.Seconds(), "shown/s")
			reportTimes(b, took)
		})
	}
}

// flood is a fake whose watch keeps the last snapshot alone.
type flood struct {
	*fake
	ch chan *harden.Snapshot
}

func (f *flood) Watch(context.Context, harden.Scope) <-chan *harden.Snapshot { return f.ch }

func (f *flood) offer(s *harden.Snapshot) {
	for {
		select {
		case f.ch <- s:
			return
		default:
		}
		select {
		case <-f.ch:
		default:
		}
	}
}

// BenchmarkHeap is what is left on the heap after a hundred thousand events, each
// of which brings a finding that was never seen and takes another away.
func BenchmarkHeap(b *testing.B) {
	const n, events = 50, 100_000
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return float64(s.HeapAlloc) / (1 << 20)
	}
	for b.Loop() {
		m := crowded(n)
		m.Update(keyPress("v"))
		snap := crowd(n, 1)
		event := func(i int) {
			result := *snap.Result
			result.Findings = slices.Clone(result.Findings)
			f := *result.Findings[i%n]
			f.Discriminator = fmt.Sprint("event ", i)
			result.Findings[i%n] = &f
			snap = &harden.Snapshot{Result: &result, Generation: snap.Generation + 1}
			m.Update(snapshotMsg{seq: m.load.watch, x: newIndex(snap, m.x)})
			answerClasses(m)
			if i%100 == 0 {
				m.View()
			}
		}
		for i := range 2000 {
			event(i)
		}
		before := heap()
		for i := range events {
			event(i + 2000)
		}
		b.ReportMetric(before, "MB-before")
		b.ReportMetric(heap(), "MB-after")
		runtime.KeepAlive(m)
	}
}

// answerClasses asks for the classes of the rows in sight, which is what a model
// keeps most of.
func answerClasses(m *Model) {
	var findings []*harden.Finding
	var ids []string
	for _, r := range m.rowsInSight() {
		findings, ids = append(findings, r.Finding), append(ids, r.id)
	}
	if len(ids) > 0 {
		m.Update(m.classify(findings, ids, nil, false)())
	}
}
