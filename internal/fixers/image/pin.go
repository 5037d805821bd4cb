package image

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// pin is the fix that adds to an image reference the digest of what runs.
func pin(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("name the image with its digest"); ok {
		return []harden.Fix{instead}
	}
	c, _ := p.Pod.Container(f.Container)
	r, err := referenceOf(p.Inventory, c.Image)
	if err != nil {
		return []harden.Fix{{Title: "name an image", Class: harden.Review, Manual: "Give the container an image reference that can be pulled."}}
	}
	d := digestToPin(p, c, r)
	if d.digest == "" {
		return []harden.Fix{{
			Title: "pin the image to a digest", Class: harden.Review, Evidence: d.claims,
			Manual: fmt.Sprintf("Ask the registry for the digest of the index that %s names now, and use %s@sha256:… in the source of the manifest. Not done here: %s.", tagged(c.Image, r), tagged(c.Image, r), d.why),
		}}
	}
	claims := append(d.claims, automationClaims(p)...)
	return []harden.Fix{{
		Title:    d.title,
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.SetContainer(f.Object, c.Ref, map[string]any{"image": tagged(c.Image, r) + "@" + d.digest})},
		Warning:  d.warning,
	}}
}

// tagged is the image as the user wrote it, with the tag that it leaves out.
func tagged(image string, r Reference) string {
	if r.Tag == "" {
		return strings.TrimSpace(image) + ":latest"
	}
	return strings.TrimSpace(image)
}

// A pinning is the digest to pin an image to, with what speaks for it.
type pinning struct {
	digest  string // empty: none, and why
	why     string
	title   string
	warning string
	claims  []harden.Claim
}

// digestToPin finds the digest: that of the index which the registry says the
// tag names, when all pods run it, or a platform of it; else what all pods say.
func digestToPin(p *harden.Pass, c harden.Container, r Reference) pinning {
	tag := p.Inventory.Tags[c.Image]
	run := runningDigests(p, c, r)
	known := tag != nil && tag.Known
	away := slices.IndexFunc(run.digests, func(d string) bool { return known && !holds(p, c, tag, d) })
	switch {
	case !known:
		return digestOfPods(p, run, tag)
	case away >= 0:
		return digestThatMoved(p, run, tag, c, run.digests[away])
	}
	d := pinning{
		digest: tag.Digest, title: "pin the image to the digest that runs", warning: "The image gets no more updates by itself.",
		claims: []harden.Claim{{
			Code: "E-IMG-CONFIG", State: harden.Holds, Time: tag.Time,
			Text: fmt.Sprintf("The registry says that %s names %s now, for %s.", tagged(c.Image, r), tag.Digest, orNone(strings.Join(platformNames(tag), ", "))),
		}},
	}
	if run.why != "" {
		d.title = "pin the image to the digest that its tag names now"
		d.claims = append(d.claims, harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "Whether that is what runs is not known: " + run.why + "."})
	} else {
		d.claims = append(d.claims, everyPod(p, run, "that image"))
	}
	d.claims = append(d.claims, platformClaim(p, tag))
	return d
}

// platformClaim says whether the index has an image for each node.
func platformClaim(p *harden.Pass, tag *harden.ImageTag) harden.Claim {
	needed := platforms(p)
	lacking := slices.DeleteFunc(slices.Clone(needed), func(platform string) bool { return tag.Platforms[platform] != "" })
	switch {
	case len(needed) == 0:
		return harden.Claim{Code: "E-NODE", State: harden.Missing, Text: "The nodes were not read: whether the digest has an image for each of them is not known."}
	case len(lacking) > 0:
		return harden.Claim{
			Code: "E-NODE", State: harden.Refutes, Time: p.Inventory.Now,
			Text: fmt.Sprintf("The digest has no image for %s, where the pod may run.", strings.Join(lacking, " and ")),
		}
	}
	return harden.Claim{
		Code: "E-NODE", State: harden.Holds, Time: p.Inventory.Now,
		Text: fmt.Sprintf("The digest has an image for each node that may run the pod (%s).", strings.Join(needed, " and ")), Limits: "nodes of another kind that join later",
	}
}

func platformNames(tag *harden.ImageTag) []string {
	var names []string
	for name := range tag.Platforms {
		if strings.Count(name, "/") == 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func everyPod(p *harden.Pass, run running, what string) harden.Claim {
	return harden.Claim{Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("Every live pod runs %s (%d looked at).", what, run.pods)}
}

// digestThatMoved is what all pods run although the tag names something else by now.
func digestThatMoved(p *harden.Pass, run running, tag *harden.ImageTag, c harden.Container, away string) pinning {
	moved := harden.Claim{
		Code: "E-IMG-CONFIG", State: harden.Refutes, Time: tag.Time,
		Text: fmt.Sprintf("The registry says that %s names %s by now, which is not what runs (%s): pinned to what runs, the pods keep the older build.", c.Image, tag.Digest, away),
	}
	d := digestOfPods(p, run, tag)
	d.claims = append(d.claims, moved)
	if d.digest == "" && len(run.digests) > 1 {
		d.why = "the live pods run different digests, and " + c.Image + " has moved away from them: decide which build is meant, roll it out, and pin that"
	}
	return d
}

// digestOfPods is the digest that all pods report, where the registry does not
// say what it is. It may be that of one platform, so that it is none where the
// nodes differ.
func digestOfPods(p *harden.Pass, run running, tag *harden.ImageTag) pinning {
	if run.why != "" {
		why := run.why
		if tag != nil && !tag.Known {
			why += ", and the registry did not say what the tag names: " + tag.Why
		}
		return pinning{why: why}
	}
	if len(run.digests) > 1 {
		return pinning{why: "the live pods run different digests", claims: []harden.Claim{{
			Code: "E-LIVE", State: harden.Refutes, Time: p.Inventory.Now,
			Text: fmt.Sprintf("Live pods run %s.", strings.Join(run.digests, " and ")),
		}}}
	}
	live := everyPod(p, run, run.digests[0])
	live.Limits = "a runtime may report the digest of one platform instead of the index"
	claims := []harden.Claim{live}
	switch nodes := platforms(p); len(nodes) {
	case 0:
		claims = append(claims, harden.Claim{
			Code: "E-NODE", State: harden.Missing, Text: "The nodes were not read: on another architecture the digest of one platform does not run.",
		})
	case 1:
		claims = append(claims, harden.Claim{
			Code: "E-NODE", State: harden.Holds, Time: p.Inventory.Now, Text: "All nodes that may run the pod are " + nodes[0] + ".", Limits: "nodes that join later",
		})
	default:
		return pinning{why: fmt.Sprintf("the nodes are %s, and what a pod reports may be the image of one of them", strings.Join(nodes, " and ")), claims: claims}
	}
	if tag == nil || !tag.Known {
		text := "The registry was not asked whether this digest is the index digest that the tag names."
		if tag != nil {
			text = "The registry did not say whether this digest is the index digest that the tag names: " + tag.Why + "."
		}
		claims = append(claims, harden.Claim{Code: "E-IMG-CONFIG", State: harden.Missing, Text: text})
	}
	return pinning{
		digest: run.digests[0], title: "pin the image to the digest that runs", claims: claims,
		warning: "The image gets no more updates by itself; if the digest is that of one platform, nodes of another cannot run it.",
	}
}

// holds reports whether what a runtime calls an image is what the tag names: an
// index, one of its platforms, or another index with that platform.
func holds(p *harden.Pass, c harden.Container, tag *harden.ImageTag, digest string) bool {
	if tag.Holds(digest) {
		return true
	}
	for _, key := range p.Inventory.ImageKeysOf(p.Workload, p.Pod, c) {
		facts := p.Inventory.Images[key]
		if strings.HasSuffix(key.Reference, "@"+digest) && facts != nil && facts.Known && tag.Holds(facts.Digest) {
			return true
		}
	}
	return false
}
