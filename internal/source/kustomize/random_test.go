package kustomize

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var rounds = flag.Uint64("rounds", 4, "how many rounds of random patches are tried")

// Whatever changes in whatever object: a patch says exactly that, or is refused.
func TestRandomPatches(t *testing.T) {
	const size = 12
	refused := 0
	for seed := range *rounds {
		r := random{rand.New(rand.NewPCG(seed, 7))}
		var changes []harden.ObjectChange
		for i := range size {
			before, after := r.workload(i), r.workload(i)
			changes = append(changes, harden.ObjectChange{Before: object(t, text(before)), After: object(t, text(r.mixed(before, after)))})
		}
		files, err := Patches(changes, Options{Folder: t.TempDir()})
		if err != nil {
			refused++
			t.Logf("seed %d: %v", seed, err)
			continue
		}
		dir := t.TempDir()
		var befores strings.Builder
		for _, c := range changes {
			befores.WriteString("---\n" + text(c.Before.Object) + "\n")
		}
		for i := range files {
			files[i].Path = filepath.Join(dir, "patches", filepath.Base(files[i].Path))
		}
		write(t, append(files,
			harden.FileChange{Path: filepath.Join(dir, "before.yaml"), After: []byte(befores.String())},
			harden.FileChange{Path: filepath.Join(dir, "kustomization.yaml"), After: []byte("resources: [before.yaml]\ncomponents: [patches]\n")},
		))
		got, err := Render(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range changes {
			if !Same(got.Objects[i].Object, c.After.Object) {
				t.Errorf("seed %d, %s is not what was planned\n%s", seed, describe(c.After), archive(files))
			}
		}
	}
	if refused > int(*rounds)/3 {
		t.Errorf("%d of %d were refused", refused, *rounds)
	}
}

type random struct{ *rand.Rand }

func (r random) chance(percent int) bool { return r.IntN(100) < percent }

func pick[T any](r random, values ...T) T { return values[r.IntN(len(values))] }

// some gives a few of the items in a random order.
func (r random) some(max int, item func(i int) any) []any {
	var out []any
	for _, i := range r.Perm(max) {
		if r.chance(60) {
			out = append(out, item(i))
		}
	}
	return out
}

func (r random) workload(i int) map[string]any {
	kind, version := "Deployment", "apps/v1"
	if i%4 == 3 {
		kind, version = "Rollout", "argoproj.io/v1alpha1"
	}
	pod := map[string]any{
		"containers": append(r.some(3, r.container), map[string]any{"name": "last", "image": "x"}),
	}
	optional := func(name string, v any) {
		if r.chance(50) {
			pod[name] = v
		}
	}
	optional("initContainers", r.some(3, r.container))
	optional("volumes", r.some(3, func(i int) any {
		return map[string]any{"name": fmt.Sprint("v", i), "emptyDir": map[string]any{}}
	}))
	optional("hostNetwork", r.chance(50))
	optional("securityContext", map[string]any{"runAsNonRoot": r.chance(50), "runAsUser": r.IntN(3), "sysctls": r.some(2, func(i int) any {
		return map[string]any{"name": fmt.Sprint("s", i), "value": "1"}
	})})
	optional("tolerations", r.some(3, func(i int) any { return map[string]any{"key": fmt.Sprint("t", i)} }))
	optional("hostAliases", r.some(2, func(i int) any {
		return map[string]any{"ip": fmt.Sprint("10.0.0.", i), "hostnames": []any{pick(r, "a", "b")}}
	}))
	optional("topologySpreadConstraints", r.some(3, func(i int) any {
		return map[string]any{"topologyKey": fmt.Sprint("k", i/2), "whenUnsatisfiable": fmt.Sprint("w", i%2), "maxSkew": r.IntN(2)}
	}))
	optional("nodeSelector", map[string]any{"a/b~c": pick(r, "yes", "1", "~", "x: y")})
	return map[string]any{
		"apiVersion": version, "kind": kind,
		"metadata": map[string]any{"name": fmt.Sprint("w", i), "annotations": map[string]any{"x/y~z": pick(r, "on", "0x1", "1e3", "a\nb")}},
		"spec":     map[string]any{"template": map[string]any{"spec": pod}},
	}
}

func (r random) container(i int) any {
	c := map[string]any{"name": fmt.Sprint("c", i), "image": pick(r, "a", "b")}
	optional := func(name string, v any) {
		if r.chance(50) {
			c[name] = v
		}
	}
	optional("args", []any{pick(r, "--a", "b"), pick(r, "null", "")})
	optional("env", r.some(4, func(i int) any {
		return map[string]any{"name": fmt.Sprint("E", i), "value": pick(r, "", "1", "$(E0)")}
	}))
	optional("ports", r.some(3, func(i int) any {
		port := map[string]any{"containerPort": 53 + i/2}
		if i%2 == 1 {
			port["protocol"] = "UDP"
		} else if r.chance(50) {
			port["protocol"] = "TCP"
		}
		if r.chance(50) {
			port["hostPort"] = 53 + r.IntN(2)
		}
		return port
	}))
	optional("securityContext", map[string]any{"privileged": r.chance(50), "capabilities": map[string]any{"drop": []any{pick(r, "ALL", "KILL")}}})
	optional("volumeMounts", r.some(3, func(i int) any { return map[string]any{"name": "v0", "mountPath": fmt.Sprint("/", i)} }))
	optional("resources", map[string]any{"limits": map[string]any{"cpu": pick[any](r, "500m", 1, 0.5)}})
	return c
}

// mixed takes most of the first and some of the second.
func (r random) mixed(a, b any) any {
	x, ok := a.(map[string]any)
	y, okToo := b.(map[string]any)
	if !ok || !okToo {
		if r.chance(30) {
			return b
		}
		return a
	}
	out := map[string]any{}
	for _, k := range slices.Sorted(maps.Keys(x)) {
		v := x[k]
		w, both := y[k]
		switch {
		case k == "name" || k == "kind" || k == "apiVersion":
			out[k] = v
		case both:
			out[k] = r.mixed(v, w)
		case r.chance(80) || k == "containers":
			out[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(y)) {
		if _, both := x[k]; !both && r.chance(40) {
			out[k] = y[k]
		}
	}
	return out
}
