package pod

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const plainWeb = `containers: [{name: web, image: web:1}]`

// passwd is a file system with root, nobody and app.
func passwd() *harden.ImageFiles {
	return &harden.ImageFiles{
		Users:    []harden.ImageUserEntry{{Name: "root", Home: "/root"}, {Name: "nobody", UID: 65534, GID: 65533, Home: "/"}, {Name: "app", UID: 100, GID: 101, Home: "/home/app"}},
		Groups:   []harden.ImageGroupEntry{{Name: "root"}, {Name: "staff", GID: 50}},
		Dirs:     map[string]harden.ImageDir{},
		Programs: map[string]harden.ImageFile{"/bin/web": {Mode: 0o755}},
		Links:    map[string]string{}, Scripts: map[string]string{},
	}
}

func imageWith(user string, files *harden.ImageFiles) harden.ImageFacts {
	return harden.ImageFacts{Known: true, User: user, Entrypoint: []string{"/bin/web"}, Files: files}
}

// running is a look into a container with one process.
func running(p harden.Process) harden.Probe {
	if p.Command == "" {
		p.PID, p.Command = 1, "web"
	}
	return harden.Probe{Known: true, Started: fixtest.Now.Add(-time.Hour), Processes: []harden.Process{p}}
}

// claimsOf lists CODE STATE of the evidence.
func claimsOf(fix harden.Fix) string {
	var list []string
	for _, c := range fix.Evidence {
		list = append(list, c.Code+" "+c.State.String())
	}
	return strings.Join(list, ", ")
}

// says reports whether a claim of the fix, its warning or its advice has all the words.
func says(fix harden.Fix, words ...string) bool {
	texts := []string{fix.Manual, fix.Warning}
	for _, c := range fix.Evidence {
		texts = append(texts, c.Text)
	}
	for _, text := range texts {
		all := true
		for _, w := range words {
			all = all && strings.Contains(text, w)
		}
		if all {
			return true
		}
	}
	return false
}

func TestT05NamedUserInNumbers(t *testing.T) {
	text := deployment(plainWeb)
	for name, test := range map[string]struct {
		facts harden.ImageFacts
		opts  []fixtest.Option
		class string
		after string // empty: no change
	}{
		"by passwd":         {imageWith("nobody", passwd()), nil, "evidence", `{runAsNonRoot: true, runAsUser: 65534, runAsGroup: 65533}`},
		"with a group":      {imageWith("app:staff", passwd()), nil, "evidence", `{runAsNonRoot: true, runAsUser: 100, runAsGroup: 50}`},
		"as seen":           {imageWith("app", passwd()), []fixtest.Option{fixtest.Probe("web", running(harden.Process{UID: 100, GID: 101}))}, "evidence", `{runAsNonRoot: true, runAsUser: 100, runAsGroup: 101}`},
		"otherwise seen":    {imageWith("app", passwd()), []fixtest.Option{fixtest.Probe("web", running(harden.Process{UID: 0}))}, "review", `{runAsNonRoot: true, runAsUser: 100, runAsGroup: 101}`},
		"files not read":    {imageWith("nobody", nil), nil, "review", ""},
		"not in passwd":     {imageWith("somebody", passwd()), nil, "review", ""},
		"T34 OpenShift":     {imageWith("nobody", passwd()), []fixtest.Option{fixtest.OpenShift()}, "review", ""},
		"another is number": {imageWith("1000", passwd()), nil, "evidence", `{runAsNonRoot: true}`},
	} {
		t.Run(name, func(t *testing.T) {
			opts := append(test.opts, fixtest.Image("web:1", test.facts))
			fixes := fixtest.Fixes(t, RunAsNonRoot, text, opts...)
			expectClasses(t, fixes, test.class)
			if test.after == "" {
				if len(fixes[0].Changes) > 0 {
					t.Errorf("changes %v, want only a text", fixes[0].Changes)
				}
				return
			}
			expectAfter(t, text, []*harden.Fixer{RunAsNonRoot}, `containers: [{name: web, image: web:1, securityContext: `+test.after+`}]`, opts...)
		})
	}
}

func TestNameOfRootIsRoot(t *testing.T) {
	files := passwd()
	files.Users = append(files.Users, harden.ImageUserEntry{Name: "toor"})
	expect(t, RunAsNonRoot, deployment(plainWeb), []string{"web root high"}, fixtest.Image("web:1", imageWith("toor", files)))
}

func TestRootImageIsReviewed(t *testing.T) {
	text := deployment(plainWeb)
	root := fixtest.Image("web:1", imageWith("", passwd()))
	fixes := fixtest.Fixes(t, RunAsNonRoot, text, root)
	expectClasses(t, fixes, "review")
	if len(fixes[0].Changes) > 0 {
		t.Errorf("nobody knows which user is meant: %v", fixes[0].Changes)
	}

	dropped := fixtest.Probe("web", running(harden.Process{UID: 999, GID: 998}))
	fixes = fixtest.Fixes(t, RunAsNonRoot, text, root, dropped)
	expectClasses(t, fixes, "review", "review")
	if !says(fixes[0], "becomes that user") || !says(fixes[0], "fsGroup: 998") {
		t.Errorf("it does not say what was seen, or how volumes are affected: %+v", fixes[0])
	}
	expectAfter(t, text, []*harden.Fixer{RunAsNonRoot}, `containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true, runAsUser: 999, runAsGroup: 998}}]`, root, dropped)

	fixes = fixtest.Fixes(t, RunAsNonRoot, text, root, dropped, fixtest.OpenShift())
	if len(fixes) != 1 || len(fixes[0].Changes) > 0 {
		t.Errorf("T34: a user is named on OpenShift: %+v", fixes)
	}
	both := fixtest.Probe("web", harden.Probe{Known: true, Processes: []harden.Process{{PID: 1, Command: "nginx"}, {PID: 9, Command: "nginx", UID: 101}}})
	if fixes = fixtest.Fixes(t, RunAsNonRoot, text, root, both); len(fixes) != 1 || !says(fixes[0], "process nginx (1) runs as root") {
		t.Errorf("a process of root was seen: %+v", fixes)
	}
}

func TestT39AllImagesMustQualify(t *testing.T) {
	text := deployment(plainWeb) + livePods("web-1", "sha256:aaa", "web-2", "sha256:bbb")
	good := fixtest.Image("web@sha256:aaa", imageWith("1000", nil))
	expect(t, RunAsNonRoot, text, []string{"web unknown-user medium"}, good)
	expect(t, RunAsNonRoot, text, []string{"web unenforced low"}, good, fixtest.Image("web@sha256:bbb", imageWith("2000", nil)))
	expect(t, RunAsNonRoot, text, []string{"web root high"}, good, fixtest.Image("web@sha256:bbb", imageWith("", nil)))

	// Two images that mean different numbers by one name cannot have one fix.
	other := passwd()
	other.Users[2].UID = 7
	fixes := fixtest.Fixes(t, RunAsNonRoot, text, fixtest.Image("web@sha256:aaa", imageWith("app", passwd())), fixtest.Image("web@sha256:bbb", imageWith("app", other)))
	if len(fixes[0].Changes) > 0 || !says(fixes[0], "different users") {
		t.Errorf("fix = %+v", fixes[0])
	}
}

// livePods are pods of the Deployment web, which run image web:1 at the digests.
func livePods(nameAndDigest ...string) string {
	var b strings.Builder
	for i := 0; i < len(nameAndDigest); i += 2 {
		b.WriteString(`
---
apiVersion: v1
kind: Pod
metadata:
  name: ` + nameAndDigest[i] + `
  uid: ` + nameAndDigest[i] + `
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec: {containers: [{name: web, image: web:1}]}
status: {containerStatuses: [{name: web, image: web:1, imageID: "web@` + nameAndDigest[i+1] + `", ready: true, restartCount: 0}]}
`)
	}
	return b.String()
}

func TestZeroIsReplacedByTheUserOfTheImage(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]`)
	both := []*harden.Fixer{RunAsNonRoot, RunAsRootUser}
	expectAfter(t, text, both, `containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, fixtest.Image("web:1", imageWith("1000", nil)))
	expectAfter(t, text, both, `containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true, runAsUser: 100, runAsGroup: 101}}]`, fixtest.Image("web:1", imageWith("app", passwd())))
	expectAfter(t, text, both, `containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]`, fixtest.Image("web:1", imageWith("1000", passwd())), fixtest.OpenShift())
	fix := fixtest.Fixes(t, RunAsNonRoot, text, fixtest.Image("web:1", imageWith("", passwd())))[0]
	if len(fix.Changes) > 0 || fix.Manual == "" {
		t.Errorf("a root image under runAsNonRoot would not start: %+v", fix)
	}
}

func TestT33KubeletGivesTheVolume(t *testing.T) {
	setup := func(command, volume string) string {
		return deployment(`
initContainers: [{name: setup, image: busybox:1, command: ` + command + `, securityContext: {runAsUser: 0}, volumeMounts: [{name: data, mountPath: /data}]}]
containers: [{name: web, image: web:1, volumeMounts: [{name: data, mountPath: /data}]}]
volumes: [{name: data, ` + volume + `}]
`)
	}
	claim := "persistentVolumeClaim: {claimName: data}"
	fixes := fixtest.Fixes(t, RunAsRootUser, setup(`[sh, -c, "chown -R 1000:2000 /data"]`, claim))
	expectClasses(t, fixes, "review", "review")
	if !says(fixes[0], "chown", "Operation not permitted") || claimsOf(fixes[0]) == "" || !strings.Contains(claimsOf(fixes[0]), "E-SPEC refutes") {
		t.Errorf("nothing speaks against taking root from chown: %+v", fixes[0])
	}
	spec := fixes[1].Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["securityContext"].(map[string]any)
	if spec["fsGroup"] != int64(2000) || spec["fsGroupChangePolicy"] != "OnRootMismatch" || len(fixes[1].Changes[0].Remove) != 1 || !says(fixes[1], "takes long") {
		t.Errorf("second fix = %+v", fixes[1])
	}
	for name, text := range map[string]string{
		"it does more":    setup(`[sh, -c, "chown -R 1000:2000 /data && migrate"]`, claim),
		"it makes things": setup(`[sh, -c, "mkdir -p /data/db && chown 1000:2000 /data/db"]`, claim),
		"a name":          setup(`[chown, "app:app", /data]`, claim),
		"not honoured":    setup(`[chown, "1000:2000", /data]`, "hostPath: {path: /srv}"),
	} {
		if fixes := fixtest.Fixes(t, RunAsRootUser, text); len(fixes) != 1 {
			t.Errorf("%s: %d fixes, want one", name, len(fixes))
		}
	}
	if fixes := fixtest.Fixes(t, RunAsRootUser, setup(`[chown, "1000:2000", /data]`, claim), fixtest.OpenShift()); len(fixes) != 1 {
		t.Errorf("T34: fsGroup on OpenShift: %+v", fixes)
	}
}

func TestT19RootWithoutChown(t *testing.T) {
	init := func(securityContext string) string {
		return deployment(`
initContainers: [{name: setup, image: busybox:1, command: [sh, -c, "chown -R 1000 /data"], securityContext: ` + securityContext + `}]
containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]
`)
	}
	if f := fixtest.Only(t, RunAsRootUser, init(`{runAsUser: 0, capabilities: {drop: [ALL]}}`)); !strings.Contains(f.Detail, "Operation not permitted") {
		t.Errorf("detail %q does not predict the failure", f.Detail)
	}
	fixes := fixtest.Fixes(t, DropAllCapabilities, init(`{runAsUser: 0}`))
	expectClasses(t, fixes, "review")
	expectAfter(t, init(`{runAsUser: 0}`), []*harden.Fixer{DropAllCapabilities, NetRawCapability}, `
initContainers: [{name: setup, image: busybox:1, command: [sh, -c, "chown -R 1000 /data"], securityContext: {runAsUser: 0, capabilities: {drop: [ALL], add: [CHOWN, DAC_OVERRIDE, FOWNER]}}}]
containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]
`)
	// Somebody's own list cannot get them from here: that is said.
	if fix := fixtest.Fixes(t, DropAllCapabilities, init(`{runAsUser: 0, capabilities: {add: [SETUID]}}`))[0]; !says(fix, "needs CHOWN, DAC_OVERRIDE, FOWNER") || !strings.Contains(claimsOf(fix), "refutes") {
		t.Errorf("fix = %+v", fix)
	}
}

func TestLessonOfAFailedFix(t *testing.T) {
	lesson := harden.Lesson{Image: "web:1", Kind: harden.LessonBreaks, Fixer: RunAsNonRoot.ID, Symptom: "permission denied", Workload: "shop/Deployment/web", Container: "web", Time: fixtest.Now.Add(-time.Hour)}
	image := fixtest.Image("web:1", imageWith("1000", nil))
	text := deployment(plainWeb)
	fix := fixtest.Fixes(t, RunAsNonRoot, text, image, fixtest.Lesson(lesson))[0]
	if fix.Class != harden.Review || fix.Evidence[0].Code != "E-LEARNT" || fix.Evidence[0].State != harden.Refutes || !says(fix, "failed on 2026-03-01 11:00:00 UTC", "permission denied") {
		t.Errorf("fix = %+v", fix)
	}
	lesson.Fixer = SeccompProfileMissing.ID
	expectClasses(t, fixtest.Fixes(t, RunAsNonRoot, text, image, fixtest.Lesson(lesson)), "evidence")
	if fix := fixtest.Fixes(t, SeccompProfileMissing, text, fixtest.Lesson(lesson))[0]; fix.Evidence[0].Code != "E-LEARNT" {
		t.Errorf("a lesson about a container does not reach the fix of its pod: %+v", fix)
	}
}
