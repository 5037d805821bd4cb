package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-harden/kubectl-harden/internal/cli"
)

// somewhere is a home that must show in nothing that is generated.
func somewhere(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "KUBECACHEDIR", "KUBECONFIG", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, home) // restored after forgetMachine, too
	}
	if err := forgetMachine(); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestPagesAreTheSameOnEveryMachine(t *testing.T) {
	home := somewhere(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tui.md"), []byte("text\n"+keysBegin+"old\n"+keysEnd+"more\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := pages(dir); err != nil {
		t.Fatal(err)
	}
	if err := releaseFiles(dir, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.md", "rules/*", "man/*", "completions/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), home) {
				t.Errorf("%s names the home of who made it", filepath.Base(name))
			}
		}
	}
}

func TestEveryCommandHasItsFlagsOnceAndAManPage(t *testing.T) {
	somewhere(t)
	dir := t.TempDir()
	if err := releaseFiles(dir, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	root := cli.Tree()
	page := string(commands(root))
	walk(root, func(cmd *cobra.Command) {
		_, section, found := strings.Cut(page, "\n## "+cmd.CommandPath()+"\n")
		if !found {
			t.Errorf("%s has no section", cmd.CommandPath())
		}
		section, _, _ = strings.Cut(section, "\n## ")
		cmd.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden && strings.Count(section, " --"+flag.Name+" ")+strings.Count(section, " --"+flag.Name+"[") == 0 {
				t.Errorf("%s: the section does not list --%s", cmd.CommandPath(), flag.Name)
			}
		})
		if _, err := os.Stat(filepath.Join(dir, "man", strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")); err != nil {
			t.Error(err)
		}
	})
	root.PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		if n := strings.Count(page, "\n      --"+flag.Name+" ") + strings.Count(page, ", --"+flag.Name+" "); n != 1 {
			t.Errorf("--%s, a flag of all commands, is listed %d times", flag.Name, n)
		}
	})
}

func TestManPagesKeepColumns(t *testing.T) {
	flows := "A paragraph\nof two lines."
	columns := "name   what\n  a    b"
	if got, want := verbatim(flows+"\n\n"+columns), flows+"\n\n```\n"+columns+"\n```"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeysTakeTheirPlaceInThePage(t *testing.T) {
	page, err := withKeys([]byte("before\n" + keysBegin + "what was there\n" + keysEnd + "after\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if !strings.HasPrefix(text, "before\n"+keysBegin) || !strings.HasSuffix(text, keysEnd+"after\n") || strings.Contains(text, "what was there") {
		t.Errorf("the keys do not stand in their place:\n%s", text)
	}
	again, err := withKeys(page)
	if err != nil || string(again) != text {
		t.Errorf("a second time changes the page, or fails: %v", err)
	}
	if _, err := withKeys([]byte("nothing marked")); err == nil {
		t.Error("a page without a place for keys was taken")
	}
}
