package netpol

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A class are pods that no policy tells apart: of one namespace, with the same
// labels, named ports and membership in blocks of addresses as far as policies
// ask for these, and alike on or off the host network.
type class struct {
	id     int // index in pods.classes; -1 for one that is made for a question
	space  *space
	labels labelSet
	named  map[portName][]int32
	host   bool         // on the network of the node
	addrs  []netip.Addr // of one of the pods; none for a template
}

// A group are the pods of a workload.
type group struct {
	workload *harden.Workload
	classes  []*class
	on       [][]string // nodes that the pods of each class run on, sorted
}

func (g *group) ends() []*end {
	out := make([]*end, len(g.classes))
	for i, c := range g.classes {
		out[i] = &end{pod: c, on: g.on[i], addrs: c.addrs}
	}
	return out
}

func (g *group) add(c *class, node string) {
	at := slices.Index(g.classes, c)
	if at < 0 {
		at = len(g.classes)
		g.classes, g.on = append(g.classes, c), append(g.on, nil)
	}
	if i, found := slices.BinarySearch(g.on[at], node); !found && node != "" {
		g.on[at] = slices.Insert(g.on[at], i, node)
	}
}

// pods are the pods of an inventory in classes.
type pods struct {
	used    *usage // what the classes are told apart by
	classes []*class
	groups  map[harden.Key]*group
	taken   map[netip.Addr]bool // addresses of pods, nodes and Services
}

func (p *pods) group(workload harden.Ref) *group { return p.groups[workload.Key()] }

// classify takes over the classes of an earlier world if they are fine enough.
func (w *World) classify(before *World) {
	used := newUsage()
	for _, all := range w.policies {
		for _, p := range all {
			used.subject(&p.subject)
			for d := range p.rules {
				for i := range p.rules[d] {
					used.rule(&p.rules[d][i])
				}
			}
		}
	}
	for _, p := range slices.Concat(w.admin, w.baseline) {
		used.subject(&p.subject.pods)
		for d := range p.rules {
			for i := range p.rules[d] {
				used.rule(&p.rules[d][i])
			}
		}
	}
	for _, p := range w.foreign {
		for _, k := range p.keys {
			used.keys[k] = true
		}
	}
	used.sort()
	w.used = *used
	if before != nil && before.pods.used.tells(used) {
		w.pods = before.pods
	} else {
		w.pods = w.readPods(used)
	}
	w.pickUndeclared()
	w.selected = make([][2][]selection, len(w.pods.classes))
	for _, c := range w.pods.classes {
		w.selected[c.id] = w.selections(c)
	}
}

// pickUndeclared looks for high port numbers that no rule names and no pod declares.
func (w *World) pickUndeclared() {
	taken := w.pods.numbers(w.inv)
	for p := range w.undeclared {
		n := int32(61000)
		for w.used.single[p][n] || taken[n] {
			n--
		}
		w.undeclared[p] = n
	}
}

// numbers are the ports that containers declare.
func (p *pods) numbers(inv *harden.Inventory) map[int32]bool {
	taken := map[int32]bool{}
	for _, w := range inv.Workloads {
		declared(&w.Template.Spec, func(port corev1.ContainerPort) { taken[port.ContainerPort] = true })
	}
	return taken
}

func (w *World) readPods(used *usage) *pods {
	p := &pods{used: used, groups: make(map[harden.Key]*group, len(w.inv.Workloads)), taken: w.takenByOthers()}
	byKey := map[string]*class{}
	keys := slices.Sorted(maps.Keys(used.keys))
	for _, workload := range w.inv.Workloads {
		g := &group{workload: workload}
		space := w.space(workload.Ref.Namespace)
		add := func(c *class, node string) {
			key := c.key(keys, used)
			known := byKey[key]
			if known == nil {
				known = c
				c.id = len(p.classes)
				p.classes = append(p.classes, c)
				byKey[key] = c
			}
			g.add(known, node)
		}
		for _, pod := range workload.Pods {
			if runs(pod) {
				addrs := podAddrs(pod)
				for _, a := range addrs {
					p.taken[a] = true
				}
				add(w.classOf(space, pod.Labels, closed, &pod.Spec, addrs), pod.Spec.NodeName)
			}
		}
		if len(g.classes) == 0 {
			open := ofTemplate
			if workload.Ref.Kind == "Pod" {
				open = closed
			}
			add(w.classOf(space, workload.Template.Labels, open, &workload.Template.Spec, nil), workload.Template.Spec.NodeName)
		}
		p.groups[harden.WorkloadPeer(workload.Ref).Workload.Key()] = g
	}
	return p
}

// takenByOthers are the addresses of nodes and Services.
func (w *World) takenByOthers() map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for _, n := range w.nodes {
		for _, a := range n.addrs {
			out[a] = true
		}
	}
	for _, s := range w.inv.Net.Services {
		for _, text := range append([]string{s.Spec.ClusterIP}, s.Spec.ClusterIPs...) {
			if a, err := netip.ParseAddr(text); err == nil {
				out[a] = true
			}
		}
	}
	return out
}

// runs reports whether the pod has, or will have, a network: it is neither
// finished nor about to end.
func runs(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

func (w *World) classOf(s *space, set map[string]string, open openness, spec *corev1.PodSpec, addrs []netip.Addr) *class {
	if spec.HostNetwork && len(addrs) == 0 {
		addrs = w.hostAddrs(spec.NodeName)
	}
	ours := slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return !w.family.has(a) })
	return &class{space: s, labels: labelSet{set: labels.Set(set), open: open}, named: namedPorts(spec), host: spec.HostNetwork, addrs: ours}
}

// hostAddrs are the addresses of the node, or of all where it is none that is known.
func (w *World) hostAddrs(name string) []netip.Addr {
	if n := w.node(name); n != nil {
		return n.addrs
	}
	var out []netip.Addr
	for _, n := range w.nodes {
		out = append(out, n.addrs...)
	}
	return out
}

// key is the same for all pods of a class.
func (c *class) key(keys []string, used *usage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%t%d", c.space.name, c.host, c.labels.open)
	for _, k := range keys {
		if v, ok := c.labels.set[k]; ok {
			b.WriteString("\x00" + k + "=" + v)
		}
	}
	if len(used.names) > 0 {
		var named []string
		for at, numbers := range c.named {
			if used.names[at.name] {
				named = append(named, fmt.Sprint(at.protocol, at.name, numbers))
			}
		}
		slices.Sort(named)
		b.WriteString("\x01" + strings.Join(named, " "))
	}
	for _, a := range c.addrs {
		b.WriteByte(2)
		if a.Is6() {
			b.WriteByte('6')
		}
		for i, cut := range used.cuts {
			if cut.Contains(a) {
				fmt.Fprintf(&b, " %d", i)
			}
		}
	}
	return b.String()
}

// unknownPod stands for a pod of a namespace of which nothing else is known.
func (w *World) unknownPod(namespace string) *class {
	return &class{id: -1, space: w.space(namespace), labels: labelSet{open: unread, why: "no pod of namespace " + namespace + " is known"}}
}

// A node is a Node.
type node struct {
	name   string
	labels labelSet
	addrs  []netip.Addr
}

func readNodes(inv *harden.Inventory) []*node {
	var out []*node
	for _, n := range inv.Nodes {
		next := &node{name: n.Name, labels: labelSet{set: labels.Set(n.Labels)}}
		for _, a := range n.Status.Addresses {
			if a.Type != corev1.NodeInternalIP {
				continue
			}
			if addr, err := netip.ParseAddr(a.Address); err == nil {
				next.addrs = append(next.addrs, addr)
			}
		}
		out = append(out, next)
	}
	slices.SortFunc(out, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	return out
}

// node finds a node by its name, or nil.
func (w *World) node(name string) *node {
	i, ok := slices.BinarySearchFunc(w.nodes, name, func(n *node, name string) int { return strings.Compare(n.name, name) })
	if !ok {
		return nil
	}
	return w.nodes[i]
}

// nodeAt is the node that has the address, or nil.
func (w *World) nodeAt(a netip.Addr) *node {
	for _, n := range w.nodes {
		if slices.Contains(n.addrs, a) {
			return n
		}
	}
	return nil
}
