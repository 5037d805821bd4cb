package image

import (
	"fmt"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Stale finds images that were built long ago.
var Stale = &harden.Fixer{
	ID:       "image-stale",
	Title:    "runs an image that was built long ago",
	Area:     harden.AreaImage,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The image says that it was built more than half a year ago.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    created in the config of the image

Allowed: images of the last 180 days; a team can say another number of days in its
settings. The rule does not apply until somebody asks for images to be looked into.

**Why it matters.** An image has the packages of the day on which it was built. Half
a year later some of them have fixes for vulnerabilities, whether a scanner knows
them or not, and what was not built for long may no longer build when it has to.

**The fix.** By hand: build it again, or take a newer version.

**Traps.** Builds that are to be reproducible say 1970, or nothing at all: their age is
unknown. The date is the builder's word, and says nothing about the base image.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "upgrading and application security practices"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkStale,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image that was built lately"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "build the image again, or take a newer one", Class: harden.Review,
			Manual: "Build the image again on a current base, best by a schedule, or take a newer version of it; scan it before it is rolled out.",
		}}
	},
}

// staleAfter is how many days old an image may be where the settings say nothing.
const staleAfter = 180

func checkStale(p *harden.Pass) {
	limit := p.Settings.ImageMaxAge
	if limit <= 0 {
		limit = staleAfter
	}
	judged := false
	for _, c := range p.Pod.Containers() {
		facts, why := factsOf(p, c)
		if len(facts) == 0 && why == "" {
			continue
		}
		judged = true
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		var oldest time.Time
		for _, i := range facts {
			if i.Created.IsZero() {
				why = "the image does not say when it was built, as is usual for reproducible builds"
			} else if oldest.IsZero() || i.Created.Before(oldest) {
				oldest = i.Created
			}
		}
		age := 0
		if !oldest.IsZero() {
			age = p.Days(oldest)
		}
		switch {
		case age > limit:
			f.Reason = fmt.Sprintf("built %d days ago", age)
			f.Detail = fmt.Sprintf("The image says that it was built on %s, which is more than %d days ago.", day(oldest), limit)
		case oldest.IsZero():
			f.Status, f.Verdict = harden.StatusUnknown, "unknown"
			f.Reason, f.Detail = "when the image was built is not known", "How old the image is cannot be told: "+why+"."
		default:
			continue
		}
		p.Report(f)
	}
	if !judged {
		p.NotApplicable()
	}
}

// factsOf are what is known about the images that the container runs; why says
// what could not be read. Both are empty when nobody looked.
func factsOf(p *harden.Pass, c harden.Container) (known []*harden.ImageFacts, why string) {
	if len(p.Inventory.Images) == 0 {
		return nil, ""
	}
	for _, key := range p.Inventory.ImageKeysOf(p.Workload, p.Pod, c) {
		switch facts := p.Inventory.Images[key]; {
		case facts == nil:
		case facts.Known:
			known = append(known, facts)
		default:
			why = facts.Why
		}
	}
	return known, why
}
