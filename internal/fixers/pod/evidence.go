package pod

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// procLimit is how long a look into a running container counts (E-PROC, E-KUBELET).
const procLimit = 24 * time.Hour

// shortDigest is how many hex digits of a digest are shown.
const shortDigest = 12

// A known image is one that a container runs, with its name for people.
type known struct {
	*harden.ImageFacts
	name string
}

// imagesOf are the images that the container runs. The gap says why not all of
// them are known; it ends without a full stop, so that a question can follow.
func imagesOf(p *harden.Pass, c harden.Container) (images []known, gap string) {
	if len(p.Inventory.Images) == 0 {
		return nil, "Nobody looked into the image" // the keys cost a walk over all nodes
	}
	keys := p.Inventory.ImageKeys(p.Workload, c.Ref)
	for _, key := range keys {
		name := imageName(key, len(keys) > 1)
		facts := p.Inventory.Images[key]
		switch {
		case facts == nil && len(keys) > 1:
			return nil, "Nobody looked into image " + name
		case facts == nil:
			return nil, "Nobody looked into the image"
		case !facts.Known:
			return nil, fmt.Sprintf("Image %s was not read%s", name, because(facts.Why))
		}
		images = append(images, known{facts, name})
	}
	if len(images) == 0 {
		return nil, "Nobody looked into the image"
	}
	return images, ""
}

// filesOf is imagesOf where the file systems are known too.
func filesOf(p *harden.Pass, c harden.Container) (images []known, gap string) {
	images, gap = imagesOf(p, c)
	for _, i := range images {
		if i.Files == nil {
			return nil, fmt.Sprintf("The files of image %s were not read%s", i.name, because(i.FilesWhy))
		}
	}
	return images, gap
}

// imageName is a reference with a digest that fits a line.
func imageName(key harden.ImageKey, platform bool) string {
	name := key.Reference
	if repository, digest, ok := strings.Cut(name, "@"); ok {
		algorithm, hex, _ := strings.Cut(digest, ":")
		name = repository + "@" + algorithm + ":" + hex[:min(len(hex), shortDigest)]
	}
	if platform {
		name += " (" + key.Platform + ")"
	}
	return name
}

// probesOf are the looks into the container that count: fresh ones, which saw
// all of its processes and of the other parts that are asked for. The gap says
// why there is none.
func probesOf(p *harden.Pass, c harden.Container, parts ...harden.ProbePart) (probes []*harden.Probe, gap string) {
	parts = append(parts, harden.ProbeProcesses)
	gap = "Nobody looked into the running container"
	for _, probe := range p.Inventory.ProbesOf(p.Workload, c.Ref) {
		age := p.Now().Sub(probe.Time)
		switch {
		case !probe.Known:
			gap = fmt.Sprintf("Container %s of pod %s could not be looked into%s", c.Name, probe.Pod, because(probe.Why))
		case age > procLimit:
			gap = fmt.Sprintf("The look into pod %s is %s old, and counts for %s", probe.Pod, age.Round(time.Hour), procLimit)
		case probe.Gap(parts...) != "":
			gap = fmt.Sprintf("The look into container %s of pod %s did not see everything%s", c.Name, probe.Pod, because(probe.Gap(parts...)))
		case len(probe.Processes) == 0:
			gap = fmt.Sprintf("The look into container %s of pod %s showed no process", c.Name, probe.Pod)
		default:
			probes = append(probes, probe)
		}
	}
	if len(probes) > 0 {
		return probes, ""
	}
	return nil, gap
}

func because(why string) string {
	if why = strings.TrimRight(why, ". "); why == "" {
		return ""
	}
	return " (" + why + ")"
}

// ask is the claim that is missing because of a gap, with the question that it leaves open.
func ask(code, gap, question string) harden.Claim { return missing(code, gap+": "+question) }

// imageClaim is a claim about what is in the images.
func imageClaim(p *harden.Pass, code string, state harden.ClaimState, images []known, text, limits string) harden.Claim {
	var first time.Time
	for _, i := range images {
		first = earlier(first, i.Time)
	}
	return dated(p, code, state, first, text, limits)
}

// probeClaim is a claim about what was seen in running containers.
func probeClaim(p *harden.Pass, state harden.ClaimState, probes []*harden.Probe, text, limits string) harden.Claim {
	var first time.Time
	for _, probe := range probes {
		first = earlier(first, probe.Time)
	}
	return dated(p, "E-PROC", state, first, text, limits)
}

func dated(p *harden.Pass, code string, state harden.ClaimState, at time.Time, text, limits string) harden.Claim {
	if at.IsZero() {
		at = p.Inventory.Now
	}
	return harden.Claim{Code: code, State: state, Text: text, Limits: limits, Time: at}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// names lists images for a sentence.
func names(images []known) string {
	var list []string
	for _, i := range images {
		list = append(list, i.name)
	}
	return strings.Join(list, " and ")
}

// pods lists where was looked, for a sentence.
func pods(probes []*harden.Probe) string {
	var list []string
	for _, probe := range probes {
		list = append(list, probe.Pod)
	}
	if len(list) == 1 {
		return "pod " + list[0]
	}
	return "pods " + strings.Join(list, ", ")
}

// everyProcess reports whether all processes that were seen are so, and one that is not.
func everyProcess(probes []*harden.Probe, so func(harden.Process) bool) (other harden.Process, all bool) {
	for _, probe := range probes {
		for _, process := range probe.Processes {
			if !so(process) {
				return process, false
			}
		}
	}
	return harden.Process{}, true
}

// count is how many processes were seen.
func count(probes []*harden.Probe) string {
	n := 0
	for _, probe := range probes {
		n += len(probe.Processes)
	}
	if n == 1 {
		return "the only process"
	}
	return fmt.Sprintf("all %d processes", n)
}
