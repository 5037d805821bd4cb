package fixers_test

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// What a rule does not declare to read does not matter to it: it says the same of
// its subject when all of that is gone, and it does not even look there: lists in
// which it has no business hold nil, at which it would panic. Each rule is tried on
// its own fixtures and on some random clusters. That this shows something is shown
// by declaring nothing instead: for nearly all rules that declare something it is seen.
func TestReadsAreDeclared(t *testing.T) {
	shared := worldsOf(t, 60)
	declare, seen := 0, 0
	for _, f := range slices.Concat(fixers.Suite(), customRules(t)) {
		if f.Reads == nil || f.Check == nil {
			continue
		}
		inventories := slices.Concat(own(t, f), shared)
		for _, inv := range inventories {
			if diff := undeclared(f, f.Reads, inv); diff != "" {
				t.Errorf("%s: Reads are too few: %s", f.ID, diff)
				break
			}
		}
		if len(f.Reads.Own)+len(f.Reads.Namespace)+len(f.Reads.Cluster) == 0 {
			continue
		}
		declare++
		if slices.ContainsFunc(inventories, func(inv *harden.Inventory) bool { return undeclared(f, harden.ReadsNothing, inv) != "" }) {
			seen++
		}
	}
	if seen < declare*4/5 {
		t.Errorf("without declarations only %d of %d rules are seen to read something", seen, declare)
	}
	t.Logf("without declarations %d of %d rules are seen to read something", seen, declare)
}

// worldsOf are random clusters, made of the fixtures of all rules and changed here and there.
func worldsOf(t *testing.T, n uint64) []*harden.Inventory {
	t.Helper()
	texts := fixtures(t)
	var out []*harden.Inventory
	for seed := range n {
		rnd := rand.New(rand.NewPCG(seed, 13))
		m := &mutator{rnd: rnd, inv: world(t, rnd, texts)}
		for range 20 {
			m.change()
		}
		out = append(out, m.inv.Fresh())
	}
	return out
}

// own are the fixtures of a rule, of which those that tests elsewhere have are none.
func own(t *testing.T, f *harden.Fixer) []*harden.Inventory {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", f.ID, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*harden.Inventory
	for _, name := range files {
		text := read(t, f, filepath.Base(name))
		out = append(out, fixtest.Load(t, text, options(t, text)...).Fresh())
	}
	return out
}

// undeclared tells the first subject of which the rule says something else when
// what it does not read is hidden, or "".
func undeclared(f *harden.Fixer, reads *harden.Reads, inv *harden.Inventory) string {
	for _, p := range fixtest.Passes(f, inv) {
		q := hide(p, reads)
		f.Check(p)
		if where := panics(f, q); where != "" {
			return "for " + p.Object.Long() + " the rule looks into what it does not declare:\n" + where
		}
		if p.IsNotApplicable() != q.IsNotApplicable() || !reflect.DeepEqual(said(p), said(q)) {
			return p.Object.Long() + " is judged in another way without what is not declared"
		}
	}
	return ""
}

// panics runs the rule and tells where it panics, or "".
func panics(f *harden.Fixer, p *harden.Pass) (where string) {
	defer func() {
		if recover() != nil {
			where = string(debug.Stack())
		}
	}()
	f.Check(p)
	return ""
}

// said is what a rule reported, without the workload, which is another where its pods are.
func said(p *harden.Pass) []harden.Finding {
	var out []harden.Finding
	for _, f := range p.Findings {
		c := *f
		c.Workload = nil
		out = append(out, c)
	}
	return out
}

// A hider makes inventories that have nothing but a subject, what may be read
// without saying so, and what Reads declare.
type hider struct {
	pass  *harden.Pass
	reads *harden.Reads
	in    string // the namespace of the subject
}

func (h *hider) kept(part schema.GroupKind, namespace string) bool {
	return slices.Contains(h.reads.Cluster, part) || slices.Contains(h.reads.Namespace, part) && (namespace == h.in || namespace == "")
}

// barred reports whether the rule has no business with any of the parts, wherever it is.
func (h *hider) barred(parts ...schema.GroupKind) bool {
	return !slices.ContainsFunc(parts, func(part schema.GroupKind) bool {
		return slices.Contains(h.reads.Cluster, part) || slices.Contains(h.reads.Namespace, part)
	})
}

// hide is the pass over such an inventory. How workloads are exposed is kept: it
// belongs to those that are subjects.
func hide(p *harden.Pass, reads *harden.Reads) *harden.Pass {
	h := &hider{pass: p, reads: reads, in: p.Object.Namespace}
	if p.NamespaceName != "" {
		h.in = p.NamespaceName
	}
	q := *p
	q.Inventory = p.Inventory.Fresh()
	if p.Workload != nil {
		from := p.Inventory.Fresh()
		from.ExposureOf(p.Workload)
		q.Inventory.Inherit(from, func(part schema.GroupKind) bool {
			return part != harden.Frame && !slices.Contains(harden.PartsOfExposure, part)
		})
	}
	q.Workload = h.workloads(q.Inventory)
	h.maps(q.Inventory)
	h.objects(q.Inventory)
	h.net(&q.Inventory.Net)
	return &q
}

// workloads hides them and returns that of the subject.
func (h *hider) workloads(inv *harden.Inventory) (own *harden.Workload) {
	all := inv.Workloads
	inv.Workloads = nil
	for _, w := range all {
		ns, same := w.Ref.Namespace, w == h.pass.Workload
		c := h.partOf(w, func(part schema.GroupKind) bool {
			return h.kept(part, ns) || same && (part != harden.PodStatus || slices.Contains(h.reads.Own, part)) ||
				harden.ServesRoutes(&w.Template) != "" && h.kept(harden.ProxyWorkloads, ns)
		})
		if same {
			own = c
		}
		if c != nil {
			inv.Workloads = append(inv.Workloads, c)
		}
	}
	if h.barred(harden.Templates, harden.Pods, harden.PodStatus, harden.ProxyWorkloads) {
		inv.Workloads = append(inv.Workloads, nil)
	}
	return own
}

// partOf is a copy of a workload with the kept parts alone; nil: none is kept.
func (h *hider) partOf(w *harden.Workload, kept func(schema.GroupKind) bool) *harden.Workload {
	if !slices.ContainsFunc(harden.WorkloadParts, kept) {
		return nil
	}
	c := *w
	if !kept(harden.Templates) {
		c = harden.Workload{Ref: w.Ref}
	}
	c.Pods = nil
	switch {
	case kept(harden.Pods):
		for _, p := range w.Pods {
			if !kept(harden.PodStatus) {
				bare := *p
				bare.Status = corev1.PodStatus{Phase: p.Status.Phase, PodIP: p.Status.PodIP, PodIPs: p.Status.PodIPs, HostIP: p.Status.HostIP, HostIPs: p.Status.HostIPs}
				p = &bare
			}
			c.Pods = append(c.Pods, p)
		}
	case h.barred(harden.Pods):
		c.Pods = []*corev1.Pod{nil}
	}
	return &c
}

func (h *hider) maps(inv *harden.Inventory) {
	namespaces := map[string]*corev1.Namespace{}
	for name, ns := range inv.Namespaces {
		if h.kept(harden.KindNamespace, name) || ns == h.pass.Namespace {
			namespaces[name] = ns
		}
	}
	accounts := map[string]map[string]*corev1.ServiceAccount{}
	for ns, of := range inv.ServiceAccounts {
		accounts[ns] = map[string]*corev1.ServiceAccount{}
		for name, sa := range of {
			if h.kept(harden.KindServiceAccount, ns) || sa == h.pass.ServiceAccount {
				accounts[ns][name] = sa
			}
		}
	}
	policies := map[string][]*networkingv1.NetworkPolicy{}
	for ns, list := range inv.NetworkPolicies {
		policies[ns] = where(list, func(o *networkingv1.NetworkPolicy) bool {
			return h.kept(harden.KindNetworkPolicy, ns) || o == h.pass.NetworkPolicy
		})
	}
	const barred = "barred"
	if h.barred(harden.KindNamespace) {
		namespaces[barred] = nil
	}
	if h.barred(harden.KindServiceAccount) {
		accounts[barred] = map[string]*corev1.ServiceAccount{barred: nil}
	}
	if h.barred(harden.KindNetworkPolicy) {
		for _, ns := range []string{h.in, barred} {
			policies[ns] = append(policies[ns], nil)
		}
	}
	inv.Namespaces, inv.ServiceAccounts, inv.NetworkPolicies = namespaces, accounts, policies
}

func (h *hider) objects(inv *harden.Inventory) {
	inv.Scalers = where(inv.Scalers, func(s harden.Scaler) bool { return h.kept(harden.Scalers, s.Target.Namespace) })
	all := inv.Others
	inv.Others = harden.Objects{}
	for kind, list := range all {
		inv.Others[kind] = where(list, func(o *harden.Object) bool {
			return kind == harden.KindNode || h.kept(kind, o.Ref.Namespace) || h.kept(harden.AnyObject, o.Ref.Namespace) || o == h.pass.Item
		})
	}
	for _, k := range harden.ObjectKinds() {
		if kind := k.GroupKind; kind != harden.KindNode && h.barred(kind, harden.AnyObject) {
			inv.Others[kind] = append(inv.Others[kind], nil)
		}
	}
}

func (h *hider) net(net *harden.Net) {
	net.Services = where(net.Services, func(o *corev1.Service) bool { return h.kept(harden.KindService, o.Namespace) })
	net.Ingresses = where(net.Ingresses, func(o *networkingv1.Ingress) bool { return h.kept(harden.KindIngress, o.Namespace) })
	net.Policies = where(net.Policies, func(o *unstructured.Unstructured) bool { return h.kept(harden.OtherPolicies, o.GetNamespace()) })
	if h.barred(harden.KindService) {
		net.Services = append(net.Services, nil)
	}
	if h.barred(harden.KindIngress) {
		net.Ingresses = append(net.Ingresses, nil)
	}
	if h.barred(harden.OtherPolicies) {
		net.Policies = append(net.Policies, nil)
	}
	if h.barred(harden.NetCallees) {
		net.Callees = nil
	}
	if h.barred(harden.NetLists) {
		net.EndpointSlices, net.IngressClasses, net.ConfigMaps = []*discoveryv1.EndpointSlice{nil}, []*networkingv1.IngressClass{nil}, []*corev1.ConfigMap{nil}
		net.Routes, net.Monitors = []*unstructured.Unstructured{nil}, []*unstructured.Unstructured{nil}
	}
}

// where are the elements of a list that a predicate holds for.
func where[T any](list []T, holds func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(e T) bool { return !holds(e) })
}
