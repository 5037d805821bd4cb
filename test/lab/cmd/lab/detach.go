package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// readyEnv tells a detached 'lab up' that its file descriptor 3 is a pipe to the one that started it.
const (
	readyEnv = "HARDEN_LAB_READY_FD"
	readyFD  = 3
)

// upDetached runs 'lab up' with the same arguments in the background and returns when its lab is ready.
func upDetached(ctx context.Context, name string, containers bool, args []string) error {
	// What can be built is built here, where the user sees it.
	if err := ensureBuilt(ctx, containers); err != nil {
		return err
	}
	logPath, err := logFile(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(logPath), 0o700); err != nil {
		return fmt.Errorf("making the log's folder: %w", err)
	}
	log, err := os.CreateTemp(filepath.Dir(logPath), name+"-*.log")
	if err != nil {
		return fmt.Errorf("making the log: %w", err)
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer read.Close()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	// A later flag wins.
	cmd := exec.Command(self, append(append([]string{"up"}, args...), "--detach=false")...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{write}
	cmd.Env = append(os.Environ(), readyEnv+"=1")
	cmd.SysProcAttr = detached()
	err = cmd.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("starting it in the background: %w", err)
	}
	stopWaiting := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer stopWaiting()
	word, _ := io.ReadAll(read) // ends when the other closes it, or dies
	if string(word) != "ready" {
		said, _ := os.ReadFile(log.Name())
		_ = os.Remove(log.Name())
		return errors.Join(fmt.Errorf("starting the lab %q in the background: it ended:\n%s", name, said), ctx.Err())
	}
	if err := os.Rename(log.Name(), logPath); err != nil {
		return fmt.Errorf("keeping the log: %w", err)
	}
	l, err := lab.Attach(name)
	if err != nil {
		return err
	}
	printUse(l)
	return cmd.Process.Release()
}

// readyPipe returns the pipe to the process that waits for a detached lab, or nil. It must be called before anything
// is started, which would inherit the pipe and keep it open.
func readyPipe() *os.File {
	if os.Getenv(readyEnv) == "" {
		return nil
	}
	os.Unsetenv(readyEnv)
	closeOnExec(readyFD)
	return os.NewFile(readyFD, "ready")
}

// reportReady tells the process that waits for a detached lab, if there is one.
func reportReady(pipe *os.File) {
	if pipe != nil {
		_, _ = pipe.WriteString("ready")
		pipe.Close()
	}
}

// logFile returns where a detached lab writes what 'lab up' would print. It outlives the lab's own folder, so that a
// lab that dies can be understood.
func logFile(name string) (string, error) {
	root, err := lab.Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "detached", name+".log"), nil
}

func removeLog(name string) error {
	path, err := logFile(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the log: %w", err)
	}
	return nil
}
