//go:build unix && !linux

package lab

import "syscall"

// child returns the attributes of a component's process: a group of its own, so that ctrl-c in the terminal reaches
// the lab first. Nothing here kills it with the lab: what a killed lab leaves behind is swept by the next one.
func child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
