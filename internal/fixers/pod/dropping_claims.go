package pod

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// heldClaim says which capabilities the processes hold, other than those that
// the fix adds.
func heldClaim(p *harden.Pass, c harden.Container, added []string) harden.Claim {
	probes, _ := probesOf(p, c)
	other, none := everyProcess(probes, func(proc harden.Process) bool { return proc.Held&^mask(added) == 0 })
	if !none {
		return probeClaim(p, harden.Refutes, probes, fmt.Sprintf("In %s, process %s (%d), user %d, holds %s.", pods(probes), other.Command, other.PID, other.UID, heldNames(other.Held)), "")
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s hold no capability%s.", pods(probes), count(probes), besides(added)), "Setuid programs and those with file capabilities that run at other times.")
}

func besides(added []string) string {
	if len(added) == 0 {
		return ""
	}
	return " besides " + strings.Join(slices.Compact(slices.Sorted(slices.Values(added))), ", ")
}

// dropFileClaim judges the files that give rights, and lists the capabilities of
// those that the entrypoint names. The kernel refuses to start a file with the
// effective bit when a capability of it is not in the bounding set, also for
// root (get_file_caps in security/commoncap.c).
func dropFileClaim(p *harden.Pass, start *start, i known) (claim harden.Claim, capabilities []string) {
	named, others := start.privileged()
	for _, at := range named {
		file := start.files.Programs[at]
		if file.Setuid() {
			return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("The entrypoint of image %s names %s, which is setuid or setgid: it would be root with no capabilities.", i.name, at), ""), nil
		}
		capabilities = append(capabilities, file.Capabilities...)
	}
	switch unusual := start.unusual(others); {
	case len(unusual) > 0:
		claim = imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("Image %s has %s, which would lose these rights or not start: nobody can tell from here whether the program starts it.", i.name, describe(start.files, unusual)), "")
	case start.unknown != "":
		claim = missing("E-IMG-FS", fmt.Sprintf("Image %s has no program %q, with which the container starts: nobody knows what it executes.", i.name, start.unknown))
	case slices.ContainsFunc(capabilities, func(n string) bool { return !slices.Contains(baselineCapabilities, n) }):
		claim = imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("%s of image %s has the file capability %s. Without it in the bounding set the kernel refuses to start it, and Pod Security baseline refuses to add it.",
			some(named), i.name, strings.Join(capabilities, ", ")), "")
		capabilities = nil
	case len(capabilities) > 0:
		claim = imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("%s of image %s has the file capability %s, which is added: without it in the bounding set the kernel would refuse to start it.",
			some(named), i.name, strings.Join(capabilities, ", ")), "")
	case len(others) > 0:
		claim = imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("In image %s no program on the way of the entrypoint has a setuid or setgid bit or a file capability; there are only those of the distribution (%s), which it does not name.", i.name, some(others)),
			"A program that starts one of these by itself.")
	default:
		claim = imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("Image %s has no setuid or setgid file and no file capability.", i.name), "Files that are written at run time.")
	}
	return claim, capabilities
}
