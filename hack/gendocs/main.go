// Command gendocs writes the pages of docs/ that come from the code.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
)

func main() {
	if err := run("docs"); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var page bytes.Buffer
	if err := report.RulesMarkdown(&page, fixers.Suite()); err != nil {
		return fmt.Errorf("writing rules: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "rules.md"), page.Bytes(), 0o644)
}
