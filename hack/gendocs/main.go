// Command gendocs writes the pages of docs/ that come from the code.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

func main() {
	if err := run("docs"); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var rules bytes.Buffer
	if err := report.RulesMarkdown(&rules, fixers.Suite()); err != nil {
		return fmt.Errorf("writing rules: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules.md"), rules.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "keys.md"), keys(), 0o644)
}

// keys is the page of what the UI can do.
func keys() []byte {
	var b bytes.Buffer
	b.WriteString("# Keys of the terminal UI\n\nThis page is generated from the UI's table of actions by `make generate`; `?` shows the same.\n\n")
	b.WriteString("| keys | does | where |\n| --- | --- | --- |\n")
	for _, a := range tui.Actions() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", "`"+strings.Join(a.Keys, "` `")+"`", strings.ReplaceAll(a.Help, "|", "\\|"), strings.Join(a.In, ", "))
	}
	return b.Bytes()
}
