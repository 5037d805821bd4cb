//go:build unix

package main

import "syscall"

// detached gives a process a session of its own, so that it outlives the terminal.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// closeOnExec keeps an inherited file descriptor from being inherited again.
func closeOnExec(fd int) { syscall.CloseOnExec(fd) }
