package image

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func deployment(image string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "%s"}]}
`, image)
}

func pod(name, image, imageID string) string {
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Pod
metadata:
  name: %s
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec: {containers: [{name: web, image: "%s"}]}
status: {containerStatuses: [{name: web, image: x, imageID: "%s", ready: true, restartCount: 0}]}
`, name, image, imageID)
}

func node(name, arch, os string) string {
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Node
metadata: {name: %s, labels: {kubernetes.io/os: %s}}
status: {nodeInfo: {architecture: %s, bootID: "", containerRuntimeVersion: "", kernelVersion: "", kubeProxyVersion: "", kubeletVersion: "", machineID: "", operatingSystem: "", osImage: "", systemUUID: ""}}
`, name, os, arch)
}

// run runs a fixer with settings.
func run(t *testing.T, fixer *harden.Fixer, yaml string, settings harden.Settings) (*harden.Result, harden.Counts) {
	t.Helper()
	res := (&engine.Engine{Suite: []*harden.Fixer{fixer}, Settings: settings}).Run(fixtest.Load(t, yaml))
	return res, res.Counts[fixer.ID]
}

func TestTagMutable(t *testing.T) {
	for image, want := range map[string]string{
		"redis":                       "no-tag",
		"registry:5000/app":           "no-tag",
		"nginx:latest":                "moving-tag",
		"ghcr.io/team/app:nightly":    "moving-tag",
		"ghcr.io/team/app:team-head":  "moving-tag",
		"ghcr.io/team/app:1.2.3":      "",
		"registry:5000/latest:1":      "",
		"app:latest@" + digest:        "",
		"app@" + digest:               "",
		"app:latest-20260301":         "",
		"localhost:5000/x:main":       "moving-tag",
		"":                            "unreadable",
		"${IMAGE}":                    "unreadable",
		"App:latest:1":                "unreadable",
		"registry.corp/stable/app:v1": "",
	} {
		res, _ := run(t, TagMutable, deployment(image), harden.Settings{MutableTags: []string{"team-head"}})
		got := ""
		for _, f := range res.Findings {
			got += f.Verdict
			if (f.Status == harden.StatusUnknown) != (want == "unreadable") {
				t.Errorf("%q: status is %s", image, f.Status)
			}
		}
		if got != want {
			t.Errorf("%q: verdict %q, want %q", image, got, want)
		}
	}
}

func TestPinsTheDigestThatRuns(t *testing.T) {
	const amd = "registry.corp/app@" + digest
	for _, test := range []struct{ image, id, want string }{
		{"registry.corp/app:main", amd, "registry.corp/app:main@" + digest},
		{"registry.corp/app:main", "docker-pullable://" + amd, "registry.corp/app:main@" + digest},
		{"redis", "docker.io/library/redis@" + digest, "redis:latest@" + digest},
	} {
		yaml := deployment(test.image) + pod("web-1", test.image, test.id) + pod("web-2", test.image, test.id) + node("n", "amd64", "linux") + node("w", "arm64", "windows")
		fix := fixtest.Fixes(t, TagMutable, yaml, fixtest.Live())[0]
		if fix.Class != harden.Review || !missing(fix, "registry was not asked") || missing(fix, "nodes were not read") {
			t.Errorf("%s: class %s, evidence %v", test.image, fix.Class, fix.Evidence)
		}
		after := fixtest.Repair(t, []*harden.Fixer{TagMutable}, yaml, fixtest.Live())
		if !strings.Contains(after, "image: "+test.want+"\n") {
			t.Errorf("%s: want image %s in\n%s", test.image, test.want, after)
		}
		if left := fixtest.Run(t, TagMutable, after); len(left) > 0 {
			t.Errorf("still there: %v", fixtest.Reasons(left))
		}
	}
}

func missing(fix harden.Fix, text string) bool {
	for _, c := range fix.Evidence {
		if c.State == harden.Missing && strings.Contains(c.Text, text) {
			return true
		}
	}
	return false
}

func TestDoesNotPinWhatIsNotKnown(t *testing.T) {
	const image, id = "registry.corp/app:main", "registry.corp/app@" + digest
	other := "registry.corp/app@sha256:" + strings.Repeat("f", 64)
	for _, test := range []struct{ name, yaml, why string }{
		{"no pod", "", "no live pod"},
		{"pods disagree", pod("web-1", image, id) + pod("web-2", image, other), "different digests"},
		{"T46 two architectures", pod("web-1", image, id) + node("a", "amd64", "linux") + node("b", "arm64", "linux"), "linux/amd64 and linux/arm64"},
		{"T47 empty", pod("web-1", image, id) + pod("web-2", image, ""), "does not tell the digest in Pod web-2"},
		{"T47 config digest", pod("web-1", image, digest), "does not tell"},
		{"T47 config digest of Docker", pod("web-1", image, "docker://"+digest), "does not tell"},
		{"another name for the content", pod("web-1", image, "mirror.corp/app@"+digest), "as mirror.corp/app"},
		{"rollout under way", pod("web-1", "registry.corp/app:1", id), "another template"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, TagMutable, deployment(image)+test.yaml, fixtest.Live())[0]
			if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, test.why) || !strings.Contains(fix.Manual, "index") {
				t.Errorf("fix = %+v, want a text with %q and no changes", fix, test.why)
			}
		})
	}
	t.Run("file", func(t *testing.T) {
		fix := fixtest.Fixes(t, TagMutable, deployment(image)+pod("web-1", image, id))[0]
		if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "a file does not tell") {
			t.Errorf("fix = %+v, want a text", fix)
		}
	})
}

func TestPinMissesEvidence(t *testing.T) {
	const image, id = "registry.corp/app:main", "registry.corp/app@" + digest
	if fix := fixtest.Fixes(t, TagMutable, deployment(image)+pod("web-1", image, id), fixtest.Live())[0]; !missing(fix, "nodes were not read") {
		t.Errorf("without nodes the evidence is %v", fix.Evidence)
	}
	keel := strings.Replace(deployment(image), "metadata: {name: web}", "metadata: {name: web, annotations: {keel.sh/policy: all}}", 1)
	fix := fixtest.Fixes(t, TagMutable, keel+pod("web-1", image, id), fixtest.Live())[0]
	if last := fix.Evidence[len(fix.Evidence)-1]; last.State != harden.Refutes || last.Code != "E-OWNER" {
		t.Errorf("with Keel the evidence is %v", fix.Evidence)
	}
}
