package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// A looker gathers what costs to look at. Nothing of it fails unless it says so:
// what could not be seen is told in the facts.
type looker interface {
	// credentials is how the pull secrets of workloads are read during one look;
	// why says what could not be.
	credentials() func(ctx context.Context, of []*harden.Workload) (keys authn.Keychain, why string)
	// scanner makes what looks into images. Where it is to find vulnerabilities it
	// sees to their database first. The error is that of ctx, or of options that
	// cannot be.
	scanner(ctx context.Context, vulnerabilities bool, progress func(what string, done, total int64)) (scanner, error)
	// flows are connections that were imported.
	flows() []harden.ObservedFlow
	// registry asks registries what is no part of an image.
	registry() registry
	// probes looks into the containers of pods.
	probes(ctx context.Context, pods []*corev1.Pod, progress func(done, total int)) map[harden.ProbeKey]*harden.Probe
	// kubelets reads the configurations of kubelets.
	kubelets(ctx context.Context, nodes []*corev1.Node) map[string]*harden.Kubelet
}

// A scanner looks into images, see images.Scanner.
type scanner interface {
	Look(ctx context.Context, wanted []images.Wanted, each func(images.Looked)) error
}

// A registry answers questions about references, see images.Reader.
type registry interface {
	Resolve(ctx context.Context, reference string, keys authn.Keychain) *harden.ImageTag
	Tags(ctx context.Context, reference string, keys authn.Keychain) (tags []string, why string)
	Signatures(ctx context.Context, reference string, digests []string, keys authn.Keychain) *harden.ImageSignature
	ConfigDigest(ctx context.Context, key harden.ImageKey, keys authn.Keychain) string
}

// A gathering is one call of Gather.
type gathering struct {
	session   *Session
	inv       *harden.Inventory
	workloads []*harden.Workload
	opts      harden.EvidenceOptions
	keys      func(ctx context.Context, of []*harden.Workload) (authn.Keychain, string)
	registry  registry

	mu       sync.Mutex // what is told is told one after the other
	progress func(harden.GatherProgress)
}

// Gather looks at what costs, for these workloads of the current inventory, or
// for all when of is nil, and judges it again. What was found stays known, and
// is told to progress as it comes. What could not be looked at is said in the
// facts; an error means that something could not even be tried, or that ctx
// ended. Progress may be nil.
func (s *Session) Gather(ctx context.Context, of []*harden.Workload, opts harden.EvidenceOptions, progress func(harden.GatherProgress)) (*harden.Snapshot, error) {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	if snap == nil {
		return nil, errors.New("gathering evidence: nothing was read yet")
	}
	g := &gathering{session: s, inv: snap.Inventory, workloads: present(snap.Inventory, of), opts: implied(opts), progress: progress, registry: s.looker.registry()}
	g.keys = func(context.Context, []*harden.Workload) (authn.Keychain, string) { return nil, "" }
	if opts.PullSecrets {
		g.keys = s.looker.credentials()
	}
	if g.opts.Images {
		if err := g.images(ctx); err != nil {
			return nil, fmt.Errorf("looking into images: %w", err)
		}
	}
	if opts.Probe && g.inv.Live() {
		var pods []*corev1.Pod
		for _, w := range g.workloads {
			pods = append(pods, oneEach(w)...)
		}
		s.learn(harden.Facts{Probes: s.looker.probes(ctx, pods, func(done, total int) { g.say("containers", done, total) })})
	}
	if opts.Kubelets && g.inv.Live() {
		g.say("kubelets", 0, len(g.inv.Nodes))
		s.learn(harden.Facts{Kubelets: s.looker.kubelets(ctx, g.inv.Nodes)})
	}
	if opts.Network {
		if err := g.network(ctx); err != nil {
			return nil, fmt.Errorf("looking at the network: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.judge(g.inv, snap.Scope, s.now()), nil
}

// implied fills in what the options ask for without naming it.
func implied(opts harden.EvidenceOptions) harden.EvidenceOptions {
	opts.Vulnerabilities = opts.Vulnerabilities || opts.Updates
	opts.Images = opts.Images || opts.Vulnerabilities || opts.Signatures || opts.SBOM != ""
	return opts
}

func (g *gathering) say(what string, done, total int) {
	g.tell(harden.GatherProgress{What: what, Done: done, Total: total})
}

func (g *gathering) tell(p harden.GatherProgress) {
	if g.progress == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.Facts = g.session.known()
	g.progress(p)
}

// known are the facts that the session has by now.
func (s *Session) known() harden.Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts
}

// present are those of the workloads that the inventory still has; all when of is nil.
func present(inv *harden.Inventory, of []*harden.Workload) []*harden.Workload {
	if of == nil {
		return inv.Workloads
	}
	wanted := map[harden.Key]bool{}
	for _, w := range of {
		wanted[w.Ref.Key()] = true
	}
	var out []*harden.Workload
	for _, w := range inv.Workloads {
		if wanted[w.Ref.Key()] {
			out = append(out, w)
		}
	}
	return out
}

// oneEach picks live pods to look into: one for each set of images that pods of
// the template run, the one that has run longest, since it has done most.
func oneEach(w *harden.Workload) []*corev1.Pod {
	oldest := map[string]*corev1.Pod{}
	for _, p := range w.Pods {
		if p.Status.Phase != corev1.PodRunning {
			continue
		}
		var ids []string
		for _, c := range p.Status.ContainerStatuses {
			ids = append(ids, c.Name+"="+c.ImageID)
		}
		slices.Sort(ids)
		set := strings.Join(ids, " ")
		if o := oldest[set]; o == nil || p.CreationTimestamp.Before(&o.CreationTimestamp) {
			oldest[set] = p
		}
	}
	var pods []*corev1.Pod
	for _, set := range slices.Sorted(maps.Keys(oldest)) {
		pods = append(pods, oldest[set])
	}
	return pods
}

// learn adds facts to those that are known. Maps are replaced, not changed:
// inventories that were handed out hold the old ones.
func (s *Session) learn(found harden.Facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts.Images = joined(s.facts.Images, found.Images)
	s.facts.Scans = joined(s.facts.Scans, found.Scans)
	s.facts.Tags = joined(s.facts.Tags, found.Tags)
	s.facts.Updates = joined(s.facts.Updates, found.Updates)
	s.facts.Signatures = joined(s.facts.Signatures, found.Signatures)
	s.facts.Probes = joined(s.facts.Probes, found.Probes)
	s.facts.Kubelets = joined(s.facts.Kubelets, found.Kubelets)
	if found.Lessons != nil {
		s.facts.Lessons = found.Lessons
	}
	if found.Whole != nil {
		s.facts.Whole, s.facts.Flows = found.Whole, found.Flows
	}
}

func joined[K comparable, V any](old, found map[K]V) map[K]V {
	if len(found) == 0 {
		return old
	}
	all := maps.Clone(old)
	if all == nil {
		all = map[K]V{}
	}
	maps.Copy(all, found)
	return all
}

// withFacts is the inventory with what is known beyond the objects of the API.
func (s *Session) withFacts(inv *harden.Inventory) *harden.Inventory {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *inv
	next.Facts = s.facts
	next.Unread = slices.Concat(inv.Unread, s.unread)
	if s.unlearnt != "" {
		next.Unread = append(next.Unread, harden.Unread{Resource: harden.LessonsResource, Why: s.unlearnt})
	}
	return &next
}
