package image

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SetuidFiles finds images with programs that run with the rights of their owner.
var SetuidFiles = &harden.Fixer{
	ID:       "image-setuid-files",
	Title:    "runs an image with setuid or setgid programs",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
Programs in the image carry the setuid or the setgid bit.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the modes of the files in the image
    spec.containers[].securityContext.allowPrivilegeEscalation

Allowed: none. The rule does not apply until somebody asks for images to be looked
into, and not to Windows.

**Why it matters.** Such a program gives a process that has been taken over the rights
of the program's owner, mostly root. su, mount, passwd and their like come with the
base image; hardly any service uses them.

**Severity** is a step higher where allowPrivilegeEscalation is not false: the bits
have no effect otherwise.

**The fix.** allowPrivilegeEscalation: false makes all of them harmless, and is a rule
of its own. In the image the bits can be taken away, or the packages.

**Traps.** Some services need one of them: sudo, ping, mail programs, sandboxes of
browsers. A later layer that takes the bit away leaves the file in the layer below,
where it cannot be run.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
		{Standard: "ATT&CK", ID: "T1548.001"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkSetuidFiles,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image without setuid programs"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "take the setuid bits away", Class: harden.Review,
			Manual: "Set allowPrivilegeEscalation: false (allow-privilege-escalation), which takes all effect from them. In the Dockerfile, remove the packages or the bits: RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +",
		}}
	},
}

func checkSetuidFiles(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, c harden.Container, facts []*harden.ImageFacts, why string) {
		found, why := programs(facts, why, func(file harden.ImageFile) string {
			if !file.Setuid() {
				return ""
			}
			var bits []string
			if file.Mode&0o4000 != 0 {
				bits = append(bits, fmt.Sprintf("setuid of user %d", file.UID))
			}
			if file.Mode&0o2000 != 0 {
				bits = append(bits, fmt.Sprintf("setgid of group %d", file.GID))
			}
			return strings.Join(bits, ", ")
		})
		switch {
		case len(found) > 0:
			f.Reason = plural(len(found), "setuid or setgid program", "setuid or setgid programs")
			f.Detail = "The image has " + f.Reason + ":\n" + some(found)
			if s := c.SecurityContext; s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
				f.Severity, f.SeverityWhy = harden.Medium, "allowPrivilegeEscalation is not false"
			}
			p.Report(f)
		case why != "":
			reportUnknown(p, f, "whether the image has setuid programs is not known", why)
		}
	})
}

// programs are the files of the images of which say has something to say, sorted;
// why is why the files of an image are not known.
func programs(facts []*harden.ImageFacts, unread string, say func(harden.ImageFile) string) (found []string, why string) {
	why = unread
	for _, i := range facts {
		if i.Files == nil {
			why = i.FilesWhy
			continue
		}
		for path, file := range i.Files.Programs {
			if what := say(file); what != "" {
				found = append(found, path+" ("+what+")")
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), why
}

// some are the first lines, and how many more there are.
func some(lines []string) string {
	s := strings.Join(lines[:min(len(lines), named)], "\n")
	if len(lines) > named {
		s += fmt.Sprintf("\nand %d more", len(lines)-named)
	}
	return s
}
