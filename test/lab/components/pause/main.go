//go:build linux

// Command pause does nothing but be the first process: of a pod's sandbox, whose namespaces the pod's containers share,
// and of the lab's node, whose processes all die with it. It reaps what is orphaned there, and ends on SIGTERM.
//
//	pause                                 in an image, as the sandbox of a pod
//	pause --node SOURCE=TARGET…           as the first process of new PID and mount namespaces
//
// The second form first gives the node folders of its own where the programs of a node insist on fixed paths: /run and
// /var are empty, /proc shows the node's processes, and each SOURCE of the machine is at TARGET. Then it prints "ready".
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--node" {
		if err := becomeNode(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "pause:", err)
			os.Exit(1)
		}
		fmt.Println("ready")
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGTERM)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		// One signal can stand for several children.
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

// becomeNode mounts what a node has of its own. Nothing of it reaches the machine.
func becomeNode(binds []string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("parting from the machine's mounts: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	// Open files reach the sources even where /run or /var will hide them.
	sources := make([]*os.File, len(binds))
	for i, bind := range binds {
		source, _, _ := strings.Cut(bind, "=")
		f, err := os.Open(source)
		if err != nil {
			return err // names the file itself
		}
		defer f.Close()
		sources[i] = f
	}
	for _, dir := range []string{"/run", "/var"} {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0755"); err != nil {
			return fmt.Errorf("mounting %q: %w", dir, err)
		}
	}
	for _, dir := range []string{"/run/lock", "/var/lib", "/var/log", "/var/tmp"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return err
	}
	for i, bind := range binds {
		_, target, _ := strings.Cut(bind, "=")
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(filepath.Join("/proc/self/fd", fmt.Sprint(sources[i].Fd())), target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return fmt.Errorf("mounting %q: %w", bind, err)
		}
	}
	// As on other nodes, so that volumes of pods can ask for any propagation.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing the node's mounts: %w", err)
	}
	return nil
}
