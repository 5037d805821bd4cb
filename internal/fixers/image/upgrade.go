package image

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// upgrades proposes newer tags that were scanned and help, the best first; else
// one fix that says what a person can do to get what they want.
func upgrades(p *harden.Pass, f *harden.Finding, want string, helps func(cleared harden.VulnerabilityCounts, c harden.ImageCandidate) bool) []harden.Fix {
	if instead, ok := f.OutOfReach("run " + want); ok {
		return []harden.Fix{instead}
	}
	byHand := func(format string, args ...any) []harden.Fix {
		return []harden.Fix{{Title: "run " + want, Class: harden.Review, Manual: fmt.Sprintf(format, args...)}}
	}
	c, _ := p.Pod.Container(f.Container)
	r, err := referenceOf(p.Inventory, c.Image)
	if err != nil {
		return byHand("Give the container an image reference that can be pulled: %v.", err)
	}
	rebuild := "If the image is your own, build it again on a current base and with current packages"
	updates := p.Inventory.Updates[c.Image]
	switch {
	case updates == nil:
		return byHand("%s. If it is not, look for a newer version: --updates scans newer tags of the same major version and proposes them here.", rebuild)
	case !updates.Known:
		return byHand("%s. Whether there is a newer version is not known: %s.", rebuild, updates.Why)
	}
	now := scansOf(p, c).scans
	var fixes []harden.Fix
	for _, candidate := range updates.Candidates {
		cleared, added := harden.CompareScans(now, candidate.Scans)
		if helps(cleared, candidate) {
			fixes = append(fixes, upgrade(p, f, c, r, candidate, comparison{cleared, added, updates}))
		}
	}
	if len(fixes) == 0 {
		return byHand("%s. Of the %d tags of %s, none of the same major version and variant helps (%d scanned): a new major version may, or another image.",
			rebuild, updates.Listed, r.Name(), len(updates.Candidates))
	}
	return fixes
}

type comparison struct {
	cleared, added harden.VulnerabilityCounts
	updates        *harden.ImageUpdates
}

func upgrade(p *harden.Pass, f *harden.Finding, c harden.Container, r Reference, to harden.ImageCandidate, by comparison) harden.Fix {
	fixable := total((&harden.ImageScan{Vulnerabilities: worstOf(scansOf(p, c).scans)}).Count().Fixable)
	seen := harden.Claim{Code: "E-SCAN", State: harden.Holds, Time: by.updates.Time, Limits: "what nobody has reported yet, and whether the program still does what it did"}
	seen.Text = fmt.Sprintf("%s was scanned on %s: it clears %s, and adds %s.", to.Tag, platformsOf(to), clears(by.cleared, fixable), orNone(counted(by.added.All)))
	if worsens(by) {
		seen.State = harden.Refutes
		seen.Text += " What it adds is worse than what it clears."
	}
	claims := append([]harden.Claim{seen, {
		Code: "E-CANARY", State: harden.Refutes, Time: p.Inventory.Now,
		Text: "Another version may convert data when it starts, which no rollback takes back: read its release notes, and let it prove itself elsewhere first.",
	}}, automationClaims(p)...)
	image := untagged(c.Image, r) + ":" + to.Tag + "@" + to.Digest
	title := "upgrade the image to " + to.Tag
	if to.Tag == r.Tag {
		title = "take the build that " + to.Tag + " names now"
	}
	return harden.Fix{
		Title: title, Class: harden.Review, Evidence: claims,
		Changes: []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"image": image})},
		Warning: "Another version of the program runs. It is pinned to the digest that was scanned, and gets no more updates by itself.",
	}
}

func clears(cleared harden.VulnerabilityCounts, fixable int) string {
	s := fmt.Sprintf("%d of %d that can be fixed", total(cleared.Fixable), fixable)
	if words := counted(cleared.Fixable); words != "" {
		s += " (" + words + ")"
	}
	if others := total(cleared.All) - total(cleared.Fixable); others > 0 {
		s += fmt.Sprintf(" and %d others", others)
	}
	return s
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// worsens reports whether the worst severity that differs has more added than cleared.
func worsens(by comparison) bool {
	for _, s := range harden.Severities() {
		if c, a := by.cleared.All[s], by.added.All[s]; c != a {
			return a > c
		}
	}
	return false
}

func platformsOf(c harden.ImageCandidate) string {
	var all []string
	for _, s := range c.Scans {
		all = append(all, s.Platform)
	}
	return strings.Join(distinct(all), " and ")
}

// untagged is the repository as the user wrote it, without tag and digest.
func untagged(image string, r Reference) string {
	image = strings.TrimSpace(image)
	if r.Digest != "" {
		image = strings.TrimSuffix(image, "@"+r.Digest)
	}
	if r.Tag != "" {
		image = strings.TrimSuffix(image, ":"+r.Tag)
	}
	return image
}
