package resilience

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DuplicateEnv finds environment variables that one container sets twice.
var DuplicateEnv = &harden.Fixer{
	ID:       "duplicate-env",
	Title:    "sets an environment variable twice",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
One name occurs more than once in the environment of a container.

Fields:

    spec.containers[].env[].name   (all containers)

Allowed: each name once. Names that come in through envFrom are not looked at: env
is made to override them.

**Why it matters.** The last one counts, so that the line above, which reads as if it
were in force, does nothing: a setting or a password that somebody thinks is set.
Nothing can address one of the two either. Kubernetes before 1.29 refuses every
server-side apply to such an object, and later ones each that touches the list.

**The fix.** No change is proposed: only the source of the manifest can take one of
two equal names out. The text says which one has an effect.

**Traps.** $(NAME) in a value between the two refers to the first one, so taking it
out may change that value.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0295"},
		{Standard: "Kubernetes", ID: "issue 113482", URL: "https://github.com/kubernetes/kubernetes/issues/113482"},
	},
	Reads: harden.ReadsNothing,
	Check: checkDuplicateEnv,
	Fix:   fixDuplicateEnv,
}

func checkDuplicateEnv(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		times := map[string]int{}
		for _, e := range c.Env {
			times[e.Name]++
			if times[e.Name] == 2 {
				p.Report(harden.Finding{
					Container: c.Ref, Discriminator: e.Name, Field: c.Field + ".env[" + e.Name + "]",
					Reason: e.Name + " is set twice",
					Detail: fmt.Sprintf("The environment holds %s more than once; the last one counts.", e.Name),
				})
			}
		}
	}
}

func fixDuplicateEnv(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("set each environment variable once"); ok {
		return []harden.Fix{instead}
	}
	return []harden.Fix{{
		Title: "set each environment variable once", Class: harden.Review,
		Manual: fmt.Sprintf("Take all but the last %s out of the source of %s: the last one is in force now. No live patch can do it.", f.Discriminator, f.Object),
	}}
}
