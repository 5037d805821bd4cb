package image

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// TagMutable finds images whose tag is meant to move.
var TagMutable = &harden.Fixer{
	ID:       "image-tag-mutable",
	Title:    "runs an image whose tag moves",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The image is named by a tag that is moved to new builds as a matter of course.

Fields:

    spec.containers[].image   (init and ephemeral containers too)

Allowed: any reference with a digest (app:latest@sha256:… too), and tags other than
none, latest, stable, main, master, dev, edge, nightly and canary. A team can name
more such tags in its settings.

**Why it matters.** What runs is whatever the tag meant when a node pulled it: two
pods of one Deployment may run different code, nobody can say which code was
reviewed, and going back to the revision before may bring the same image again.
Whoever may push the tag runs code in the cluster.

**The fix.** The digest of what the live pods run is added: app:latest becomes
app:latest@sha256:…, so the same image keeps running. When images were looked into
and the registry says that the tag names it, as an index with an image for each of
the nodes, that index is taken and evidence is there. Else it is a review, because
only the registry knows whether what a pod reports is the index or one platform of it.

**Traps.** A platform's digest does not run on another architecture, so where nodes
differ and the registry was not asked nothing is offered (kubernetes/kubernetes#115199). What a
runtime reports may carry docker-pullable:// in front, be empty, or be the digest
of the image's config, which cannot be pulled. A pinned image gets no more
updates by itself: let Renovate or an image automation move the digest. Keel and
the like replace the image again. A tag is looked for after the last slash:
registry:5000/app has none.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1525"},
		{Standard: "ATT&CK", ID: "MS-TA9002"},
		{Standard: "Trivy", ID: "KSV-0013"},
		{Standard: "Kubescape", ID: "C-0075"},
	},
	Reads: harden.ReadsNothing,
	Check: checkTagMutable,
	Fix:   pin,
}

// movingTags are tags that name a channel and no release.
var movingTags = []string{"latest", "stable", "main", "master", "dev", "edge", "nightly", "canary"}

func checkTagMutable(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		r, err := referenceOf(p.Inventory, c.Image)
		switch {
		case err != nil:
			reportUnreadable(p, f, c, err)
			continue
		case r.Digest != "":
			continue
		case r.Tag == "":
			f.Verdict = "no-tag"
			f.Reason = "image " + c.Image + " has no tag: latest"
			f.Detail = fmt.Sprintf("%q names neither tag nor digest, which means the tag latest: what runs depends on when a node pulled it.", c.Image)
		case moving(p, r.Tag):
			f.Verdict = "moving-tag"
			f.Reason = "tag " + r.Tag + " moves"
			f.Detail = fmt.Sprintf("%q names tag %s, which is moved to new builds: what runs depends on when a node pulled it.", c.Image, r.Tag)
		default:
			continue
		}
		p.Report(f)
	}
}

// moving reports whether a tag is moved as a matter of course.
func moving(p *harden.Pass, tag string) bool {
	return slices.Contains(movingTags, tag) || slices.Contains(p.Settings.MutableTags, tag)
}

// reportUnreadable reports an image that no rule can judge: there is none, as in
// templates that something else completes, or it is a placeholder.
func reportUnreadable(p *harden.Pass, f harden.Finding, c harden.Container, err error) {
	f.Status, f.Verdict = harden.StatusUnknown, "unreadable"
	f.Reason, f.Detail = "image reference cannot be read", err.Error()
	if c.Image == "" {
		f.Reason, f.Detail = "names no image", "The container names no image here; something else has to fill it in."
	}
	p.Report(f)
}
