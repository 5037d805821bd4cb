package lab

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A place is the namespaces that a component runs in. The zero value is where this process runs.
type place struct {
	network string // a file that stands for a network namespace
	node    int    // the PID of a process whose PID and mount namespaces to join
	own     bool   // new PID and mount namespaces
}

// attributes are those of the component's process: a group of its own, so that ctrl-c in the terminal reaches the lab
// first, and death with the thread that started it, so that a killed lab leaves nothing behind. What joins a PID
// namespace dies with the first process there; for it, a parent outside is none, so it would take it for dead.
func (p place) attributes() *syscall.SysProcAttr {
	a := child()
	if p.node == 0 {
		a.Pdeathsig = syscall.SIGKILL
	}
	if p.own {
		a.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	return a
}

// enter moves the calling thread into the namespaces. The goroutine must be locked to it, and for good: other
// goroutines must not run there later.
func (p place) enter() error {
	if p.network != "" {
		if err := join(p.network, unix.CLONE_NEWNET); err != nil {
			return err
		}
	}
	if p.node == 0 {
		return nil
	}
	if err := join(fmt.Sprintf("/proc/%d/ns/pid", p.node), unix.CLONE_NEWPID); err != nil {
		return err
	}
	// Threads that share their working folder cannot change mount namespaces one by one.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("entering the node: %w", err)
	}
	return join(fmt.Sprintf("/proc/%d/ns/mnt", p.node), unix.CLONE_NEWNS)
}

func join(path string, kind int) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("entering the node: %w", err)
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), kind); err != nil {
		return fmt.Errorf("entering the node by %q: %w", path, err)
	}
	return nil
}
