package image

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Unsigned finds images for which the registry has no signature.
var Unsigned = &harden.Fixer{
	ID:       "image-unsigned",
	Title:    "runs an image that nobody signed",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The registry has neither a signature nor an attestation for the digest that runs.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the referrers of the digest, and the tags sha256-HEX, sha256-HEX.sig and
    sha256-HEX.att of its repository

Allowed: images with a signature or an attestation of cosign, Sigstore or Notation.
The rule does not apply until somebody asks for signatures.

**Why it matters.** Without a signature nobody can tell an image that the team's build
made from one that somebody pushed with a stolen password.

**The fix.** By hand: sign in the build, and let admission demand it.

**Traps.** A signature that is there is seen, not verified: who signed, and whether it
is worth anything, only a policy with keys or identities can say. Signatures may
be kept in another repository, which is not looked at. An image that was copied
to another registry often leaves its signatures behind.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "5.5.1"},
		{Standard: "ATT&CK", ID: "T1525"},
		{Standard: "Kubescape", ID: "C-0236"},
		{Standard: "Kubescape", ID: "C-0237"},
		{Standard: "Kubescape", ID: "C-0289"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkUnsigned,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image that is signed"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "sign the image", Class: harden.Review,
			Manual: "Sign the image by its digest where it is built (cosign sign, notation sign), and let admission verify it (a Kyverno or Sigstore policy controller policy). For an image of somebody else, look for the place where its signatures are kept, or sign the copy that you have reviewed.",
		}}
	},
}

func checkUnsigned(p *harden.Pass) {
	judged := false
	if len(p.Inventory.Signatures) == 0 {
		p.NotApplicable()
		return
	}
	for _, c := range p.Pod.Containers() {
		unsigned, why := false, ""
		for _, key := range p.Inventory.ImageKeysOf(p.Workload, p.Pod, c) {
			s := p.Inventory.Signatures[key]
			if s == nil {
				continue
			}
			judged = true
			switch {
			case !s.Known:
				why = s.Why
			case len(s.Found) == 0:
				unsigned = true
			}
		}
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		switch {
		case unsigned:
			f.Reason = "no signature in the registry"
			f.Detail = "The registry has no signature and no attestation for the digest that runs."
		case why != "":
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason, f.Detail = "whether the image is signed is not known", "Signatures could not be asked for: "+why+"."
		default:
			continue
		}
		p.Report(f)
	}
	if !judged {
		p.NotApplicable()
	}
}
