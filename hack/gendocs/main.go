// Command gendocs writes what comes from the code: without flags the pages of docs/, with -files the man pages and
// completion scripts that are released with the program.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/cli"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
)

func main() {
	files := flag.String("files", "", "write man pages and completion scripts below this folder instead")
	date := flag.String("date", "", "date of the man pages, as 2026-01-02T15:04:05Z")
	flag.Parse()
	if err := run(*files, *date); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(files, date string) error {
	if err := forgetMachine(); err != nil {
		return err
	}
	if files == "" {
		return pages("docs")
	}
	at, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return fmt.Errorf("reading -date: %w", err)
	}
	return releaseFiles(files, at)
}

// forgetMachine makes defaults of flags that lie in somebody's home read as they do for everybody.
func forgetMachine() error {
	for _, name := range []string{"KUBECACHEDIR", "KUBECONFIG", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return os.Setenv("HOME", "$HOME")
}

// pages writes the generated pages into a folder.
func pages(dir string) error {
	if err := rulePages(filepath.Join(dir, "rules"), fixers.Suite()); err != nil {
		return fmt.Errorf("writing rules: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "commands.md"), commands(cli.Tree()), 0o644); err != nil {
		return err
	}
	return keyPage(filepath.Join(dir, "tui.md"))
}
