package image

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// UserNonNumeric finds images whose user is a name.
var UserNonNumeric = &harden.Fixer{
	ID:       "image-user-non-numeric",
	Title:    "runs an image whose user is a name and no number",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The user of the image is a name, such as app.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    User in the config of the image

Allowed: a number, and root, which image-runs-as-root is about. The rule does not
apply until somebody asks for images to be looked into, and not to Windows.

**Why it matters.** The kubelet cannot know which number a name stands for, so it
refuses to start the image under runAsNonRoot: true, which Pod Security's level
restricted demands (CreateContainerConfigError).

**The fix.** In the image: USER with the number. Without a new image the pod can say
the number itself, which run-as-non-root proposes when the image was read.

**Traps.** Names and numbers live in /etc/passwd of the image; two images may mean
different users by one name.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "non-root containers"},
		{Standard: "PSS", ID: "restricted: running as non-root"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkUserNonNumeric,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image whose user is a number"); ok {
			return []harden.Fix{instead}
		}
		c, _ := p.Pod.Container(f.Container)
		number := "its number in /etc/passwd"
		facts, _ := factsOf(p, c)
		for _, i := range facts {
			if kind, _ := harden.ParseImageUser(i.User); kind == harden.ImageUserNamed && i.Files != nil {
				if uid, gid, ok := i.Files.ResolveUser(i.User); ok {
					number = fmt.Sprintf("USER %d:%d", uid, gid)
				}
			}
		}
		return []harden.Fix{{
			Title: "name the user of the image by its number", Class: harden.Review,
			Manual: "In the Dockerfile, name the user by its number (" + number + "). Nothing else changes.",
		}}
	},
}

func checkUserNonNumeric(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, _ harden.Container, facts []*harden.ImageFacts, why string) {
		for _, i := range facts {
			if kind, _ := harden.ParseImageUser(i.User); kind == harden.ImageUserNamed {
				f.Reason = fmt.Sprintf("the user of the image is the name %q", i.User)
				f.Detail = fmt.Sprintf("The image runs as %q. Under runAsNonRoot: true the kubelet refuses it, because it cannot tell whether that is root.", i.User)
				p.Report(f)
				return
			}
		}
		if len(facts) == 0 {
			reportUnknown(p, f, "the user of the image is not known", why)
		}
	})
}
