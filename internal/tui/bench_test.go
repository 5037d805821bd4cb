package tui

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"
)

var sizes = []int{1_000, 10_000, 50_000}

func benched(n int) *Model {
	f := newFake()
	f.snap = crowd(n, 1)
	m := New(f, Options{})
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.load.seq = 1
	m.Update(loadedMsg{seq: 1, x: newIndex(f.snap, nil)})
	return m
}

// A key of the person, until it is drawn.
func BenchmarkKey(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := benched(n)
			m.browse.focus = levelFinds
			down, up := keyPress("down"), keyPress("up")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				msg := down
				if i%200 >= 100 {
					msg = up
				}
				m.Update(msg)
				m.View()
			}
		})
	}
}

// A key that changes what all panes show.
func BenchmarkNamespace(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := benched(n)
			down, up := keyPress("down"), keyPress("up")
			for i := 0; b.Loop(); i++ {
				msg := down
				if i%2 == 1 {
					msg = up
				}
				m.Update(msg)
				m.View()
			}
		})
	}
}

// A letter of a filter.
func BenchmarkFilter(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := benched(n)
			m.Update(keyPress("/"))
			letters := []tea.KeyPressMsg{keyPress("r"), keyPress("o"), keyPress("o"), keyPress("t"), keyPress("backspace"), keyPress("backspace"), keyPress("backspace"), keyPress("backspace")}
			for i := 0; b.Loop(); i++ {
				m.Update(letters[i%len(letters)])
				m.View()
			}
		})
	}
}

// A new snapshot: made ready off the update loop.
func BenchmarkIndex(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := crowd(n, 1)
			prev := newIndex(s, nil)
			for b.Loop() {
				newIndex(s, prev)
			}
		})
	}
}

// The same snapshot: taken over by the update loop.
func BenchmarkAdopt(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := benched(n)
			x := newIndex(crowd(n, 1), nil)
			for b.Loop() {
				m.Update(snapshotMsg{seq: 1, x: x})
				m.View()
			}
		})
	}
}
