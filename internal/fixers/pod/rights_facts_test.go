package pod

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// programs are the files of an image by path; the value says what is special.
func programs(list map[string]harden.ImageFile, scripts map[string]string) *harden.ImageFiles {
	files := passwd()
	for at, f := range list {
		if f.Mode == 0 {
			f.Mode = 0o755
		}
		files.Programs[at] = f
	}
	for at, text := range scripts {
		files.Programs[at] = harden.ImageFile{Mode: 0o755}
		files.Scripts[at] = text
	}
	return files
}

var (
	setuid  = harden.ImageFile{Mode: 0o4755}
	plainly = harden.ImageFile{Mode: 0o755}
	binding = harden.ImageFile{Mode: 0o755, Capabilities: []string{"NET_BIND_SERVICE"}, Effective: true}
)

func TestPrivilegeEscalationFacts(t *testing.T) {
	debian := map[string]harden.ImageFile{"/usr/bin/su": setuid, "/usr/bin/mount": setuid, "/usr/bin/chage": {Mode: 0o2755, GID: 42}, "/bin/sh": plainly}
	text := deployment(`containers: [{name: web, image: web:1}]`)
	port80 := deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]`)
	with := func(user string, files *harden.ImageFiles, entrypoint ...string) fixtest.Option {
		facts := imageWith(user, files)
		if len(entrypoint) > 0 {
			facts.Entrypoint = entrypoint
		}
		return fixtest.Image("web:1", facts)
	}
	for name, test := range map[string]struct {
		text string
		opts []fixtest.Option
		want string
		says string
	}{
		"nothing special":           {text, []fixtest.Option{with("1000", programs(nil, nil))}, "evidence", "no setuid or setgid file and no file capability"},
		"no_new_privs already":      {text, []fixtest.Option{fixtest.Probe("web", running(harden.Process{UID: 1000, NoNewPrivs: true}))}, "safe", "NoNewPrivs: 1 already"},
		"seen without":              {text, []fixtest.Option{fixtest.Probe("web", running(harden.Process{UID: 1000}))}, "review", "Nobody looked into the image"},
		"seen too long ago":         {text, []fixtest.Option{fixtest.Probe("web", harden.Probe{Known: true, Time: fixtest.Now.Add(-25 * time.Hour), Processes: []harden.Process{{NoNewPrivs: true}}})}, "review", "is 25h0m0s old, and counts for 24h0m0s"},
		"of the distribution":       {text, []fixtest.Option{with("1000", programs(debian, nil))}, "evidence", "there are only those of the distribution (/usr/bin/chage, /usr/bin/mount, /usr/bin/su)"},
		"named by the script":       {text, []fixtest.Option{with("1000", programs(debian, map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nsu app -c 'web'\n"}), "/entrypoint.sh")}, "review", "names /usr/bin/su, which is setuid"},
		"named in a comment":        {text, []fixtest.Option{with("1000", programs(debian, map[string]string{"/entrypoint.sh": "#!/bin/sh\n# su is not used\nexec web # no su\n"}), "/entrypoint.sh")}, "evidence", "which it does not name"},
		"called by a called script": {text, []fixtest.Option{with("1000", programs(debian, map[string]string{"/entrypoint.sh": "#!/bin/sh\nfor f in /docker.d/; do $f; done", "/docker.d/10-su.sh": "#!/bin/sh\nsu app"}), "/entrypoint.sh")}, "review", "names /usr/bin/su"},
		"behind tini and a link": {text, []fixtest.Option{with("1000", func() *harden.ImageFiles {
			f := programs(map[string]harden.ImageFile{"/usr/bin/tini": plainly, "/opt/web/bin/web": {Mode: 0o4755}}, nil)
			f.Links["/usr/bin/web"] = "../../opt/web/bin/web"
			return f
		}(), "tini", "--", "web")}, "review", "names /opt/web/bin/web, which is setuid"},
		"sudo is there":           {text, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/usr/bin/sudo": setuid}, nil))}, "review", "/usr/bin/sudo (setuid or setgid)"},
		"setuid ping":             {text, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/ping": setuid}, nil))}, "review", "/bin/ping"},
		"root gains nothing":      {text, []fixtest.Option{with("", programs(map[string]harden.ImageFile{"/usr/bin/sudo": setuid}, nil))}, "evidence", "give nothing"},
		"root that changes user":  {text, []fixtest.Option{with("", programs(map[string]harden.ImageFile{"/usr/bin/sudo": setuid, "/bin/gosu": plainly}, map[string]string{"/e.sh": "#!/bin/sh\nexec gosu app web"}), "/e.sh")}, "review", "/usr/bin/sudo"},
		"a process gained rights": {text, []fixtest.Option{with("1000", programs(debian, nil)), fixtest.Probe("web", running(harden.Process{UID: 0, Held: 1}))}, "review", "it gained rights"},
		"program is not there":    {text, []fixtest.Option{with("1000", programs(debian, nil), "/volume/run")}, "review", `no program "/volume/run"`},
		"T16 file capability on :80": {
			port80, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil)), fixtest.Runtime("cri-o://1.34.0")}, "review, review", "would not bind port 80",
		},
		"T16 where any user binds": {
			port80, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil)), fixtest.Runtime("containerd://2.4.2")}, "evidence", "which it does not need",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fixes := fixtest.Fixes(t, AllowPrivilegeEscalation, test.text, test.opts...)
			expectClasses(t, fixes, strings.Split(test.want, ", ")...)
			if !says(fixes[0], test.says) {
				t.Errorf("evidence %+v does not say %q", fixes[0].Evidence, test.says)
			}
		})
	}
	expect(t, AllowPrivilegeEscalation, text, []string{"web high"}, with("1000", programs(debian, nil)))
	expect(t, AllowPrivilegeEscalation, text, []string{"web medium"}, with("", programs(debian, nil)))
}

func TestDropAllFacts(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1}]`)
	port80 := deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]`)
	with := func(user string, files *harden.ImageFiles) fixtest.Option {
		return fixtest.Image("web:1", imageWith(user, files))
	}
	probe := func(processes ...harden.Process) fixtest.Option {
		return fixtest.Probe("web", harden.Probe{Known: true, Processes: processes})
	}
	idle := harden.Process{PID: 1, Command: "web", UID: 1000, Bounding: 0xa80425fb}
	for name, test := range map[string]struct {
		text string
		opts []fixtest.Option
		want string
		add  string // of the first fix
		says string
	}{
		"user and files are known":  {text, []fixtest.Option{with("1000", programs(nil, nil))}, "evidence", "", "No port below 1024"},
		"user and processes":        {text, []fixtest.Option{with("1000", nil), probe(idle)}, "evidence", "", "the only process hold no capability"},
		"no_new_privs hides a file": {text, []fixtest.Option{with("1000", nil), probe(harden.Process{PID: 1, Command: "web", UID: 1000, NoNewPrivs: true, Bounding: 1})}, "review", "", "file capability, without which it does not start"},
		"processes, user not known": {text, []fixtest.Option{probe(idle)}, "review", "", "is its USER a number"},
		"nothing left to drop":      {text, []fixtest.Option{probe(harden.Process{PID: 1, Command: "web", UID: 1000})}, "safe", "", "empty already"},
		"T18 root, all dropped now": {text, []fixtest.Option{with("", programs(nil, nil)), probe(idle)}, "review", "", "root gave its rights up"},
		"a process holds one":       {text, []fixtest.Option{with("1000", programs(nil, nil)), probe(idle, harden.Process{PID: 7, Command: "dig", UID: 1000, Held: 1 << 13})}, "review", "", "process dig (7), user 1000, holds NET_RAW"},
		"custom setuid program":     {text, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/opt/x": setuid}, nil))}, "review", "", "/opt/x (setuid or setgid)"},
		"T15 file capability":       {text, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil))}, "evidence, evidence", "NET_BIND_SERVICE", "the kernel would refuse to start it"},
		"T15 as root":               {text, []fixtest.Option{with("", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil))}, "review", "NET_BIND_SERVICE", "the kernel would refuse to start it"},
		"T15 another capability":    {text, []fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": {Capabilities: []string{"NET_ADMIN"}, Effective: true}}, nil))}, "review", "", "baseline refuses to add it"},
		"T15 seen as well": {
			text,
			[]fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil)), probe(harden.Process{PID: 1, Command: "web", UID: 1000, Held: 1 << 10, Bounding: 1 << 10})},
			"evidence", "NET_BIND_SERVICE", "hold no capability besides NET_BIND_SERVICE",
		},
		"T17 containerd 2":      {port80, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Runtime("containerd://2.4.2", "containerd://2.0.0")}, "evidence", "", "any user may bind port 80"},
		"T17 a node with CRI-O": {port80, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Runtime("containerd://2.4.2", "cri-o://1.34.1")}, "review", "", "node-2 runs cri-o://1.34.1"},
		"T17 containerd 1.7":    {port80, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Runtime("containerd://1.7.28")}, "review", "", "containerd://1.7.28"},
		"T17 no node known":     {port80, []fixtest.Option{with("1000", programs(nil, nil))}, "review", "", "Nobody looked at the nodes"},
		"T17 network of the node": {
			deployment("hostNetwork: true\ncontainers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]"),
			[]fixtest.Option{with("1000", programs(nil, nil)), fixtest.Runtime("containerd://2.4.2")},
			"review", "", "whose network the pod uses",
		},
		"T17 sysctl": {
			deployment("securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: \"80\"}]}\ncontainers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]"),
			[]fixtest.Option{with("1000", programs(nil, nil))},
			"evidence", "", "The pod sets net.ipv4.ip_unprivileged_port_start to 80",
		},
		"T16 will not bind": {
			deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}], securityContext: {allowPrivilegeEscalation: false}}]`),
			[]fixtest.Option{with("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil)), fixtest.Runtime("cri-o://1.34.1")},
			"review, review", "NET_BIND_SERVICE", "It will not bind port 80",
		},
		"exposed by the image": {text, []fixtest.Option{fixtest.Image("web:1", harden.ImageFacts{Known: true, User: "1000", Entrypoint: []string{"/bin/web"}, Ports: []string{"80/tcp"}, Files: programs(nil, nil)})}, "review", "", "may its user bind port 80"},
		"root binds":           {port80, []fixtest.Option{with("", programs(nil, nil))}, "review", "NET_BIND_SERVICE", "NET_BIND_SERVICE is added"},
		"root needs none":      {port80, []fixtest.Option{with("", programs(nil, nil)), fixtest.Runtime("containerd://2.1.0")}, "review", "", "any user may bind port 80"},
		"learnt, restricted":   {text, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Lesson(harden.Lesson{Image: "web:1", Kind: harden.LessonNeedsCapability, Value: "NET_BIND_SERVICE"})}, "evidence", "NET_BIND_SERVICE", "seen to need NET_BIND_SERVICE"},
		"learnt, baseline":     {text, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Lesson(harden.Lesson{Image: "web:1", Kind: harden.LessonNeedsCapability, Value: "CAP_CHOWN"})}, "review", "CHOWN", "seen to need CHOWN"},
		"learnt, beyond":       {text, []fixtest.Option{with("1000", programs(nil, nil)), fixtest.Lesson(harden.Lesson{Image: "web:1", Kind: harden.LessonNeedsCapability, Value: "SYS_ADMIN"})}, "review", "", "baseline refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			fixes := fixtest.Fixes(t, DropAllCapabilities, test.text, test.opts...)
			want := strings.Split(test.want, ", ")
			if len(fixes) != len(want) {
				want = want[:1] // the others are other ways, tested below
				fixes = fixes[:1]
			}
			expectClasses(t, fixes, want...)
			if got := strings.Join(addedBy(fixes[0]), ", "); got != test.add {
				t.Errorf("adds %q, want %q", got, test.add)
			}
			if !says(fixes[0], test.says) {
				t.Errorf("evidence %+v does not say %q", fixes[0].Evidence, test.says)
			}
			// Both fixes of the list must agree.
			fixtest.Repair(t, capabilityFixers, test.text, test.opts...)
		})
	}
}

// addedBy are the capabilities that the first change of a fix adds.
func addedBy(fix harden.Fix) []string {
	spec := fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	container := append(anyItems(spec["initContainers"]), anyItems(spec["containers"])...)[0]
	caps := container.(map[string]any)["securityContext"].(map[string]any)["capabilities"].(map[string]any)
	var names []string
	for _, n := range anyItems(caps["add"]) {
		names = append(names, n.(string))
	}
	return names
}

func anyItems(list any) []any {
	items, _ := list.([]any)
	return items
}

func TestT16PortSysctl(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]`)
	facts := fixtest.Image("web:1", imageWith("1000", programs(map[string]harden.ImageFile{"/bin/web": binding}, nil)))
	for _, fixer := range []*harden.Fixer{AllowPrivilegeEscalation, DropAllCapabilities} {
		fixes := fixtest.Fixes(t, fixer, text, facts, fixtest.Runtime("cri-o://1.34.1"))
		last := fixes[len(fixes)-1]
		spec := last.Changes[len(last.Changes)-1].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		sysctl := spec["securityContext"].(map[string]any)["sysctls"].([]any)[0].(map[string]any)
		if last.Class != harden.Review || sysctl["name"] != portSysctl || sysctl["value"] != "80" {
			t.Errorf("%s: last fix = %+v", fixer.ID, last)
		}
	}
}

const postgresScript = `#!/usr/bin/env bash
set -Eeo pipefail
docker_create_db_directories() {
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
}
if [ "$(id -u)" = '0' ]; then
	exec gosu postgres "$BASH_SOURCE" "$@"
fi
`

func TestT18DatabasesThatStartAsRoot(t *testing.T) {
	text := deployment(`containers: [{name: db, image: "mirror.example.com/hub/postgres:17"}]`)
	want := "CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID"
	facts := harden.ImageFacts{Known: true, Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"}, Env: []string{"PG_MAJOR=17"}}
	for name, test := range map[string]struct {
		files *harden.ImageFiles
		env   []string
		want  string
		code  string
	}{
		"by what is known":  {nil, facts.Env, want, "E-CATALOGUE"},
		"by its script":     {programs(map[string]harden.ImageFile{"/usr/local/bin/gosu": plainly}, map[string]string{"/usr/local/bin/docker-entrypoint.sh": postgresScript}), nil, want, "E-IMG-FS"},
		"the name is alike": {nil, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			facts.Env, facts.Files = test.env, test.files
			opts := []fixtest.Option{fixtest.Image("mirror.example.com/hub/postgres:17", facts)}
			fix := fixtest.Fixes(t, DropAllCapabilities, text, opts...)[0]
			if got := strings.Join(addedBy(fix), ", "); got != test.want {
				t.Errorf("adds %q, want %q", got, test.want)
			}
			if fix.Class != harden.Review || !says(fix, "first start with an empty volume") || !strings.Contains(claimsOf(fix), test.code) {
				t.Errorf("fix = %+v", fix)
			}
			fixtest.Repair(t, capabilityFixers, text, opts...)
		})
	}
}

func TestNetRawFacts(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1}]`)
	ping := map[string]harden.ImageFile{"/bin/ping": {Mode: 0o755, Capabilities: []string{"NET_RAW"}, Effective: true}}
	quiet, raw := running(harden.Process{UID: 1000, Bounding: 1}), running(harden.Process{UID: 1000, Bounding: 1})
	raw.RawSockets = true
	for name, test := range map[string]struct {
		files *harden.ImageFiles
		probe harden.Probe
		want  []string
	}{
		"no raw socket":  {programs(nil, nil), quiet, []string{"evidence", "evidence"}},
		"a raw socket":   {programs(nil, nil), raw, []string{"review", "review"}},
		"ping is there":  {programs(ping, nil), quiet, []string{"review", "review"}},
		"files not read": {nil, quiet, []string{"review", "review"}},
	} {
		t.Run(name, func(t *testing.T) {
			expectClasses(t, fixtest.Fixes(t, NetRawCapability, text, fixtest.Image("web:1", imageWith("1000", test.files)), fixtest.Probe("web", test.probe)), test.want...)
		})
	}
}

func TestSeccompFacts(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1}]`)
	facts := func(list map[string]harden.ImageFile, libraries ...string) fixtest.Option {
		files := programs(list, nil)
		files.Libraries = libraries
		return fixtest.Image("web:1", imageWith("1000", files))
	}
	seen := fixtest.Probe("web", running(harden.Process{UID: 1000}))
	filtered := fixtest.Probe("web", running(harden.Process{UID: 1000, Seccomp: 2}))
	on := harden.Kubelet{Known: true, SeccompDefault: true, Time: fixtest.Now}
	for name, test := range map[string]struct {
		opts     []fixtest.Option
		want     string
		severity string
		says     string
	}{
		"filtered already":          {[]fixtest.Option{filtered}, "safe", "medium", "Seccomp: 2"},
		"plain image, seen":         {[]fixtest.Option{facts(nil), seen}, "evidence", "medium", "no browser"},
		"plain image, not seen":     {[]fixtest.Option{facts(nil)}, "review", "medium", "Nobody looked into the running container"},
		"browser":                   {[]fixtest.Option{facts(map[string]harden.ImageFile{"/usr/lib/chromium/chromium": plainly}), seen}, "review", "medium", "a browser"},
		"kaniko":                    {[]fixtest.Option{facts(map[string]harden.ImageFile{"/kaniko/executor": plainly}), seen}, "review", "medium", "an image builder"},
		"another executor":          {[]fixtest.Option{facts(map[string]harden.ImageFile{"/app/executor": plainly}), seen}, "evidence", "medium", "no browser"},
		"a debugger runs":           {[]fixtest.Option{facts(nil), fixtest.Probe("web", running(harden.Process{PID: 4, Command: "dlv"}))}, "review", "medium", "runs dlv"},
		"T22 io_uring":              {[]fixtest.Option{facts(nil, "liburing.so.2"), seen, fixtest.Runtime("containerd://2.0.1")}, "review", "medium", "refuses io_uring"},
		"T22 unknown nodes":         {[]fixtest.Option{facts(nil, "liburing.so.2"), seen}, "review", "medium", "refuses io_uring"},
		"T22 before 2.0":            {[]fixtest.Option{facts(nil, "liburing.so.2"), seen, fixtest.Runtime("containerd://1.7.28")}, "evidence", "medium", "allows io_uring"},
		"T25 all kubelets":          {[]fixtest.Option{fixtest.Runtime("containerd://1.7.28", "containerd://2.0.1"), fixtest.Kubelet("node-1", on), fixtest.Kubelet("node-2", on)}, "safe", "low", "seccompDefault: true"},
		"T25 one kubelet unknown":   {[]fixtest.Option{fixtest.Runtime("containerd://1.7.28", "containerd://2.0.1"), fixtest.Kubelet("node-1", on)}, "review", "medium", ""},
		"T25 one kubelet says no":   {[]fixtest.Option{fixtest.Runtime("containerd://1.7.28"), fixtest.Kubelet("node-1", harden.Kubelet{Known: true, Time: fixtest.Now})}, "review", "medium", ""},
		"T25 no node, no statement": {[]fixtest.Option{fixtest.Kubelet("node-1", on)}, "review", "medium", ""},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, SeccompProfileMissing, text, []string{"- " + test.severity}, test.opts...)
			fixes := fixtest.Fixes(t, SeccompProfileMissing, text, test.opts...)
			expectClasses(t, fixes, test.want)
			if !says(fixes[0], test.says) {
				t.Errorf("evidence %+v does not say %q", fixes[0].Evidence, test.says)
			}
		})
	}
	two := deployment(`containers: [{name: web, image: web:1}, {name: log, image: log:1}]`)
	expectClasses(t, fixtest.Fixes(t, SeccompProfileMissing, two, filtered), "review")
	expectClasses(t, fixtest.Fixes(t, SeccompProfileMissing, two, filtered, fixtest.Probe("log", running(harden.Process{Seccomp: 2}))), "safe")
	// What somebody turned off stays a person's decision.
	off := deployment("securityContext: {seccompProfile: {type: Unconfined}}\n" + plainWeb)
	expectClasses(t, fixtest.Fixes(t, SeccompUnconfined, off, facts(nil), seen), "review")
}

func TestT24PrivilegedHasNoFilter(t *testing.T) {
	if !fixtest.NotApplicable(t, SeccompProfileMissing, deployment(`containers: [{name: web, image: web:1, securityContext: {privileged: true}}]`)) {
		t.Error("the rule must not apply to a privileged container")
	}
}

func TestT38PrivilegedFalseIsUnset(t *testing.T) {
	facts := fixtest.Image("web:1", imageWith("1000", programs(nil, nil)))
	for _, fixer := range mine {
		unset := fixtest.Run(t, fixer, deployment(plainWeb), facts)
		explicit := fixtest.Run(t, fixer, deployment(`containers: [{name: web, image: web:1, securityContext: {privileged: false}}]`), facts)
		if a, b := strings.Join(told(unset), ", "), strings.Join(told(explicit), ", "); a != b {
			t.Errorf("%s: unset gives %q, false gives %q", fixer.ID, a, b)
		}
	}
}
