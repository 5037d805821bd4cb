package image

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// What is wrong with a name is said once: a tag that moves is no tag of a release.
func TestNotPinned(t *testing.T) {
	for image, want := range map[string]bool{
		"app:1.2.3": true, "registry:5000/app:1": true, "app:latest-20260301": true,
		"app": false, "app:latest": false, "app:team-head": false, "app:1@" + digest: false, "app@" + digest: false, "": false, "${IMAGE}": false,
	} {
		_, counts := run(t, NotPinned, deployment(image), harden.Settings{MutableTags: []string{"team-head"}})
		if (counts.Fail == 1) != want {
			t.Errorf("%q: %+v, want a finding: %v", image, counts, want)
		}
	}
	yaml := deployment("registry.corp/app:1.0") + pod("web-1", "registry.corp/app:1.0", appAt+sha("a")) + node("a", "amd64", "linux")
	fix := fixtest.Fixes(t, NotPinned, yaml, fixtest.Live(), fixtest.Tag("registry.corp/app:1.0", indexOf()))[0]
	if fix.Class != harden.Evidence {
		t.Errorf("class %s, evidence %v", fix.Class, fix.Evidence)
	}
	if left := fixtest.Run(t, NotPinned, fixtest.Repair(t, []*harden.Fixer{NotPinned}, yaml, fixtest.Live(), fixtest.Tag("registry.corp/app:1.0", indexOf()))); len(left) > 0 {
		t.Errorf("still there: %v", fixtest.Reasons(left))
	}
}

func TestT48PullPolicy(t *testing.T) {
	for _, test := range []struct{ image, policy, want string }{
		{"app", "", ""}, // becomes Always
		{"app:latest", "", ""},
		{"app:main", "", "if-not-present"},
		{"app:1.2", "", ""},
		{"app:latest", "IfNotPresent", "if-not-present"}, // the tag was changed after the object was made
		{"app:latest", "Always", ""},
		{"app:1.2", "IfNotPresent", ""},
		{"app:1.2", "Never", "never"},
		{"app:main", "Never", "never"},
		{"app:main@" + digest, "IfNotPresent", ""},
		{"app@" + digest, "Never", ""},
		{"${IMAGE}", "Never", ""},
	} {
		yaml := deployment(test.image)
		if test.policy != "" {
			yaml = with(yaml, "imagePullPolicy: "+test.policy)
		}
		got := ""
		for _, f := range fixtest.Run(t, PullPolicy, yaml) {
			got += f.Verdict
		}
		if got != test.want {
			t.Errorf("%s with %q: %q, want %q", test.image, test.policy, got, test.want)
		}
		if got != "" && len(fixtest.Run(t, PullPolicy, fixtest.Repair(t, []*harden.Fixer{PullPolicy}, yaml))) > 0 {
			t.Errorf("%s with %q: still there after the fix", test.image, test.policy)
		}
	}
	fix := fixtest.Fixes(t, PullPolicy, deployment(app), fixtest.Tag(app, indexOf()))[0]
	if fix.Class != harden.Review || fix.Evidence[0].State != harden.Holds {
		t.Errorf("fix %+v", fix)
	}
}

func TestDeprecatedRegistry(t *testing.T) {
	for image, want := range map[string]string{
		"k8s.gcr.io/pause:3.2":                    "registry.k8s.io/pause:3.2",
		"k8s.gcr.io/pause@" + digest:              "registry.k8s.io/pause@" + digest,
		"gcr.io/google-containers/busybox:1":      "registry.k8s.io/busybox:1",
		"gcr.io/google_containers/busybox":        "registry.k8s.io/busybox",
		"bitnami/redis:7.2":                       "by hand",
		"bitnamilegacy/redis":                     "by hand",
		"docker.pkg.github.com/a/b/c:1":           "by hand",
		"bitnami/redis":                           "",
		"bitnami/redis:latest":                    "",
		"registry.corp/bitnami/redis:7.2":         "",
		"gcr.io/google-containers-evil/busybox:1": "",
		"k8s.gcr.io.evil.io/pause:1":              "",
		"registry.k8s.io/pause:3.9":               "",
		"${IMAGE}":                                "",
	} {
		findings := fixtest.Run(t, DeprecatedRegistry, deployment(image))
		if len(findings) == 0 {
			if want != "" {
				t.Errorf("%s: nothing found", image)
			}
			continue
		}
		after := fixtest.Repair(t, []*harden.Fixer{DeprecatedRegistry}, deployment(image))
		if want == "by hand" {
			if fix := fixtest.Fixes(t, DeprecatedRegistry, deployment(image))[0]; fix.Manual == "" {
				t.Errorf("%s: fix %+v", image, fix)
			}
		} else if !strings.Contains(after, "image: "+want+"\n") {
			t.Errorf("%s: want %q in\n%s", image, want, after)
		}
	}
}
