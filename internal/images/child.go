package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// workVariable names the child's folder for temporary files.
const workVariable = "KUBECTL_HARDEN_WORK"

// A child is a process that looks into images.
type child struct {
	command *exec.Cmd
	tasks   *json.Encoder
	stdin   io.Closer
	answers chan answer   // closed when the process has ended
	ended   chan struct{} // closed when err is set
	err     error         // of the process
	stderr  tail
	folder  string
}

// start starts a child process and waits until it is ready.
func (s *Scanner) start(ctx context.Context) (*child, error) {
	folder, err := workFolder()
	if err != nil {
		return nil, fmt.Errorf("making a folder for temporary files: %w", err)
	}
	c := &child{answers: make(chan answer), ended: make(chan struct{}), folder: folder}
	if err := c.run(s.command(), folder); err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("starting a process that looks into images: %w", err)
	}
	// A write fails when the process is gone, which the answers tell better.
	_ = c.tasks.Encode(s.settings)
	select {
	case <-ctx.Done():
		c.stop()
		return nil, ctx.Err()
	case first, ok := <-c.answers:
		switch {
		case !ok:
			c.stop()
			return nil, fmt.Errorf("the process that looks into images ended at once: %s", c.reason(s.options.Memory))
		case first.Failed != "":
			c.stop()
			return nil, fmt.Errorf("the process that looks into images cannot work: %s", harden.OneLine(first.Failed))
		case first.Protocol != protocol:
			c.stop()
			return nil, errors.New("the process that looks into images is of another version: start the program again")
		}
		return c, nil
	}
}

func (c *child) run(command []string, folder string) error {
	c.command = exec.Command(command[0], command[1:]...)
	c.command.Env = childEnvironment(folder)
	c.command.Stderr = &c.stderr
	stdin, err := c.command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return err
	}
	c.tasks, c.stdin = json.NewEncoder(stdin), stdin
	if err := c.command.Start(); err != nil {
		return err
	}
	go c.listen(stdout)
	return nil
}

// childEnvironment is that of this process, without what changes how Trivy works.
func childEnvironment(folder string) []string {
	var all []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TRIVY_") {
			all = append(all, variable)
		}
	}
	for _, name := range []string{"TMPDIR", "TMP", "TEMP", workVariable} {
		all = append(all, name+"="+folder)
	}
	return all
}

func (c *child) listen(stdout io.Reader) {
	answers := json.NewDecoder(stdout)
	var broken error
	for {
		var a answer
		if broken = answers.Decode(&a); broken != nil {
			break
		}
		c.answers <- a
	}
	if errors.Is(broken, io.EOF) || errors.Is(broken, io.ErrUnexpectedEOF) {
		c.err = c.command.Wait()
	} else {
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
		c.err = fmt.Errorf("its answer cannot be read: %w", broken)
	}
	close(c.ended)
	close(c.answers)
}

// stop ends the process and removes what it left behind.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.command.Process.Kill()
	for range c.answers {
	}
	_ = os.RemoveAll(c.folder)
}

// reason says why the process ended, from what it wrote last.
func (c *child) reason(memory int64) string {
	<-c.ended
	said := c.stderr.String()
	switch {
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return fmt.Sprintf("it takes more than the %s of memory that it may", size(memory))
	case strings.Contains(said, "stack overflow"):
		return "it is nested too deep"
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return "the process broke: " + quote(strings.TrimSpace(line))
		}
	}
	if c.err == nil {
		return "it stopped"
	}
	return "the process ended: " + c.err.Error() + "; where the system ran out of memory, give it more or look into fewer images at a time"
}

// A tail keeps the end of what is written to it, and the beginning: a crash
// starts with its reason, and ends with a long list of goroutines.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const maxTail = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[:min(len(p), maxTail-len(t.text))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

const workPrefix = "kubectl-harden-work-"

// workFolder makes a folder for a child's temporary files, and removes those of
// children whose machine went down with them.
func workFolder() (string, error) {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), workPrefix+"*"))
	for _, folder := range left {
		if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(folder)
		}
	}
	return os.MkdirTemp("", workPrefix)
}
