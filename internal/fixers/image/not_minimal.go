package image

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NotMinimal finds images that bring a workshop along.
var NotMinimal = &harden.Fixer{
	ID:       "image-not-minimal",
	Title:    "runs an image with more in it than the program needs",
	Area:     harden.AreaImage,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The image holds a shell, a package manager and a program that downloads files; or it is
very large.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the programs of the image, and the size of its layers

Allowed: images that lack one of the three and have at most 1 GiB in the registry. The rule
does not apply until somebody asks for images to be looked into, and not to Windows.

**Why it matters.** The three are what somebody who got in needs to bring the rest along. Each
package is also one more that has vulnerabilities, to be read about and updated.

**The fix.** In the image: a base without them (distroless, scratch, or a distribution's
minimal one), with a build in several stages.

**Traps.** Without a shell, kubectl debug looks into a pod. Probes and hooks of the exec kind,
and entrypoints, may be shell scripts. Images for people to work in need all of it.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkNotMinimal,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image with nothing but the program"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "build the image on a smaller base", Class: harden.Review,
			Manual: "Build in several stages, and copy the program and what it loads into a base without shell and package manager; see that no probe, hook or entrypoint needs a shell.",
		}}
	},
}

// minimal tells what NotMinimal keeps of an image from what others do.
type minimal struct{}

// largeImage is how many bytes an image may have in the registry.
const largeImage = 1 << 30

var (
	packageManagers = []string{"apk", "apt", "apt-get", "dnf", "microdnf", "opkg", "pacman", "tdnf", "yum", "zypper"}
	shells          = []string{"ash", "bash", "dash", "sh", "zsh"}
	downloaders     = []string{"curl", "wget"}
)

func checkNotMinimal(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, _ harden.Container, facts []*harden.ImageFacts, why string) {
		for _, i := range facts {
			if i.Files == nil {
				why = i.FilesWhy
			} else if tools := oncePerImage[minimal](p, i, workshop); tools != nil {
				f.Reason = "the image has " + strings.Join(tools, ", ")
				f.Detail = fmt.Sprintf("The image has %s: with them, somebody who gets in installs the rest.", strings.Join(tools, ", "))
			}
			if i.Size > largeImage {
				f.Reason = fmt.Sprintf("the image has %d MiB", i.Size>>20)
				f.Detail = fmt.Sprintf("The layers of the image have %d MiB in the registry, more than %d.", i.Size>>20, largeImage>>20)
			}
		}
		switch {
		case f.Reason != "":
			p.Report(f)
		case why != "":
			reportUnknown(p, f, "what the image has in it is not known", why)
		}
	})
}

// workshop is one package manager, one shell and one program that downloads, if
// all three are there.
func workshop(files *harden.ImageFiles) []string {
	var tools []string
	for _, names := range [][]string{packageManagers, shells, downloaders} {
		found := ""
		for _, name := range names {
			if _, _, ok := files.LookPath(name, "/", nil); ok {
				found = name
				break
			}
		}
		if found == "" {
			return nil
		}
		tools = append(tools, found)
	}
	return tools
}
