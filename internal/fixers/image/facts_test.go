package image

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func with(yaml, fields string) string {
	return strings.Replace(yaml, "{name: web, image", "{name: web, "+fields+", image", 1)
}

func files(programs map[string]harden.ImageFile) *harden.ImageFiles {
	return &harden.ImageFiles{Programs: programs, Users: []harden.ImageUserEntry{{Name: "app", UID: 7, GID: 8}}}
}

// holding is an image with these programs.
func holding(programs ...string) harden.ImageFacts {
	found := map[string]harden.ImageFile{}
	for _, p := range programs {
		found[p] = harden.ImageFile{Mode: 0o755}
	}
	return harden.ImageFacts{Known: true, Files: files(found)}
}

func busybox() harden.ImageFacts {
	i := holding("/sbin/apk", "/bin/busybox")
	i.Files.Links = map[string]string{"/bin/ash": "/bin/busybox", "/usr/bin/wget": "/bin/busybox"}
	return i
}

func withDir(dir string, entries int) harden.ImageFacts {
	return harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Dirs: map[string]harden.ImageDir{dir: {Mode: 0o755, Entries: entries}}}}
}

// owned is an image in which others than root may write to folders with programs.
func owned(user, entrypoint string) harden.ImageFacts {
	i := holding("/app/app", "/opt/tool/tool", "/bin/sh")
	i.User, i.Entrypoint, i.Env = user, []string{entrypoint}, []string{"PATH=/bin:/usr/local/bin"}
	if entrypoint != "sh" {
		i.Entrypoint, i.Env = []string{"/" + map[string]string{"app": "app", "tool": "opt/tool"}[entrypoint] + "/" + entrypoint}, []string{"PATH=/bin"}
	}
	i.Files.Dirs = map[string]harden.ImageDir{
		"/app": {Mode: 0o755, UID: 7, GID: 7}, "/opt/tool": {Mode: 0o775, GID: 8}, "/bin": {Mode: 0o755}, "/usr/local/bin": {Mode: 0o777},
	}
	return i
}

// tidy is an image in which only root may write to folders with programs.
func tidy(user string) harden.ImageFacts {
	i := owned(user, "sh")
	i.Env = []string{"PATH=/bin"}
	return i
}

func TestImageFacts(t *testing.T) {
	setuid := files(map[string]harden.ImageFile{"/bin/su": {Mode: 0o4755}, "/bin/write": {Mode: 0o2755, GID: 5}, "/bin/ls": {Mode: 0o755}})
	capable := files(map[string]harden.ImageFile{"/app": {Mode: 0o755, Capabilities: []string{"NET_BIND_SERVICE"}, Effective: true}, "/bin/ping": {Mode: 0o755, Capabilities: []string{"NET_RAW"}}})
	windows := strings.Replace(deployment(release), "spec: {containers", "spec: {os: {name: windows}, containers", 1)
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		facts harden.ImageFacts
		want  string // status, severity and part of what it says; "pass", "n/a"
	}{
		{"no user", RunsAsRoot, deployment(release), harden.ImageFacts{Known: true}, "fail medium names no user"},
		{"root", RunsAsRoot, deployment(release), harden.ImageFacts{Known: true, User: "root:root"}, `fail medium is "root:root"`},
		{"root, but not in this pod", RunsAsRoot, with(deployment(release), "securityContext: {runAsUser: 7}"), harden.ImageFacts{Known: true}, "fail info runs it as user 7"},
		{"root, said by the pod too", RunsAsRoot, with(deployment(release), "securityContext: {runAsUser: 0}"), harden.ImageFacts{Known: true}, "fail medium"},
		{"a number", RunsAsRoot, deployment(release), harden.ImageFacts{Known: true, User: "7"}, "pass"},
		{"a name", RunsAsRoot, deployment(release), harden.ImageFacts{Known: true, User: "app"}, "pass"},
		{"unreadable", RunsAsRoot, deployment(release), harden.ImageFacts{Why: "no credentials"}, "unknown medium no credentials"},
		{"Windows", RunsAsRoot, windows, harden.ImageFacts{Known: true}, "n/a"},

		{"a name", UserNonNumeric, deployment(release), harden.ImageFacts{Known: true, User: "app"}, `fail low the name "app"`},
		{"a number", UserNonNumeric, deployment(release), harden.ImageFacts{Known: true, User: "7:app"}, "pass"},
		{"root", UserNonNumeric, deployment(release), harden.ImageFacts{Known: true, User: "root"}, "pass"},

		{"setuid", SetuidFiles, deployment(release), harden.ImageFacts{Known: true, Files: setuid}, "fail medium /bin/su (setuid of user 0)\n/bin/write (setgid of group 5)"},
		{"setuid without effect", SetuidFiles, with(deployment(release), "securityContext: {allowPrivilegeEscalation: false}"), harden.ImageFacts{Known: true, Files: setuid}, "fail low /bin/su"},
		{"none", SetuidFiles, deployment(release), harden.ImageFacts{Known: true, Files: capable}, "pass"},
		{"files were not read", SetuidFiles, deployment(release), harden.ImageFacts{Known: true, FilesWhy: "a layer is broken"}, "unknown low a layer is broken"},

		{"capabilities", FileCapabilities, with(deployment(release), "command: [/bin/sh]"), harden.ImageFacts{Known: true, Files: capable}, "fail low /app (NET_BIND_SERVICE, effective)\n/bin/ping (NET_RAW)"},
		{"capabilities of the entrypoint", FileCapabilities, deployment(release), harden.ImageFacts{Known: true, Files: capable, Entrypoint: []string{"/app"}}, "fail low The container starts with /app"},
		{"capabilities of the command", FileCapabilities, deployment(release), harden.ImageFacts{Known: true, Files: capable, Cmd: []string{"app"}, Env: []string{"PATH=/:/bin"}}, "fail low The container starts with /app"},
		{"none", FileCapabilities, deployment(release), harden.ImageFacts{Known: true, Files: setuid}, "pass"},

		{"its own folder", WorldWritable, deployment(release), owned("7", "app"), "fail low /app (belongs to user 7)"},
		{"a folder for everybody", WorldWritable, deployment(release), owned("9", "sh"), "fail low /usr/local/bin (everybody may write)"},
		{"a folder of its group", WorldWritable, deployment(release), owned("9:8", "tool"), "fail low /opt/tool (group 8 may write)"},
		{"a folder of others", WorldWritable, with(deployment(release), "command: [/bin/sh]"), tidy("9"), "pass"},
		{"root may anyway", WorldWritable, deployment(release), owned("0", "app"), "pass"},
		{"nobody may", WorldWritable, with(deployment(release), "securityContext: {readOnlyRootFilesystem: true}"), owned("7", "app"), "pass"},
		{"files were not read", WorldWritable, deployment(release), harden.ImageFacts{Known: true, FilesWhy: "a layer is broken"}, "unknown low a layer is broken"},

		{"all three", NotMinimal, deployment(release), holding("/usr/bin/apt", "/usr/bin/bash", "/usr/bin/curl"), "fail info the image has apt, bash, curl"},
		{"all three, by links", NotMinimal, deployment(release), busybox(), "fail info the image has apk, ash, wget"},
		{"no download", NotMinimal, deployment(release), holding("/usr/bin/apt", "/usr/bin/bash"), "pass"},
		{"only the program", NotMinimal, deployment(release), holding("/app/server"), "pass"},
		{"large", NotMinimal, deployment(release), harden.ImageFacts{Known: true, Size: 3 << 30, Files: files(nil)}, "fail info 3072 MiB"},

		{"compiler", BuildTools, deployment(release), holding("/usr/bin/gcc", "/usr/bin/make"), "fail info 2 build tools and caches in the image"},
		{"cache", BuildTools, deployment(release), withDir("/root/.m2/repository", 3), "fail info /root/.m2/repository"},
		{"development tools", BuildTools, deployment(release), harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Links: map[string]string{"/app/node_modules/.bin/jest": "../jest/bin/jest.js"}}}, "fail info /app/node_modules/.bin/jest"},
		{"runtime only", BuildTools, deployment(release), holding("/usr/bin/python3"), "pass"},

		{"manuals", DocsLeft, deployment(release), withDir("/usr/share/man", 12), "fail info /usr/share/man"},
		{"an empty folder", DocsLeft, deployment(release), withDir("/usr/share/doc", 0), "pass"},
	} {
		t.Run(test.fixer.ID+" "+test.name, func(t *testing.T) {
			opt := fixtest.Image(release, test.facts)
			if fixtest.NotApplicable(t, test.fixer, test.yaml, opt) {
				if test.want != "n/a" {
					t.Error("does not apply")
				}
				return
			}
			got := "pass"
			for _, f := range fixtest.Run(t, test.fixer, test.yaml, opt) {
				got = strings.Join([]string{f.Status.String(), f.Severity.String(), f.Reason, f.Detail, f.SeverityWhy}, " ")
			}
			for _, part := range strings.SplitN(test.want, " ", 3) {
				if !strings.Contains(got, part) {
					t.Errorf("got %q, want %q", got, test.want)
				}
			}
		})
	}
	for _, fixer := range []*harden.Fixer{RunsAsRoot, UserNonNumeric, SetuidFiles, FileCapabilities, WorldWritable, NotMinimal, BuildTools, DocsLeft} {
		if !fixtest.NotApplicable(t, fixer, deployment(release)) {
			t.Errorf("%s applies though nobody looked", fixer.ID)
		}
	}
	fix := fixtest.Fixes(t, UserNonNumeric, deployment(release), fixtest.Image(release, harden.ImageFacts{Known: true, User: "app", Files: setuid}))[0]
	if !strings.Contains(fix.Manual, "USER 7:8") {
		t.Errorf("the number of the user is not named: %s", fix.Manual)
	}
}
