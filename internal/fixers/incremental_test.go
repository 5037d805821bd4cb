package fixers_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/needs"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

var (
	worlds = flag.Int("worlds", 60, "how many random clusters an incremental engine is tried on")
	first  = flag.Uint64("first-world", 0, "the seed of the first of them")
)

// An incremental run says what a full one says, whatever changed: findings with
// all that they say, their order, their workloads, and the counts. The clusters
// are made of the fixtures of all rules, the changes are random. Rules of a
// configuration take part.
func TestIncrementalIsFull(t *testing.T) {
	texts, custom := fixtures(t), customRules(t)
	for seed := *first; seed < *first+uint64(*worlds); seed++ {
		rnd := rand.New(rand.NewPCG(seed, 11))
		m := &mutator{rnd: rnd, inv: world(t, rnd, texts)}
		e := fullEngine()
		e.Suite = slices.Concat(e.Suite, custom)
		inc := &engine.Incremental{Engine: e}
		var done []string
		for range 12 {
			got, want := inc.Run(m.inv), e.Run(m.inv)
			if diff := different(got, want); diff != "" {
				t.Fatalf("seed %d, after %s: %s", seed, strings.Join(done, "; "), diff)
			}
			done = nil
			for range 1 + rnd.IntN(3) {
				done = append(done, m.change())
			}
		}
	}
}

// fullEngine settles like a session: what is expected is marked, waivers are looked up.
func fullEngine() *engine.Engine {
	rules := fixers.Suite()
	policy := &waivers.Policy{Rules: rules}
	return &engine.Engine{Suite: rules, Settings: harden.Settings{AllowedRegistries: []string{"registry.example.com"}}, Mark: needs.Settle, Settle: policy.Settle}
}

// customRules are some of a configuration: they look at objects, containers and Namespaces.
func customRules(t *testing.T) []*harden.Fixer {
	t.Helper()
	c, err := config.Parse(".harden.yaml", []byte(`
version: 1
custom-rules:
- {id: custom-namespace, title: is of another team, expression: "has(namespaceObject.metadata.labels) && object.metadata.name in namespaceObject.metadata.labels"}
- {id: custom-when, title: is of another team, kinds: [Service], when: "namespaceObject != null && has(namespaceObject.metadata.labels)", expression: "object.spec.ports.all(p, p.port > 80)"}
- {id: custom-container, title: has a name, each: container, expression: "container.name.size() > 3", message-expression: "'named ' + container.name"}
- {id: custom-account, title: has no label, kinds: [ServiceAccount], expression: "has(object.metadata.labels)"}
`), nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Custom
}

// fixtures are the objects of all rules: one text for each file.
func fixtures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.yaml"))
	if err != nil || len(files) < 400 {
		t.Fatalf("too few fixtures: %d, %v", len(files), err)
	}
	var out []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// world is a cluster (or files) made of some fixtures.
func world(t *testing.T, rnd *rand.Rand, texts []string) *harden.Inventory {
	t.Helper()
	var all []string
	var opts []fixtest.Option
	for range 3 + rnd.IntN(6) {
		text := texts[rnd.IntN(len(texts))]
		opts = append(opts, options(t, text)...)
		all = append(all, text)
	}
	if rnd.IntN(4) > 0 {
		opts = append(opts, fixtest.Live(), fixtest.Minor(37))
	}
	inv := fixtest.Load(t, strings.Join(all, "\n---\n"), opts...)
	m := &mutator{inv: inv}
	once(inv)
	for _, w := range inv.Workloads {
		for i := range 1 + rnd.IntN(2) {
			if w.Ref.Kind != "Pod" && inv.Live() {
				addPod(w, i)
			}
		}
	}
	m.settle() // what was found twice is in no list
	return inv
}

// once leaves one of the objects that several fixtures have: a server has no more.
func once(inv *harden.Inventory) {
	seen := map[harden.Key]bool{}
	twice := func(r harden.Ref) bool {
		r.Source = harden.Source{}
		key := r.Key()
		defer func() { seen[key] = true }()
		return seen[key]
	}
	inv.Workloads = slices.DeleteFunc(inv.Workloads, func(w *harden.Workload) bool { return twice(w.Ref) })
	for kind, list := range inv.Others {
		inv.Others[kind] = slices.DeleteFunc(list, func(o *harden.Object) bool { return twice(o.Ref) })
	}
	for ns, list := range inv.NetworkPolicies {
		inv.NetworkPolicies[ns] = slices.DeleteFunc(list, func(p *networkingv1.NetworkPolicy) bool {
			return twice(harden.Ref{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: ns, Name: p.Name})
		})
	}
}

// different tells the first difference of two results, or "".
func different(got, want *harden.Result) string {
	known := map[*harden.Workload]bool{}
	for _, w := range got.Inventory.Workloads {
		known[w] = true
	}
	for i := range max(len(got.Findings), len(want.Findings)) {
		switch {
		case i >= len(got.Findings):
			return fmt.Sprintf("%s is missing", want.Findings[i].ID())
		case i >= len(want.Findings):
			return fmt.Sprintf("%s is too much", got.Findings[i].ID())
		case !reflect.DeepEqual(got.Findings[i], want.Findings[i]):
			return fmt.Sprintf("got\n%s\nwant\n%s", shown(got.Findings[i]), shown(want.Findings[i])) + also(got, want.Findings[i])
		case got.Findings[i].Workload != nil && !known[got.Findings[i].Workload]:
			return fmt.Sprintf("%s has a workload that is not in the inventory", got.Findings[i].ID())
		}
	}
	for id, n := range want.Counts {
		if got.Counts[id] != n {
			return fmt.Sprintf("counts of %s are %+v, want %+v", id, got.Counts[id], n)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got.Counts)), slices.Sorted(maps.Keys(want.Counts))) {
		return "the counts are of other rules"
	}
	return ""
}

func shown(f *harden.Finding) string {
	return fmt.Sprintf("%s (%v) %s, %s %q: %s: %s", f.ID(), f.Lens, f.Status, f.Severity, f.SeverityWhy, f.Reason, f.Detail)
}

// also tells what is said of the same thing elsewhere in the list.
func also(res *harden.Result, f *harden.Finding) string {
	for _, other := range res.Findings {
		if other.ID() == f.ID() {
			return "\nand elsewhere\n" + shown(other)
		}
	}
	return ""
}

// What an incremental engine keeps does not grow: of a hundred inventories and the
// workloads that were replaced in them nothing is left but the last.
func TestIncrementalKeepsNoOldInventory(t *testing.T) {
	inc := &engine.Incremental{Engine: fullEngine()}
	inv := estate(5, 60)
	var inventories []weak.Pointer[harden.Inventory]
	var workloads []weak.Pointer[harden.Workload]
	var last *harden.Result
	for n := range 100 {
		next := *inv
		next.Now = next.Now.Add(time.Hour)
		switch n % 4 {
		case 0:
			changePodStatus(&next, n)
		case 1:
			changeTemplate(&next, n)
		case 2:
			changeClusterRoleBinding(&next, n)
		case 3:
			changeService(&next, n)
		}
		for i, w := range inv.Workloads {
			if next.Workloads[i] != w {
				workloads = append(workloads, weak.Make(w))
			}
		}
		inv = &next
		last = inc.Run(inv)
		inventories = append(inventories, weak.Make(last.Inventory))
	}
	runtime.GC()
	runtime.GC()
	left := 0
	for _, p := range inventories[:len(inventories)-1] {
		if p.Value() != nil {
			left++
		}
	}
	for _, p := range workloads {
		if p.Value() != nil {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d of %d inventories and %d workloads that are gone are kept alive", left, len(inventories), len(workloads))
	}
	runtime.KeepAlive(last)
	runtime.KeepAlive(inc)
}
