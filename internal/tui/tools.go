package tui

import (
	"os"

	"github.com/atotto/clipboard"
)

// tools are what reaches out of the program; commands alone use them.
type tools struct {
	getenv    func(name string) string
	clipboard func(text string) error // of the system
}

func defaultTools() tools {
	return tools{getenv: os.Getenv, clipboard: clipboard.WriteAll}
}
