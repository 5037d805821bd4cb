package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Drift finds images that are not the same everywhere, or not what their tag
// names any more.
var Drift = &harden.Fixer{
	ID:       "image-drift",
	Title:    "runs different builds under one image reference",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
Pods of one template run different digests for one reference, or the registry says
that the tag names something else by now.

Fields:

    spec.containers[].image              (init containers too)
    status.containerStatuses[].imageID   in each live pod

Allowed: one image in all pods of the template, which is still what its tag names.
Without live pods the rule does not apply. What the tag names is compared only when
somebody asks for images to be looked into.

**Why it matters.** Two pods behind one Service answer by different code, and the next
pod to start, on another node or after a restart, may be a third build that nobody
has reviewed. Who looks for a fault looks at the wrong code.

**The fix.** The reference gets the digest of the index that the tag names, when all
pods run it. Where they do not, a person decides which build is meant; then it is
rolled out and pinned.

**Traps.** One image has several digests: a runtime reports the index, or the image of
its platform, and both are equal when the one holds the other
(kubernetes/kubernetes#115199). Without the registry's word pods on unlike nodes are
unknown. What a runtime reports may carry docker-pullable:// in front, be empty, or
be the digest of a config: that is no drift.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1525"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkDrift,
	Fix:   pin,
}

func checkDrift(p *harden.Pass) {
	judged := false
	for _, c := range p.Pod.Containers() {
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil || p.Pod.Lens != harden.Declared || c.Ref.Kind == harden.EphemeralContainer {
			continue
		}
		seen := seenIn(p, c)
		if len(seen) == 0 {
			continue
		}
		judged = true
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		// A digest in the reference is all that a runtime pulls, by whatever digest it reports it.
		if r.Digest == "" && (differ(p, &f, c, seen) || moved(p, &f, c, seen)) {
			p.Report(f)
		}
	}
	if !judged {
		p.NotApplicable()
	}
}

// seenIn are the digests that live pods report for the container, with those
// pods. Pods with another image in their spec are of another template.
func seenIn(p *harden.Pass, c harden.Container) map[string][]*corev1.Pod {
	if !p.Inventory.Live() {
		return nil
	}
	byID := map[string][]*corev1.Pod{} // most pods say the same, and it is parsed once
	for _, pod := range p.Workload.Pods {
		id := harden.RunningImage(pod, c.Ref, c.Image)
		byID[id] = append(byID[id], pod)
	}
	seen := map[string][]*corev1.Pod{}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if r, ok := parseImageID(id); ok {
			seen[r.Digest] = append(seen[r.Digest], byID[id]...)
		}
	}
	return seen
}

// differ reports pods that run different images.
func differ(p *harden.Pass, f *harden.Finding, c harden.Container, seen map[string][]*corev1.Pod) bool {
	digests := slices.Sorted(maps.Keys(seen))
	tag := p.Inventory.Tags[c.Image]
	known := tag != nil && tag.Known
	if known {
		digests = slices.DeleteFunc(digests, func(d string) bool { return holds(p, c, tag, d) })
		if len(digests) < len(seen) {
			// What the tag names counts once, by whatever digest.
			digests = append(digests, tag.Digest)
		}
	}
	if len(digests) < 2 {
		return false
	}
	var lines []string
	for _, digest := range slices.Sorted(maps.Keys(seen)) {
		pods := seen[digest]
		line := fmt.Sprintf("%s in Pod %s", digest, pods[0].Name)
		if len(pods) > 1 {
			line += fmt.Sprintf(" and %d more", len(pods)-1)
		}
		lines = append(lines, line)
	}
	f.Verdict = "pods-differ"
	f.Reason = fmt.Sprintf("pods run %d different images", len(digests))
	f.Detail = fmt.Sprintf("Pods of one template run different images for %q:\n%s", c.Image, strings.Join(lines, "\n"))
	if !known && !alike(p, seen) {
		f.Status, f.Verdict = harden.StatusUnknown, "unlike-nodes"
		f.Reason = "whether pods run different images is not known"
		f.Detail += "\nTheir nodes differ, so that these may be digests of one image; the registry was not asked."
	}
	return true
}

// alike reports whether all pods run on nodes of one platform and one runtime,
// which therefore report the same digest for the same image.
func alike(p *harden.Pass, seen map[string][]*corev1.Pod) bool {
	kinds := map[string]bool{}
	for _, pods := range seen {
		for _, pod := range pods {
			kind := ""
			for _, n := range p.Inventory.Nodes {
				if info := n.Status.NodeInfo; n.Name == pod.Spec.NodeName {
					kind = info.OperatingSystem + "/" + info.Architecture + " " + info.ContainerRuntimeVersion
				}
			}
			if kind == "" {
				return false
			}
			kinds[kind] = true
		}
	}
	return len(kinds) == 1
}

// moved reports that the tag names something else than all pods run.
func moved(p *harden.Pass, f *harden.Finding, c harden.Container, seen map[string][]*corev1.Pod) bool {
	tag := p.Inventory.Tags[c.Image]
	if tag == nil || !tag.Known {
		return false
	}
	for digest := range seen {
		if holds(p, c, tag, digest) {
			return false
		}
	}
	f.Verdict = "tag-moved"
	f.Reason = "the tag names another image by now"
	f.Detail = fmt.Sprintf("The pods run %s; the registry says that %q names %s since. The next pod on another node may run that.", strings.Join(slices.Sorted(maps.Keys(seen)), " and "), c.Image, tag.Digest)
	return true
}
