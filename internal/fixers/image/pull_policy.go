package image

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// PullPolicy finds containers that may run whatever image a node happens to have.
var PullPolicy = &harden.Fixer{
	ID:       "image-pull-policy",
	Title:    "may run an old image that a node has kept",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The tag of the image moves and the container does not ask the registry for it, or it
never asks for an image at all.

Fields:

    spec.containers[].imagePullPolicy
    spec.containers[].image   (init and ephemeral containers too)

Allowed: Always, and any policy but Never for a tag that does not move; any policy at
all for a reference with a digest.

**Why it matters.** With IfNotPresent a node that has the tag keeps running what it was
when it was pulled, while its neighbour runs today's build. With Never whatever
somebody put on the node runs, and a pod of another tenant may use an image that
it could not pull itself.

**The fix.** imagePullPolicy: Always. It is a review: the registry has to answer whenever
a pod starts, and in networks without a way out it does not. A digest is the better
answer, see image-tag-mutable.

**Traps.** The API server fills in the policy when the object is made: Always for the tag
latest or none, IfNotPresent otherwise. When the tag is changed later, the policy
stays: a live object is judged by what it says, a manifest by what it will become.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "1.2.11"},
		{Standard: "Kubescape", ID: "C-0075"},
	},
	Reads: harden.ReadsNothing,
	Check: checkPullPolicy,
	Fix:   fixPullPolicy,
}

func checkPullPolicy(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil || r.Digest != "" {
			continue
		}
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".imagePullPolicy"}
		switch policy := pullPolicy(c, r); {
		case policy == corev1.PullNever:
			f.Verdict = "never"
			f.Reason = "imagePullPolicy: Never"
			f.Detail = "The container runs whatever the node has under the name of the image; nobody looks where it came from."
		case policy == corev1.PullIfNotPresent && (r.Tag == "" || moving(p, r.Tag)):
			f.Verdict = "if-not-present"
			f.Reason = "a tag that moves, pulled only once"
			f.Detail = fmt.Sprintf("%q names a tag that moves, and nodes that have it do not ask for it again (imagePullPolicy: %s).", c.Image, policy)
		default:
			continue
		}
		p.Report(f)
	}
}

// pullPolicy is what the API server makes of the policy when it says nothing
// (SetDefaults_Container in pkg/apis/core/v1/defaults.go).
func pullPolicy(c harden.Container, r Reference) corev1.PullPolicy {
	switch {
	case c.ImagePullPolicy != "":
		return c.ImagePullPolicy
	case r.Tag == "" || r.Tag == "latest":
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func fixPullPolicy(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("set imagePullPolicy: Always"); ok {
		return []harden.Fix{instead}
	}
	c, _ := p.Pod.Container(f.Container)
	claim := harden.Claim{Code: "E-IMG-CONFIG", State: harden.Missing, Text: "The registry was not asked whether it has the image."}
	if tag := p.Inventory.Tags[c.Image]; tag != nil && tag.Known {
		claim = harden.Claim{
			Code: "E-IMG-CONFIG", State: harden.Holds, Time: tag.Time, Text: "The registry has the image (" + tag.Digest + ").",
			Limits: "asked from here; whether the nodes reach it, and with which credentials, is another matter",
		}
	} else if tag != nil {
		claim.Text = "The registry did not say that it has the image: " + tag.Why + "."
	}
	return []harden.Fix{{
		Title: "ask the registry at each start", Class: harden.Review,
		Evidence: []harden.Claim{claim, {Code: "E-LIVE", State: harden.Missing, Text: "Whether every node can pull the image now was not tried."}},
		Changes:  []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"imagePullPolicy": string(corev1.PullAlways)})},
		Warning:  "Pods start only while the registry answers, and may start with a newer build than before.",
	}}
}
