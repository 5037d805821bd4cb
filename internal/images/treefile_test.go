package images

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

var someDigest = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}

// merged are the files of two layers over each other.
func merged(t testing.TB, layers ...*node) any {
	t.Helper()
	root := newDirectory()
	for _, l := range layers {
		if err := merge(root, l); err != nil {
			return err.Error()
		}
	}
	got, err := files(root, newBudget(Limits{}.withDefaults()))
	if err != nil {
		return err.Error()
	}
	return got
}

func TestTreesAreKeptAsTheyAre(t *testing.T) {
	below := archive(t, file("a/b", 0o755, ""), file("late", 0o4755, ""), dir("gone", 0o700, 1, 2), file("gone/x", 0o755, ""), file("etc/group", 0o644, "g:x:7:a\n"))
	above := archive(t,
		file("bin/x", 0o755, ""), hard("bin/y", "bin/x"), hard("early", "late"), sym("l", "a"), file("l/through", 0o755, ""), dir("a", 0o1777, 5, 6), capable("c", netBind),
		file(".wh.gone", 0, ""), file("a/.wh..wh..opq", 0, ""), file("e.sh", 0o755, "#!/bin/sh\n\xff"), file("odd\xff", 0o755, ""), file("etc/passwd", 0o644, "root:x:0:0::/:\n"),
		file("libx.so", 0o644, ""), tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"})
	var fresh, again []*node
	cache := store.Dir(t.TempDir())
	for i, data := range [][]byte{below, above} {
		b := newBudget(Limits{}.withDefaults())
		l, err := readLayer(bytes.NewReader(data), b)
		if err != nil {
			t.Fatal(err)
		}
		digest := someDigest
		digest.Hex = strings.Repeat("b", i) + digest.Hex[i:]
		writeTree(cache, digest, &layerTree{l.root, b.spent})
		read := readTree(cache, digest)
		if read == nil || read.cost != b.spent || b.spent.Entries == 0 || b.spent.Memory == 0 {
			t.Fatalf("read %+v, cost %+v", read, b.spent)
		}
		fresh, again = append(fresh, l.root), append(again, read.root)
		if n := again[i].find("bin/y"); i == 1 && (n == nil || n != again[i].find("bin/x")) {
			t.Error("a hard link became a copy")
		}
	}
	if diff := cmp.Diff(merged(t, fresh...), merged(t, again...)); diff != "" {
		t.Errorf("(-fresh +kept)\n%s", diff)
	}
	if readTree(cache, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("c", 64)}) != nil {
		t.Error("a tree of a layer that was never read")
	}
}

func TestTreesThatCannotBe(t *testing.T) {
	for name, records := range map[string][]nodeRecord{
		"nothing":                     nil,
		"a root that is a file":       {{Kind: program}},
		"a directory in itself":       {{Kind: directory, Names: []string{"x"}, Kids: []int{0}}},
		"a directory in one of its":   {{Kind: directory, Names: []string{"x"}, Kids: []int{1}}, {Kind: directory, Names: []string{"y"}, Kids: []int{1}}},
		"a kid that is not there":     {{Kind: directory, Names: []string{"x"}, Kids: []int{7}}},
		"a kid of a negative number":  {{Kind: directory, Names: []string{"x"}, Kids: []int{-2}}},
		"more kids than names":        {{Kind: directory, Kids: []int{1}}, {Kind: program}},
		"a file that holds something": {{Kind: directory, Names: []string{"x"}, Kids: []int{1}}, {Kind: program, Names: []string{"y"}, Kids: []int{-1}}},
		"two that hold one another":   {{Kind: directory, Names: []string{"x"}, Kids: []int{1}}, {Kind: directory, Names: []string{"y"}, Kids: []int{2}}, {Kind: directory, Names: []string{"z"}, Kids: []int{1}}},
	} {
		if _, err := unflatten(records); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzTreeFile(f *testing.F) {
	f.Add(archive(f, file("a/b", 0o755, "#!/bin/sh\n"), sym("l", "a"), file("l/x", 0o644, ""), hard("h", "a/b"), hard("early", "late"), file(".wh.x", 0, "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := readLayer(bytes.NewReader(data), newBudget(Limits{Memory: 4 << 20, Entries: 1000}.withDefaults()))
		if err != nil {
			return
		}
		again, err := unflatten(flatten(l.root))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(merged(t, l.root), merged(t, again)); diff != "" {
			t.Errorf("(-fresh +kept)\n%s", diff)
		}
	})
}
