package image

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PublicRegistry finds images from registries to which anybody may push.
var PublicRegistry = &harden.Fixer{
	ID:       "image-public-registry",
	Title:    "runs an image from a public registry",
	Area:     harden.AreaImage,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The image comes straight from a registry on which anybody may have a repository.

Fields:

    spec.containers[].image   (init and ephemeral containers too)

Allowed: registries of one's own. The rule does not apply where the settings list the
allowed registries: image-registry-allowed then says what is wanted, and what is not.

**Why it matters.** What is pulled from there was built by people that nobody in the team
knows, may be gone or changed tomorrow, and is limited in how often it may be pulled: a
node that comes up during an outage of the registry starts no pods. A mirror of one's own
is also the only place where images can be scanned before they run.

**The fix.** By hand: a mirror or a cache that is pulled through, and the list of it in the
settings.

**Traps.** A runtime may be configured to take images of such a name from a mirror: the
name says nothing about it. Images of the cluster's own parts (registry.k8s.io) are
not counted.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0034"},
		{Standard: "Kubescape", ID: "C-0078"},
	},
	Reads: harden.ReadsNothing,
	Check: checkPublicRegistry,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("take the image from a registry of one's own"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "take the image from a registry of one's own", Class: harden.Review,
			Manual: "Mirror the image into a registry of one's own, or let that pull it through, and name it there with its digest. List the registry as allowed in the settings.",
		}}
	},
}

// publicRegistries are those on which anybody may have a repository.
var publicRegistries = []string{"docker.io", "ghcr.io", "quay.io", "public.ecr.aws", "gcr.io", "registry.gitlab.com", "registry.hub.docker.com", "docker.pkg.github.com", "codeberg.org", "ttl.sh"}

func checkPublicRegistry(p *harden.Pass) {
	if len(p.Settings.AllowedRegistries) > 0 {
		p.NotApplicable()
		return
	}
	for _, c := range p.Pod.Containers() {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil || !slices.Contains(publicRegistries, r.Domain) {
			continue // image-tag-mutable says what cannot be read
		}
		f.Reason = "image is from " + r.Domain
		f.Detail = fmt.Sprintf("%q is %s, and anybody may have a repository on %s.", c.Image, r.Name(), r.Domain)
		p.Report(f)
	}
}
