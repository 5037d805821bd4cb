package session

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

const (
	// parallelQuestions bounds how many questions registries get at once, and
	// questionTimeout how long one may take: images are not looked into before the
	// questions are answered, and one registry that hangs should not hold up all.
	parallelQuestions = 4
	questionTimeout   = 15 * time.Second
	// scanAge and tagAge are how long an answer is not asked for again: a scan
	// holds until the next database, a tag may move at any time.
	scanAge = 24 * time.Hour
	tagAge  = 5 * time.Minute
)

// A target is an image that containers of the workloads run.
type target struct {
	key       harden.ImageKey
	workloads []*harden.Workload
}

// targets are the distinct images of the workloads, and of what is injected into
// their pods, by their order as keys.
func (g *gathering) targets() []target {
	found := map[harden.ImageKey][]*harden.Workload{}
	add := func(w *harden.Workload, view *harden.PodView, c harden.Container) {
		for _, key := range g.inv.ImageKeysOf(w, view, c) {
			if !slices.Contains(found[key], w) {
				found[key] = append(found[key], w)
			}
		}
	}
	g.containers(add)
	for _, w := range g.workloads {
		for _, view := range injected(w, g.inv.Nodes) {
			for _, c := range view.Containers() {
				add(w, view, c)
			}
		}
	}
	var all []target
	for _, key := range slices.SortedFunc(maps.Keys(found), compareImages) {
		all = append(all, target{key, found[key]})
	}
	return all
}

// injected are the views of what live pods have beyond the template.
func injected(w *harden.Workload, nodes []*corev1.Node) []*harden.PodView {
	if w.Ref.Kind == "Pod" {
		return nil
	}
	declared := map[string]bool{}
	for _, c := range slices.Concat(w.Template.Spec.InitContainers, w.Template.Spec.Containers) {
		declared[c.Name] = true
	}
	var views []*harden.PodView
	for _, pod := range w.Pods {
		ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
		views = append(views, harden.NewPodView(harden.Injected, ref, &pod.ObjectMeta, &pod.Spec, func(c harden.ContainerRef) bool { return !declared[c.Name] }, nodes))
	}
	return views
}

func compareImages(a, b harden.ImageKey) int {
	return strings.Compare(a.Reference+" "+a.Platform, b.Reference+" "+b.Platform)
}

// containers visits each container of the workloads' templates that names an image.
func (g *gathering) containers(visit func(*harden.Workload, *harden.PodView, harden.Container)) {
	for _, w := range g.workloads {
		view := harden.NewPodView(harden.Declared, w.Ref, &w.Meta, &w.Template.Spec, nil, g.inv.Nodes)
		for _, c := range view.Containers() {
			if c.Image != "" {
				visit(w, view, c)
			}
		}
	}
}

// references are the distinct image references of the workloads' templates,
// sorted, with the workloads that name them.
func (g *gathering) references() ([]string, map[string][]*harden.Workload) {
	found := map[string][]*harden.Workload{}
	g.containers(func(w *harden.Workload, _ *harden.PodView, c harden.Container) {
		if !slices.Contains(found[c.Image], w) {
			found[c.Image] = append(found[c.Image], w)
		}
	})
	return slices.Sorted(maps.Keys(found)), found
}

// images gathers all that the options ask for about images.
func (g *gathering) images(ctx context.Context) error {
	targets := g.targets()
	g.resolve(ctx)
	if g.opts.Vulnerabilities {
		g.cluster(ctx, targets)
	}
	if err := g.look(ctx, targets); err != nil {
		return err
	}
	if g.opts.Signatures {
		g.signatures(ctx, targets)
	}
	if g.opts.Updates {
		return g.updates(ctx)
	}
	return nil
}

// resolve asks what the references of the templates name now.
func (g *gathering) resolve(ctx context.Context) {
	references, workloads := g.references()
	known := g.session.known().Tags
	references = slices.DeleteFunc(references, func(r string) bool {
		t := known[r]
		return t != nil && t.Known && g.session.now().Sub(t.Time) < tagAge
	})
	ask(ctx, references, func(ctx context.Context, reference string) {
		keys, why := g.keys(ctx, workloads[reference])
		tag := g.registry.Resolve(ctx, reference, keys)
		switch {
		case tag.Known:
		case stopped(ctx):
			return
		default:
			tag.Why = together(tag.Why, why)
		}
		g.session.learn(harden.Facts{Tags: map[string]*harden.ImageTag{reference: tag}})
	}, func(done, total int) { g.say("tags", done, total) })
}

// look scans what was not scanned yet, or only reads what the images are.
func (g *gathering) look(ctx context.Context, targets []target) error {
	known := g.session.known()
	var wanted []images.Wanted
	whys := map[harden.ImageKey]string{}
	for _, t := range targets {
		w := images.Wanted{Key: t.key, SBOM: g.opts.SBOM, Scan: g.opts.Vulnerabilities && !g.fresh(known.Scans[t.key])}
		if facts := known.Images[t.key]; !w.Scan && w.SBOM == "" && facts != nil && facts.Known && facts.Files != nil {
			continue
		}
		w.Credentials, whys[t.key] = g.keys(ctx, t.workloads)
		wanted = append(wanted, w)
	}
	return g.scan(ctx, "images", wanted, func(l images.Looked, p *harden.GatherProgress) {
		found := harden.Facts{}
		if l.Facts != nil && (l.Facts.Known || !stopped(ctx)) {
			if !l.Facts.Known {
				l.Facts.Why = together(l.Facts.Why, whys[l.Key])
			}
			found.Images = map[harden.ImageKey]*harden.ImageFacts{l.Key: l.Facts}
		}
		if l.Scan != nil && l.Scan.Known && l.Scan.Source.Kind == harden.ScanTrivy {
			// One that was kept would come out the same today: image and database are the same.
			l.Scan.Time = g.session.now().UTC().Round(0)
		}
		// An old scan says more than none.
		if old := known.Scans[l.Key]; l.Scan != nil && (l.Scan.Known || !stopped(ctx) && (old == nil || !old.Known)) {
			if !l.Scan.Known {
				l.Scan.Why = together(l.Scan.Why, whys[l.Key])
			}
			found.Scans = map[harden.ImageKey]*harden.ImageScan{l.Key: l.Scan}
		}
		g.session.learn(found)
		if g.opts.SBOM != "" {
			p.SBOMs = map[harden.ImageKey]harden.SBOM{l.Key: {Document: l.SBOM, Why: l.SBOMWhy}}
		}
	})
}

// fresh reports whether a scan need not be made again.
func (g *gathering) fresh(s *harden.ImageScan) bool {
	switch {
	case s == nil || !s.Known:
		return false
	case s.Source.Kind == harden.ScanTrivy || s.Source.Kind == harden.ScanTrivyServer:
		return len(s.Gaps) == 0 && g.session.now().Sub(s.Time) < scanAge
	}
	return !s.Outdated(g.session.now())
}

// scan looks into images and tells each result as it comes.
func (g *gathering) scan(ctx context.Context, what string, wanted []images.Wanted, each func(images.Looked, *harden.GatherProgress)) error {
	if len(wanted) == 0 {
		return nil
	}
	vulnerabilities := slices.ContainsFunc(wanted, func(w images.Wanted) bool { return w.Scan })
	scanner, err := g.session.looker.scanner(ctx, vulnerabilities, func(what string, done, total int64) {
		g.tell(harden.GatherProgress{What: what, Done: int(done), Total: int(total), Bytes: true})
	})
	if err != nil {
		return err
	}
	done := 0
	g.say(what, done, len(wanted))
	return scanner.Look(ctx, wanted, func(l images.Looked) {
		done++
		p := harden.GatherProgress{What: what, Done: done, Total: len(wanted)}
		each(l, &p)
		g.tell(p)
	})
}

// signatures asks for those of the running images. A signature may be that of
// the index while the runtime tells the digest of a platform, and the other way round.
func (g *gathering) signatures(ctx context.Context, targets []target) {
	tags := g.session.known().Tags
	known := g.session.known().Signatures
	targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
		s := known[t.key]
		return s != nil && s.Known && (len(s.Found) > 0 || g.session.now().Sub(s.Time) < tagAge)
	})
	ask(ctx, targets, func(ctx context.Context, t target) {
		digests := g.digests(t, tags)
		s := &harden.ImageSignature{Why: "which digest runs is not known", Time: g.session.now()}
		if len(digests) > 0 {
			keys, why := g.keys(ctx, t.workloads)
			s = g.registry.Signatures(ctx, t.key.Reference, digests, keys)
			switch {
			case s.Known:
			case stopped(ctx):
				return
			default:
				s.Why = together(s.Why, why)
			}
		}
		g.session.learn(harden.Facts{Signatures: map[harden.ImageKey]*harden.ImageSignature{t.key: s}})
	}, func(done, total int) { g.say("signatures", done, total) })
}

// digests are those by which a registry may know a running image: what the
// runtime tells, and the index that holds it or the platform that it holds.
func (g *gathering) digests(t target, tags map[string]*harden.ImageTag) []string {
	found := map[string]bool{}
	_, running, digested := strings.Cut(t.key.Reference, "@")
	if digested {
		found[running] = true
	}
	for _, w := range t.workloads {
		view := harden.NewPodView(harden.Declared, w.Ref, &w.Meta, &w.Template.Spec, nil, g.inv.Nodes)
		for _, c := range view.Containers() {
			tag := tags[c.Image]
			if tag == nil || !tag.Known || !slices.Contains(g.inv.ImageKeys(w, c.Ref), t.key) || digested && !tag.Holds(running) {
				continue
			}
			found[tag.Digest] = true
			if platform := tag.Platforms[t.key.Platform]; platform != "" {
				found[platform] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// ask puts a question for each of the items, some at a time.
func ask[T any](ctx context.Context, items []T, question func(context.Context, T), progress func(done, total int)) {
	var mu sync.Mutex
	done := 0
	var group errgroup.Group
	group.SetLimit(parallelQuestions)
	for _, item := range items {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			within, cancel := context.WithTimeout(ctx, questionTimeout)
			defer cancel()
			question(within, item)
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done, len(items))
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
}

// stopped reports whether nobody wants the answer any more: that something could
// not be seen says nothing then.
func stopped(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// together joins what is said by people's way of reading: one after the other.
func together(why, more string) string {
	if more == "" {
		return why
	}
	return why + "; " + more
}
