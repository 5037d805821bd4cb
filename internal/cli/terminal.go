package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// isTerminal reports whether the stream is a terminal that a person looks at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// width is how many cells a line of the terminal has; 0: the stream is none.
func width(stream any) int {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return 0
	}
	w, _, err := term.GetSize(f.Fd())
	if err != nil {
		return 0
	}
	return w
}

// interactive reports whether a question can be asked and answered.
func interactive(s genericiooptions.IOStreams) bool { return isTerminal(s.In) && isTerminal(s.ErrOut) }

// confirm asks on stderr, so that stdout stays what was asked for.
func confirm(s genericiooptions.IOStreams, question string) (bool, error) {
	fmt.Fprintf(s.ErrOut, "%s [y/N] ", question)
	line, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}
