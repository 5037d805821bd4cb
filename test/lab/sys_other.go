//go:build !unix

package lab

import (
	"errors"
	"os"
	"syscall"
)

// The lab runs on Unix; elsewhere it compiles, so that the module does, and says so when it is used.
var errNotUnix = errors.New("the lab needs a Unix system")

func flock(*os.File) error                  { return errNotUnix }
func signalGroup(int, syscall.Signal) error { return errNotUnix }
func child() *syscall.SysProcAttr           { return nil }

const (
	sigStop = syscall.SIGTERM
	sigCont = syscall.SIGTERM
)
