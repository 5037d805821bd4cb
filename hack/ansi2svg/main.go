// Command ansi2svg turns a captured terminal screen into an SVG picture:
//
//	tmux capture-pane -e -p -t NAME | go run ./hack/ansi2svg -width 120 -height 36 >screen.svg
//
// The input is text with ANSI styles, a line a row. A terminal emulator reads it, so every sequence that styles text
// is understood. Text stays text in the picture: it can be searched, read aloud, and is sharp at every size.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	width := flag.Int("width", 120, "columns of the screen")
	height := flag.Int("height", 36, "rows of the screen")
	title := flag.String("title", "", "what the picture shows, for people who do not see it")
	flag.Parse()
	if err := convert(os.Stdout, os.Stdin, *width, *height, *title); err != nil {
		fmt.Fprintf(os.Stderr, "ansi2svg: %v\n", err)
		os.Exit(1)
	}
}

func convert(out io.Writer, in io.Reader, width, height int, title string) error {
	if width < 1 || height < 1 {
		return fmt.Errorf("a screen of %d columns and %d rows shows nothing", width, height)
	}
	captured, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading the screen: %w", err)
	}
	// A new line at the very end would scroll the first row out of the picture.
	captured = bytes.TrimRight(captured, "\r\n")
	captured = bytes.ReplaceAll(captured, []byte("\r\n"), []byte("\n"))

	s, err := read(captured, width, height)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	draw(buffered, s, title)
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return nil
}
