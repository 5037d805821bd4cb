package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// columns is the width of usage texts; wider lines are hard to read on the web.
const columns = 120

// commands is the page of all commands. The flags that all of them have come once, at its end.
func commands(root *cobra.Command) []byte {
	var all []*cobra.Command
	walk(root, func(cmd *cobra.Command) { all = append(all, cmd) })

	var b bytes.Buffer
	b.WriteString("# Commands\n\nThis page is generated from the commands by `make generate`; `--help` after a command shows the same.\n\n")
	for _, cmd := range all {
		path := cmd.CommandPath()
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", path, strings.ReplaceAll(path, " ", "-"), cmd.Short)
	}
	for _, cmd := range all {
		section(&b, cmd)
	}
	b.WriteString("\n## Flags of all commands\n\nThey say which cluster is meant and as whom, as kubectl's do.\n")
	block(&b, usages(root.PersistentFlags()))
	return b.Bytes()
}

// walk calls a function for a command and all below it, but those that nobody is shown and help, which each has.
func walk(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() && child.Name() != "help" {
			walk(child, do)
		}
	}
}

func section(b *bytes.Buffer, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n", cmd.CommandPath())
	// As it is: it was laid out for a terminal, and may hold lists and command lines.
	block(b, text)
	if cmd.Runnable() {
		b.WriteString("\nUsage:\n")
		block(b, cmd.UseLine())
	}
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n")
		block(b, unindent(cmd.Example))
	}
	if flags := usages(cmd.LocalNonPersistentFlags()); flags != "" {
		b.WriteString("\nFlags:\n")
		block(b, flags)
	}
}

// usages are flags with their descriptions, one below the other.
func usages(flags *pflag.FlagSet) string { return flags.FlagUsagesWrapped(columns) }

// block writes text that is shown as it is, after an empty line.
func block(b *bytes.Buffer, text string) {
	fmt.Fprintf(b, "\n```\n%s\n```\n", strings.Trim(text, "\n"))
}

// unindent takes the two blanks away that examples have at the begin of their lines.
func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
