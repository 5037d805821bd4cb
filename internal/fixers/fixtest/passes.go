package fixtest

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// check calls the fixer's Check once per subject of its kind.
func check(fixer *harden.Fixer, inv *harden.Inventory) []*harden.Pass {
	passes := Passes(fixer, inv)
	for _, p := range passes {
		fixer.Check(p)
		if p.Pod != nil && !p.Pod.PodLevel {
			p.Findings = slices.DeleteFunc(p.Findings, func(f *harden.Finding) bool { return f.Container.IsZero() })
		}
	}
	return passes
}

// Passes are those of the subjects of the fixer's kind, before its Check.
func Passes(fixer *harden.Fixer, inv *harden.Inventory) []*harden.Pass {
	passes := subjects(fixer, inv)
	for _, p := range passes {
		p.Inventory, p.Fixer = inv, fixer
	}
	return passes
}

func subjects(fixer *harden.Fixer, inv *harden.Inventory) []*harden.Pass {
	var passes []*harden.Pass
	switch subject := fixer.Subject; subject {
	case harden.SubjectPod, harden.SubjectWorkload:
		for _, w := range inv.Workloads {
			view := harden.NewPodView(harden.Declared, w.Ref, &w.Template.ObjectMeta, &w.Template.Spec, nil, inv.Nodes)
			passes = append(passes, &harden.Pass{Workload: w, Pod: view, Object: w.Ref})
			if subject == harden.SubjectPod && w.Ref.Kind != "Pod" {
				passes = append(passes, injected(w, inv.Nodes)...)
			}
		}
	case harden.SubjectNamespace:
		for _, name := range inv.Scope {
			ref := harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: name}
			passes = append(passes, &harden.Pass{NamespaceName: name, Namespace: inv.Namespaces[name], Object: ref})
		}
	case harden.SubjectServiceAccount:
		for _, ns := range slices.Sorted(maps.Keys(inv.ServiceAccounts)) {
			for _, name := range slices.Sorted(maps.Keys(inv.ServiceAccounts[ns])) {
				sa := inv.ServiceAccounts[ns][name]
				ref := harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: ns, Name: name, UID: sa.UID}
				passes = append(passes, &harden.Pass{ServiceAccount: sa, Object: ref})
			}
		}
	case harden.SubjectObject:
		for _, kind := range fixer.Kinds {
			for _, o := range ofKind(inv, kind) {
				passes = append(passes, &harden.Pass{Item: o, Object: o.Ref})
			}
		}
	case harden.SubjectCluster:
		passes = append(passes, &harden.Pass{Object: harden.ClusterRef(inv.Cluster)})
	case harden.SubjectNetworkPolicy:
		for _, ns := range slices.Sorted(maps.Keys(inv.NetworkPolicies)) {
			for _, policy := range inv.NetworkPolicies[ns] {
				passes = append(passes, &harden.Pass{NetworkPolicy: policy, Object: inv.NetworkPolicyRef(policy)})
			}
		}
	}
	return passes
}

// ofKind are the objects of a kind; for harden.KindConstraint those of all kinds of the group.
func ofKind(inv *harden.Inventory, kind schema.GroupKind) []*harden.Object {
	if kind != harden.KindConstraint {
		return inv.Others[kind]
	}
	var out []*harden.Object
	for gk, list := range inv.Others {
		if gk.Group == harden.ConstraintGroup {
			out = append(out, list...)
		}
	}
	slices.SortFunc(out, func(a, b *harden.Object) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
	return out
}

// injected makes the views of what the live pods of a workload hold beyond its template.
func injected(w *harden.Workload, nodes []*corev1.Node) []*harden.Pass {
	declared := map[string]bool{}
	for _, c := range w.Template.Spec.InitContainers {
		declared[c.Name] = true
	}
	for _, c := range w.Template.Spec.Containers {
		declared[c.Name] = true
	}
	var passes []*harden.Pass
	for _, pod := range w.Pods {
		ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
		view := harden.NewPodView(harden.Injected, ref, &pod.ObjectMeta, &pod.Spec, func(c harden.ContainerRef) bool { return !declared[c.Name] }, nodes)
		if len(view.Containers()) > 0 {
			passes = append(passes, &harden.Pass{Workload: w, Pod: view, Object: ref})
		}
	}
	return passes
}
