package testimages

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDepends(t *testing.T) {
	got := parseDepends(`postgresql-15
 |Depends: locales
  Depends: locales-all
  Depends: postgresql-client-15
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
    debconf
  PreDepends: libc6
 |Depends: first
  Depends: second
 |Depends: <virtual>
    provider
  Depends: third
  Depends: <awk>
    mawk
  Depends: perl:any
  Depends: libssl3:any
`)
	if diff := cmp.Diff([]string{"postgresql-client-15", "libc6", "first", "third", "libssl3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMerged(t *testing.T) {
	for in, want := range map[string]string{
		"./":                "",
		"./bin/":            "bin",
		"./bin/sh":          "usr/bin/sh",
		"./lib64/ld.so":     "usr/lib64/ld.so",
		"./usr/bin/env":     "usr/bin/env",
		"./libexec/x":       "libexec/x",
		"./var/lib/nginx/":  "var/lib/nginx",
		"lib/x86/libc.so.6": "usr/lib/x86/libc.so.6",
	} {
		if want == "" {
			want = "."
		}
		if got := merged(in); got != want {
			t.Errorf("merged(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIsNotUnpacked(t *testing.T) {
	for name, want := range map[string]bool{
		"usr/share/man/man1/sh.1.gz":              true,
		"usr/share/doc":                           true,
		"usr/share/docker":                        false,
		"usr/lib/postgresql/15/lib/llvmjit.so":    true,
		"usr/lib/postgresql/15/lib/bitcode/x/y.b": true,
		"usr/lib/postgresql/15/lib/plpgsql.so":    false,
		"etc/nginx/nginx.conf":                    false,
	} {
		if got := isNotUnpacked(name); got != want {
			t.Errorf("isNotUnpacked(%q) = %v, want %v", name, got, want)
		}
	}
}
