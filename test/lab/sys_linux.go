package lab

import "syscall"

// child returns the attributes of a component's process: a group of its own, so that ctrl-c in the terminal reaches
// the lab first, and death with the thread that started it, so that a killed lab leaves nothing behind.
func child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
