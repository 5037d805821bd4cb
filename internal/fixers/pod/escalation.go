package pod

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// escalationClaims say whether anything in the container relies on gaining
// rights at exec, and how far a fix may be trusted where all of it holds.
//
// With no_new_privs the kernel ignores setuid and setgid bits, and a file
// capability gives a process no more than it has (cap_bprm_creds_from_file in
// security/commoncap.c). What user 0 may do does not come from files.
func escalationClaims(p *harden.Pass, c harden.Container) ([]harden.Claim, harden.Class) {
	probes, procGap := probesOf(p, c)
	if procGap == "" {
		if _, all := everyProcess(probes, func(proc harden.Process) bool { return proc.NoNewPrivs }); all {
			return []harden.Claim{probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s have NoNewPrivs: 1 already: nothing changes for them.", pods(probes), count(probes)),
				"A program that sets it for itself may have gained rights before.")}, harden.Safe
		}
	}
	images, gap := filesOf(p, c)
	if gap != "" {
		claims := []harden.Claim{ask("E-IMG-FS", gap, "does it have setuid files, or a file capability on its entrypoint?")}
		if procGap != "" {
			claims = append(claims, ask("E-PROC", procGap, "is NoNewPrivs set already?"))
		}
		return claims, harden.Evidence
	}
	s := starterOf(p, c)
	var claims []harden.Claim
	for _, i := range images {
		claims = append(claims, fileClaims(p, c, i, s)...)
	}
	if procGap == "" && s.known && !s.root {
		claims = append(claims, gainClaim(p, probes))
	}
	return claims, harden.Evidence
}

// fileClaims judge the files of one image that give rights to who starts them.
func fileClaims(p *harden.Pass, c harden.Container, i known, s starter) []harden.Claim {
	start := startOf(c, i.ImageFacts)
	named, others := start.privileged()
	claim := func(state harden.ClaimState, text, limits string) harden.Claim {
		return imageClaim(p, "E-IMG-FS", state, []known{i}, text, limits)
	}
	_, changes := start.has(userChangers...)
	switch unusual := start.unusual(others); {
	case len(named)+len(others) == 0:
		return []harden.Claim{claim(harden.Holds, fmt.Sprintf("Image %s has no setuid or setgid file and no file capability.", i.name), "Files that are written at run time.")}
	case s.known && s.root && !changes:
		return []harden.Claim{claim(harden.Holds, fmt.Sprintf("The container starts as root, to whom the setuid files and file capabilities of image %s (%s) give nothing.", i.name, some(slices.Concat(named, others))),
			"A process that becomes another user, and then gains rights again.")}
	case len(named) > 0:
		var claims []harden.Claim
		for _, at := range named {
			claims = append(claims, namedClaim(p, c, i, at, start.files.Programs[at]))
		}
		return claims
	case len(unusual) > 0:
		return []harden.Claim{claim(harden.Refutes, fmt.Sprintf("Image %s has %s, which give rights to who starts them: nobody can tell from here whether the program does.", i.name, describe(start.files, unusual)), "")}
	case start.unknown != "":
		return []harden.Claim{missing("E-IMG-FS", fmt.Sprintf("Image %s has no program %q, with which the container starts: nobody knows what it executes.", i.name, start.unknown))}
	default:
		return []harden.Claim{claim(harden.Holds, fmt.Sprintf("In image %s no program on the way of the entrypoint has a setuid or setgid bit or a file capability; there are only those of the distribution (%s), which it does not name.", i.name, some(others)),
			"A program that starts one of these by itself.")}
	}
}

// namedClaim judges a file on the way of the entrypoint.
func namedClaim(p *harden.Pass, c harden.Container, i known, at string, file harden.ImageFile) harden.Claim {
	if file.Setuid() {
		return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("The entrypoint of image %s names %s, which is setuid or setgid: it would run with the rights of its caller.", i.name, at), "")
	}
	list := strings.Join(file.Capabilities, ", ")
	if !slices.Equal(file.Capabilities, []string{capNetBindService}) {
		return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("%s of image %s, which the entrypoint names, has the file capability %s: it would start without.", at, i.name, list), "")
	}
	if low := lowPorts(p, c); len(low) > 0 {
		if binds := anyUserBinds(p, low[0].number); binds.State != harden.Holds {
			return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("%s of image %s has the file capability %s, which no_new_privs takes: it would start, and would not bind port %s. "+
				"Use a port above 1023, or the sysctl %s. %s", at, i.name, list, low, portSysctl, binds.Text), "")
		}
		return imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("%s of image %s has the file capability %s, which it does not need: any user may bind port %s on these nodes.", at, i.name, list, low), "Nodes that are added later.")
	}
	return imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("%s of image %s has the file capability %s: if it binds a port below 1024, it fails to.", at, i.name, list), "")
}

// gainClaim says whether a process has more rights than a container that starts
// as another user than root gave it.
func gainClaim(p *harden.Pass, probes []*harden.Probe) harden.Claim {
	gained, none := everyProcess(probes, func(proc harden.Process) bool { return proc.UID != 0 && proc.Held == 0 })
	if !none {
		return probeClaim(p, harden.Refutes, probes, fmt.Sprintf("In %s, process %s (%d) runs as user %d with %s, although the container starts as another user than root: it gained rights.",
			pods(probes), gained.Command, gained.PID, gained.UID, heldNames(gained.Held)), "")
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s run without rights of root: none gained any.", pods(probes), count(probes)), "Programs that run at other times.")
}

// escalationSeverity is high where the image has what the missing flag leaves
// open: a setuid file of root or a file capability, for a user other than root.
func escalationSeverity(p *harden.Pass, c harden.Container) (severity harden.Severity, why string) {
	images, gap := filesOf(p, c)
	if gap != "" {
		return harden.Medium, ""
	}
	if s := starterOf(p, c); s.known && s.root {
		return harden.Medium, ""
	}
	for _, i := range images {
		for at, file := range i.Files.Programs {
			if len(file.Capabilities) > 0 || file.Mode&0o4000 != 0 && file.UID == 0 {
				return harden.High, "the image has programs that give their caller more rights, such as " + firstPrivileged(i.Files, at)
			}
		}
	}
	return harden.Medium, ""
}

// firstPrivileged is the first such program in the order of paths, so that every run says the same.
func firstPrivileged(files *harden.ImageFiles, first string) string {
	for at, file := range files.Programs {
		if at < first && (len(file.Capabilities) > 0 || file.Mode&0o4000 != 0 && file.UID == 0) {
			first = at
		}
	}
	return first
}

// describe lists programs with what their files give.
func describe(files *harden.ImageFiles, paths []string) string {
	var list []string
	for _, at := range paths {
		what := "setuid or setgid"
		if caps := files.Programs[at].Capabilities; len(caps) > 0 {
			what = "with " + strings.Join(caps, ", ")
		}
		list = append(list, at+" ("+what+")")
	}
	return some(list)
}

// some lists the first few.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// commands lists the programs that were seen, each once.
func commands(probes []*harden.Probe) string {
	var list []string
	for _, probe := range probes {
		for _, proc := range probe.Processes {
			if !slices.Contains(list, proc.Command) {
				list = append(list, proc.Command)
			}
		}
	}
	slices.Sort(list)
	return some(list)
}
