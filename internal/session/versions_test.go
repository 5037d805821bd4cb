package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCandidates(t *testing.T) {
	for _, test := range []struct{ name, current, tags, want string }{
		{"patch, minor, not major", "1.25.1", "1.24.9 1.25.1 1.25.2 1.25.5 1.26.0 1.29.3 2.0.0 latest 1.25", "1.25.2 1.25.5 1.29.3"},
		{"only one", "1.25.1", "1.25.2", "1.25.2"},
		{"nothing newer", "1.25.1", "1.25.1 1.25.0 2.0.0 latest", ""},
		{"the v stays", "v1.2.3", "1.2.4 v1.2.4 V1.2.5", "v1.2.4"},
		{"the variant stays", "3.11.4-slim", "3.11.5 3.11.5-alpine 3.11.5-slim 3.11.6-slim-bookworm", "3.11.5-slim"},
		{"no variant is a variant", "1.25.1", "1.25.2-rc1 1.25.2-alpine 1.25.2beta 1.25.2", "1.25.2"},
		{"a variant with a version", "1.25.1-alpine3.19", "1.25.2-alpine3.18 1.25.2-alpine3.20 1.25.1-alpine3.20 1.25.3-alpine", "1.25.1-alpine3.20 1.25.2-alpine3.20"},
		{"as many numbers", "1.25", "1.25.9 1.26 1.27 2", "1.26 1.27"},
		{"a major tag has no newer one", "1", "2 3 1.5", ""},
		{"four numbers", "4.8.1.0", "4.8.1.2 4.9.0.0 4.8.1.10", "4.8.1.2 4.8.1.10 4.9.0.0"},
		{"numbers, not text", "1.9.0", "1.10.0", "1.10.0"},
		{"dates", "bookworm-20260101", "bookworm-20251201 bookworm-20260201 trixie-20260301 bookworm-20260315", "bookworm-20260201 bookworm-20260315"},
		{"plain dates", "20260101", "20251201 20260201 20270101 202602", "20260201 20270101"},
		{"years are a major version", "2025.4.1", "2025.4.2 2026.1.0", "2025.4.2"},
		{"latest", "latest", "1.2.3", ""},
		{"a commit", "9f2c1e7", "9f2c1e8 1.2.3", ""},
		{"a commit behind a branch", "main-9f2c1e7", "main-9f2c1e8", ""},
		{"a release name", "release-1.4.0", "release-1.4.1 1.4.2", "release-1.4.1"},
		{"hostile", "1.2.3", "1.2.99999999999999999999999 1.2.4\x1b[0m " + strings.Repeat("9", 500), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(candidates(test.current, strings.Fields(test.tags)), " ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
