package session

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// A search looks for newer tags of one image reference.
type search struct {
	reference string
	workloads []*harden.Workload
	platforms []string            // that are needed
	scans     []*harden.ImageScan // of what runs, one for each of its images
	keys      authn.Keychain
	found     harden.ImageUpdates
	// candidates, the nearest first; their scans come later.
	candidates []*harden.ImageCandidate
}

// updates looks for newer tags of the images that have something a newer one may
// mend, and scans those that are worth it.
func (g *gathering) updates(ctx context.Context) error {
	searches := g.searches()
	ask(ctx, searches, g.search, func(done, total int) { g.say("newer tags", done, total) })
	name := func(s *search, c *harden.ImageCandidate, platform string) harden.ImageKey {
		repository, _ := repositoryOf(s.reference)
		return harden.ImageKey{Reference: repository + "@" + c.Digest, Platform: platform}
	}
	scans := map[harden.ImageKey]*harden.ImageScan{}
	var wanted []images.Wanted
	for _, s := range searches {
		for _, c := range s.candidates {
			for _, platform := range s.platforms {
				key := name(s, c, platform)
				if _, twice := scans[key]; !twice {
					scans[key] = nil
					wanted = append(wanted, images.Wanted{Key: key, Credentials: s.keys, Scan: true})
				}
			}
		}
	}
	err := g.scan(ctx, "newer images", wanted, func(l images.Looked, _ *harden.GatherProgress) { scans[l.Key] = l.Scan })
	if err != nil {
		return err
	}
	found := map[string]*harden.ImageUpdates{}
	for _, s := range searches {
		for _, c := range s.candidates {
			for _, platform := range s.platforms {
				scan := scans[name(s, c, platform)]
				if scan == nil || !scan.Known {
					c.Scans = nil
					break
				}
				c.Scans = append(c.Scans, scan)
			}
			if len(c.Scans) > 0 {
				s.found.Candidates = append(s.found.Candidates, *c)
			}
		}
		if s.found.Known && len(s.candidates) > 0 && len(s.found.Candidates) == 0 {
			s.found.Known, s.found.Why = false, "no newer tag of "+s.reference+" could be scanned"
		}
		best(s.scans, s.found.Candidates)
		found[s.reference] = &s.found
	}
	g.session.learn(harden.Facts{Updates: found})
	return nil
}

// searches are the references whose running images are known to have fixable
// vulnerabilities, or a distribution that is past its end.
func (g *gathering) searches() []*search {
	references, workloads := g.references()
	known := g.session.known()
	var all []*search
	for _, r := range references {
		s := &search{reference: r, workloads: workloads[r], found: harden.ImageUpdates{Time: g.session.now()}}
		platforms := map[string]bool{}
		worth := false
		g.containers(func(w *harden.Workload, _ *harden.PodView, c harden.Container) {
			if c.Image != r {
				return
			}
			for _, p := range g.inv.Platforms(&w.Template.Spec) {
				platforms[p] = true
			}
			for _, key := range g.inv.ImageKeys(w, c.Ref) {
				platforms[key.Platform] = true
				if scan := known.Scans[key]; scan != nil && scan.Known && !slices.Contains(s.scans, scan) {
					s.scans = append(s.scans, scan)
					worth = worth || scan.OS.EndOfLife || slices.ContainsFunc(scan.Vulnerabilities, harden.Vulnerability.Fixable)
				}
			}
		})
		if s.platforms = slices.Sorted(maps.Keys(platforms)); worth {
			all = append(all, s)
		}
	}
	return all
}

// search finds the candidates of one reference.
func (g *gathering) search(ctx context.Context, s *search) {
	repository, tag := repositoryOf(s.reference)
	if repository == "" {
		s.found.Why = "the image reference " + s.reference + " cannot be read"
		return
	}
	var why string
	s.keys, why = g.keys(ctx, s.workloads)
	tags, failed := g.registry.Tags(ctx, s.reference, s.keys)
	if s.found.Listed = len(tags); len(tags) == 0 && failed != "" {
		s.found.Why = together(failed, why)
		return
	}
	s.found.Known, s.found.Why = true, failed
	names := candidates(tag, tags)
	if tag != "" && g.moved(s) {
		names = append([]string{tag}, names...) // a new build of the same tag is the nearest of all
	}
	for _, name := range names {
		now := g.registry.Resolve(ctx, repository+":"+name, s.keys)
		if now.Known && !slices.ContainsFunc(s.platforms, func(p string) bool { return now.Platforms[p] == "" }) {
			s.candidates = append(s.candidates, &harden.ImageCandidate{Tag: name, Digest: now.Digest})
		}
	}
}

// moved reports whether the tag names something else than what runs.
func (g *gathering) moved(s *search) bool {
	tag := g.session.known().Tags[s.reference]
	return tag != nil && tag.Known && slices.ContainsFunc(s.scans, func(scan *harden.ImageScan) bool { return scan.Digest != "" && !tag.Holds(scan.Digest) })
}

// repositoryOf takes a reference apart: the repository with its registry, and
// the tag, which is latest where neither tag nor digest is named. Both are
// empty for what no runtime can pull.
func repositoryOf(s string) (repository, tag string) {
	named, err := reference.ParseNormalizedNamed(strings.TrimSpace(s))
	if err != nil {
		return "", ""
	}
	if t, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		tag = t.Tag()
	}
	return reference.TrimNamed(named).Name(), tag
}

// best puts the candidate first that leaves the least that could be fixed: the
// worst severity counts first, then what it adds, then which is nearest. What
// adds worse findings than it clears comes last.
func best(now []*harden.ImageScan, all []harden.ImageCandidate) {
	worsens := func(c harden.ImageCandidate) bool {
		cleared, added := harden.CompareScans(now, c.Scans)
		for _, severity := range harden.Severities() {
			if cleared.All[severity] != added.All[severity] {
				return added.All[severity] > cleared.All[severity]
			}
		}
		return false
	}
	slices.SortStableFunc(all, func(a, b harden.ImageCandidate) int {
		if x, y := worsens(a), worsens(b); x != y {
			if x {
				return 1
			}
			return -1
		}
		for _, severity := range harden.Severities() {
			if c := cmp.Compare(left(a, severity), left(b, severity)); c != 0 {
				return c
			}
		}
		return 0
	})
}

// left is how many fixable findings of a severity the candidate still has.
func left(c harden.ImageCandidate, severity harden.Severity) int {
	n := 0
	for _, s := range c.Scans {
		n += s.Count().Fixable[severity]
	}
	return n
}
