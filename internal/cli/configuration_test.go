package cli

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(config.Name, "version: 1\nimage-max-age: 30\nrules: {disable: [host-pid]}\ncustom-rules:\n- {id: own, title: x, expression: 'true'}\n")
	write("other.yaml", "version: 1\nimage-max-age: 60\n")
	write("bad.yaml", "version: 1\nwaver: []\n")
	for _, test := range []struct {
		name string
		args []string
		age  int
		err  string
		runs map[string]bool
	}{
		{name: "that of the directory", age: 30, runs: map[string]bool{"host-pid": false, "own": true, "host-ipc": true}},
		{name: "that of the flag", args: []string{"--config=other.yaml"}, age: 60, runs: map[string]bool{"host-pid": true, "own": false}},
		{name: "none", args: []string{"--config="}, age: 0, runs: map[string]bool{"host-pid": true}},
		{name: "a flag wins", args: []string{"--image-max-age=5"}, age: 5},
		{name: "a rule that is named runs", args: []string{"--only=host-pid,own"}, age: 30, runs: map[string]bool{"host-pid": true}},
		{name: "no such rule", args: []string{"--skip=host-pdi"}, err: `unknown rule "host-pdi"`},
		{name: "a rule of another file", args: []string{"--config=other.yaml", "--only=own"}, err: `unknown rule "own"`},
		{name: "no such file", args: []string{"--config=none.yaml"}, err: "none.yaml"},
		{name: "a mistake", args: []string{"--config=bad.yaml"}, err: `bad.yaml:2: unknown field "waver"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConnection()
			fs := pflag.NewFlagSet("scan", pflag.ContinueOnError)
			c.addSourceFlags(fs)
			fs.StringSlice(onlyFlag, nil, "")
			fs.StringSlice(skipFlag, nil, "")
			if err := fs.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			got, err := c.configuration(fs)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Settings.ImageMaxAge != test.age {
				t.Errorf("image-max-age is %d, want %d", got.Settings.ImageMaxAge, test.age)
			}
			for id, want := range test.runs {
				if runs := slices.ContainsFunc(got.Suite(fixers.Suite()), func(f *harden.Fixer) bool { return f.ID == id }); runs != want {
					t.Errorf("%s runs: %t, want %t", id, runs, want)
				}
			}
		})
	}
}
