//go:build linux

// Command readkey reads a file that only root may read. It is the setuid-root helper in a test image: it works for every
// user, until no_new_privs (allowPrivilegeEscalation: false) takes the setuid bit's effect away.
package main

import (
	"fmt"
	"os"
)

const key = "/etc/app/key"

func main() {
	if _, err := os.ReadFile(key); err != nil {
		fmt.Fprintln(os.Stderr, "readkey:", err)
		os.Exit(1)
	}
}
