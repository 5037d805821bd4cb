package image

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseReference(t *testing.T) {
	for s, want := range map[string]Reference{
		"nginx":                      {"docker.io", "library/nginx", "", ""},
		"nginx:1.27":                 {"docker.io", "library/nginx", "1.27", ""},
		"team/app":                   {"docker.io", "team/app", "", ""},
		"index.docker.io/team/app":   {"docker.io", "team/app", "", ""},
		"registry:5000/app":          {"registry:5000", "app", "", ""},
		"registry:5000/app:1":        {"registry:5000", "app", "1", ""},
		"localhost:5000/x":           {"localhost:5000", "x", "", ""},
		"localhost/x":                {"localhost", "x", "", ""},
		"registry.corp/a/b/c:x":      {"registry.corp", "a/b/c", "x", ""},
		"app@" + digest:              {"docker.io", "library/app", "", digest},
		"app:latest@" + digest:       {"docker.io", "library/app", "latest", digest},
		"[::1]:5000/app:1@" + digest: {"[::1]:5000", "app", "1", digest},
	} {
		got, err := ParseReference(s)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", s, err, diff)
		}
	}
	for _, s := range []string{"", " ", "App/x y", "app:", "app@sha256:123", "app:a:b", "https://registry.corp/app", "${IMAGE}"} {
		if got, err := ParseReference(s); err == nil {
			t.Errorf("%q: got %+v, want an error", s, got)
		}
	}
}

func TestT41PortIsNoTag(t *testing.T) {
	if r, err := ParseReference("registry:5000/app"); err != nil || r.Domain != "registry:5000" || r.Tag != "" {
		t.Errorf("got %+v, %v: the colon belongs to the port", r, err)
	}
	if res, _ := run(t, TagMutable, deployment("registry:5000/app"), harden.Settings{}); len(res.Findings) != 1 || res.Findings[0].Verdict != "no-tag" {
		t.Errorf("no tag is one that moves: %v", fixtest.Reasons(res.Findings))
	}
}

func TestT42DigestDoesNotMove(t *testing.T) {
	if res, _ := run(t, TagMutable, deployment("app:latest@"+digest), harden.Settings{}); len(res.Findings) > 0 {
		t.Errorf("a digest was found to move: %v", fixtest.Reasons(res.Findings))
	}
}

func TestT43LocalhostIsNotDockerHub(t *testing.T) {
	if r, err := ParseReference("localhost:5000/x"); err != nil || r.Domain != "localhost:5000" || r.Path != "x" {
		t.Errorf("got %+v, %v: localhost is a registry of its own", r, err)
	}
	for _, fixer := range []*harden.Fixer{PublicRegistry, DeprecatedRegistry} {
		if found := fixtest.Run(t, fixer, deployment("localhost:5000/x:1")); len(found) > 0 {
			t.Errorf("%v", fixtest.Reasons(found))
		}
	}
}

// What was read can be written down and read again.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"nginx", "registry:5000/app:1", "localhost/x", "app:latest@" + digest, "[::1]:5000/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReference(s)
		if err != nil {
			return
		}
		written := r.Name()
		if r.Tag != "" {
			written += ":" + r.Tag
		}
		if r.Digest != "" {
			written += "@" + r.Digest
		}
		again, err := ParseReference(written)
		if err != nil || again != r {
			t.Errorf("%q: %+v, written as %q and read again: %+v, %v", s, r, written, again, err)
		}
		if strings.Contains(r.Tag, "/") {
			t.Errorf("%q: tag %q holds a slash", s, r.Tag)
		}
	})
}
