package tui

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// unshared is a snapshot that shares no finding with the one that it is of.
func unshared(s *harden.Snapshot) *harden.Snapshot {
	r := *s.Result
	r.Findings = make([]*harden.Finding, len(s.Findings))
	for i, f := range s.Findings {
		copied := *f
		r.Findings[i] = &copied
	}
	return &harden.Snapshot{Result: &r, Generation: s.Generation}
}

// TestIndexOfSharedFindings holds that what is taken over from the index before is
// what reading all of it gives.
func TestIndexOfSharedFindings(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	snap := crowd(300, 1)
	shared, plain := newIndex(snap, nil), newIndex(unshared(snap), nil)
	spare := crowd(400, 1).Findings[300:]
	for round := range 200 {
		result := *snap.Result
		result.Findings = slices.Clone(snap.Findings)
		for range r.IntN(4) {
			i, j := r.IntN(len(result.Findings)), r.IntN(len(spare))
			switch r.IntN(5) {
			case 0:
				f := *result.Findings[i]
				f.Severity, f.Reason = harden.Severity(r.IntN(5)), fmt.Sprint("reason ", round)
				result.Findings[i] = &f
			case 1:
				result.Findings[i], spare[j] = spare[j], result.Findings[i]
			case 2:
				if len(result.Findings) > 200 {
					spare = append(spare, result.Findings[i])
					result.Findings = slices.Delete(result.Findings, i, i+1)
				}
			case 3:
				result.Findings = slices.Insert(result.Findings, i, spare[j])
				spare = slices.Delete(spare, j, j+1)
			case 4:
				k := r.IntN(len(result.Findings))
				result.Findings[i], result.Findings[k] = result.Findings[k], result.Findings[i]
			}
		}
		snap = &harden.Snapshot{Result: &result, Generation: snap.Generation + 1}
		shared, plain = newIndex(snap, shared), newIndex(unshared(snap), plain)
		for i := range plain.rows {
			got, want := shared.rows[i], plain.rows[i]
			got.Finding, want.Finding = nil, nil
			if got != want {
				t.Fatalf("round %d, row %d: %+v, want %+v", round, i, got, want)
			}
		}
		for what, pair := range map[string][2]any{
			"orders": {shared.orders, plain.orders}, "namespaces": {shared.spaces, plain.spaces}, "objects": {shared.objects, plain.objects},
			"identities": {shared.byID, plain.byID}, "counts": {shared.total, plain.total}, "last changed": {shared.sortRows(bySeverity, changedFirst), plain.sortRows(bySeverity, changedFirst)},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Fatalf("round %d: %s differ:\n%v\n%v", round, what, pair[0], pair[1])
			}
		}
	}
}

// TestFilterIsThatOfEachFinding compares the filter with one that asks each finding
// alone, on random texts.
func TestFilterIsThatOfEachFinding(t *testing.T) {
	x := newIndex(shop(), nil)
	words := strings.Fields("web shop root nonroot priv e redis pay token 日本 zzz severity:high+ severity:low,crit status:unk status:waived ns:shop ns:=shop kind:deploy kind:cj id:memory container:redis name:web ns:")
	plain := func(f *filter, r *row) bool {
		o, space, place := &x.objects[r.object], x.spaces[r.space].name, r.Container.Name
		for _, w := range f.words {
			if !near(w, r.Fixer.ID) && !strings.Contains(strings.ToLower(r.Fixer.Title), w) && !near(w, strings.ToLower(o.name)) &&
				!strings.Contains(strings.ToLower(space), w) && !near(w, strings.ToLower(place)) {
				return false
			}
		}
		for _, term := range f.terms {
			if !map[string]bool{
				"severity": term.severity(r.Severity) && r.Status == harden.StatusFail, "status": term.prefix(r.Status.String()), "ns": term.contains(space),
				"kind": term.contains(o.ref.Kind) || term.contains(strings.Split(o.name, "/")[0]), "name": term.contains(o.ref.Name),
				"id": term.contains(r.Fixer.ID), "container": term.contains(place),
			}[term.key] {
				return false
			}
		}
		return true
	}
	r := rand.New(rand.NewPCG(5, 6))
	some := 0
	for range 400 {
		var text []string
		for range 1 + r.IntN(3) {
			text = append(text, words[r.IntN(len(words))])
		}
		f := parseFilter(strings.Join(text, " "))
		m := f.match(x, func(string) string { return "" })
		spaces, objects := map[int32]int{}, map[int32]int{}
		for i := range x.rows {
			keeps := plain(&f, &x.rows[i])
			if m.rows[i] != keeps {
				t.Fatalf("%q, %s: %v, want %v", f.text, x.rows[i].id, m.rows[i], keeps)
			}
			if keeps {
				some++
				spaces[x.rows[i].space]++
				objects[x.rows[i].object]++
			}
		}
		for i := range m.spaces {
			if m.spaces[i].total() != spaces[int32(i)] {
				t.Fatalf("%q counts %d in %s, want %d", f.text, m.spaces[i].total(), x.spaces[i].name, spaces[int32(i)])
			}
		}
		for i := range m.objects {
			if m.objects[i].total() != objects[int32(i)] {
				t.Fatalf("%q counts %d in %s, want %d", f.text, m.objects[i].total(), x.objects[i].name, objects[int32(i)])
			}
		}
	}
	if some == 0 {
		t.Fatal("nothing was found")
	}
}
