//go:build !linux

package lab

import "syscall"

// A place is where a component runs: here nowhere but where this process does.
type place struct {
	network string
	node    int
	own     bool
}

// attributes are those of the component's process: a group of its own, so that ctrl-c in the terminal reaches the lab
// first. Nothing here kills it with the lab: what a killed lab leaves behind is swept by the next one.
func (place) attributes() *syscall.SysProcAttr { return child() }

func (place) enter() error { return nil }
