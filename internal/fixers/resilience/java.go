package resilience

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// whyJava tells by what a container is known to run a Java virtual machine, or "".
func whyJava(p *harden.Pass, c harden.Container) string {
	if name := javaVariable(envNames(c)); name != "" {
		return "it sets " + name
	}
	if runsJava(slices.Concat(c.Command, c.Args)) {
		return "its command runs java"
	}
	for _, image := range p.Inventory.ImagesOf(p.Workload, c.Ref) {
		if image == nil || !image.Known {
			continue
		}
		var names []string
		for _, e := range image.Env {
			name, _, _ := strings.Cut(e, "=")
			names = append(names, name)
		}
		if name := javaVariable(names); name != "" {
			return "its image sets " + name
		}
		if runsJava(slices.Concat(image.Entrypoint, image.Cmd)) {
			return "its image runs java"
		}
		if image.Files == nil {
			continue
		}
		for _, program := range slices.Sorted(maps.Keys(image.Files.Programs)) {
			if strings.HasSuffix(program, "/bin/java") {
				return "its image holds " + program
			}
		}
	}
	return ""
}

func envNames(c harden.Container) []string {
	var names []string
	for _, e := range c.Env {
		names = append(names, e.Name)
	}
	return names
}

// javaVariable is the first variable that only a JVM, its launchers or the base
// images that bring one look at.
func javaVariable(names []string) string {
	i := slices.IndexFunc(names, func(n string) bool {
		return strings.HasPrefix(n, "JAVA_") || strings.HasPrefix(n, "JDK_")
	})
	if i < 0 {
		return ""
	}
	return names[i]
}

// runsJava looks at the words of a command, those of a line for a shell too.
func runsJava(command []string) bool {
	return slices.ContainsFunc(strings.Fields(strings.Join(command, " ")), func(word string) bool { return path.Base(word) == "java" })
}
