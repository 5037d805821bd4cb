package probe

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const all = 0x1fffeffffff // the capabilities that root had where the outputs were taken

// The outputs in testdata were taken in an overlay root with namespaces of its own, in which a shell opened
// /var/cache/app/index and the deleted /srv/gone for writing, and the volume /data/x; started nc, which writes
// /srv/out; copied /srv/old with its old time; made and removed /srv/tmp; changed the owner of /etc/passwd; and made a
// file with a line break in its name. In busybox-other-user the script ran as uid 10001 and the others as root.
func TestParseAndFill(t *testing.T) {
	shell := harden.Process{PID: 1, Command: "sh", Held: all, Bounding: all}
	nc := harden.Process{PID: 32, Command: "nc", Held: all, Bounding: all}
	ncAt99 := nc
	ncAt99.PID = 99
	written := []string{"/etc/passwd", "/srv/a", "/srv/copy of old", "/srv/out", "/var/cache/app/index"}
	withGone := slices.Insert(slices.Clone(written), 3, "/srv/gone")
	listener := []harden.Socket{{Protocol: "tcp", Address: "::", Port: 8080}}
	volumes := []string{"/data"}
	for _, test := range []struct {
		file string
		want harden.Probe
	}{
		{"busybox.txt", harden.Probe{Processes: []harden.Process{shell, nc}, Listeners: listener, Written: withGone, Volumes: volumes}},
		{"dash-gnu.txt", harden.Probe{Processes: []harden.Process{shell, ncAt99}, Listeners: listener, Written: withGone, Volumes: volumes}},
		{"busybox-other-user.txt", harden.Probe{
			Processes: []harden.Process{shell, nc}, Listeners: listener, Written: written, Volumes: volumes,
			Gaps: []harden.ProbeGap{{Of: harden.ProbeOpen, Why: "the open files of process 1 (sh) may be read only with its user, group and capabilities"}},
		}},
	} {
		t.Run(test.file, func(t *testing.T) {
			out, err := os.ReadFile("testdata/" + test.file)
			if err != nil {
				t.Fatal(err)
			}
			got := fill(t, string(out), setting{})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func fill(t *testing.T, out string, in setting) harden.Probe {
	t.Helper()
	s, err := parse(out, "MARK")
	if err != nil {
		t.Fatal(err)
	}
	var p harden.Probe
	s.fill(&p, in)
	return p
}

// output joins sections: what a test does not give is as of a container in which nothing happened.
func output(sections map[string]string) string {
	whole := map[string]string{
		"self":      "9\n;0::/",
		"processes": status(1, 0, "app", 0, "0", "/") + status(9, 0, "sh", 0, "0", "/"),
		"mounts":    "5 1 0:9 / / rw,relatime - overlay overlay rw",
		"sockets":   "", "open": "", "changed": "how exact",
	}
	var b strings.Builder
	for _, name := range []string{"self", "processes", "mounts", "sockets", "open", "changed"} {
		text, ok := sections[name]
		if !ok {
			text = whole[name]
		}
		b.WriteString("MARK " + name + "\n" + strings.TrimSuffix(text, "\n") + "\n")
	}
	return b.String() + "MARK end\n"
}

func status(pid, parent int, name string, uid int, caps, cgroup string) string {
	return strings.NewReplacer("$pid", strconv.Itoa(pid), "$parent", strconv.Itoa(parent), "$name", name, "$uid", strconv.Itoa(uid), "$caps", caps, "$cgroup", cgroup).Replace(`pid $pid
Name:	$name
State:	S (sleeping)
PPid:	$parent
Uid:	0	$uid	0	0
Gid:	0	$uid	0	0
Groups:	1 7 
CapPrm:	$caps
CapEff:	0
CapBnd:	1ff
NoNewPrivs:	1
Seccomp:	2
cgroup ;0::$cgroup
`)
}

func TestProcesses(t *testing.T) {
	one := func(pid int) harden.Process {
		return harden.Process{PID: pid, Command: "app", UID: 7, GID: 7, Groups: []int64{1, 7}, Held: 0x400, Bounding: 0x1ff, NoNewPrivs: true, Seccomp: 2}
	}
	app := func(pid int, cgroup string) string { return status(pid, 0, "app", 7, "400", cgroup) }
	look := status(9, 0, "sh", 0, "0", "/") + status(10, 9, "find", 0, "0", "/") + status(11, 10, "stat", 0, "0", "/")
	for _, test := range []struct {
		name, processes string
		in              setting
		want            []harden.Process
		gap             string
	}{
		{"the look and what it starts do not count", look + app(1, "/"), setting{}, []harden.Process{one(1)}, ""},
		{"a zombie is no process", strings.Replace(app(1, "/"), "S (sleeping)", "Z (zombie)", 1) + app(2, "/"), setting{}, []harden.Process{one(2)}, ""},
		{"not shared: a cgroup of its own, as of systemd", app(1, "/../init.scope"), setting{}, []harden.Process{one(1)}, ""},
		{"shared: another container", app(1, "/../other") + app(2, "/") + app(3, "/sub"), setting{shared: true}, []harden.Process{one(2), one(3)}, ""},
		{"shared and from beside: by id", app(1, "/../cri-containerd-abc.scope") + app(2, "/../cri-containerd-def.scope"), setting{shared: true, id: "def"}, []harden.Process{one(2)}, ""},
		{"from beside: all but the look", look + app(1, "/../x"), setting{id: "def"}, []harden.Process{one(1)}, ""},
		{"nothing visible", look, setting{}, nil, "no process of the container was visible"},
		{"a sandbox that does not tell capabilities", "pid 1\nName:\tapp\nUid:\t0\t0\t0\t0\n", setting{}, []harden.Process{{PID: 1, Command: "app"}}, "the kernel does not tell the capabilities of process 1 (app)"},
		{"names that move the cursor", strings.Replace(app(1, "/"), "app", "a\x1b[2J", 1), setting{}, func() []harden.Process { p := one(1); p.Command = `a\x1b[2J`; return []harden.Process{p} }(), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := fill(t, output(map[string]string{"processes": test.processes}), test.in)
			if diff := cmp.Diff(test.want, p.Processes); diff != "" {
				t.Error(diff)
			}
			if got := p.Gap(harden.ProbeProcesses); got != test.gap {
				t.Errorf("gap %q, want %q", got, test.gap)
			}
		})
	}
}

func TestSockets(t *testing.T) {
	out := output(map[string]string{"sockets": `net tcp
  sl  local_address rem_address   st tx_queue
   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 05010A0A:C350 01000A0A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   2: 05010A0A:C350 01000A0A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   3: 05010A0A:C351 01000A0A:01BB 06 00000000:00000000 00:00000000 00000000     0        0 1 1
   4: zz:C351 01000A0A:01BB 01
net tcp6
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF000005010A0A:0050 0000000000000000FFFF000009010A0A:9C40 01 00000000:00000000
net udp
   0: 00000000:0035 00000000:0000 07 00000000:00000000
   1: 05010A0A:9999 0A000A0A:0035 01 00000000:00000000
net icmp
   0: 00000000:0001 00000000:0000 07 00000000:00000000
`})
	p := fill(t, out, setting{})
	want := harden.Probe{
		Listeners: []harden.Socket{{Protocol: "tcp", Address: "::", Port: 80}, {Protocol: "tcp", Address: "127.0.0.1", Port: 631}, {Protocol: "udp", Address: "0.0.0.0", Port: 53}},
		Peers: []harden.Socket{
			{Protocol: "tcp", Address: "10.10.1.5", Port: 80, Peer: "10.10.1.9:40000"},
			{Protocol: "tcp", Address: "10.10.1.5", Port: 50000, Peer: "10.10.0.1:443"},
			{Protocol: "udp", Address: "10.10.1.5", Port: 39321, Peer: "10.10.0.10:53"},
		},
	}
	if diff := cmp.Diff(want, harden.Probe{Listeners: p.Listeners, Peers: p.Peers, RawSockets: p.RawSockets, Gaps: p.Gaps}); diff != "" {
		t.Error(diff)
	}

	p = fill(t, out, setting{hostNetwork: true})
	if p.Listeners != nil || p.Peers != nil || p.Gap(harden.ProbeSockets) == "" {
		t.Errorf("with the network of the node: %v %v, gap %q; want none and a gap", p.Listeners, p.Peers, p.Gap(harden.ProbeSockets))
	}

	const header = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
	for text, want := range map[string]bool{
		"net packet\n" + header: false,
		"net packet\n" + header + "00000000aaaaaaaa 3      3    0003   2     1 0      0      4711\n":                true,
		"net raw\n  sl  local_address rem_address   st tx_queue\n   1: 00000000:0001 00000000:0000 07 00000000:0\n": true,
	} {
		if p := fill(t, output(map[string]string{"sockets": text}), setting{}); p.RawSockets != want {
			t.Errorf("raw sockets %v, want %v of\n%s", p.RawSockets, want, text)
		}
	}
	if p := fill(t, output(map[string]string{"sockets": "net tcp\ncut\n"}), setting{}); p.Gap(harden.ProbeSockets) == "" {
		t.Error("too many sockets leave no gap")
	}
}

func TestWritten(t *testing.T) {
	mounts := "5 1 0:9 / / rw - overlay overlay rw\n6 5 0:10 / /data rw - tmpfs tmpfs rw\n7 5 8:1 /h /etc/hosts rw - ext4 /dev/vda rw\n8 5 0:12 / /with\\040space rw - tmpfs tmpfs rw"
	for _, test := range []struct {
		name, open, changed string
		want                []string
		gap                 harden.ProbePart
		cut                 bool
	}{
		{name: "by mount id, not by name", open: "file 1 5 /data/below-the-mount\nfile 1 6 /data/x\nfile 1 3 /memfd:x (deleted)", want: []string{"/data/below-the-mount"}},
		{name: "without id by name", open: "file 1 - /a\nfile 1 - /data/x\nfile 1 - /with space/x", want: []string{"/a"}},
		{name: "of the look itself", open: "file 9 5 /out"},
		{name: "deleted", open: "file 1 5 /tmp/#123 (deleted)\nfile 1 5 /tmp/#123 (deleted)", want: []string{"/tmp/#123"}},
		{name: "no ls", open: "no ls", gap: harden.ProbeOpen},
		{name: "too many", open: "file 1 5 /a\ncut", want: []string{"/a"}, cut: true},
		{name: "relative or broken", open: "file 1 5 a\nfile 1\nfile\nx", changed: "how exact\nfile b\nfile\nx"},
		{name: "directories that only lead to a changed file", changed: "how exact\ndir /\ndir /var\ndir /var/cache\nfile /var/cache/x", want: []string{"/var/cache/x"}},
		{name: "a directory whose file is gone", changed: "how exact\ndir /run", want: []string{"/run/"}},
		{name: "a new empty directory", changed: "how exact\ndir /srv\ndir /srv/new", want: []string{"/srv/new/"}},
		{name: "what the runtime makes", changed: "how exact\ndir /\ndir /etc\ndir /data\nfile /etc/hosts\nfile /data/x\ndir /with space"},
		{name: "what the runtime changes to make mount points", changed: "how exact\ndir /etc"},
		{name: "cursor moves", changed: "how exact\nfile /a\x1bb", want: []string{`/a\x1bb`}},
		{name: "no find", changed: "how none", gap: harden.ProbeChanged},
		{name: "minutes only", changed: "how modified\nfile /a", want: []string{"/a"}, gap: harden.ProbeChanged},
		{name: "from beside", changed: "how exact\nroot /proc/1/root\ndir /proc/1/root/\nfile /proc/1/root/a\nfile /elsewhere", want: []string{"/a"}},
		{name: "refused, but to the user of the processes too", changed: "how exact\nshut find: '/root': Permission denied"},
		{name: "the root refused", changed: "how exact\nroot /proc/1/root\nshut find: '/proc/1/root/': Permission denied"},
		{name: "too many changes", changed: "how exact\nfile /a\ncut", want: []string{"/a"}, cut: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			sections := map[string]string{"mounts": mounts, "open": test.open}
			if test.changed != "" {
				sections["changed"] = test.changed
			}
			p := fill(t, output(sections), setting{})
			if diff := cmp.Diff(test.want, p.Written); diff != "" {
				t.Error(diff)
			}
			if p.Cut != test.cut {
				t.Errorf("cut %v, want %v", p.Cut, test.cut)
			}
			var gap harden.ProbePart
			if len(p.Gaps) > 0 {
				gap = p.Gaps[0].Of
			}
			if gap != test.gap {
				t.Errorf("gaps %v, want one of %q", p.Gaps, test.gap)
			}
			if diff := cmp.Diff([]string{"/data", "/with space"}, p.Volumes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a process with more rights wrote may lie where the script cannot look.
func TestRefusedDirectories(t *testing.T) {
	for _, test := range []struct {
		name, processes string
		want            bool
	}{
		{"the same user", status(1, 0, "app", 5, "0", "/") + status(9, 0, "sh", 5, "0", "/"), false},
		{"another user", status(1, 0, "app", 0, "0", "/") + status(9, 0, "sh", 5, "0", "/"), true},
		{"more capabilities", status(1, 0, "app", 5, "2", "/") + status(9, 0, "sh", 5, "0", "/"), true},
		{"the script is not among them", status(1, 0, "app", 5, "0", "/"), true},
	} {
		for _, changed := range []string{"shut find: '/root': Permission denied", "shut find: '/tmp/x': No such file or directory"} {
			p := fill(t, output(map[string]string{"processes": test.processes, "changed": "how exact\n" + changed}), setting{})
			want := test.want && strings.Contains(changed, "denied")
			if got := p.Gap(harden.ProbeChanged) != ""; got != want {
				t.Errorf("%s, %s: gap %v, want %v", test.name, changed, got, want)
			}
		}
	}
}

func TestOutputThatEndsEarly(t *testing.T) {
	whole := output(map[string]string{"open": "file 1 5 /a"})
	for _, test := range []struct {
		until string
		want  []harden.ProbePart
	}{
		{"MARK end", []harden.ProbePart{harden.ProbeChanged}},
		{"MARK changed", []harden.ProbePart{harden.ProbeOpen, harden.ProbeChanged}},
		{"MARK open", []harden.ProbePart{harden.ProbeSockets, harden.ProbeOpen, harden.ProbeChanged}},
	} {
		out, _, _ := strings.Cut(whole, test.until)
		p := fill(t, out, setting{late: "it took longer than 1s"})
		var got []harden.ProbePart
		for _, g := range p.Gaps {
			got = append(got, g.Of)
			if g.Why != "it took longer than 1s" {
				t.Errorf("before %s: %v", test.until, g)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("before %s: %s", test.until, diff)
		}
	}
	for _, out := range []string{"", "sh: syntax error", "MARK self\n"} {
		if _, err := parse(out, "MARK"); err == nil {
			t.Errorf("no error of %q", out)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"busybox.txt", "busybox-other-user.txt", "dash-gnu.txt"} {
		out, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(out), "5d1e0c", false)
	}
	f.Add(output(map[string]string{"changed": "how exact\nroot /proc/1/root\nfile /proc/1/root//..//../x\ndir /proc/1/root/.\ncut"}), "abc", true)
	f.Fuzz(func(t *testing.T, out, id string, shared bool) {
		s, err := parse(out, "MARK")
		if err != nil {
			return
		}
		var p harden.Probe
		s.fill(&p, setting{id: id, shared: shared, late: "late"})
		if !slices.IsSorted(p.Written) || len(slices.Compact(slices.Clone(p.Written))) != len(p.Written) || len(p.Written) > maxWritten {
			t.Errorf("written %q", p.Written)
		}
		for _, w := range p.Written {
			if !strings.HasPrefix(w, "/") || strings.ContainsAny(w, "\n\x1b") || path.Clean(w) == "/" {
				t.Errorf("written %q", w)
			}
		}
		for _, socket := range slices.Concat(p.Listeners, p.Peers) {
			if socket.Port < 0 || socket.Port > 65535 || socket.Protocol != "tcp" && socket.Protocol != "udp" {
				t.Errorf("socket %v", socket)
			}
		}
		for _, process := range p.Processes {
			if process.PID <= 0 || process.PID == s.self {
				t.Errorf("process %v", process)
			}
		}
		if p.Written == nil && p.Gap(harden.ProbeChanged) == "" && s.how == "" {
			t.Error("nothing was looked for and there is no gap")
		}
	})
}
