//go:build linux

// Command gosu runs a program as another user: gosu USER[:GROUP] PROGRAM [ARG…]. Like the well-known program of that name,
// which the images of databases carry, it changes its own user by system calls and becomes the program, so that it needs
// CAP_SETUID and CAP_SETGID and is not affected by allowPrivilegeEscalation: false.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: gosu USER[:GROUP] PROGRAM [ARG…]"))
	}
	name, group, _ := strings.Cut(os.Args[1], ":")
	uid, gid, home, err := lookUp(name, group)
	if err != nil {
		fail(err)
	}
	if err := drop(uid, gid); err != nil {
		fail(err)
	}
	program, err := exec.LookPath(os.Args[2])
	if err != nil {
		fail(err)
	}
	if err := os.Setenv("HOME", home); err != nil {
		fail(err)
	}
	fail(fmt.Errorf("exec %s: %w", program, syscall.Exec(program, os.Args[2:], os.Environ())))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(1)
}

// lookUp finds a user of /etc/passwd by name or number, and a group of /etc/group; without a group it is the user's own.
func lookUp(name, group string) (uid, gid int, home string, err error) {
	account, err := user.Lookup(name)
	if err != nil {
		if account, err = user.LookupId(name); err != nil {
			return 0, 0, "", fmt.Errorf("unable to find user %s: %w", name, err)
		}
	}
	groupID := account.Gid
	if group != "" {
		found, err := user.LookupGroup(group)
		if err != nil {
			if found, err = user.LookupGroupId(group); err != nil {
				return 0, 0, "", fmt.Errorf("unable to find group %s: %w", group, err)
			}
		}
		groupID = found.Gid
	}
	if uid, err = strconv.Atoi(account.Uid); err != nil {
		return 0, 0, "", err
	}
	if gid, err = strconv.Atoi(groupID); err != nil {
		return 0, 0, "", err
	}
	return uid, gid, account.HomeDir, nil
}

func drop(uid, gid int) error {
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("failed switching to %d:%d: setgroups: %w", uid, gid, err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("failed switching to %d:%d: setgid: %w", uid, gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("failed switching to %d:%d: setuid: %w", uid, gid, err)
	}
	return nil
}
