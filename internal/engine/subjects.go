package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// isCluster reports whether objects of the kind have no namespace; that of a
// manifest may merely have been left out.
func isCluster(r harden.Ref) bool {
	k, ok := harden.ObjectKindOf(r.GroupVersionKind().GroupKind())
	return !ok || k.Cluster
}

func objectSubject(o *harden.Object) subject {
	return subject{of: harden.SubjectObject, object: o.Ref, item: o}
}

// asked keeps the subjects of the workload that was asked for last: a report
// asks for the fixes of one finding of a workload after the other.
type asked struct {
	mu       sync.Mutex
	workload *harden.Workload
	of       []subject
}

func newAsked(*harden.Inventory) *asked { return &asked{} }

func (a *asked) subjects(e *Engine, inv *harden.Inventory, f *harden.Finding) []subject {
	if f.Workload == nil || f.Fixer.Subject != harden.SubjectPod {
		return e.subjectsOf(inv, f)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.workload != f.Workload {
		a.workload, a.of = f.Workload, e.subjectsOf(inv, f)
	}
	return a.of
}

// subjectsOf lists the few subjects that a finding can belong to.
func (e *Engine) subjectsOf(inv *harden.Inventory, f *harden.Finding) []subject {
	switch f.Fixer.Subject {
	case harden.SubjectPod, harden.SubjectWorkload:
		if f.Workload == nil {
			return nil
		}
		subjects := podSubjects(inv, f.Workload)
		for i := range subjects {
			subjects[i].of = f.Fixer.Subject
		}
		return subjects
	case harden.SubjectNamespace:
		return []subject{namespaceSubject(inv, f.Object.Name)}
	case harden.SubjectServiceAccount:
		if sa := inv.ServiceAccounts[f.Object.Namespace][f.Object.Name]; sa != nil {
			return []subject{serviceAccountSubject(inv, sa)}
		}
	case harden.SubjectObject:
		for _, o := range inv.Others[f.Object.GroupVersionKind().GroupKind()] {
			if o.Ref.Key() == f.Object.Key() {
				return []subject{objectSubject(o)}
			}
		}
	case harden.SubjectCluster:
		return []subject{{of: harden.SubjectCluster, object: f.Object}}
	case harden.SubjectNetworkPolicy:
		for _, policy := range inv.NetworkPolicies[f.Object.Namespace] {
			if policy.Name == f.Object.Name {
				return []subject{networkPolicySubject(inv, policy)}
			}
		}
	}
	return nil
}

func podSubjects(inv *harden.Inventory, w *harden.Workload) []subject {
	view := harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, inv.Nodes)
	all := []subject{{of: harden.SubjectPod, object: w.Ref, workload: w, view: view}}
	if w.Ref.Kind == "Pod" {
		return all
	}
	return append(all, injectedSubjects(inv, w, view)...)
}

// injectedSubjects are the parts of live pods that the template does not
// declare. Pods that got the same containers injected are judged once, on the
// first by name; an ephemeral container belongs to its own Pod.
func injectedSubjects(inv *harden.Inventory, w *harden.Workload, declared *harden.PodView) []subject {
	if len(w.Pods) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, c := range declared.Containers() {
		known[c.Ref.List()+"/"+c.Ref.Name] = true
	}
	pods := slices.SortedFunc(slices.Values(w.Pods), func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	seen := map[string]bool{}
	var all []subject
	for _, pod := range pods {
		extra := func(c harden.ContainerRef) bool { return !known[c.List()+"/"+c.Name] }
		keep := func(c harden.ContainerRef) bool {
			return extra(c) && (c.Kind == harden.EphemeralContainer || !seen[c.String()])
		}
		ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
		view := harden.NewPodView(harden.Injected, ref, &pod.ObjectMeta, &pod.Spec, keep, inv.Nodes)
		if len(view.Containers()) == 0 {
			continue
		}
		for _, c := range view.Containers() {
			seen[c.Ref.String()] = true
		}
		all = append(all, subject{of: harden.SubjectPod, object: ref, workload: w, view: view})
	}
	return all
}

// namespaces are those in scope, by name.
func namespaces(inv *harden.Inventory) []string {
	names := map[string]bool{}
	for _, n := range inv.Scope {
		names[n] = true
	}
	for n := range inv.Namespaces {
		names[n] = true
	}
	delete(names, "") // manifests that leave their namespace open
	return slices.SortedFunc(maps.Keys(names), strings.Compare)
}

func namespaceSubject(inv *harden.Inventory, name string) subject {
	ns := inv.Namespaces[name]
	ref := harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: name}
	if ns != nil {
		ref.UID = ns.UID
	}
	ref.Source = inv.NamespaceSources[name]
	return subject{of: harden.SubjectNamespace, object: ref, nsName: name, ns: ns}
}

func serviceAccountSubject(inv *harden.Inventory, sa *corev1.ServiceAccount) subject {
	ref := harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: sa.Namespace, Name: sa.Name, UID: sa.UID, Source: inv.ServiceAccountSources[sa.Namespace][sa.Name]}
	return subject{of: harden.SubjectServiceAccount, object: ref, sa: sa}
}

func networkPolicySubject(inv *harden.Inventory, policy *networkingv1.NetworkPolicy) subject {
	return subject{of: harden.SubjectNetworkPolicy, object: inv.NetworkPolicyRef(policy), policy: policy}
}
