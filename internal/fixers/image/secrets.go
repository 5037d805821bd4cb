package image

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Secrets finds credentials that were built into images.
var Secrets = &harden.Fixer{
	ID:       "image-secrets",
	Title:    "runs an image that has credentials in it",
	Area:     harden.AreaImage,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A credential lies in a file of the image, in its environment, or in the commands by
which it was built.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the files of all layers, and Env, Labels and history of the config

Allowed: none. The rule does not apply until somebody asks for scans.

**Why it matters.** Whoever may pull the image has the credential: everybody with
access to the registry, to a node, or to a copy on a laptop. It is the same in all
clusters, and stays in old tags after it was removed from new ones.

**The fix.** By hand, in this order: make the credential worthless where it was
issued, hand the next one to the pod as a Secret or by workload identity, and build
the image again without it. To delete the file in a later layer does not help: the
layer below still has it.

**Traps.** A scanner knows credentials by their form. Keys of examples and tests look
like real ones, and a password without a form is not seen. What the credential is
worth is never kept here, logged, or shown.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552.001"},
		{Standard: "Kubescape", ID: "C-0012"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkSecrets,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image without credentials"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "rotate the credential and build the image without it", Class: harden.Review,
			Manual: "Revoke the credential where it was issued, since everybody who could pull the image may have it. Hand its successor to the pod as a Secret or by workload identity, build the image again without it (RUN --mount=type=secret for what only the build needs), and delete the old tags.",
		}}
	},
}

func checkSecrets(p *harden.Pass) {
	eachScanned(p, func(f harden.Finding, _ harden.Container, s scanned) {
		found := secretsOf(s.secrets)
		switch {
		case len(found) > 0:
			f.Reason = plural(len(found), "credential", "credentials") + " in the image"
			f.Detail = "The image has " + plural(len(found), "credential", "credentials") + ":\n" + some(found)
		case len(s.secrets) < s.images:
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason = "whether the image has credentials in it is not known"
			f.Detail = "Nobody looked for credentials in the image: " + strings.Join(append(s.doubts, reportsOnly(s.scans)...), "; ") + "."
		default:
			return
		}
		p.Report(f)
	})
}

// secretsOf says each secret in a line, once.
func secretsOf(scans []*harden.ImageScan) []string {
	var lines []string
	for _, s := range scans {
		for _, secret := range s.Secrets {
			at := "the config of the image (environment or history)"
			if secret.Path != "" {
				at = secret.Path
			}
			if secret.Line > 0 {
				at += fmt.Sprintf(", line %d", secret.Line)
			}
			text := fmt.Sprintf("%s (%s, %s) in %s", secret.Title, secret.Rule, secret.Severity, at)
			if secret.CreatedBy != "" {
				text += ", from the step " + secret.CreatedBy
			}
			lines = append(lines, text)
		}
	}
	return distinct(lines)
}

// reportsOnly names the reports in the cluster that say nothing about credentials.
func reportsOnly(scans []*harden.ImageScan) []string {
	var all []string
	for _, s := range scans {
		if !s.SecretsKnown {
			all = append(all, scanner(s)+" says nothing about them")
		}
	}
	return all
}
