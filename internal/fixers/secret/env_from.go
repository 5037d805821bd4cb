package secret

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// EnvFrom finds containers that get all that is in a Secret.
var EnvFrom = &harden.Fixer{
	ID:       "secret-envfrom",
	Title:    "gets a whole Secret as its environment",
	Area:     harden.AreaSecret,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
Every key of a Secret becomes a variable of the container.

Fields:

    spec.containers[].envFrom[].secretRef   (init and ephemeral containers too)

Allowed: the keys that the program needs, each by env[].valueFrom.secretKeyRef, or
better as files.

**Why it matters.** A key that somebody adds for another program is in this one's
environment at its next start, and in all that prints the environment. A key called
LD_PRELOAD or PATH changes what runs, so that the right to write the Secret is the
right to run code here. Nobody can tell from the manifest what the program uses.

**The fix.** By hand: which keys are needed, only the program knows.

**Traps.** Variables of env override those of envFrom, so both can stand side by side
while you move. A key that is no name of a variable was skipped without an error.
With prefix the names in the pod differ from the keys.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.4.1"},
		{Standard: "Kubescape", ID: "C-0207"},
	},
	Reads: harden.InNamespace(harden.KindSecret),
	Check: checkEnvFrom,
	Fix:   fixEnvFrom,
}

func checkEnvFrom(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		seen := map[string]bool{}
		for _, from := range c.EnvFrom {
			if from.SecretRef == nil || seen[from.SecretRef.Name] {
				continue
			}
			name := from.SecretRef.Name
			seen[name] = true
			detail := fmt.Sprintf("All keys of Secret %s are variables of the container.", name)
			if s := harden.Content[*harden.SecretMeta](p.Inventory.Object(harden.KindSecret, p.Object.Namespace, name)); s != nil && s.Entries > 0 {
				detail = fmt.Sprintf("All %d keys of Secret %s are variables of the container.", s.Entries, name)
			}
			p.Report(harden.Finding{Container: c.Ref, Discriminator: name, Field: c.Field + ".envFrom", Reason: "all of Secret " + name + " is in its environment", Detail: detail})
		}
	}
}

func fixEnvFrom(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("name the keys that are needed"); ok {
		return []harden.Fix{instead}
	}
	return []harden.Fix{{
		Title: "name the keys that are needed", Class: harden.Review,
		Manual:  fmt.Sprintf("For each key of Secret %s that the program reads, add env: {name, valueFrom: {secretKeyRef: {name: %s, key}}} to the container, or mount it as a file; then take the secretRef out of %s.", f.Discriminator, f.Discriminator, f.Field),
		Warning: "A key that was forgotten is missing at the next start.",
	}}
}
