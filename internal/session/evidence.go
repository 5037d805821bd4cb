package session

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A looker gathers what costs to look at.
type looker interface {
	// images reads the facts of images; it never fails, see harden.ImageFacts.Why.
	images(ctx context.Context, wanted map[harden.ImageKey][]*harden.Workload, opts harden.EvidenceOptions, progress func(done, total int)) map[harden.ImageKey]*harden.ImageFacts
	// probes looks into the containers of pods; it never fails, see harden.Probe.Why.
	probes(ctx context.Context, pods []*corev1.Pod, progress func(done, total int)) map[harden.ProbeKey]*harden.Probe
	// kubelets reads the configurations of kubelets; it never fails, see harden.Kubelet.Why.
	kubelets(ctx context.Context, nodes []*corev1.Node) map[string]*harden.Kubelet
}

// Gather looks at what costs, for these workloads of the current inventory, or
// for all when of is nil, and judges it again. What could not
// be looked at is said in the facts; an error means that nothing was, or that
// ctx ended. Progress may be nil.
func (s *Session) Gather(ctx context.Context, of []*harden.Workload, opts harden.EvidenceOptions, progress func(harden.GatherProgress)) (*harden.Snapshot, error) {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	if snap == nil {
		return nil, errors.New("gathering evidence: nothing was read yet")
	}
	say := func(what string, done, total int) {
		if progress != nil {
			progress(harden.GatherProgress{What: what, Done: done, Total: total, Facts: s.known()})
		}
	}
	inv := snap.Inventory
	workloads := present(inv, of)
	var found harden.Facts
	if opts.Images {
		found.Images = s.looker.images(ctx, s.unknownImages(inv, workloads), opts, func(done, total int) { say("images", done, total) })
	}
	if opts.Probe && inv.Live() {
		var pods []*corev1.Pod
		for _, w := range workloads {
			pods = append(pods, oneEach(w)...)
		}
		found.Probes = s.looker.probes(ctx, pods, func(done, total int) { say("containers", done, total) })
	}
	if opts.Kubelets && inv.Live() {
		say("kubelets", 0, len(inv.Nodes))
		found.Kubelets = s.looker.kubelets(ctx, inv.Nodes)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.learn(found)
	return s.judge(inv, snap.Scope, s.now()), nil
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

// unknownImages are the images of the workloads that nobody has read yet, with
// the workloads that run them.
func (s *Session) unknownImages(inv *harden.Inventory, workloads []*harden.Workload) map[harden.ImageKey][]*harden.Workload {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[harden.ImageKey][]*harden.Workload{}
	for _, w := range workloads {
		view := harden.NewPodView(harden.Declared, w.Ref, &w.Meta, &w.Template.Spec, nil, inv.Nodes)
		for _, c := range view.Containers() {
			for _, key := range inv.ImageKeys(w, c.Ref) {
				if known := s.facts.Images[key]; known != nil && known.Known && known.Files != nil {
					continue
				}
				if !slices.Contains(wanted[key], w) {
					wanted[key] = append(wanted[key], w)
				}
			}
		}
	}
	return wanted
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
	s.facts.Probes = joined(s.facts.Probes, found.Probes)
	s.facts.Kubelets = joined(s.facts.Kubelets, found.Kubelets)
	if found.Lessons != nil {
		s.facts.Lessons = found.Lessons
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
	if s.unlearnt != "" {
		next.Unread = append(slices.Clone(inv.Unread), harden.Unread{Resource: harden.LessonsResource, Why: s.unlearnt})
	}
	return &next
}
