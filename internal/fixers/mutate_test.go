package fixers_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// A mutator makes one inventory out of another as a watch does: what changed is
// replaced, everything else is shared.
type mutator struct {
	rnd *rand.Rand
	inv *harden.Inventory
	uid int
}

// change makes a random change and tells which.
func (m *mutator) change() string {
	next := *m.inv
	m.inv = &next
	changes := []struct {
		name string
		do   func() string
	}{
		{"pod status", m.podStatus},
		{"pod status", m.podStatus},
		{"pod", m.pod},
		{"pods", m.pods},
		{"template", m.template},
		{"template", m.template},
		{"template", m.template},
		{"workloads", m.workloads},
		{"namespace", m.namespace},
		{"account", m.account},
		{"network policy", m.networkPolicy},
		{"object", m.object},
		{"object", m.object},
		{"object", m.object},
		{"object", m.object},
		{"objects", m.objects},
		{"other policies", m.otherPolicies},
		{"node", m.node},
		{"fact", m.fact},
		{"time", m.time},
		{"time", m.time},
		{"unread", m.unread},
		{"read anew", m.anew},
	}
	c := changes[m.rnd.IntN(len(changes))]
	what := c.name + " " + c.do()
	m.settle()
	return what
}

// settle makes what is derived from other parts of the inventory anew.
func (m *mutator) settle() {
	inventory.Sort(m.inv.Workloads)
	var net harden.Net
	m.inv.Scalers = nil
	for _, list := range m.inv.Others {
		for _, o := range list {
			inventory.AddToNet(&net, o.Ref, o.Content)
			if s := inventory.ScalerOf(o.Ref, o.Content); s != nil {
				m.inv.Scalers = append(m.inv.Scalers, *s)
			}
		}
	}
	inventory.SortScalers(m.inv.Scalers)
	net.Engine, net.Policies, net.EndpointSlices = m.inv.Net.Engine, m.inv.Net.Policies, m.inv.Net.EndpointSlices
	inventory.SortNet(&net)
	m.inv.Net = net
}

func pick[T any](m *mutator, list []T) (T, bool) {
	var none T
	if len(list) == 0 {
		return none, false
	}
	return list[m.rnd.IntN(len(list))], true
}

// replaced puts a copy in the place of a random workload.
func (m *mutator) replaced() (*harden.Workload, bool) {
	if len(m.inv.Workloads) == 0 {
		return nil, false
	}
	i := m.rnd.IntN(len(m.inv.Workloads))
	w := *m.inv.Workloads[i]
	w.Pods = slices.Clone(w.Pods)
	m.inv.Workloads = slices.Clone(m.inv.Workloads)
	m.inv.Workloads[i] = &w
	return &w, true
}

func (m *mutator) podStatus() string {
	w, ok := m.replaced()
	if !ok || len(w.Pods) == 0 {
		return "of none"
	}
	i := m.rnd.IntN(len(w.Pods))
	p := w.Pods[i].DeepCopy()
	switch m.rnd.IntN(4) {
	case 0:
		p.Status.Phase = []corev1.PodPhase{corev1.PodRunning, corev1.PodFailed, corev1.PodPending}[m.rnd.IntN(3)]
	case 1:
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: []corev1.ConditionStatus{"True", "False"}[m.rnd.IntN(2)]}}
	default:
		p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses = nil, nil
		for _, c := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: c.Name, Image: c.Image, ImageID: c.Image + "@sha256:" + strings.Repeat(string("0123456789abcdef"[m.rnd.IntN(16)]), 64), RestartCount: int32(m.rnd.IntN(9)),
			})
		}
	}
	w.Pods[i] = p
	if w.Ref.Kind == "Pod" {
		w.Finished = p.Status.Phase == corev1.PodFailed
	}
	return p.Namespace + "/" + p.Name
}

func (m *mutator) pod() string {
	w, ok := m.replaced()
	if !ok || len(w.Pods) == 0 {
		return "of none"
	}
	i := m.rnd.IntN(len(w.Pods))
	p := w.Pods[i].DeepCopy()
	what := ""
	switch m.rnd.IntN(4) {
	case 0:
		p.Status.PodIP = fmt.Sprintf("10.0.0.%d", m.rnd.IntN(250))
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	case 1:
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "busybox"}})
	case 2:
		what = m.scramble(reflect.ValueOf(&p.Spec).Elem(), 4)
	default:
		what = m.scramble(reflect.ValueOf(&p.Labels).Elem(), 2)
	}
	w.Pods[i] = p
	return p.Namespace + "/" + p.Name + " " + what
}

func (m *mutator) pods() string {
	w, ok := m.replaced()
	if !ok || w.Ref.Kind == "Pod" {
		return "of none"
	}
	if len(w.Pods) > 0 && m.rnd.IntN(2) == 0 {
		w.Pods = w.Pods[1:]
	} else {
		addPod(w, m.rnd.IntN(9))
	}
	return w.Ref.Long()
}

// addPod gives a workload a pod of its template.
func addPod(w *harden.Workload, n int) {
	name := fmt.Sprintf("%s-live-%d", w.Ref.Name, n) // no fixture has such a pod
	if slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return p.Name == name }) {
		return
	}
	p := &corev1.Pod{ObjectMeta: *w.Template.ObjectMeta.DeepCopy(), Spec: *w.Template.Spec.DeepCopy()}
	p.Name, p.Namespace, p.UID = name, w.Ref.Namespace, apitypes.UID(w.Ref.Namespace+"/"+name)
	p.Status.Phase = corev1.PodRunning
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels["pod-template-hash"], w.Revision = "1", "pod-template-hash=1"
	w.Pods = append(w.Pods, p)
	slices.SortFunc(w.Pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
}

func (m *mutator) template() string {
	w, ok := m.replaced()
	if !ok {
		return "of none"
	}
	other, _ := pick(m, m.inv.Workloads)
	what := ""
	switch m.rnd.IntN(8) {
	case 0:
		w.Template = *other.Template.DeepCopy()
		what = "like " + other.Ref.String()
	case 1:
		w.Template.Labels = maps.Clone(other.Template.Labels)
	case 2:
		replicas := int32(m.rnd.IntN(3))
		w.Replicas = &replicas
	case 3:
		w.Finished, w.Suspended = m.rnd.IntN(2) == 0, m.rnd.IntN(2) == 0
	case 4:
		meta := w.Meta.DeepCopy()
		what = m.scramble(reflect.ValueOf(&meta.Annotations).Elem(), 2) + m.scramble(reflect.ValueOf(&meta.Labels).Elem(), 2)
		if m.rnd.IntN(2) == 0 {
			rule, _ := pick(m, suite)
			meta.Annotations = map[string]string{waivers.Prefix + rule.ID: "because; until=2026-05-01"}
		}
		w.Meta = *meta
	case 5:
		spec := w.Template.Spec.DeepCopy()
		for i := range spec.Containers {
			spec.Containers[i].Image = []string{"nginx", "traefik:v3", "registry.k8s.io/ingress-nginx/controller:v1.12.0", "falcosecurity/falco:0.40", "postgres:17"}[m.rnd.IntN(5)]
		}
		w.Template.Spec = *spec
	default:
		t := w.Template.DeepCopy()
		what = m.scramble(reflect.ValueOf(t).Elem(), 7)
		w.Template = *t
	}
	if w.Ref.Kind == "Pod" { // its own pod is of the same object
		w.Pods = nil
	}
	return w.Ref.Long() + " " + what
}

func (m *mutator) workloads() string {
	if len(m.inv.Workloads) == 0 {
		return "none"
	}
	i := m.rnd.IntN(len(m.inv.Workloads))
	w := m.inv.Workloads[i]
	if m.rnd.IntN(2) == 0 {
		m.inv.Workloads = slices.Delete(slices.Clone(m.inv.Workloads), i, i+1)
		return "without " + w.Ref.Long()
	}
	c := *w
	m.uid++
	c.Ref.Name, c.Ref.UID, c.Pods = fmt.Sprintf("%s-%d", w.Ref.Name, m.uid), "", nil
	if ns, ok := pick(m, m.inv.Scope); ok && m.rnd.IntN(2) == 0 {
		c.Ref.Namespace = ns
	}
	c.Meta.Name, c.Meta.Namespace = c.Ref.Name, c.Ref.Namespace
	m.inv.Workloads = append(slices.Clone(m.inv.Workloads), &c)
	return "with " + c.Ref.Long()
}

func (m *mutator) namespace() string {
	name, ok := pick(m, slices.Sorted(maps.Keys(m.inv.Namespaces)))
	all := maps.Clone(m.inv.Namespaces)
	m.inv.Namespaces = all
	if !ok {
		if name, ok = pick(m, m.inv.Scope); ok {
			all[name] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		}
		return "new " + name
	}
	if m.rnd.IntN(5) == 0 {
		delete(all, name)
		return "without " + name
	}
	ns := all[name].DeepCopy()
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels["pod-security.kubernetes.io/"+[]string{"enforce", "warn", "audit", "enforce-version"}[m.rnd.IntN(4)]] = []string{"baseline", "restricted", "privileged", "latest"}[m.rnd.IntN(4)]
	what := m.scramble(reflect.ValueOf(&ns.ObjectMeta.Labels).Elem(), 2)
	all[name] = ns
	return name + " " + what
}

func (m *mutator) account() string {
	namespace, ok := pick(m, slices.Sorted(maps.Keys(m.inv.ServiceAccounts)))
	if !ok {
		return "of none"
	}
	m.inv.ServiceAccounts = maps.Clone(m.inv.ServiceAccounts)
	of := maps.Clone(m.inv.ServiceAccounts[namespace])
	m.inv.ServiceAccounts[namespace] = of
	name, ok := pick(m, slices.Sorted(maps.Keys(of)))
	if !ok || m.rnd.IntN(4) == 0 {
		delete(of, name)
		m.uid++
		name = []string{"default", "app", "web", fmt.Sprint("sa-", m.uid)}[m.rnd.IntN(4)]
		of[name] = &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		return "new " + namespace + "/" + name
	}
	sa := of[name].DeepCopy()
	what := m.scramble(reflect.ValueOf(sa).Elem(), 4)
	sa.Namespace, sa.Name = namespace, name
	of[name] = sa
	return namespace + "/" + name + " " + what
}

func (m *mutator) networkPolicy() string {
	namespace, ok := pick(m, slices.Sorted(maps.Keys(m.inv.NetworkPolicies)))
	if !ok || len(m.inv.NetworkPolicies[namespace]) == 0 {
		return "of none"
	}
	m.inv.NetworkPolicies = maps.Clone(m.inv.NetworkPolicies)
	list := slices.Clone(m.inv.NetworkPolicies[namespace])
	i := m.rnd.IntN(len(list))
	p := list[i].DeepCopy()
	what := ""
	switch m.rnd.IntN(4) {
	case 0:
		list = slices.Delete(list, i, i+1)
	case 1:
		p.Spec.PodSelector, p.Spec.PolicyTypes = metav1.LabelSelector{}, []networkingv1.PolicyType{"Ingress", "Egress"}
		list[i] = p
	default:
		what = m.scramble(reflect.ValueOf(&p.Spec).Elem(), 6)
		list[i] = p
	}
	m.inv.NetworkPolicies[namespace] = list
	if ns, ok := pick(m, m.inv.Scope); ok && m.rnd.IntN(3) == 0 && len(m.inv.NetworkPolicies[ns]) == 0 {
		c := p.DeepCopy()
		c.Namespace = ns
		m.inv.NetworkPolicies[ns] = []*networkingv1.NetworkPolicy{c}
		what += " also in " + ns
	}
	return namespace + "/" + p.Name + " " + what
}

// kind picks one of which there are objects, and gives it a list of its own.
func (m *mutator) kind() (schema.GroupKind, bool) {
	var kinds []schema.GroupKind
	for kind, list := range m.inv.Others {
		if len(list) > 0 {
			kinds = append(kinds, kind)
		}
	}
	slices.SortFunc(kinds, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	kind, ok := pick(m, kinds)
	if ok {
		m.inv.Others = maps.Clone(m.inv.Others)
		m.inv.Others[kind] = slices.Clone(m.inv.Others[kind])
	}
	return kind, ok
}

func (m *mutator) object() string {
	kind, ok := m.kind()
	if !ok {
		return "of none"
	}
	list := m.inv.Others[kind]
	i := m.rnd.IntN(len(list))
	o := *list[i]
	what := ""
	switch c := o.Content.(type) {
	case *harden.SecretMeta:
		s := *c
		s.ObjectMeta = *c.ObjectMeta.DeepCopy()
		s.Type = []corev1.SecretType{corev1.SecretTypeOpaque, corev1.SecretTypeTLS, corev1.SecretTypeDockerConfigJson, corev1.SecretTypeServiceAccountToken}[m.rnd.IntN(4)]
		s.CreationTimestamp = metav1.NewTime(m.inv.Now.Add(-time.Duration(m.rnd.IntN(200*24)) * time.Hour))
		o.Content = &s
	case *unstructured.Unstructured:
		u := c.DeepCopy()
		what = m.scrambleMap(u.Object, 6)
		u.SetNamespace(c.GetNamespace())
		u.SetName(c.GetName())
		u.SetGroupVersionKind(c.GroupVersionKind())
		o.Content = u
	default:
		next := c.(runtime.Object).DeepCopyObject().(metav1.Object)
		what = m.scramble(reflect.ValueOf(next).Elem(), 7)
		next.SetNamespace(c.GetNamespace())
		next.SetName(c.GetName())
		o.Content = next
	}
	list[i] = &o
	return kind.Kind + " " + o.Ref.Namespace + "/" + o.Ref.Name + " " + what
}

func (m *mutator) objects() string {
	kind, ok := m.kind()
	if !ok {
		return "none"
	}
	list := m.inv.Others[kind]
	i := m.rnd.IntN(len(list))
	o := *list[i]
	if m.rnd.IntN(3) > 0 {
		m.inv.Others[kind] = slices.Delete(list, i, i+1)
		return "without " + kind.Kind + " " + o.Ref.Name
	}
	if kind == harden.KindNode || o.Ref.Namespace == "" {
		return "as before"
	}
	ns, _ := pick(m, m.inv.Scope)
	c, ok := o.Content.(runtime.Object)
	if !ok || slices.ContainsFunc(list, func(x *harden.Object) bool { return x.Ref.Namespace == ns && x.Ref.Name == o.Ref.Name }) {
		return "as before"
	}
	next := c.DeepCopyObject().(metav1.Object)
	next.SetNamespace(ns)
	o.Ref.Namespace, o.Content = ns, next
	m.inv.Others[kind] = append(list, &o)
	slices.SortStableFunc(m.inv.Others[kind], harden.CompareObjects)
	return "with " + kind.Kind + " " + ns + "/" + o.Ref.Name
}

func (m *mutator) otherPolicies() string {
	if len(m.inv.Net.Policies) == 0 {
		return "of none"
	}
	list := slices.Clone(m.inv.Net.Policies)
	i := m.rnd.IntN(len(list))
	if m.rnd.IntN(3) == 0 {
		list = slices.Delete(list, i, i+1)
	} else {
		u := list[i].DeepCopy()
		if spec, ok := u.Object["spec"].(map[string]any); ok {
			m.scrambleMap(spec, 5)
		}
		list[i] = u
	}
	m.inv.Net.Policies = list
	return ""
}

func (m *mutator) node() string {
	if len(m.inv.Nodes) == 0 {
		return "of none"
	}
	i := m.rnd.IntN(len(m.inv.Nodes))
	n := m.inv.Nodes[i].DeepCopy()
	m.scramble(reflect.ValueOf(&n.Labels).Elem(), 2)
	m.inv.Nodes = slices.Clone(m.inv.Nodes)
	m.inv.Nodes[i] = n
	return n.Name
}

func (m *mutator) fact() string {
	w, ok := pick(m, m.inv.Workloads)
	if !ok || len(w.Template.Spec.Containers) == 0 {
		return "of none"
	}
	image := w.Template.Spec.Containers[0].Image
	if m.rnd.IntN(2) == 0 {
		m.inv.Scans = maps.Clone(m.inv.Scans)
		fixtest.Scan(image, harden.ImageScan{Known: true, Time: m.inv.Now.Add(-time.Duration(m.rnd.IntN(9*24)) * time.Hour)})(m.inv)
		return "scan of " + image
	}
	m.inv.Images = maps.Clone(m.inv.Images)
	fixtest.Image(image, harden.ImageFacts{Known: true, Created: m.inv.Now.Add(-time.Duration(m.rnd.IntN(300*24)) * time.Hour)})(m.inv)
	return "image " + image
}

func (m *mutator) time() string {
	steps := []time.Duration{time.Second, time.Hour, 25 * time.Hour, 40 * 24 * time.Hour, 200 * 24 * time.Hour, -30 * time.Hour, time.Duration(m.rnd.IntN(100*24)) * time.Hour}
	m.inv.Now = m.inv.Now.Add(steps[m.rnd.IntN(len(steps))])
	return m.inv.Now.Format(time.DateTime)
}

func (m *mutator) unread() string {
	if len(m.inv.Unread) > 0 && m.rnd.IntN(2) == 0 {
		m.inv.Unread = nil
		return "nothing"
	}
	what := []string{"networkpolicies.networking.k8s.io", "pods", "services", "secrets", "rolebindings.rbac.authorization.k8s.io"}[m.rnd.IntN(5)]
	m.inv.Unread = append(slices.Clone(m.inv.Unread), harden.Unread{Resource: what, Why: "forbidden"})
	return what
}

// anew is what a watch that begins again does: all objects are others, and say the same.
func (m *mutator) anew() string {
	m.inv.Workloads = slices.Clone(m.inv.Workloads)
	for i, w := range m.inv.Workloads {
		c := *w
		m.inv.Workloads[i] = &c
	}
	return ""
}
