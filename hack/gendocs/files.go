package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/kubectl-harden/kubectl-harden/internal/cli"
)

// releaseFiles writes man/ and completions/ below a folder.
func releaseFiles(dir string, date time.Time) error {
	if err := manPages(filepath.Join(dir, "man"), date); err != nil {
		return fmt.Errorf("writing man pages: %w", err)
	}
	if err := completions(filepath.Join(dir, "completions")); err != nil {
		return fmt.Errorf("writing completion scripts: %w", err)
	}
	return nil
}

// manPages writes kubectl-harden.1 and one page for each command: `man kubectl-harden-scan`.
func manPages(dir string, date time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Tree()
	walk(root, func(cmd *cobra.Command) {
		cmd.DisableAutoGenTag = true
		// The page is Markdown on its way: a column in it must stay a column.
		cmd.Long = verbatim(cmd.Long)
	})
	return doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{
		Path:             dir,
		CommandSeparator: "-",
		Header:           &doc.GenManHeader{Section: "1", Date: &date, Source: "kubectl harden", Manual: "kubectl harden"},
	})
}

// verbatim keeps paragraphs that are laid out (lists, tables, command lines) as they are, and lets the others flow.
func verbatim(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		if strings.Contains("\n"+paragraph, "\n ") {
			paragraphs[i] = "```\n" + paragraph + "\n```"
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// completions writes a script for each shell, under the name that the shell looks for. They complete `kubectl-harden`;
// for `kubectl harden` kubectl itself asks kubectl_complete-harden.
func completions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Tree()
	for _, script := range []struct {
		name  string
		write func(path string) error
	}{
		{"kubectl-harden.bash", func(path string) error { return root.GenBashCompletionFileV2(path, true) }},
		{"_kubectl-harden", root.GenZshCompletionFile},
		{"kubectl-harden.fish", func(path string) error { return root.GenFishCompletionFile(path, true) }},
		{"kubectl-harden.ps1", root.GenPowerShellCompletionFileWithDesc},
	} {
		if err := script.write(filepath.Join(dir, script.name)); err != nil {
			return err
		}
	}
	return nil
}
