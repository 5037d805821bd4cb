package image

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DocsLeft finds images with documentation in them.
var DocsLeft = &harden.Fixer{
	ID:       "image-docs-left",
	Title:    "runs an image with documentation in it",
	Area:     harden.AreaImage,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Off:      true,
	Doc: `
The image holds manuals and documentation of its packages.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the folders /usr/share/doc, /usr/share/man and /usr/share/info of the image

Allowed: none, or empty ones. Single files, such as a README next to the program, are not
looked for. The rule does not apply until somebody asks for images to be looked into.

**Why it matters.** Nobody reads them there, and they tell which version of what was installed.

**The fix.** In the image: the package managers have settings that leave documentation out.

**Traps.** The rule is off unless it is switched on: licences lie in /usr/share/doc, and some
have to be passed on with the program.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
	},
	Reads: harden.ReadsPodStatus,
	Check: func(p *harden.Pass) {
		eachImage(p, func(f harden.Finding, _ harden.Container, facts []*harden.ImageFacts, why string) {
			var found []string
			for _, i := range facts {
				if i.Files == nil {
					why = i.FilesWhy
					continue
				}
				for _, dir := range []string{"/usr/share/doc", "/usr/share/man", "/usr/share/info"} {
					if i.Files.Dirs[dir].Entries > 0 {
						found = append(found, dir)
					}
				}
			}
			found = distinct(found)
			switch {
			case len(found) > 0:
				f.Reason = "documentation in the image"
				f.Detail = "The image has documentation in:\n" + some(found)
				p.Report(f)
			case why != "":
				reportUnknown(p, f, "whether the image has documentation is not known", why)
			}
		})
	},
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image without documentation"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "leave documentation out of the image", Class: harden.Review,
			Manual: "Tell the package manager to leave documentation out (path-exclude of dpkg, tsflags=nodocs of rpm), or copy the program into a smaller base. Keep the licences that have to be passed on.",
		}}
	},
}
