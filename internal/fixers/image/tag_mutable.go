package image

import (
	"fmt"
	"slices"
	"strings"

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

**The fix.** The digest that the live pods run is added: app:latest becomes
app:latest@sha256:…, so the same image keeps running. This needs all pods of the
workload to agree. It is a review, because only the registry knows whether that
digest is the index that the tag names or one platform of it.

**Traps.** A platform's digest does not run on another architecture, so where nodes
differ nothing is offered: pin to the index (kubernetes/kubernetes#115199). What a
runtime reports may carry docker-pullable:// in front, be empty, or be the digest
of the image's config, which cannot be pulled. A pinned image gets no more
updates by itself: let Renovate or an image automation move the digest. Keel and
the like replace the image again. A tag is looked for after the last slash:
registry:5000/app has none.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1525"},
		{Standard: "Trivy", ID: "KSV-0013"},
		{Standard: "Kubescape", ID: "C-0075"},
	},
	Check: checkTagMutable,
	Fix:   fixTagMutable,
}

// movingTags are tags that name a channel and no release.
var movingTags = []string{"latest", "stable", "main", "master", "dev", "edge", "nightly", "canary"}

func checkTagMutable(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		r, err := ParseReference(c.Image)
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
		case slices.Contains(movingTags, r.Tag) || slices.Contains(p.Settings.MutableTags, r.Tag):
			f.Verdict = "moving-tag"
			f.Reason = "tag " + r.Tag + " moves"
			f.Detail = fmt.Sprintf("%q names tag %s, which is moved to new builds: what runs depends on when a node pulled it.", c.Image, r.Tag)
		default:
			continue
		}
		p.Report(f)
	}
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

func fixTagMutable(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("name the image with its digest"); ok {
		return []harden.Fix{instead}
	}
	c, _ := p.Pod.Container(f.Container)
	r, err := ParseReference(c.Image)
	if err != nil {
		return []harden.Fix{{Title: "name an image", Class: harden.Review, Manual: "Give the container an image reference that can be pulled."}}
	}
	running := runningDigest(p, c, r)
	if running.digest == "" {
		return []harden.Fix{{
			Title: "pin the image to a digest", Class: harden.Review, Evidence: running.claims,
			Manual: fmt.Sprintf("Ask the registry for the digest of the index that %s names now, and use %s@sha256:… in the source of the manifest. Not done here: %s.", tagged(c.Image, r), tagged(c.Image, r), running.why),
		}}
	}
	pinned := tagged(c.Image, r) + "@" + running.digest
	return []harden.Fix{{
		Title:    "pin the image to the digest that runs",
		Class:    harden.ClassOf(harden.Evidence, running.claims...),
		Evidence: running.claims,
		Changes:  []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"image": pinned})},
		Warning:  "The image gets no more updates by itself; if the digest is that of one platform, nodes of another cannot run it.",
	}}
}

// tagged is the image as the user wrote it, with the tag that it leaves out.
func tagged(image string, r Reference) string {
	if r.Tag == "" {
		return image + ":latest"
	}
	return strings.TrimSpace(image)
}
