package image

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NotPinned finds images that are named by a tag that is not meant to move, and
// by no digest.
var NotPinned = &harden.Fixer{
	ID:       "image-not-pinned",
	Title:    "runs an image that is not pinned to a digest",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The image is named by the tag of a release, without a digest.

Fields:

    spec.containers[].image   (init and ephemeral containers too)

Allowed: any reference with a digest. Tags that move as a matter of course are the
business of image-tag-mutable.

**Why it matters.** A tag is a name that its owner may give to something else: by
mistake, for a rebuild, or with a stolen password. Only the digest is the image.

**The fix.** The digest of what the live pods run is added, with the same evidence as
in image-tag-mutable.

**Traps.** As in image-tag-mutable: a digest of one platform runs on that platform only,
and what is pinned gets no more updates by itself.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0013"},
		{Standard: "Kubescape", ID: "C-0306"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNotPinned,
	Fix:   pin,
}

func checkNotPinned(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil || r.Digest != "" || r.Tag == "" || moving(p, r.Tag) {
			continue // unreadable, pinned, or what image-tag-mutable reports
		}
		p.Report(harden.Finding{
			Container: c.Ref, Field: c.Field + ".image",
			Reason: "tag " + r.Tag + " without a digest",
			Detail: fmt.Sprintf("%q names a tag, which its owner may move, and no digest.", c.Image),
		})
	}
}
