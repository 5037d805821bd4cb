package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestFilterFinds(t *testing.T) {
	x := newIndex(shop(), nil)
	class := func(id string) string {
		r := x.rows[x.byID[id]]
		if r.Fixer.Fix == nil {
			return "none"
		}
		return r.Fixer.Fix(nil, r.Finding)[0].Class.String()
	}
	for _, test := range []struct {
		text string
		want int
	}{
		{"", 19},
		{"privileged", 3},
		{"PRIVILEGED", 3},
		{"nonroot", 6}, // letters of run-as-non-root, close together
		{"zzz", 0},
		{"rights of", 3}, // title
		{"web", 5},       // object and container
		{"web root", 2},  // both words
		{"severity:critical", 3},
		{"sev:high+", 9}, // high and critical, failures only
		{"severity:low,info ns:shop", 3},
		{"class:safe", 2},
		{"class:none kind:ns", 1},
		{"ns:pay", 2},
		{"status:waived", 1},
		{"status:unknown", 1},
		{"kind:cronjob", 2},
		{"kind:cj", 2},
		{"container:redis", 1},
		{"id:memory name:web", 1},
		{"日本", 1},
	} {
		f := parseFilter(test.text)
		if f.err != "" {
			t.Errorf("%q: %s", test.text, f.err)
		}
		if got := f.match(x, class); got.n != test.want {
			t.Errorf("%q finds %d, want %d", test.text, got.n, test.want)
		}
	}
}

func TestFilterSaysWhatItDoesNotKnow(t *testing.T) {
	for text, want := range map[string]string{
		"foo:bar":           `no term "foo": use severity`,
		"severity:enormous": `no severity "enormous": use critical`,
		"class:x":           `no class "x"`,
		"severity:hi":       "", // still being typed
	} {
		if got := parseFilter(text).err; want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("severity:high+ ns:shop,web -x root")
	x := newIndex(shop(), nil)
	f.Fuzz(func(t *testing.T, text string) {
		p := parseFilter(text)
		if m := p.match(x, func(string) string { return "safe" }); m.n > len(x.rows) {
			t.Errorf("%d of %d", m.n, len(x.rows))
		}
	})
}

func TestIndexOrders(t *testing.T) {
	x := newIndex(shop(), nil)
	var spaces []string
	for _, s := range x.spaces {
		spaces = append(spaces, s.name)
	}
	want := []string{"shop", "payments", "identity", "default", "kube-system", "kube-node-lease", "kube-public"}
	if diff := cmp.Diff(want, spaces); diff != "" {
		t.Errorf("worst first, system last:\n%s", diff)
	}
	for g, order := range x.orders {
		seen := slices.Clone(order)
		slices.Sort(seen)
		for i, at := range seen {
			if int(at) != i {
				t.Fatalf("grouping %d does not hold each finding once", g)
			}
		}
	}
	worst := harden.Critical
	for _, at := range x.orders[bySeverity] {
		if f := x.rows[at].Finding; f.Status == harden.StatusFail {
			if f.Severity > worst {
				t.Fatalf("%s after %s", f.Severity, worst)
			}
			worst = f.Severity
		}
	}
	if x.total.failed[harden.Critical] != 2 {
		t.Errorf("%d critical, want 2: namespaces of the system are apart", x.total.failed[harden.Critical])
	}
}

func TestIndexMarksChanges(t *testing.T) {
	first := newIndex(shop(), nil)
	s := shop()
	s.Findings[1].Severity = harden.Medium
	second := newIndex(s, first)
	var changed []string
	for _, r := range second.rows {
		if r.changed {
			changed = append(changed, r.id)
		}
	}
	if diff := cmp.Diff([]string{s.Findings[1].ID()}, changed); diff != "" {
		t.Error(diff)
	}
	if again := newIndex(&harden.Snapshot{Result: s.Result, Stale: true}, second); slices.ContainsFunc(again.rows, func(r row) bool { return r.changed }) {
		t.Error("a lost connection marks rows as changed")
	}
	if empty := newIndex(&harden.Snapshot{Stale: true}, second); len(empty.rows) != len(second.rows) {
		t.Error("a snapshot without a result does not keep the one before")
	}
}

type names []string

func (n names) Len() int        { return len(n) }
func (n names) ID(i int) string { return n[i] }

func TestListFollowsIdentity(t *testing.T) {
	ids := func(from, to int) names {
		var n names
		for i := from; i < to; i++ {
			n = append(n, fmt.Sprint(i))
		}
		return n
	}
	for _, test := range []struct {
		name     string
		old, new names
		at, top  int
		want     list
	}{
		{"nothing changes", ids(0, 50), ids(0, 50), 20, 15, list{20, 15}},
		{"rows come before", ids(10, 50), ids(0, 50), 20, 15, list{30, 25}},
		{"rows go before", ids(0, 50), ids(10, 50), 20, 15, list{10, 5}},
		{"the row goes", ids(0, 50), append(ids(0, 20), ids(21, 50)...), 20, 15, list{20, 15}},
		{"it and all after it go", ids(0, 50), ids(0, 20), 30, 25, list{19, 10}},
		{"all go", ids(0, 50), nil, 20, 15, list{0, 0}},
		{"headings are passed over", ids(0, 5), names{"", "x", "", "4"}, 4, 0, list{3, 0}},
	} {
		l := list{test.at, test.top}
		l.keep(test.old, test.new, 10)
		if l != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, l, test.want)
		}
	}
}

// A list that the text beside it covers has no height; its rows change all the same.
func TestListThatIsCovered(t *testing.T) {
	l := list{at: 5, top: 2}
	l.keep(names{"a", "b", "c", "d", "e", "f"}, names{"f", "g"}, 0)
	if l != (list{0, 0}) {
		t.Errorf("got %v", l)
	}
}

func TestListPassesOverHeadings(t *testing.T) {
	r := names{"", "a", "", "", "b", ""}
	l := list{}
	l.clamp(r, 10)
	var got []int
	for _, delta := range []int{0, 1, 1, -1, -1, 100, -100} {
		l.move(r, delta, 10)
		got = append(got, l.at)
	}
	if diff := cmp.Diff([]int{1, 4, 4, 1, 1, 4, 1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPanesFillTheBody(t *testing.T) {
	m := New(newFake(), Options{})
	m.x = newIndex(shop(), nil)
	m.start()
	for w := minWidth; w <= 250; w++ {
		for _, h := range []int{minHeight, 17, 18, 24, 48, 100} {
			for focus := levelSpaces; focus <= levelDetail; focus++ {
				m.width, m.height, m.browse.focus = w, h, focus
				p := m.panes()
				area := 0
				for _, r := range [4]rect{p.spaces, p.objects, p.finds, p.detail} {
					if r.h > 0 && (r.h < 3 || r.w < 20 || r.x+r.w > w || r.y+r.h > h-1) {
						t.Fatalf("%dx%d focus %d: pane %+v", w, h, focus, r)
					}
					area += r.w * r.h
				}
				if body := m.body(); area != body.w*body.h {
					t.Fatalf("%dx%d focus %d: panes cover %d cells of %d", w, h, focus, area, body.w*body.h)
				}
				if [4]rect{p.spaces, p.objects, p.finds, p.detail}[focus].h == 0 {
					t.Fatalf("%dx%d: the pane with the keys, %d, is hidden", w, h, focus)
				}
			}
		}
	}
}

func TestFit(t *testing.T) {
	for _, s := range []string{"", "a", "abc", "abcdefghij", "日本語コンテナ", "é́x", "👩‍👩‍👧‍👦 family", "a\tb\nc", "\x1b[31mred"} {
		for w := range 12 {
			for name, got := range map[string]string{"fit": fit(s, w), "fitRight": fitRight(s, w), "clip": clip(clean(s), w)} {
				if n := ansi.StringWidth(got); n != w {
					t.Errorf("%s(%q, %d) is %d cells: %q", name, s, w, n, got)
				}
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		w    int
		want []string
	}{
		{"", 10, []string{""}},
		{"one two three", 8, []string{"one two", "three"}},
		{"a\nb", 8, []string{"a", "b"}},
		{"E-SPEC  two blanks stay", 40, []string{"E-SPEC  two blanks stay"}},
		{"see .spec.template.spec.containers[web].image now", 20, []string{"see .spec.template", ".spec.containers", "[web].image now"}},
		{"abcdefghijkl", 5, []string{"abcde", "fghij", "kl"}},
		{"日本語日本語", 5, []string{"日本", "語日", "本語"}},
		{"read-only stays whole", 9, []string{"read-only", "stays", "whole"}},
	} {
		got := wrap(test.text, test.w)
		for _, l := range got {
			if ansi.StringWidth(l) > test.w {
				t.Errorf("%q is wider than %d", l, test.w)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q:\n%s", test.text, diff)
		}
	}
}

func TestOverlayKeepsTheWidth(t *testing.T) {
	for x := range 8 {
		lines := []string{"日本語日本語日本語", strings.Repeat("x", 18), ""}
		overlay(lines, []string{"[box]", "[box]", "[box]"}, x, 0, 18)
		for i, l := range lines {
			if n := ansi.StringWidth(l); n != 18 {
				t.Errorf("at %d, line %d: %d cells: %q", x, i, n, l)
			}
			if got := ansi.Strip(ansi.Cut(l, x, x+5)); got != "[box]" {
				t.Errorf("at %d, line %d: %q", x, i, got)
			}
		}
	}
}

func TestDiffKeepsSignsAndDropsCommonIndentation(t *testing.T) {
	p := &page{st: &newTheme(true, colorprofile.TrueColor).styles, w: 24}
	p.diff("--- a\n+++ b\n@@ -1 +1 @@\n       containers:\n-        x: 1\n+        x: a long value that does not fit\n@@ -9 +9 @@\n+z: 1\n")
	var got []string
	for _, l := range p.lines {
		got = append(got, strings.TrimRight(ansi.Strip(l), " "))
	}
	want := []string{"  containers:", "-   x: 1", "+   x: a long value that", "+    does not fit", "  ⋯", "+ z: 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestActionsAreDocumentedAndTheirKeysAreUnique(t *testing.T) {
	taken := map[string]string{}
	for _, a := range Actions() {
		if a.Name == "" || a.Help == "" || len(a.Keys) == 0 || len(a.In) == 0 {
			t.Errorf("incomplete: %+v", a)
		}
		for _, in := range a.In {
			for _, k := range a.Keys {
				if other, ok := taken[in+" "+k]; ok {
					t.Errorf("%s on %s is both %q and %q", k, in, other, a.Name)
				}
				taken[in+" "+k] = a.Name
			}
		}
	}
	for _, in := range placeNames {
		for _, k := range []string{"?", "q", "ctrl+c", "!"} {
			if taken[in+" "+k] == "" {
				t.Errorf("%s does nothing on %s", k, in)
			}
		}
	}
}
