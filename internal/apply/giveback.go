package apply

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// giveBack returns the present managedFields entries with the places handed to
// those who held them in the recorded entries; what others have changed since
// is kept. Our own entries are not touched.
func giveBack(present, recorded []metav1.ManagedFieldsEntry, places []harden.Path) ([]metav1.ManagedFieldsEntry, error) {
	now, err := holdings(present)
	if err != nil {
		return nil, err
	}
	before, err := holdings(recorded)
	if err != nil {
		return nil, err
	}
	for _, old := range before {
		if old.ours() {
			continue
		}
		share := shareOf(old.fields, places)
		if share.Empty() {
			continue
		}
		i := slices.IndexFunc(now, func(h holding) bool { return h.owner() == old.owner() && h.entry.APIVersion == old.entry.APIVersion })
		if i < 0 {
			now = append(now, holding{entry: old.entry, fields: share})
			continue
		}
		now[i].fields = now[i].fields.Union(share)
	}
	return entries(now)
}

// shareOf is the part of a set that lies at, below or on the way to the places.
func shareOf(set *fieldpath.Set, places []harden.Path) *fieldpath.Set {
	share := fieldpath.NewSet()
	for _, path := range plan.Paths(set) {
		if slices.ContainsFunc(places, func(p harden.Path) bool { return plan.Within(path, p) || plan.Within(p, path) }) {
			share.Insert(path)
		}
	}
	return share
}

func entries(all []holding) ([]metav1.ManagedFieldsEntry, error) {
	var out []metav1.ManagedFieldsEntry
	for _, h := range all {
		if h.fields.Empty() {
			continue
		}
		raw, err := h.fields.ToJSON()
		if err != nil {
			return nil, fmt.Errorf("writing the fields that manager %q holds: %w", h.entry.Manager, err)
		}
		e := h.entry
		e.FieldsType = "FieldsV1"
		e.FieldsV1 = &metav1.FieldsV1{}
		e.FieldsV1.SetRawBytes(raw)
		out = append(out, e)
	}
	return out, nil
}

// setOurs replaces our own entries: the Apply entry by what intent says (nothing
// when it says nothing), the Update entry by what it held in the recorded entries.
func setOurs(present, recorded []metav1.ManagedFieldsEntry, intent *unstructured.Unstructured, converter managedfields.TypeConverter) ([]metav1.ManagedFieldsEntry, error) {
	now, err := holdings(present)
	if err != nil {
		return nil, err
	}
	before, err := holdings(recorded)
	if err != nil {
		return nil, err
	}
	kept, err := intentFields(intent, converter)
	if err != nil {
		return nil, err
	}
	applied := false
	for i, h := range now {
		if !h.ours() || h.entry.Subresource != "" {
			continue
		}
		if h.entry.Operation == metav1.ManagedFieldsOperationApply {
			now[i].fields, applied = kept, true
			continue
		}
		old := fieldpath.NewSet()
		for _, b := range before {
			if b.owner() == h.owner() {
				old = old.Union(b.fields)
			}
		}
		now[i].fields = h.fields.Intersection(old)
	}
	if !applied && intent != nil {
		now = append(now, holding{fields: kept, entry: metav1.ManagedFieldsEntry{
			Manager: harden.Manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: intent.GetAPIVersion(),
		}})
	}
	return entries(now)
}

// intentFields is the set that the API server would record for an apply of the intent.
func intentFields(intent *unstructured.Unstructured, converter managedfields.TypeConverter) (*fieldpath.Set, error) {
	if intent == nil {
		return fieldpath.NewSet(), nil
	}
	body := intent.DeepCopy()
	for _, identity := range []string{"name", "namespace", "uid", "resourceVersion"} {
		unstructured.RemoveNestedField(body.Object, "metadata", identity)
	}
	if meta, _, _ := unstructured.NestedMap(body.Object, "metadata"); len(meta) == 0 {
		delete(body.Object, "metadata")
	}
	tv, err := converter.ObjectToTyped(body)
	if err != nil {
		return nil, fmt.Errorf("matching what stays of our changes to %s %q with its schema: %w", intent.GetKind(), intent.GetName(), err)
	}
	set, err := tv.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("listing what stays of our changes to %s %q: %w", intent.GetKind(), intent.GetName(), err)
	}
	return set.Difference(fieldpath.NewSet(fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"))), nil
}
