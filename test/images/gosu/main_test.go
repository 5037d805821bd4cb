//go:build linux

package main

import (
	"os"
	"os/exec"
	"os/user"
	"strings"
	"testing"
)

// The test binary is the program when it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("GOSU_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func gosu(args ...string) (string, error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GOSU_TEST_MAIN=1")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestBecomesTheUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	for name, want := range map[string]string{
		"nobody":   nobody.Uid + ":" + nobody.Gid + ":" + nobody.Gid + ":" + nobody.HomeDir,
		nobody.Uid: nobody.Uid + ":" + nobody.Gid + ":" + nobody.Gid + ":" + nobody.HomeDir,
		"nobody:0": nobody.Uid + ":0:0:" + nobody.HomeDir,
	} {
		got, err := gosu(name, "sh", "-c", `echo "$(id -u):$(id -g):$(id -G):$HOME"`)
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestFails(t *testing.T) {
	for want, args := range map[string][]string{
		"usage: gosu":                        {"nobody"},
		"unable to find user no-such-user":   {"no-such-user", "true"},
		"unable to find group no-such-group": {"root:no-such-group", "true"},
	} {
		got, err := gosu(args...)
		if err == nil || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, %v, want %q", args, got, err, want)
		}
	}
}
