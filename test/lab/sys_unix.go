//go:build unix

package lab

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// flock locks f for this process without waiting; errLocked when it is taken.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// signalGroup sends a signal to a process and all its descendants that stayed in its group.
func signalGroup(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pid, sig); err != nil {
		return fmt.Errorf("sending %s to process group %d: %w", sig, pid, err)
	}
	return nil
}

const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// child puts a process into a group of its own.
func child() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
