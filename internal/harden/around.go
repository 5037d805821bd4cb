package harden

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// around is a type of its own, so that Derive keeps it.
type around struct{ *Inventory }

// Around is the whole cluster (or all files) as far as it is known: Whole, with
// the workloads and policies of this inventory in the place of what Whole knew
// of them. Nil: nobody looked at the network.
func (i *Inventory) Around() *Inventory {
	if i.Whole == nil {
		return nil
	}
	return Derive(i, overlay).Inventory
}

func overlay(i *Inventory) around {
	out := i.Whole.Fresh()
	out.Facts, out.Now, out.Whole = i.Facts, i.Now, nil
	now := make(map[Key]*Workload, len(i.Workloads))
	for _, w := range i.Workloads {
		now[w.Ref.Key()] = w
	}
	out.Workloads = slices.Clone(i.Workloads)
	for _, w := range i.Whole.Workloads {
		if now[w.Ref.Key()] == nil {
			out.Workloads = append(out.Workloads, w)
		}
	}
	slices.SortStableFunc(out.Workloads, CompareWorkloads)
	out.NetworkPolicies = maps.Clone(i.Whole.NetworkPolicies)
	for _, ns := range i.Scope {
		if i.Unreadable(NetworkPolicies, ns) == "" {
			out.NetworkPolicies[ns] = i.NetworkPolicies[ns]
		}
	}
	out.Net.Policies = i.policiesAround()
	return around{out}
}

// policiesAround are the policies of other kinds than NetworkPolicy: those of the
// cluster and of the namespaces of the scope as they are in this inventory, and
// those of other namespaces as Whole knew them.
func (i *Inventory) policiesAround() []*unstructured.Unstructured {
	for _, u := range i.Unread {
		if _, group, _ := strings.Cut(u.Resource, "."); slices.Contains(NetGroups, group) {
			return i.Whole.Net.Policies // what is missing here may be there
		}
	}
	var out []*unstructured.Unstructured
	add := func(list []*unstructured.Unstructured, ours bool) {
		for _, p := range list {
			if ns := p.GetNamespace(); ours == (ns == "" || slices.Contains(i.Scope, ns)) {
				out = append(out, p)
			}
		}
	}
	add(i.Net.Policies, true)
	add(i.Whole.Net.Policies, false)
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetKind(), b.GetKind()), cmp.Compare(a.GetAPIVersion(), b.GetAPIVersion()))
	})
	return out
}

// CompareWorkloads orders workloads as an Inventory holds them: by namespace,
// kind, name and source.
func CompareWorkloads(a, b *Workload) int {
	return cmp.Or(
		cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name),
		cmp.Compare(a.Ref.Source.File, b.Ref.Source.File), cmp.Compare(a.Ref.Source.Line, b.Ref.Source.Line), cmp.Compare(a.Ref.Source.Item, b.Ref.Source.Item),
	)
}
