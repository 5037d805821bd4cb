package image

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sha is a digest that is all of one letter.
func sha(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// indexOf is a tag that names an index for amd64 and arm64.
func indexOf() harden.ImageTag {
	return harden.ImageTag{Known: true, Time: fixtest.Now, Digest: sha("e"), Platforms: map[string]string{"linux/amd64": sha("a"), "linux/arm64": sha("b")}}
}

func on(pod, node string) string {
	return strings.Replace(pod, "spec: {containers", "spec: {nodeName: "+node+", containers", 1)
}

const (
	app   = "registry.corp/app:main"
	appAt = "registry.corp/app@"
)

func TestPinsTheIndexWithEvidence(t *testing.T) {
	amd, arm := node("a", "amd64", "linux"), node("b", "arm64", "linux")
	for _, test := range []struct{ name, yaml string }{
		{"the runtime reports the index", pod("web-1", app, appAt+sha("e")) + amd},
		{"the runtime reports the platform", pod("web-1", app, appAt+sha("a")) + amd},
		{"T46 two architectures", on(pod("web-1", app, appAt+sha("a")), "a") + on(pod("web-2", app, appAt+sha("b")), "b") + amd + arm},
		{"T45 index and platform", pod("web-1", app, appAt+sha("a")) + pod("web-2", app, appAt+sha("e")) + amd},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := deployment(app) + test.yaml
			for _, fixer := range []*harden.Fixer{TagMutable} {
				fix := fixtest.Fixes(t, fixer, yaml, fixtest.Live(), fixtest.Tag(app, indexOf()))[0]
				if fix.Class != harden.Evidence {
					t.Errorf("class %s, evidence %v", fix.Class, fix.Evidence)
				}
				after := fixtest.Repair(t, []*harden.Fixer{fixer}, yaml, fixtest.Live(), fixtest.Tag(app, indexOf()))
				if want := app + "@" + sha("e"); !strings.Contains(after, "image: "+want+"\n") {
					t.Errorf("want image %s in\n%s", want, after)
				}
			}
		})
	}
}

// Nothing is evidence that is not, and nothing is pinned that may not run.
func TestPinIsReviewedOrRefused(t *testing.T) {
	amd, arm := node("a", "amd64", "linux"), node("b", "arm64", "linux")
	onlyAMD := indexOf()
	onlyAMD.Platforms = map[string]string{"linux/amd64": sha("a")}
	keel := strings.Replace(deployment(app), "metadata: {name: web}", "metadata: {name: web, annotations: {keel.sh/policy: all}}", 1)
	for _, test := range []struct {
		name, yaml string
		tag        harden.ImageTag
		want       string // in a claim that does not hold, or in the text
		change     string // digest of the change; empty: none
	}{
		{"no nodes", deployment(app) + pod("web-1", app, appAt+sha("a")), indexOf(), "nodes were not read", sha("e")},
		{"a node that the index has no image for", deployment(app) + pod("web-1", app, appAt+sha("a")) + amd + arm, onlyAMD, "no image for linux/arm64", sha("e")},
		{"an image automation", keel + pod("web-1", app, appAt+sha("a")) + amd, indexOf(), "Keel", sha("e")},
		{"no pod", deployment(app) + amd, indexOf(), "no live pod", sha("e")},
		{"the tag moved away", deployment(app) + pod("web-1", app, appAt+sha("c")) + amd, indexOf(), "keep the older build", sha("c")},
		{"the tag moved away, two architectures", deployment(app) + pod("web-1", app, appAt+sha("c")) + amd + arm, indexOf(), "linux/amd64 and linux/arm64", ""},
		{"pods on both sides of a move", deployment(app) + pod("web-1", app, appAt+sha("c")) + pod("web-2", app, appAt+sha("a")) + amd, indexOf(), "decide which build is meant", ""},
		{"the registry does not answer", deployment(app) + pod("web-1", app, appAt+sha("c")) + amd, harden.ImageTag{Why: "the registry is down"}, "the registry is down", sha("c")},
		{"nobody answers", deployment(app) + amd, harden.ImageTag{Why: "the registry is down"}, "no live pod tells what runs, and the registry did not say what the tag names: the registry is down", ""},
		{"T46 the registry does not answer", deployment(app) + pod("web-1", app, appAt+sha("c")) + amd + arm, harden.ImageTag{Why: "down"}, "linux/amd64 and linux/arm64", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, TagMutable, test.yaml, fixtest.Live(), fixtest.Tag(app, test.tag))[0]
			said := fix.Manual
			for _, c := range fix.Evidence {
				if c.State != harden.Holds {
					said += c.Text
				}
			}
			if fix.Class != harden.Review || !strings.Contains(said, test.want) {
				t.Errorf("class %s, said %q, want a review that says %q", fix.Class, said, test.want)
			}
			got := ""
			if len(fix.Changes) > 0 {
				got = fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"].(string)
			}
			if want := app + "@" + test.change; got != want && (test.change != "" || got != "") {
				t.Errorf("image %q, want digest %q", got, test.change)
			}
		})
	}
	t.Run("files are pinned to what the tag names, for review", func(t *testing.T) {
		fix := fixtest.Fixes(t, TagMutable, deployment(app), fixtest.Tag(app, indexOf()))[0]
		if fix.Class != harden.Review || len(fix.Changes) != 1 || !missing(fix, "a file does not tell") {
			t.Errorf("fix = %+v", fix)
		}
	})
}

func TestDrift(t *testing.T) {
	amd, other, arm := node("a", "amd64", "linux"), node("a2", "amd64", "linux"), node("b", "arm64", "linux")
	two := func(image, first, second, secondNode string) string {
		return deployment(image) + on(pod("web-1", image, first), "a") + on(pod("web-2", image, second), secondNode) + amd + other + arm
	}
	tag := []fixtest.Option{fixtest.Live(), fixtest.Tag(app, indexOf())}
	live := []fixtest.Option{fixtest.Live()}
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string // verdict
	}{
		{"one digest", two(app, appAt+sha("a"), appAt+sha("a"), "a2"), live, ""},
		{"two digests on like nodes", two(app, appAt+sha("a"), appAt+sha("c"), "a2"), live, "pods-differ"},
		{"T45 two architectures of one index", two(app, appAt+sha("a"), appAt+sha("b"), "b"), tag, ""},
		{"T45 index and platform", two(app, appAt+sha("e"), appAt+sha("a"), "a2"), tag, ""},
		{"T45 unlike nodes, nobody asked", two(app, appAt+sha("a"), appAt+sha("b"), "b"), live, "unlike-nodes"},
		{"T45 the spec names a platform, the status the index", two("registry.corp/app@"+sha("a"), appAt+sha("e"), appAt+sha("a"), "a2"), live, ""},
		{"T47 docker-pullable", two(app, "docker-pullable://"+appAt+sha("a"), appAt+sha("a"), "a2"), live, ""},
		{"T47 empty", two(app, appAt+sha("a"), "", "a2"), live, ""},
		{"T47 a config digest", two(app, appAt+sha("a"), sha("c"), "a2"), live, ""},
		{"T47 a config digest of Docker", two(app, appAt+sha("a"), "docker://"+sha("c"), "a2"), live, ""},
		{"a rollout under way", two(app, appAt+sha("a"), appAt+sha("a"), "a2") + pod("web-3", "registry.corp/app:1", appAt+sha("c")), live, ""},
		{"the tag moved on", two(app, appAt+sha("c"), appAt+sha("c"), "a2"), tag, "tag-moved"},
		{"one pod has the new build", two(app, appAt+sha("c"), appAt+sha("b"), "b"), tag, "pods-differ"},
		{"the registry does not answer", two(app, appAt+sha("a"), appAt+sha("a"), "a2"), append(live, fixtest.Tag(app, harden.ImageTag{Why: "down"})), ""},
		{"another index with the same platform", two(app, appAt+sha("d"), appAt+sha("d"), "a2"), append(tag, fixtest.Image(appAt+sha("d"), harden.ImageFacts{Known: true, Digest: sha("a")})), ""},
		{"files", two(app, appAt+sha("a"), appAt+sha("c"), "a2"), nil, "n/a"},
		{"no pods", deployment(app), live, "n/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fixtest.NotApplicable(t, Drift, test.yaml, test.opts...); got != (test.want == "n/a") {
				t.Fatalf("not applicable: %v", got)
			}
			got := ""
			for _, f := range fixtest.Run(t, Drift, test.yaml, test.opts...) {
				got += f.Verdict
				if (f.Status == harden.StatusUnknown) != (f.Verdict == "unlike-nodes") {
					t.Errorf("%s has status %s", f.Verdict, f.Status)
				}
			}
			if test.want != "n/a" && got != test.want {
				t.Errorf("verdict %q, want %q", got, test.want)
			}
		})
	}
}
