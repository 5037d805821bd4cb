package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWaiveAndUnwaiveInPlace(t *testing.T) {
	path := write(t, "web.yaml", deployment)
	args := []string{"waive", "deployment/web", "-f", path, "--only", "run-as-non-root", "--reason", "vendor image", "--until", "30d", "--in-place"}
	code, stdout, stderr := execute(t, "", append(args, "--dry-run")...)
	if code != exitOK || !strings.Contains(stdout, "waive.run-as-non-root") || contents(t, path) != deployment {
		t.Fatalf("a dry run: exit code %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = execute(t, "", append(args, "--yes")...)
	if code != exitOK || !strings.Contains(stderr, "1 finding waived, 0 not") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if code, _, stderr = execute(t, "", append(args, "--yes")...); code != exitOK || !strings.Contains(stderr, "waived already") {
		t.Errorf("once more: exit code %d\n%s", code, stderr)
	}
	code, stdout, _ = execute(t, "", "waivers", "-f", path)
	if code != exitOK || !strings.Contains(stdout, "holds") || !strings.Contains(stdout, "vendor image") {
		t.Errorf("the list: exit code %d\n%s", code, stdout)
	}
	code, stdout, _ = execute(t, "", "waivers", "-f", path, "-o", "json", "--state", "expired")
	if code != exitOK || !strings.Contains(stdout, `"waivers": []`) {
		t.Errorf("the expired: exit code %d\n%s", code, stdout)
	}
	code, stdout, stderr = execute(t, "", "unwaive", "deployment/web", "-f", path, "--in-place", "--yes")
	if code != exitOK || strings.Contains(contents(t, path), "waive.") || !strings.Contains(stderr, "1 finding waived no more") {
		t.Errorf("taken away: exit code %d\n%s%s\n%s", code, stdout, stderr, contents(t, path))
	}
}

func TestWaiveInConfig(t *testing.T) {
	path := write(t, "web.yaml", deployment)
	t.Chdir(t.TempDir())
	args := []string{"waive", "-f", path, "--only", "run-as-non-root", "--reason", "vendor image", "--until", "30d", "--in-config"}
	code, stdout, stderr := execute(t, "", append(args, "--dry-run")...)
	if code != exitOK || !strings.Contains(stdout, "+++ b/.harden.yaml") {
		t.Fatalf("a dry run: exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(".harden.yaml"); err == nil {
		t.Error("a dry run wrote")
	}
	if code, _, stderr = execute(t, "", append(args, "--yes")...); code != exitOK || !strings.Contains(stderr, "1 finding waived, 0 not") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if code, stdout, _ = execute(t, "", "waivers", "-f", path); code != exitOK || !strings.Contains(stdout, ".harden.yaml:3") {
		t.Errorf("the list: exit code %d\n%s", code, stdout)
	}
	code, stdout, _ = execute(t, "", "unwaive", "-f", path, "--only", "run-as-non-root", "--in-place", "--yes")
	if code != exitError || !strings.Contains(stdout, "take it out there") {
		t.Errorf("taken away: exit code %d\n%s", code, stdout)
	}
}

func TestBadWaivers(t *testing.T) {
	good := write(t, "good.yaml", deployment)
	waive := func(more ...string) []string {
		return append([]string{"waive", "-f", good, "--in-place", "--yes"}, more...)
	}
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"no rule", waive("--reason", "x", "--until", "9d"), []string{"no rule", "--only"}},
		{"unknown rule", waive("--only", "host-networ", "--reason", "x", "--until", "9d"), []string{"did you mean"}},
		{"no reason", waive("--only", "host-network", "--until", "9d"), []string{"reason"}},
		{"no end", waive("--only", "host-network", "--reason", "x"), []string{"--until", "90d"}},
		{"no such day", waive("--only", "host-network", "--reason", "x", "--until", "2027-02-30"), []string{"2027-02-30", "90d"}},
		{"over", waive("--only", "run-as-non-root", "--reason", "x", "--until", "2020-02-03"), []string{"over"}},
		{"too far ahead", waive("--only", "run-as-non-root", "--reason", "x", "--until", "999d"), []string{"180 days"}},
		{"two places", waive("--only", "host-network", "--reason", "x", "--until", "9d", "--in-config"), []string{"use one"}},
		{"an object that is not there", waive("deployment/api", "--only", "host-network", "--reason", "x", "--until", "9d"), []string{"deployment/api"}},
		{"files without a place", []string{"waive", "-f", good, "--only", "host-network", "--reason", "x", "--until", "9d", "--yes"}, []string{"--in-place"}},
		{"nobody to ask", []string{"waive", "-f", good, "--only", "host-network", "--reason", "x", "--until", "9d", "--in-config"}, []string{"no terminal"}},
		{"nothing to take away", []string{"unwaive", "-f", good, "--in-place", "--yes"}, []string{"no waiver is named", "waivers"}},
		{"unknown state", []string{"waivers", "-f", good, "--state", "old"}, []string{`"old"`, "expired"}},
		{"edit and tighten", []string{"fix", "--edit", "--tighten", "--yes", "--server", "https://127.0.0.1:1"}, []string{"--edit"}},
		{"manifests without a folder", []string{"fix", "-f", good, "-o", "manifests", "--dry-run"}, []string{"--out"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, "", test.args...)
			if code != exitError {
				t.Errorf("exit code %d, want %d; stdout %q", code, exitError, stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not say %q:\n%s", want, stderr)
				}
			}
		})
	}
}

// A text that is no patch comes back with what is wrong on top; left as it is, it
// ends the command.
func TestFixEdit(t *testing.T) {
	path := write(t, "web.yaml", deployment)
	script := filepath.Join(t.TempDir(), "edit.sh")
	seen := filepath.Join(t.TempDir(), "seen")
	edit := func(commands string) {
		t.Helper()
		if err := os.WriteFile(script, []byte("#!/bin/sh\ncat \"$1\" >> "+seen+"\n"+commands), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBE_EDITOR", script)
	t.Setenv("TMPDIR", t.TempDir())
	args := []string{"fix", "-f", path, "--only", "run-as-non-root", everyClass, "--in-place", "--yes", "--edit"}

	edit(`sed -i -e 's/kind: Deployment/kind: Pod/' "$1"`)
	code, _, stderr := execute(t, "", args...)
	if code != exitError || !strings.Contains(stderr, "must stay") || !strings.Contains(stderr, "your text is in") || contents(t, path) != deployment {
		t.Errorf("no patch: exit code %d\n%s", code, stderr)
	}
	if !strings.Contains(contents(t, seen), "# error: line") {
		t.Errorf("the editor was not opened again with the error:\n%s", contents(t, seen))
	}
	edit(`sed -i -e 's/runAsNonRoot: true/runAsUser: 1002/' "$1"`)
	code, stdout, stderr := execute(t, "", args...)
	if code != exitOK || !strings.Contains(contents(t, path), "runAsUser: 1002") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
