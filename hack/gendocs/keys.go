package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// Marks in a page between which the keys stand; the rest is written by people.
const (
	keysBegin = "<!-- keys: generated from the UI's table of actions by `make generate` -->\n"
	keysEnd   = "<!-- end of keys -->\n"
)

// withKeys is a page of documentation with fresh tables of keys.
func withKeys(page []byte) ([]byte, error) {
	before, rest, begun := bytes.Cut(page, []byte(keysBegin))
	_, after, ended := bytes.Cut(rest, []byte(keysEnd))
	if !begun || !ended {
		return nil, fmt.Errorf("the page has no place for keys between %q and %q", strings.TrimSpace(keysBegin), strings.TrimSpace(keysEnd))
	}
	return slices.Concat(before, []byte(keysBegin), []byte("\n"), keys(), []byte("\n"), []byte(keysEnd), after), nil
}

// many is from how many screens on an action is listed once for all of them.
const many = 4

// keys is what can be done, a table a screen; what can be done on most of them comes first.
func keys() []byte {
	var common []tui.ActionDoc
	of := map[string][]tui.ActionDoc{}
	var screens []string
	for _, a := range tui.Actions() {
		if len(a.In) >= many {
			common = append(common, a)
			continue
		}
		for _, name := range a.In {
			if of[name] == nil {
				screens = append(screens, name)
			}
			of[name] = append(of[name], a)
		}
	}
	var b bytes.Buffer
	keyTable(&b, "On most screens", common)
	for _, name := range screens {
		keyTable(&b, "Screen: "+name, of[name])
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func keyTable(b *bytes.Buffer, title string, actions []tui.ActionDoc) {
	fmt.Fprintf(b, "### %s\n\n| keys | action | does |\n| --- | --- | --- |\n", title)
	for _, a := range actions {
		fmt.Fprintf(b, "| %s | %s | %s |\n", "`"+strings.Join(a.Keys, "` `")+"`", cell(a.Name), cell(a.Help))
	}
	b.WriteString("\n")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// keyPage writes fresh keys into the page.
func keyPage(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fresh, err := withKeys(page)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, fresh, 0o644)
}
