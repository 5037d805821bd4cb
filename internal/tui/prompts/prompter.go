package prompts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// errQuit ends the dialog: the person quits, or the input or the context ended.
var errQuit = errors.New("quit")

// longestLine is about how much of a line of input is kept, in bytes.
const longestLine = 4096

// prompter writes plain lines and reads lines. It reads only when it is asked to,
// so that a program that asks for a password meanwhile gets what is typed.
type prompter struct {
	out        io.Writer
	err        error // the first that came from writing
	want       chan struct{}
	lines      chan input
	waiting    bool // a line is asked for and has not come
	interrupts <-chan os.Signal
}

type input struct {
	text string
	end  bool
}

func newPrompter(in io.Reader, out io.Writer, interrupts <-chan os.Signal) *prompter {
	p := &prompter{out: out, want: make(chan struct{}, 1), lines: make(chan input, 1), interrupts: interrupts}
	go p.serve(bufio.NewReader(in))
	return p
}

func (p *prompter) serve(r *bufio.Reader) {
	for range p.want {
		line, err := readLine(r)
		// What the end of the input cut off is no answer.
		p.lines <- input{text: line, end: err != nil}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, more, err := r.ReadLine()
		switch {
		case err != nil:
			return "", err
		case len(line) < longestLine:
			line = append(line, part...)
		}
		if !more {
			return string(line), lineEnded(r)
		}
	}
}

// lineEnded tells apart a line and what the end of the input cut off: ReadLine
// does not.
func lineEnded(r *bufio.Reader) error {
	if err := r.UnreadByte(); err != nil {
		return err
	}
	if last, err := r.ReadByte(); err != nil || last != '\n' {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// close ends the reading once the line that is asked for has come.
func (p *prompter) close() { close(p.want) }

// say writes one line. Nothing of it can move a cursor or make another line.
func (p *prompter) say(format string, args ...any) {
	p.write(strings.TrimSpace(harden.OneLine(fmt.Sprintf(format, args...))) + "\n")
}

// lead is say where there is something to say.
func (p *prompter) lead(words, text string) {
	if text != "" {
		p.say("%s%s", words, text)
	}
}

// gap is an empty line, which a screen reader can jump to.
func (p *prompter) gap() { p.write("\n") }

func (p *prompter) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.out, text)
	}
}

// request has a line read, unless one is being read.
func (p *prompter) request() {
	if !p.waiting {
		p.waiting = true
		p.want <- struct{}{}
	}
}

// ask writes a question and waits for the line that answers it.
func (p *prompter) ask(ctx context.Context, question string) (string, error) {
	if p.err != nil || ctx.Err() != nil {
		return "", errQuit
	}
	p.write(harden.OneLine(question) + " ")
	p.request()
	select {
	case line := <-p.lines:
		p.waiting = false
		if line.end {
			p.gap()
			return "", errQuit
		}
		return strings.TrimSpace(harden.OneLine(line.text)), nil
	case <-p.interrupts:
	case <-ctx.Done():
	}
	p.gap()
	return "", errQuit
}

// yes asks for the word yes; everything else is a no.
func (p *prompter) yes(ctx context.Context, verb string) (bool, error) {
	answer, err := p.ask(ctx, "Type yes to "+verb+", anything else to leave it:")
	return isYes(answer), err
}

func isYes(answer string) bool { return strings.EqualFold(answer, "yes") }
