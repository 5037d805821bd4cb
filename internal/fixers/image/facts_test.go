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
	for _, fixer := range []*harden.Fixer{RunsAsRoot, UserNonNumeric, SetuidFiles, FileCapabilities} {
		if !fixtest.NotApplicable(t, fixer, deployment(release)) {
			t.Errorf("%s applies though nobody looked", fixer.ID)
		}
	}
	fix := fixtest.Fixes(t, UserNonNumeric, deployment(release), fixtest.Image(release, harden.ImageFacts{Known: true, User: "app", Files: setuid}))[0]
	if !strings.Contains(fix.Manual, "USER 7:8") {
		t.Errorf("the number of the user is not named: %s", fix.Manual)
	}
}
