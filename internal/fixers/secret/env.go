package secret

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Env finds containers that get credentials in their environment.
var Env = &harden.Fixer{
	ID:       "secret-env",
	Title:    "gets credentials in its environment",
	Area:     harden.AreaSecret,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
Variables of the environment come from keys of a Secret.

Fields:

    spec.containers[].env[].valueFrom.secretKeyRef   (init and ephemeral containers too)

Allowed: Secrets as files. There is one finding for each container, with the names of
its variables.

**Why it matters.** Every child process inherits the environment, and crash reports,
debug pages and start-up logs print it. It is read once: a credential that was
replaced is in force only after a restart, where a file would have changed by itself.

**The fix.** By hand, because the program has to read a file. Many images do so when
the variable has _FILE at its end (those of PostgreSQL, MySQL, MariaDB, MongoDB,
WordPress and others; __FILE for Grafana): the text says which variables could.

**Traps.** Files that are mounted with subPath do not change either. A file needs a
mode and an owner that the user of the process may read. This is far better than a
value in the manifest: do not go back to that.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.4.1"},
		{Standard: "CIS EKS", ID: "4.4.1"},
		{Standard: "Kubescape", ID: "C-0207"},
	},
	Reads: harden.ReadsNothing,
	Check: checkEnv,
	Fix:   fixEnv,
}

func checkEnv(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		var names []string
		for i := range c.Env {
			if from := c.Env[i].ValueFrom; from != nil && from.SecretKeyRef != nil {
				names = append(names, c.Env[i].Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		reason := names[0] + " comes from a Secret"
		if len(names) > 1 {
			reason = fmt.Sprintf("%d variables come from Secrets", len(names))
		}
		p.Report(harden.Finding{
			Container: c.Ref, Field: c.Field + ".env", Reason: reason,
			Detail: "The environment of the container holds what is in Secrets: " + strings.Join(names, ", ") + ".",
		})
	}
}

// readsFiles are repositories whose images take NAME_FILE for NAME, by the end of
// their path (the entrypoints of Docker's official images, and Bitnami's).
var readsFiles = []string{"postgres", "mysql", "mariadb", "mongo", "wordpress", "nextcloud", "redmine", "drupal", "rabbitmq"}

func fixEnv(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("mount the Secret as files"); ok {
		return []harden.Fix{instead}
	}
	how := "Find out how the program reads a credential from a file."
	if c, ok := p.Pod.Container(f.Container); ok {
		repository, _, _ := strings.Cut(c.Image, "@")
		repository = repository[strings.LastIndexByte(repository, '/')+1:]
		repository, _, _ = strings.Cut(repository, ":")
		for _, known := range readsFiles {
			if repository == known {
				how = "The entrypoint of this image reads a file where the variable is called NAME_FILE and holds its path."
			}
		}
	}
	return []harden.Fix{{
		Title: "mount the credentials as files", Class: harden.Review,
		Manual:  how + " Mount the Secret as a volume (defaultMode 0400, or 0440 with fsGroup), tell the program the path, and take the variables out of " + f.Field + ".",
		Warning: "A program that knows only its environment finds no credential any more.",
	}}
}
