package pod

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// mountPoint is where a volume makes the directory writable: the directory, or,
// where the image does not have it, the nearest one above that the image has and
// that is empty, else the first one that has to be made. Hidden is what the
// volume would hide; empty where that is nothing.
func mountPoint(files *harden.ImageFiles, dir string) (at, hidden string) {
	at = files.Resolve(dir)
	if at == "/" || at == "" {
		return "/", ""
	}
	made := ""
	for at != "/" {
		if d, ok := files.Dirs[at]; ok {
			switch {
			case d.Entries == 0 || isBareRun(files, at, d):
				return at, ""
			case made != "":
				return made, ""
			}
			return at, fmt.Sprintf("%d entries", d.Entries)
		}
		made, at = at, path.Dir(at)
	}
	return made, ""
}

// isBareRun reports whether /run holds nothing but what a distribution puts
// there for the boot: an empty lock directory. A system begins with an empty /run.
func isBareRun(files *harden.ImageFiles, at string, d harden.ImageDir) bool {
	lock, ok := files.Dirs["/run/lock"]
	return at == "/run" && d.Entries == 1 && ok && lock.Entries == 0
}

// isScratch tells directories that hold nothing of an image by convention.
func isScratch(dir string) bool {
	switch dir {
	case tmpPath, "/var/tmp", "/run", "/var/run":
		return true
	}
	for _, above := range []string{tmpPath, "/var/tmp", "/run", "/var/run", "/var/cache", "/var/log", "/var/lib", "/var/spool"} {
		if dir != above && within(dir, above) {
			return true
		}
	}
	return false
}

// isKernelPath tells what is never on the root file system of a container.
func isKernelPath(dir string) bool {
	return within(dir, "/proc") || within(dir, "/sys") || within(dir, "/dev")
}

// covered reports whether something is mounted at the directory or above it.
// Paths are compared cleaned and through links: to the API /tmp/ is another key
// than /tmp, to the container it is the same directory.
func covered(c harden.Container, dir string, files *harden.ImageFiles) bool {
	for _, m := range c.VolumeMounts {
		at := path.Clean(m.MountPath)
		if files != nil {
			at = cmp.Or(files.Resolve(at), at) // a loop of links resolves to nothing
		}
		if within(dir, at) || within(dir, path.Clean(m.MountPath)) {
			return true
		}
	}
	return false
}

// below is a volume that is mounted somewhere below the directory: whether it
// can be mounted into another volume depends on the runtime and on that volume
// (kubernetes/kubernetes#121294). The token that a live Pod shows is not counted:
// pods of a template get it too, in any directory.
func below(c harden.Container, dir string, files *harden.ImageFiles) string {
	for _, m := range c.VolumeMounts {
		at := path.Clean(m.MountPath)
		if files != nil {
			at = files.Resolve(at)
		}
		if at != dir && within(at, dir) && !strings.HasPrefix(m.Name, automaticToken) {
			return m.Name
		}
	}
	return ""
}
