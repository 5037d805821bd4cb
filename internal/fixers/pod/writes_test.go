package pod

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// folders is a file system with directories and how many entries each has.
func folders(entries map[string]int) *harden.ImageFiles {
	files := passwd()
	for _, at := range []string{"/tmp", "/var", "/var/cache", "/usr", "/usr/bin", "/etc"} {
		files.Dirs[at] = harden.ImageDir{Mode: 0o755, Entries: 3}
	}
	files.Dirs["/tmp"] = harden.ImageDir{Mode: 0o1777}
	for at, n := range entries {
		files.Dirs[at] = harden.ImageDir{Mode: 0o755, Entries: n}
	}
	files.Links["/var/run"] = "/run"
	files.Programs["/usr/bin/cp"] = harden.ImageFile{Mode: 0o755}
	return files
}

// wrote is a look into a container that wrote files.
func wrote(files ...string) harden.Probe {
	p := running(harden.Process{UID: 1000})
	p.Written = files
	return p
}

// mountsOf are the mount paths of the first container that a fix changes.
func mountsOf(fix harden.Fix) string {
	spec := fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	container := anyItems(spec["containers"])[0].(map[string]any)
	var paths []string
	for _, m := range anyItems(container["volumeMounts"]) {
		paths = append(paths, m.(map[string]any)["mountPath"].(string))
	}
	return strings.Join(paths, " ")
}

func TestReadOnlyRootFacts(t *testing.T) {
	text := deployment(plainWeb)
	mounted := func(mounts string) string {
		return deployment(`containers: [{name: web, image: web:1, volumeMounts: [` + mounts + `]}]`)
	}
	image := func(files *harden.ImageFiles, volumes ...string) fixtest.Option {
		facts := imageWith("1000", files)
		facts.Volumes = volumes
		return fixtest.Image("web:1", facts)
	}
	learnt := func(path string) fixtest.Option {
		return fixtest.Lesson(harden.Lesson{Image: "web:1", Kind: harden.LessonWrites, Value: path, Workload: "shop/Deployment/web", Container: "web", Time: fixtest.Now})
	}
	for name, test := range map[string]struct {
		text   string
		opts   []fixtest.Option
		class  string
		mounts string
		says   string
	}{
		"nothing is known":        {text, nil, "review", "/tmp", "Nobody looked into the image"},
		"nothing is written":      {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote())}, "evidence", "/tmp", "in the 1h0m0s since it started"},
		"not looked into":         {text, []fixtest.Option{image(folders(nil))}, "review", "/tmp", "which paths does it write to?"},
		"more than was kept":      {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", func() harden.Probe { p := wrote("/tmp/x"); p.Cut = true; return p }())}, "review", "/tmp", "where are the others?"},
		"an empty directory":      {text, []fixtest.Option{image(folders(map[string]int{"/var/cache/web": 0})), fixtest.Probe("web", wrote("/var/cache/web/a", "/var/cache/web/b", "/tmp/c"))}, "evidence", "/tmp /var/cache/web", "hide no file"},
		"T26 below an empty one":  {text, []fixtest.Option{image(folders(map[string]int{"/var/cache/web": 0})), fixtest.Probe("web", wrote("/var/cache/web/client_temp/1/x", "/var/cache/web/proxy_temp/y"))}, "evidence", "/tmp /var/cache/web", ""},
		"T26 the smallest one":    {text, []fixtest.Option{image(folders(map[string]int{"/var/cache/web": 2, "/var/cache/web/temp": 0})), fixtest.Probe("web", wrote("/var/cache/web/temp/x"))}, "evidence", "/tmp /var/cache/web/temp", ""},
		"made at run time":        {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/data/deep/x", "/var/cache/web/deep/y"))}, "evidence", "/data /tmp /var/cache/web", ""},
		"T26 through a link":      {text, []fixtest.Option{image(folders(map[string]int{"/run": 1, "/run/lock": 0})), fixtest.Probe("web", wrote("/var/run/web.pid"))}, "evidence", "/run /tmp", ""},
		"a run that is used":      {text, []fixtest.Option{image(folders(map[string]int{"/run": 2, "/run/lock": 0})), fixtest.Probe("web", wrote("/run/web.pid"))}, "review", "/run /tmp", "copies them before the start"},
		"two pods are united":     {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/data/x")), fixtest.Probe("web", func() harden.Probe { p := wrote("/more/y"); p.Pod = "web-2"; return p }())}, "evidence", "/data /more /tmp", "pods web-1, web-2"},
		"already mounted":         {mounted("{name: d, mountPath: /data/}, {name: t, mountPath: /tmp}"), []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/data/sub/x"))}, "evidence", "", ""},
		"mounted through a link":  {mounted("{name: r, mountPath: /var/run}"), []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/run/x"))}, "evidence", "/tmp", ""},
		"at the root":             {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/core"))}, "review", "/tmp", "nothing can be mounted at /"},
		"kernel files":            {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote("/dev/shm/x", "/proc/self/comm"))}, "evidence", "/tmp", ""},
		"T28 something below":     {mounted("{name: c, mountPath: /data/conf}"), []fixtest.Option{image(folders(map[string]int{"/data": 0})), fixtest.Probe("web", wrote("/data/x"))}, "review", "/tmp", "volume c is mounted below it"},
		"T29 containerd":          {text, []fixtest.Option{image(folders(map[string]int{"/data": 0}), "/data"), fixtest.Probe("web", wrote()), fixtest.Runtime("containerd://1.7.28")}, "evidence", "/tmp", "keeps writable"},
		"T29 CRI-O":               {text, []fixtest.Option{image(folders(map[string]int{"/data": 0}), "/data"), fixtest.Probe("web", wrote()), fixtest.Runtime("cri-o://1.34.1")}, "evidence", "/data /tmp", ""},
		"T29 CRI-O, filled":       {text, []fixtest.Option{image(folders(map[string]int{"/data": 5}), "/data"), fixtest.Probe("web", wrote()), fixtest.Runtime("cri-o://1.34.1")}, "review", "/data /tmp", "cp, which copies them"},
		"learnt":                  {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", wrote()), learnt("/var/lib/web/db.lock")}, "evidence", "/tmp /var/lib", "it was seen to write to /var/lib/web/db.lock"},
		"learnt, a directory":     {text, []fixtest.Option{image(folders(map[string]int{"/srv/web": 0})), fixtest.Probe("web", wrote()), learnt("/srv/web")}, "evidence", "/srv/web /tmp", ""},
		"learnt, image not known": {text, []fixtest.Option{learnt("/var/cache/web/x")}, "review", "/tmp /var/cache/web", ""},
		"no guess about programs": {text, []fixtest.Option{learnt("/opt/web/x")}, "review", "/tmp", "Nobody knows whether the image has files in /opt/web"},
		"home and temporary files": {text, []fixtest.Option{fixtest.Image("web:1", harden.ImageFacts{Known: true, User: "1000", Entrypoint: []string{"/bin/web"}, Env: []string{"HOME=/home/web", "TMPDIR=/scratch"}, Files: func() *harden.ImageFiles {
			f := folders(map[string]int{"/scratch": 4})
			f.Dirs["/home/web"] = harden.ImageDir{Mode: 0o700, UID: 1000}
			return f
		}()}), fixtest.Probe("web", wrote())}, "evidence", "/home/web /tmp", ""},
		"too old": {text, []fixtest.Option{image(folders(nil)), fixtest.Probe("web", func() harden.Probe { p := wrote(); p.Time = fixtest.Now.Add(-30 * time.Hour); return p }())}, "review", "/tmp", "counts for 24h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			fix := fixtest.Fixes(t, ReadOnlyRootFilesystem, test.text, test.opts...)[0]
			expectClasses(t, []harden.Fix{fix}, test.class)
			if got := mountsOf(fix); got != test.mounts {
				t.Errorf("mounts %q, want %q", got, test.mounts)
			}
			if !says(fix, test.says) {
				t.Errorf("evidence %+v does not say %q", fix.Evidence, test.says)
			}
		})
	}
}

func TestT27FilledDirectoryIsCopied(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, securityContext: {runAsUser: 1000}, volumeMounts: [{name: t, mountPath: /tmp}]}]` + "\nvolumes: [{name: t, emptyDir: {}}]")
	image := func(files *harden.ImageFiles) fixtest.Option { return fixtest.Image("web:1", imageWith("1000", files)) }
	probe := fixtest.Probe("web", wrote("/etc/web/conf.d/a.conf"))
	files := folders(map[string]int{"/etc/web": 3, "/etc/web/conf.d": 2})
	fixes := fixtest.Fixes(t, ReadOnlyRootFilesystem, text, image(files), probe)
	expectClasses(t, fixes, "review", "review")
	if mountsOf(fixes[1]) != "" || !strings.Contains(claimsOf(fixes[1]), "refutes") || strings.Contains(claimsOf(fixes[0]), "refutes") {
		t.Errorf("an empty volume over files: %+v", fixes[1])
	}
	expectAfter(t, text, []*harden.Fixer{ReadOnlyRootFilesystem, AllowPrivilegeEscalation, DropAllCapabilities}, `
initContainers:
- name: harden-seed-etc-web-conf-d-164e1ddcf2d2
  image: web:1
  command: [cp, -R, /etc/web/conf.d/., /harden-seed/]
  securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}, runAsUser: 1000}
  volumeMounts: [{name: harden-etc-web-conf-d-164e1ddcf2d2, mountPath: /harden-seed}]
containers:
- name: web
  image: web:1
  securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  volumeMounts: [{name: t, mountPath: /tmp}, {name: harden-etc-web-conf-d-164e1ddcf2d2, mountPath: /etc/web/conf.d}]
volumes: [{name: t, emptyDir: {}}, {name: harden-etc-web-conf-d-164e1ddcf2d2, emptyDir: {}}]
`, image(files), probe)

	delete(files.Programs, "/usr/bin/cp")
	expectClasses(t, fixtest.Fixes(t, ReadOnlyRootFilesystem, text, image(files), probe), "review")
}

func TestT26OfficialNginx(t *testing.T) {
	facts := harden.ImageFacts{
		Known: true, Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"}, Env: []string{"NGINX_VERSION=1.29.1"}, Ports: []string{"80/tcp"},
		Files: folders(map[string]int{"/var/cache/nginx": 0, "/run": 1, "/run/lock": 0, "/etc/nginx": 6, "/etc/nginx/conf.d": 1}),
	}
	text := deployment(`containers: [{name: web, image: nginx:1.29}]`)
	written := fixtest.Probe("web", harden.Probe{
		Known: true, Processes: []harden.Process{{PID: 1, Command: "nginx"}},
		Written: []string{"/etc/nginx/conf.d/default.conf", "/run/nginx.pid", "/var/cache/nginx/client_temp/x"},
	})
	image := fixtest.Image("nginx:1.29", facts)
	for name, opts := range map[string][]fixtest.Option{"seen": {image, written}, "known alone": {image}} {
		t.Run(name, func(t *testing.T) {
			fixes := fixtest.Fixes(t, ReadOnlyRootFilesystem, text, opts...)
			expectClasses(t, fixes, "review")
			if got := mountsOf(fixes[0]); got != "/run /tmp /var/cache/nginx" {
				t.Errorf("mounts %q", got)
			}
			if !strings.Contains(fixes[0].Warning, "does not listen on IPv6") || strings.Contains(claimsOf(fixes[0]), "refutes") {
				t.Errorf("fix = %+v", fixes[0])
			}
		})
	}
	own := deployment(`containers: [{name: web, image: nginx:1.29, volumeMounts: [{name: c, mountPath: /etc/nginx/conf.d}]}]`)
	fix := fixtest.Fixes(t, ReadOnlyRootFilesystem, own, image, fixtest.Probe("web", harden.Probe{Known: true, Processes: []harden.Process{{}}, Written: []string{"/run/nginx.pid"}}))[0]
	if fix.Class != harden.Evidence || strings.Contains(fix.Warning, "IPv6") {
		t.Errorf("with a configuration of one's own nothing is different: %+v", fix)
	}
	templates := deployment(`containers: [{name: web, image: nginx:1.29, volumeMounts: [{name: c, mountPath: /etc/nginx/templates}]}]`)
	if fixes := fixtest.Fixes(t, ReadOnlyRootFilesystem, templates, image, written); len(fixes) != 2 || !strings.Contains(mountsOf(fixes[0]), "/etc/nginx/conf.d") {
		t.Errorf("templates are written to conf.d, which must be writable: %+v", fixes)
	}
	// A name alone says nothing.
	facts.Env = nil
	if got := mountsOf(fixtest.Fixes(t, ReadOnlyRootFilesystem, text, fixtest.Image("nginx:1.29", facts))[0]); got != "/tmp" {
		t.Errorf("another image called nginx: mounts %q", got)
	}
}

// Every pair of container and path has a name of its own, which is a label.
func TestVolumeNamesAreUnique(t *testing.T) {
	long := strings.Repeat("very-long-name-", 4)
	containers := []string{"a", "b", "b-c", "a-b-c", "c", "c-1", long + "x", long + "y"}
	paths := []string{"/a", "/a/b", "/a-b", "/A", "/a_b", "/a.b", "/tmp", "/a/b/c", "/" + strings.Repeat("deep/", 20) + "x", "/ö"}
	var spec strings.Builder
	spec.WriteString("containers:\n")
	for _, c := range containers {
		spec.WriteString("- {name: " + c + ", image: i}\n")
	}
	inv := fixtest.Load(t, deployment(spec.String()))
	w := inv.Workloads[0]
	view := harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, nil)
	p := &harden.Pass{Inventory: inv, Workload: w, Pod: view, Object: w.Ref}
	names := map[string]string{}
	for _, c := range view.Containers() {
		for _, at := range paths {
			name := volumeName(p, c, at)
			if bad := validation.IsDNS1123Label(name); len(bad) > 0 {
				t.Errorf("%s of %s: %q: %v", at, c.Name, name, bad)
			}
			if other := names[name]; other != "" {
				t.Errorf("%q is the name for %s and for %s of %s", name, other, at, c.Name)
			}
			names[name] = at + " of " + c.Name
		}
	}
	if !slices.Contains(slices.Collect(maps.Keys(names)), "harden-tmp-a") {
		t.Errorf("plain names are not plain: %v", names)
	}
}
