package images

import (
	"archive/tar"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// listing writes merged files as lines, sorted by path: what a test expects of them.
func listing(f *harden.ImageFiles) string {
	var lines []string
	for p, d := range f.Dirs {
		lines = append(lines, fmt.Sprintf("%s/ %o %d:%d %d", p, d.Mode, d.UID, d.GID, d.Entries))
	}
	for p, x := range f.Programs {
		line := fmt.Sprintf("%s %o %d:%d", p, x.Mode, x.UID, x.GID)
		if x.Capabilities != nil {
			line += fmt.Sprintf(" %s effective=%v", strings.Join(x.Capabilities, ","), x.Effective)
		}
		lines = append(lines, line)
	}
	for p, target := range f.Links {
		lines = append(lines, p+" -> "+target)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestLayersAreMerged(t *testing.T) {
	type layer = []any
	for _, test := range []struct {
		name   string
		layers []layer
		want   []string
	}{
		{"nothing", nil, nil},
		{"directories that no entry lists are root's", []layer{{file("a/b/x", 0o755, "")}}, []string{
			"/a/ 755 0:0 1", "/a/b/ 755 0:0 1", "/a/b/x 755 0:0",
		}},
		{"a listed directory may come after what is in it", []layer{{file("a/x", 0o644, ""), dir("a", 0o700, 5, 6)}}, []string{"/a/ 700 5:6 1"}},
		{"T27 plain files count", []layer{{file("var/x", 0o644, ""), file("var/y", 0o600, "")}}, []string{"/var/ 755 0:0 2"}},
		{"T27 a file written again counts once", []layer{{file("var/x", 0o644, "")}, {file("var/x", 0o644, "new")}}, []string{"/var/ 755 0:0 1"}},
		{"T27 whiteouts empty a directory", []layer{{file("var/x", 0o644, ""), file("var/y", 0o644, "")}, {file("var/.wh.x", 0, ""), file("var/.wh.y", 0, "")}}, []string{"/var/ 755 0:0 0"}},
		{"T26 an emptied cache keeps its folders", []layer{{dir("var/cache/nginx", 0o755), file("var/cache/apt/pkgcache.bin", 0o644, "")}, {file("var/cache/.wh.apt", 0, "")}}, []string{
			"/var/ 755 0:0 1", "/var/cache/ 755 0:0 1", "/var/cache/nginx/ 755 0:0 0",
		}},
		{"a whiteout removes a directory with all in it", []layer{{file("a/b/c/x", 0o755, "")}, {file("a/.wh.b", 0, "")}}, []string{"/a/ 755 0:0 0"}},
		{"a whiteout of what is not there", []layer{{dir("a", 0o755)}, {file("a/.wh.x", 0, "")}}, []string{"/a/ 755 0:0 0"}},
		{"a whiteout removes from below only, whatever the order", []layer{{file("a/x", 0o755, "", 1, 1)}, {file("a/x", 0o755, "", 2, 2), file("a/.wh.x", 0, "")}}, []string{"/a/ 755 0:0 1", "/a/x 755 2:2"}},
		{"opaque hides what is below, not what its layer brings", []layer{
			{dir("a", 0o700), file("a/old", 0o755, ""), file("a/deep/x", 0o755, "")},
			{file("a/new", 0o755, ""), file("a/.wh..wh..opq", 0, "")},
		}, []string{"/a/ 700 0:0 1", "/a/new 755 0:0"}},
		{"opaque at the root", []layer{{file("a/x", 0o755, "")}, {file(".wh..wh..opq", 0, ""), file("b", 0o755, "")}}, []string{"/b 755 0:0"}},
		{"opaque, and then more", []layer{{file("a/old", 0o755, "")}, {file("a/.wh..wh..opq", 0, "")}, {file("a/new", 0o755, "")}}, []string{"/a/ 755 0:0 1", "/a/new 755 0:0"}},
		{"bookkeeping of AUFS", []layer{{file(".wh..wh.aufs", 0, ""), dir(".wh..wh.plnk", 0o700), file(".wh..wh.plnk/1.2", 0o755, ""), dir("a", 0o755)}}, []string{"/a/ 755 0:0 0"}},
		{"a file replaces a directory", []layer{{file("a/b/x", 0o755, "")}, {file("a/b", 0o755, "", 7, 7)}}, []string{"/a/ 755 0:0 1", "/a/b 755 7:7"}},
		{"a directory replaces a file", []layer{{file("a", 0o755, "")}, {file("a/x", 0o755, "")}}, []string{"/a/ 755 0:0 1", "/a/x 755 0:0"}},
		{"a directory with new owner keeps its files", []layer{{dir("a", 0o755), file("a/x", 0o644, "")}, {dir("a", 0o2775, 33, 33)}}, []string{"/a/ 2775 33:33 1"}},
		{"a directory that is only implied keeps its owner", []layer{{dir("a", 0o1777, 33, 33)}, {file("a/x", 0o644, "")}}, []string{"/a/ 1777 33:33 1"}},
		{"a setuid file removed by a later layer", []layer{{file("usr/bin/su", 0o4755, ""), file("usr/bin/id", 0o755, "")}, {file("usr/bin/.wh.su", 0, "")}}, []string{"/usr/ 755 0:0 1", "/usr/bin/ 755 0:0 1", "/usr/bin/id 755 0:0"}},
		{"a setuid bit taken by a later layer", []layer{{file("su", 0o4755, "")}, {file("su", 0o755, "")}}, []string{"/su 755 0:0"}},
		{"setuid and setgid without x", []layer{{file("a", 0o4644, ""), file("b", 0o2644, ""), file("c", 0o644, "")}}, []string{"/a 4644 0:0", "/b 2644 0:0"}},
		{"T15 a file capability", []layer{{capable("usr/bin/caddy", netBind)}}, []string{"/usr/ 755 0:0 1", "/usr/bin/ 755 0:0 1", "/usr/bin/caddy 755 0:0 NET_BIND_SERVICE effective=true"}},
		{"T15 a file capability lost by a copy in a later layer", []layer{{capable("caddy", netBind)}, {file("caddy", 0o755, "")}}, []string{"/caddy 755 0:0"}},
		{"hard links share what their target is", []layer{{capable("a", netBind), hard("b", "a"), file("c", 0o4711, "", 0, 4), hard("x/d", "/c")}}, []string{
			"/a 755 0:0 NET_BIND_SERVICE effective=true", "/b 755 0:0 NET_BIND_SERVICE effective=true", "/c 4711 0:4", "/x/ 755 0:0 1", "/x/d 4711 0:4",
		}},
		{"a hard link keeps what its target was", []layer{{file("a", 0o4755, ""), hard("b", "a"), file("a", 0o755, "")}}, []string{"/a 755 0:0", "/b 4755 0:0"}},
		{"hard links before their target, and to below", []layer{{file("low", 0o4755, "")}, {hard("b", "a"), hard("c", "b"), file("a", 0o6755, ""), hard("d", "low")}}, []string{
			"/a 6755 0:0", "/b 6755 0:0", "/c 6755 0:0", "/d 4755 0:0", "/low 4755 0:0",
		}},
		{"links are kept as they stand there", []layer{{sym("bin", "usr/bin"), sym("var/run", "/run"), sym("up", "../../x"), sym("loop", "loop")}}, []string{
			"/bin -> usr/bin", "/loop -> loop", "/up -> ../../x", "/var/ 755 0:0 1", "/var/run -> /run",
		}},
		{"a link in the same layer is followed", []layer{{sym("bin", "usr/bin"), file("bin/x", 0o755, ""), sym("abs", "/usr"), file("abs/lib/y", 0o755, ""), sym("out", "../../etc"), file("out/z", 0o755, "")}}, []string{
			"/abs -> /usr", "/bin -> usr/bin", "/etc/ 755 0:0 1", "/etc/z 755 0:0", "/out -> ../../etc",
			"/usr/ 755 0:0 2", "/usr/bin/ 755 0:0 1", "/usr/bin/x 755 0:0", "/usr/lib/ 755 0:0 1", "/usr/lib/y 755 0:0",
		}},
		{"a link below is replaced by a directory, as overlayfs has it", []layer{{sym("bin", "usr/bin"), file("usr/bin/sh", 0o755, "")}, {file("bin/x", 0o755, "")}}, []string{
			"/bin/ 755 0:0 1", "/bin/x 755 0:0", "/usr/ 755 0:0 1", "/usr/bin/ 755 0:0 1", "/usr/bin/sh 755 0:0",
		}},
		{"names in all spellings", []layer{{file("./a/./x", 0o755, ""), file("/a//y", 0o755, ""), file("a/b/../z", 0o755, ""), dir(".", 0o700, 9, 9), dir("/", 0o700, 9, 9)}}, []string{
			"/a/ 755 0:0 3", "/a/x 755 0:0", "/a/y 755 0:0", "/a/z 755 0:0",
		}},
		{"the same entry twice", []layer{{file("x", 0o755, "", 1, 1), file("x", 0o755, "", 2, 2), dir("d", 0o700), dir("d", 0o755)}}, []string{"/d/ 755 0:0 0", "/x 755 2:2"}},
		{"devices and pipes count", []layer{{
			tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3},
			tar.Header{Typeflag: tar.TypeBlock, Name: "dev/sda", Mode: 0o660, Devmajor: 8},
			tar.Header{Typeflag: tar.TypeFifo, Name: "dev/initctl", Mode: 0o600},
		}}, []string{"/dev/ 755 0:0 3"}},
		{"a name that is no text", []layer{{file("a\xff\xfe", 0o755, "")}}, []string{"/a\uFFFD 755 0:0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			slices.Sort(test.want)
			if diff := cmp.Diff(strings.Join(test.want, "\n"), listing(filesOf(t, test.layers...))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAccountsOfLaterLayersCount(t *testing.T) {
	debian := []any{file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"), file("etc/group", 0o644, "root:x:0:\n")}
	for _, test := range []struct {
		name   string
		layers [][]any
		users  []harden.ImageUserEntry
		groups []harden.ImageGroupEntry
	}{
		{"none", nil, nil, nil},
		{"T05 nobody", [][]any{debian}, []harden.ImageUserEntry{{Name: "root", Home: "/root"}, {Name: "nobody", UID: 65534, GID: 65534, Home: "/"}}, []harden.ImageGroupEntry{{Name: "root"}}},
		{
			"a later layer adds a user",
			[][]any{debian, {file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\napp:x:10002:10002::/app:/bin/sh\n"), file("etc/group", 0o664, "root:x:0:\napp:x:10002:app,www\n")}},
			[]harden.ImageUserEntry{{Name: "root", Home: "/root"}, {Name: "app", UID: 10002, GID: 10002, Home: "/app"}},
			[]harden.ImageGroupEntry{{Name: "root"}, {Name: "app", GID: 10002, Members: []string{"app", "www"}}},
		},
		{"a later layer removes them", [][]any{debian, {file("etc/.wh.passwd", 0, ""), file("etc/.wh.group", 0, "")}}, nil, nil},
		{"a link", [][]any{{sym("etc/passwd", "/nix/store/x/etc/passwd"), file("nix/store/x/etc/passwd", 0o444, "app:x:1:2::/:\n")}}, []harden.ImageUserEntry{{Name: "app", UID: 1, GID: 2, Home: "/"}}, nil},
		{"a folder that is a link", [][]any{{sym("etc", "system/etc"), file("system/etc/passwd", 0o444, "app:x:1:2::/:\n")}}, []harden.ImageUserEntry{{Name: "app", UID: 1, GID: 2, Home: "/"}}, nil},
		{"a loop of links", [][]any{{sym("etc/passwd", "group"), sym("etc/group", "passwd")}}, nil, nil},
		{"executable, as chmod -R makes it", [][]any{{file("etc/passwd", 0o777, "app:x:1:2::/:\n")}}, []harden.ImageUserEntry{{Name: "app", UID: 1, GID: 2, Home: "/"}}, nil},
		{"a program of that name", [][]any{{file("usr/bin/passwd", 0o4755, "app:x:1:2::/:\n")}}, nil, nil},
		{"broken lines", [][]any{{file("etc/passwd", 0o644, "\n:::\nx\napp:x:nonsense:2:::\n")}}, []harden.ImageUserEntry{{}, {Name: "x"}, {Name: "app", GID: 2}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := filesOf(t, test.layers...)
			if diff := cmp.Diff(test.users, f.Users); diff != "" {
				t.Errorf("users (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.groups, f.Groups); diff != "" {
				t.Errorf("groups (-want +got)\n%s", diff)
			}
		})
	}
}

func TestScripts(t *testing.T) {
	script := "#!/bin/sh\nexec gosu app \"$@\"\n"
	f := filesOf(t, []any{
		file("docker-entrypoint.sh", 0o755, script),
		file("usr/local/bin/entry", 0o555, script),
		hard("usr/local/bin/also", "docker-entrypoint.sh"),
		file("not-executable.sh", 0o644, script),
		file("no-script", 0o755, "\x7fELF"),
		file("one-byte", 0o755, "#"),
		file("empty", 0o755, ""),
		file("library/run", 0o755, script),
		file("large", 0o755, "#!"+strings.Repeat("x", maxScript)),
		file("full", 0o755, "#!"+strings.Repeat("x", maxScript-2)),
		file("bin/x", 0o755, script), file("sbin/x", 0o755, script), file("lib/x", 0o755, script), file("lib64/x", 0o755, script),
		file("usr/bin/x", 0o755, script), file("usr/sbin/x", 0o755, script), file("usr/lib/x", 0o755, script), file("usr/libexec/x", 0o755, script),
		file("usr/share/x", 0o755, script), file("etc/x", 0o755, script),
	})
	want := []string{"/docker-entrypoint.sh", "/full", "/library/run", "/usr/local/bin/also", "/usr/local/bin/entry"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(f.Scripts))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if f.Scripts["/usr/local/bin/entry"] != script {
		t.Errorf("text = %q", f.Scripts["/usr/local/bin/entry"])
	}
}

func TestScriptsAtTheTopComeFirst(t *testing.T) {
	var deep []any
	for i := range 200 {
		deep = append(deep, file(fmt.Sprintf("app/node_modules/m%03d/cli.js", i), 0o755, "#!/usr/bin/env node"+strings.Repeat("\n", maxScript-100)))
	}
	f := filesOf(t, deep, append(deep, file("entrypoint.sh", 0o755, "#!/bin/sh\n")), deep)
	if f.Scripts["/entrypoint.sh"] == "" {
		t.Error("the entrypoint gave way to scripts of dependencies")
	}
	total := 0
	for _, s := range f.Scripts {
		total += len(s)
	}
	if total > maxScripts {
		t.Errorf("kept %d bytes of scripts, more than %d", total, maxScripts)
	}
	if len(f.Programs) != 201 {
		t.Errorf("got %d programs, want 201", len(f.Programs))
	}
}

func TestLibraries(t *testing.T) {
	f := filesOf(t, []any{
		file("usr/lib/x86_64-linux-gnu/libssl.so.3", 0o644, ""), file("opt/lib/libssl.so.3", 0o644, ""), sym("usr/lib/libcap.so", "libcap.so.2"),
		file("usr/lib/libcap.so.2.66", 0o755, ""), file("usr/lib/libz.a", 0o644, ""), file("usr/lib/ld-linux.so.2", 0o755, ""), dir("usr/lib/libx.so", 0o755),
		file("usr/lib/libgone.so", 0o644, ""),
	}, []any{file("usr/lib/.wh.libgone.so", 0, "")})
	if diff := cmp.Diff([]string{"libcap.so", "libcap.so.2.66", "libssl.so.3"}, f.Libraries); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProgramsAreFoundThroughLinks(t *testing.T) {
	f := filesOf(t,
		[]any{sym("bin", "usr/bin"), sym("lib", "usr/lib"), file("usr/bin/dash", 0o755, ""), sym("usr/bin/sh", "dash"), sym("var/run", "/run"), dir("run", 0o755)},
		[]any{file("usr/local/bin/gosu", 0o755, "")})
	for _, test := range []struct{ program, want string }{
		{"/bin/sh", "/usr/bin/dash"},
		{"sh", "/usr/bin/dash"},
		{"gosu", "/usr/local/bin/gosu"},
		{"bash", ""},
	} {
		if at, _, _ := f.LookPath(test.program, "/", nil); at != test.want {
			t.Errorf("LookPath(%q) = %q, want %q", test.program, at, test.want)
		}
	}
	if _, ok := f.Dir("/var/run"); !ok {
		t.Error("T26: /var/run does not lead to /run")
	}
}
