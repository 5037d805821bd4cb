package image

import (
	"fmt"
	"sync"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RunsAsRoot finds images that run as root unless a pod says otherwise.
var RunsAsRoot = &harden.Fixer{
	ID:       "image-runs-as-root",
	Title:    "runs an image whose user is root",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The image names no user, or names root.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    User in the config of the image

Allowed: another user. The rule does not apply until somebody asks for images to be
looked into, and not to Windows.

**Why it matters.** Whoever runs the image without a word about its user, in this
cluster, in another one or on a laptop, runs it as root. One forgotten field of a
pod is enough.

**Severity** is advice only where the pod itself says another user.

**The fix.** In the image: USER with a number, and files that this user may read. What
the pod can do about it is another rule's matter (run-as-non-root).

**Traps.** Many images start as root and give it up by themselves; they need root for
the start, and a USER breaks that.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "non-root containers"},
		{Standard: "Kubescape", ID: "C-0013"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkRunsAsRoot,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image with a user of its own"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "give the image a user", Class: harden.Review,
			Manual: "In the Dockerfile, let the files that the program writes belong to a user of its own and name that by its number, such as USER 10001:10001, as the last user. Let it listen on a port of 1024 or above.",
		}}
	},
}

func checkRunsAsRoot(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, c harden.Container, facts []*harden.ImageFacts, why string) {
		root, user := false, ""
		for _, i := range facts {
			if kind, _ := harden.ParseImageUser(i.User); kind == harden.ImageUserRoot {
				root, user = true, i.User
			}
		}
		switch {
		case root:
			f.Reason = "the image names no user: root"
			if user != "" {
				f.Reason = fmt.Sprintf("the user of the image is %q", user)
			}
			f.Detail = "Without a word of the pod the image runs as root."
			if uid := userOf(p, c); uid > 0 {
				f.Severity, f.SeverityWhy = harden.Info, fmt.Sprintf("the pod runs it as user %d", uid)
			}
			p.Report(f)
		case len(facts) == 0:
			reportUnknown(p, f, "the user of the image is not known", why)
		}
	})
}

// userOf is the user that the pod gives the container; 0 where it says nothing or root.
func userOf(p *harden.Pass, c harden.Container) int64 {
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		return *s.RunAsUser
	}
	if s := p.Pod.Spec.SecurityContext; s != nil && s.RunAsUser != nil {
		return *s.RunAsUser
	}
	return 0
}

// eachImage visits the containers whose images somebody looked into, with what is
// known of those, and why others are not known. The rule does not apply when
// there is none.
func eachImage(p *harden.Pass, visit func(f harden.Finding, c harden.Container, facts []*harden.ImageFacts, why string)) {
	judged := false
	if !p.Pod.Windows() {
		for _, c := range p.Pod.Containers() {
			facts, why := factsOf(p, c)
			if len(facts) == 0 && why == "" {
				continue
			}
			judged = true
			visit(harden.Finding{Container: c.Ref, Field: c.Field + ".image"}, c, facts, why)
		}
	}
	if !judged {
		p.NotApplicable()
	}
}

// perImage keeps what a rule, which K tells from others, finds in the files of images.
type perImage[K any] struct{ sync.Map }

// oncePerImage is what find says of the files of the image, asked once for each
// image of the inventory: many containers run the same one.
func oncePerImage[K any](p *harden.Pass, i *harden.ImageFacts, find func(*harden.ImageFiles) []string) []string {
	known := harden.Derive(p.Inventory, func(*harden.Inventory) *perImage[K] { return &perImage[K]{} })
	if found, ok := known.Load(i); ok {
		return found.([]string)
	}
	found := find(i.Files)
	known.Store(i, found)
	return found
}

func reportUnknown(p *harden.Pass, f harden.Finding, reason, why string) {
	f.Status, f.Verdict = harden.StatusUnknown, "unknown"
	f.Reason, f.Detail = reason, "The image could not be looked into: "+why+"."
	p.Report(f)
}
