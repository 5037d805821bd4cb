package image

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DeprecatedRegistry finds images from places that are frozen or closed.
var DeprecatedRegistry = &harden.Fixer{
	ID:       "image-deprecated-registry",
	Title:    "runs an image from a place that gets no more updates",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The registry or the part of it that the image comes from is frozen or closed.

Fields:

    spec.containers[].image   (init and ephemeral containers too)

Not allowed: k8s.gcr.io (frozen since April 2023, follow registry.k8s.io),
gcr.io/google-containers and gcr.io/google_containers (its predecessors),
docker.pkg.github.com (closed, follow ghcr.io), docker.io/bitnamilegacy and tags of
versions in docker.io/bitnami (moved there in August 2025, without updates).

**Why it matters.** What is frozen has no fix for anything that was found since, and one
day a node that does not have the image yet cannot pull it.

**The fix.** The same path in the registry that follows, where there is one: a review,
because nobody compared the two images. For others another image has to be found.

**Traps.** Mirrors may serve an image from elsewhere than its name says. Some images of
the old registries never moved.
`,
	Refs: []harden.Reference{
		{Standard: "Kubescape", ID: "C-0253"},
		{Standard: "Kubernetes", ID: "k8s.gcr.io redirect", URL: "https://kubernetes.io/blog/2023/03/10/image-registry-redirect/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkDeprecatedRegistry,
	Fix:   fixDeprecatedRegistry,
}

// A grave is a place that gets no more updates.
type grave struct {
	prefix string // of the name, up to a slash
	heir   string // what stands in its place; empty: nothing does
	why    string
	tagged bool // only tags with a version in them
}

var graves = []grave{
	{prefix: "k8s.gcr.io", heir: "registry.k8s.io", why: "it is frozen since April 2023"},
	{prefix: "gcr.io/google-containers", heir: "registry.k8s.io", why: "it is frozen; its images live on in registry.k8s.io"},
	{prefix: "gcr.io/google_containers", heir: "registry.k8s.io", why: "it is frozen; its images live on in registry.k8s.io"},
	{prefix: "docker.pkg.github.com", why: "it is closed; ghcr.io follows it, with other names"},
	{prefix: "docker.io/bitnamilegacy", why: "what moved there in August 2025 gets no more updates"},
	{prefix: "docker.io/bitnami", why: "its tags of versions moved to docker.io/bitnamilegacy in August 2025", tagged: true},
}

// graveOf finds the place that the image comes from.
func graveOf(r Reference) (grave, bool) {
	for _, g := range graves {
		if strings.HasPrefix(r.Name(), g.prefix+"/") && (!g.tagged || r.Digest == "" && strings.ContainsAny(r.Tag, "0123456789")) {
			return g, true
		}
	}
	return grave{}, false
}

func checkDeprecatedRegistry(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil {
			continue // image-tag-mutable says so
		}
		if g, ok := graveOf(r); ok {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".image",
				Reason: "image is from " + g.prefix,
				Detail: fmt.Sprintf("%q is from %s: %s.", c.Image, g.prefix, g.why),
			})
		}
	}
}

func fixDeprecatedRegistry(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("take the image from a registry that is maintained"); ok {
		return []harden.Fix{instead}
	}
	c, _ := p.Pod.Container(f.Container)
	r, err := referenceOf(p.Inventory, c.Image)
	g, ok := graveOf(r)
	if err != nil || !ok || g.heir == "" {
		return []harden.Fix{{
			Title: "take the image from a registry that is maintained", Class: harden.Review,
			Manual: "Look for a maintained image of the same program, and for what differs in its user, its paths and its environment; or build your own.",
		}}
	}
	image := g.heir + strings.TrimPrefix(strings.TrimSpace(c.Image), g.prefix)
	return []harden.Fix{{
		Title: "take the image from " + g.heir, Class: harden.Review,
		Evidence: []harden.Claim{{Code: "E-IMG-CONFIG", State: harden.Missing, Text: "Nobody asked " + g.heir + " whether it has the image, and whether it is the same."}},
		Changes:  []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"image": image})},
		Warning:  "If the image is not there under the same name, new pods do not start.",
	}}
}
