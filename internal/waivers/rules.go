package waivers

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Suite lists the rules about waivers. Their findings come from Settle.
func Suite() []*harden.Fixer { return []*harden.Fixer{Invalid, Expired, Unused} }

var references = []harden.Reference{
	{Standard: "Kubernetes", ID: "Annotations", URL: "https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/"},
}

// Invalid finds waivers that waive nothing because they are not written as they must be.
var Invalid = &harden.Fixer{
	ID:       "waiver-invalid",
	Title:    "carries a waiver that says nothing",
	Area:     harden.AreaWaiver,
	Severity: harden.Low,
	Subject:  harden.SubjectFinding,
	Refs:     references,
	Fix:      fix,
	Doc: `
Somebody meant to waive a rule, and it is not waived.

Fields:

    metadata.annotations['kubectl-harden.github.io/waive.RULE']

of workloads and all other objects that are judged, and of namespaces, for all that
is in them. Never of a pod template: a change there would restart pods.

Allowed: parts NAME=VALUE, separated by semicolons. until (a day, such as
2026-12-31, at most 180 days ahead) and reason must be there; by, ticket, container,
allow-critical, and the facts discriminator, verdict, image, capabilities,
privileged, user, path and read-only may be. What a finding is worth now can be seen
in its JSON.

**Why it matters.** A waiver with a mistake looks like a decision. Whoever reads the
manifest believes that it was looked at, and the finding counts all the same.

**The fix.** The annotation is taken away, which changes nothing in what is judged,
and restarts nothing. Mostly somebody would rather correct it, so this is for review.

**Traps.** Critical findings need allow-critical=true, so that nobody waives one by
a pattern or by mistake. A configuration with "trust: config-only" switches
annotations off; then none is read and none is invalid. Mistakes in the waivers of a
configuration are errors when it is read.
`,
}

// Expired finds waivers whose last day is over.
var Expired = &harden.Fixer{
	ID:       "waiver-expired",
	Title:    "carries a waiver that is over",
	Area:     harden.AreaWaiver,
	Severity: harden.Low,
	Subject:  harden.SubjectFinding,
	Refs:     references,
	Fix:      fix,
	Doc: `
The last day of a waiver is over, so what it excused counts again.

Fields:

    metadata.annotations['kubectl-harden.github.io/waive.RULE'], the part until
    waivers[].until of the configuration

Allowed: today or a later day, in UTC. The day itself still counts.

**Why it matters.** A waiver is a decision for a time. When the time is over somebody
has to decide anew: the workload may have changed, or the reason may be gone. What
has no end is forgotten.

**The fix.** An annotation is taken away, which restarts nothing. It is for review:
perhaps the waiver is to be given once more, with a new reason.

**Traps.** The finding says how many findings count again because of it, or that there
are none any more. Waivers of the configuration for other clusters or namespaces than
those that were looked at are not judged.
`,
}

// Unused finds waivers that excuse nothing.
var Unused = &harden.Fixer{
	ID:       "waiver-unused",
	Title:    "carries a waiver that excuses nothing",
	Area:     harden.AreaWaiver,
	Severity: harden.Info,
	Subject:  harden.SubjectFinding,
	Refs:     references,
	Fix:      fix,
	Doc: `
A waiver is about nothing that is found.

Fields:

    metadata.annotations['kubectl-harden.github.io/waive.RULE']
    waivers[] of the configuration

Allowed: waivers that at least one finding fits.

**Why it matters.** What was waived may have been repaired: then the waiver would
excuse the next mistake of its kind, for which nobody gave it. Or the facts changed
(verdict facts-changed): a waiver for /var/log does not hold for /, and somebody has
to look.

**The fix.** An annotation is taken away, which restarts nothing. Where facts changed
that is for review; where nothing is found any more it is safe, since it excuses nothing.

**Traps.** A rule that judged nothing at all here, because it is switched off or what
it needs was not looked at, says nothing about its waivers; nor is a waiver judged
that is for another cluster, namespace or file. A finding that is expected by the
catalogue of known needs counts as excused by the waiver too.
`,
}

// fix takes an annotation away.
func fix(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "take the waiver away"
	if f.Object.Kind == ConfigKind {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: "Take the waiver out of " + f.Object.Source.String() + ", or give it anew with another last day and reason."}}
	}
	class, claim := harden.Review, harden.Claim{Code: "E-SPEC", State: harden.Missing, Text: "Somebody has to decide whether the waiver is to be corrected or given anew."}
	if f.Verdict == "unused" {
		class, claim = harden.Safe, harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "It excuses nothing, and annotations of the object itself restart nothing."}
	}
	return []harden.Fix{{
		Title: title, Class: harden.ClassOf(class, claim), Evidence: []harden.Claim{claim},
		Changes: []harden.Change{harden.RemoveFrom(f.Object, fieldpath.MakePathOrDie("metadata", "annotations", Prefix+f.Discriminator))},
	}}
}

// ConfigKind is the kind of the reference that stands for a configuration file.
const ConfigKind = "Configuration"
