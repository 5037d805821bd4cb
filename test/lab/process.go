package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// A process is a running component.
type process struct {
	name string
	pid  int
	log  string
	done chan struct{} // closed when the process has ended
	err  error         // why it ended; to be read after done
}

// startProcess starts a component at a place; it appends its output to the file log.
func startProcess(name, log string, at place, env []string, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = env
	cmd.SysProcAttr = at.attributes()

	p := &process{name: name, log: log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties the parent-death signal to the thread, not to the process: were this thread to end early,
		// the component would be killed.
		runtime.LockOSThread()
		defer out.Close()
		if at == (place{}) {
			defer runtime.UnlockOSThread()
		} else if err := at.enter(); err != nil { // a thread that was elsewhere must end, so it stays locked
			started <- err
			return
		}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process at once and waits until it is gone. Nothing that a lab writes is worth a slow goodbye.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	if err := signalGroup(p.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	<-p.done
	return nil
}

// failure says that and why the process ended, with the last lines it wrote. Only after done.
func (p *process) failure() error {
	reason := p.err
	if reason == nil {
		reason = errors.New("exit status 0")
	}
	return fmt.Errorf("running %s: %w\nlast lines of %s:\n%s", p.name, reason, p.log, indent(tail(p.log, 20)))
}

// tail returns the last lines of a file; what cannot be read is not worth an error beside the one being reported.
func tail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	data, _ := io.ReadAll(io.LimitReader(f, most))
	all := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// indent sets off text that was written by another program.
func indent(s string) string {
	return "\t" + strings.ReplaceAll(s, "\n", "\n\t")
}
