package tui

import (
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// settle forgets what an index does not hold any more, and says a word about what
// a person would miss: the namespace under the cursor, marked findings, kinds
// that cannot be read any longer. space is the namespace that was under the cursor.
func (m *Model) settle(before *index, space string) tea.Cmd {
	var words []string
	if space != "" && !m.x.hasSpace(space) {
		words = append(words, "namespace "+space+" is gone")
	}
	if n := m.pruneMarks(); n > 0 && !m.run.active() {
		words = append(words, goneMarks(n))
	}
	m.pruneFixes()
	words = append(words, m.readChanges(before)...)
	if len(words) == 0 {
		return nil
	}
	return m.say(strings.Join(words, "; "))
}

func (x *index) hasSpace(name string) bool {
	for i := range x.spaces {
		if x.spaces[i].name == name {
			return true
		}
	}
	return false
}

func goneMarks(n int) string { return plural(n, "marked finding is", "marked findings are") + " gone" }

// pruneMarks drops the marks of findings that are gone or need no fix any more.
func (m *Model) pruneMarks() int {
	n := 0
	for id := range m.marks {
		if i, ok := m.x.byID[id]; !ok || m.x.rows[i].Status != harden.StatusFail {
			delete(m.marks, id)
			n++
		}
	}
	return n
}

// pruneFixes drops what is known of findings that are gone, once it is as much as
// what is known of those that are there.
func (m *Model) pruneFixes() {
	if len(m.fixes)+len(m.asked) < 2*len(m.x.rows)+1000 {
		return
	}
	for id := range m.fixes {
		if _, ok := m.x.byID[id]; !ok {
			delete(m.fixes, id)
		}
	}
	for id := range m.asked {
		if _, ok := m.x.byID[id]; !ok {
			delete(m.asked, id)
		}
	}
}

// readChanges tells which resources can be read no longer, or again. Each is told
// once: a right that comes and goes is no news.
func (m *Model) readChanges(before *index) []string {
	was, is := unreadOf(before), unreadOf(m.x)
	tell := func(from, to map[string]bool, word string) string {
		var names []string
		for _, u := range slices.Sorted(maps.Keys(to)) {
			if !from[u] && !m.told[word+u] {
				m.told[word+u] = true
				names = append(names, u)
			}
		}
		switch len(names) {
		case 0:
			return ""
		case 1:
			return names[0] + " " + word
		default:
			return plural(len(names), "kind", "kinds") + " " + word
		}
	}
	var words []string
	if w := tell(was, is, "cannot be read any more"); w != "" {
		words = append(words, w+" (r says why)")
	}
	if w := tell(is, was, "can be read again"); w != "" {
		words = append(words, w)
	}
	return words
}

func unreadOf(x *index) map[string]bool {
	out := map[string]bool{}
	if x.snap.Inventory != nil {
		for _, u := range x.snap.Inventory.Unread {
			out[u.Resource] = true
		}
	}
	return out
}
