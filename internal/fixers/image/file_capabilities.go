package image

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// FileCapabilities finds images with programs that bring capabilities.
var FileCapabilities = &harden.Fixer{
	ID:       "image-file-capabilities",
	Title:    "runs an image with programs that bring capabilities",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
Files in the image carry capabilities in their attribute security.capability.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    security.capability of the files in the image

Allowed: none. The rule does not apply until somebody asks for images to be looked
into, and not to Windows.

**Why it matters.** Whoever runs such a program gets the capability, if the container
may have it at all, whatever user it runs as. And such a program stands in the way
of hardening: where the attribute has the effective bit and the capability is not
in the bounding set, the kernel refuses to start it (EPERM), and under
allowPrivilegeEscalation: false it starts without the capability.

**The fix.** In the image: take the attribute away, and let the service use a port of
1024 or above, which is what most of them are for.

**Traps.** Copying a file drops the attribute in some builders and keeps it in others.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
		{Standard: "ATT&CK", ID: "T1548"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkFileCapabilities,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image without file capabilities"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "take the file capabilities away", Class: harden.Review,
			Manual: "In the Dockerfile, take the attribute away (RUN setcap -r FILE), and configure the service not to need it: a port of 1024 or above instead of NET_BIND_SERVICE.",
		}}
	},
}

func checkFileCapabilities(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, c harden.Container, facts []*harden.ImageFacts, why string) {
		found, why := programs(facts, why, func(file harden.ImageFile) string {
			what := strings.Join(file.Capabilities, ", ")
			if what != "" && file.Effective {
				what += ", effective"
			}
			return what
		})
		switch {
		case len(found) > 0:
			f.Reason = plural(len(found), "program brings", "programs bring") + " capabilities"
			f.Detail = "The image has programs with capabilities of their own:\n" + some(found)
			if at := entrypoint(c, facts); at != "" {
				f.Verdict = "entrypoint"
				f.Detail += "\nThe container starts with " + at + ": without these capabilities in its bounding set it cannot start."
			}
			p.Report(f)
		case why != "":
			reportUnknown(p, f, "whether programs of the image bring capabilities is not known", why)
		}
	})
}

// entrypoint is the program with which the container starts, where that carries
// capabilities with the effective bit.
func entrypoint(c harden.Container, facts []*harden.ImageFacts) string {
	for _, i := range facts {
		command := c.Command
		if len(command) == 0 {
			command = i.Entrypoint
			if len(command) == 0 {
				command = i.Cmd
				if len(c.Args) > 0 {
					command = c.Args
				}
			}
		}
		if i.Files == nil || len(command) == 0 {
			continue
		}
		dir := c.WorkingDir
		if dir == "" {
			dir = i.WorkingDir
		}
		if at, file, ok := i.Files.LookPath(command[0], dir, i.Env); ok && len(file.Capabilities) > 0 && file.Effective {
			return at
		}
	}
	return ""
}
