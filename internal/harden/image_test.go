package harden

import "testing"

func TestT06ImageUserForms(t *testing.T) {
	for _, test := range []struct {
		user string
		kind ImageUser
		uid  int64
	}{
		{"", ImageUserRoot, 0},
		{"root", ImageUserRoot, 0},
		{"0", ImageUserRoot, 0},
		{"0:1000", ImageUserRoot, 0},
		{"root:app", ImageUserRoot, 0},
		{"00", ImageUserRoot, 0},
		{"1000", ImageUserNonRoot, 1000},
		{"1000:0", ImageUserNonRoot, 1000},
		{"65532:65532", ImageUserNonRoot, 65532},
		{"app", ImageUserNamed, -1},
		{"app:1000", ImageUserNamed, -1},
		{"1000x", ImageUserNamed, -1},
		{"-1", ImageUserNamed, -1},
		{"99999999999999999999", ImageUserNamed, -1},
	} {
		t.Run(test.user, func(t *testing.T) {
			kind, uid := ParseImageUser(test.user)
			if kind != test.kind || uid != test.uid {
				t.Errorf("ParseImageUser(%q) = %d, %d; want %d, %d", test.user, kind, uid, test.kind, test.uid)
			}
		})
	}
}

func TestT05ResolveUser(t *testing.T) {
	files := &ImageFiles{
		Users: []ImageUserEntry{
			{Name: "root"},
			{Name: "app", UID: 10002, GID: 10003},
			{Name: "nobody", UID: 65534, GID: 65533},
			{Name: "1000", UID: 7, GID: 8},
			{Name: "twin", UID: 10002, GID: 5},
		},
		Groups: []ImageGroupEntry{{Name: "root"}, {Name: "www", GID: 33}, {Name: "44", GID: 45}},
	}
	for _, test := range []struct {
		user     string
		uid, gid int64
		ok       bool
	}{
		{"", 0, 0, true},
		{"0", 0, 0, true},
		{"root", 0, 0, true},
		{"nobody", 65534, 65533, true},
		{"app", 10002, 10003, true},
		{" app ", 10002, 10003, true},
		{"app:www", 10002, 33, true},
		{"app:99", 10002, 99, true},
		{"10002", 10002, 10003, true},
		{"10002:0", 10002, 0, true},
		{"4242", 4242, 0, true},
		{"4242:www", 4242, 33, true},
		{":www", 0, 33, true},
		{"1000", 1000, 0, true}, // there is a user of that name, but a number is never a name
		{"app:44", 10002, 44, true},
		{"missing", 0, 0, false},
		{"app:missing", 10002, 0, false},
		{"-1", 0, 0, false},
		{"app:-1", 10002, -1, false},
		{"4294967296", 0, 0, false},
	} {
		t.Run(test.user, func(t *testing.T) {
			uid, gid, ok := files.ResolveUser(test.user)
			if ok != test.ok || ok && (uid != test.uid || gid != test.gid) {
				t.Errorf("ResolveUser(%q) = %d, %d, %v; want %d, %d, %v", test.user, uid, gid, ok, test.uid, test.gid, test.ok)
			}
		})
	}
	if uid, gid, ok := (&ImageFiles{}).ResolveUser("65532:65532"); uid != 65532 || gid != 65532 || !ok {
		t.Errorf("without passwd: %d, %d, %v", uid, gid, ok)
	}
}

func TestResolveFollowsLinksWithinTheImage(t *testing.T) {
	files := &ImageFiles{Links: map[string]string{
		"/bin": "usr/bin", "/var/run": "/run", "/a": "b", "/b": "a", "/out": "../../../etc", "/usr/bin/sh": "../lib/dash", "/chain": "/var/run/x", "/run/x": "../bin",
	}}
	for name, want := range map[string]string{
		"/":             "/",
		"/bin/sh":       "/usr/lib/dash",
		"bin/sh":        "/usr/lib/dash",
		"/var/run/lock": "/run/lock",
		"/chain/sh":     "/usr/lib/dash",
		"/out/passwd":   "/etc/passwd",
		"/../../x":      "/x",
		"/none/./y":     "/none/y",
		"/a/x":          "",
	} {
		if got := files.Resolve(name); got != want {
			t.Errorf("Resolve(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLookPath(t *testing.T) {
	files := &ImageFiles{
		Links:    map[string]string{"/bin": "usr/bin"},
		Programs: map[string]ImageFile{"/usr/bin/x": {Mode: 0o755}, "/app/x": {Mode: 0o4755}, "/app/y": {Mode: 0o755}},
	}
	for _, test := range []struct {
		program, dir string
		env          []string
		want         string
	}{
		{"/bin/x", "", nil, "/usr/bin/x"},
		{"x", "/app", nil, "/usr/bin/x"},
		{"x", "", []string{"PATH=/none:/app:/bin"}, "/app/x"},
		{"x", "", []string{"PATH=/app", "PATH=/bin"}, "/usr/bin/x"},
		{"./y", "/app", nil, "/app/y"},
		{"y", "/app", nil, ""},
		{"/app/none", "", nil, ""},
	} {
		if at, _, ok := files.LookPath(test.program, test.dir, test.env); at != test.want || ok != (test.want != "") {
			t.Errorf("LookPath(%q, %q, %q) = %q, %v; want %q", test.program, test.dir, test.env, at, ok, test.want)
		}
	}
}
