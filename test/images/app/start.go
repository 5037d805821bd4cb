//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// start does what must succeed before anything is served.
func start(ctx context.Context, o options) error {
	if err := becomeUser(o.chown, o.user); err != nil {
		return err
	}
	if o.thread {
		filtered, err := underSeccompFilter()
		if err != nil {
			return err
		}
		if filtered {
			return errors.New("pthread_create failed: Operation not permitted")
		}
	}
	for _, path := range o.needs {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		f.Close()
	}
	for _, path := range o.writes {
		if err := os.WriteFile(path, []byte("written at start\n"), 0o644); err != nil {
			return err
		}
	}
	if o.helper != "" {
		return runHelper(ctx, o.helper)
	}
	return nil
}

// becomeUser gives the folder to the user "uid:gid" and drops to it, by system calls alone, as gosu and su-exec do.
func becomeUser(folder, user string) error {
	if user == "" {
		return nil
	}
	var uid, gid int
	if _, err := fmt.Sscanf(user, "%d:%d", &uid, &gid); err != nil {
		return fmt.Errorf("reading the user %q: %w", user, err)
	}
	if folder != "" {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			return err
		}
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("setgroups %d: %w", gid, err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("setgid %d: %w", gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("setuid %d: %w", uid, err)
	}
	log.Printf("running as %s", user)
	return nil
}

// underSeccompFilter tells whether this process is in seccomp's mode 2 (proc(5), Seccomp), where a profile filters system
// calls. A filter that does not know clone3 and answers EPERM is what made threads of new libcs fail on old hosts.
func underSeccompFilter() (bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(status)) {
		if mode, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			return strings.TrimSpace(mode) == "2", nil
		}
	}
	return false, nil
}

func runHelper(ctx context.Context, program string) error {
	out, err := exec.CommandContext(ctx, program).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}
