package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

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
