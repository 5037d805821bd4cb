package image

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BuildTools finds images that still hold what they were built with.
var BuildTools = &harden.Fixer{
	ID:       "image-build-tools",
	Title:    "runs an image with the tools that built it",
	Area:     harden.AreaImage,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
Compilers, build tools, package installers of languages or their caches are in the image.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the programs and folders of the image

Allowed: none of gcc, g++, clang, make, cmake, go, cargo, rustc, mvn, gradle, javac, npm, yarn,
pnpm and pip; no caches of these (.m2, .npm, .cache/pip, .cache/go-build, .gradle, .cargo/registry); no
development tools in node_modules/.bin. The rule does not apply until somebody asks for
images to be looked into, and not to Windows.

**Why it matters.** They are of use only to somebody who got in and wants to build something
there, are many and often vulnerable, and make the image large.

**The fix.** In the image: a build in several stages, of which the last one has the result only.

**Traps.** The official images of node and python bring npm and pip along: their slim variants
do too, and removing them from a last stage is enough. Images that build things, such as
those of CI runners, need them.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkBuildTools,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image without build tools"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "leave the build tools out of the last stage", Class: harden.Review,
			Manual: "Build in several stages: compile and install in the first, and copy the result into a last one that has the runtime only (npm ci --omit=dev, pip install --target, a JRE in place of a JDK).",
		}}
	},
}

var (
	buildTools = []string{
		"cargo", "cc1", "clang", "cmake", "g++", "gcc", "go", "gradle", "javac", "make", "mvn", "ninja", "npm", "pip", "pip3", "pnpm", "rustc", "yarn",
	}
	buildCaches = []string{"/.m2/repository", "/.npm", "/.cache/pip", "/.cache/go-build", "/.gradle/caches", "/.cargo/registry"}
	devTools    = []string{"eslint", "jest", "mocha", "nodemon", "ts-node", "tsc", "vite", "vitest", "webpack"}
)

func checkBuildTools(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, _ harden.Container, facts []*harden.ImageFacts, why string) {
		var found []string
		for _, i := range facts {
			if i.Files == nil {
				why = i.FilesWhy
				continue
			}
			found = append(found, oncePerImage[building](p, i, buildLeftovers)...)
		}
		slices.Sort(found)
		found = slices.Compact(found)
		switch {
		case len(found) > 0:
			f.Reason = plural(len(found), "build tool or cache", "build tools and caches") + " in the image"
			f.Detail = "The image holds what builds programs:\n" + some(found)
			p.Report(f)
		case why != "":
			reportUnknown(p, f, "whether the image has build tools is not known", why)
		}
	})
}

// building tells what BuildTools keeps of an image from what others do.
type building struct{}

// buildLeftovers are the paths of what builds programs, and of what is left of
// that, in no order.
func buildLeftovers(files *harden.ImageFiles) []string {
	found := commands(files, buildTools)
	for dir, d := range files.Dirs {
		if d.Entries > 0 && slices.ContainsFunc(buildCaches, func(cache string) bool { return strings.HasSuffix(dir, cache) }) {
			found = append(found, dir)
		}
	}
	for link := range files.Links {
		if slices.ContainsFunc(devTools, func(tool string) bool { return strings.HasSuffix(link, "/node_modules/.bin/"+tool) }) {
			found = append(found, link)
		}
	}
	return found
}

// commands are those of the names that the image has, by path. Links count:
// busybox and the tools of node are nothing else.
func commands(files *harden.ImageFiles, names []string) []string {
	var found []string
	for at := range files.Programs {
		if slices.Contains(names, path.Base(at)) {
			found = append(found, at)
		}
	}
	for at := range files.Links {
		if slices.Contains(names, path.Base(at)) && files.Programs[files.Resolve(at)].Mode != 0 {
			found = append(found, at)
		}
	}
	return found
}
