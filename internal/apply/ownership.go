package apply

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A holding is one managedFields entry with its fields decoded.
type holding struct {
	entry  metav1.ManagedFieldsEntry
	fields *fieldpath.Set
}

func (h holding) owner() journal.Owner {
	return journal.Owner{Manager: h.entry.Manager, Operation: h.entry.Operation, Subresource: h.entry.Subresource}
}

func (h holding) ours() bool { return h.entry.Manager == harden.Manager }

// holds reports whether the entry has the place, or something below it.
func (h holding) holds(path harden.Path) bool {
	if h.fields.Has(path) {
		return true
	}
	below := h.fields
	for _, e := range path {
		below = below.WithPrefix(e)
	}
	return !below.Empty()
}

func holdings(entries []metav1.ManagedFieldsEntry) ([]holding, error) {
	var all []holding
	for _, e := range entries {
		h := holding{entry: e, fields: fieldpath.NewSet()}
		if e.FieldsV1 != nil {
			if err := h.fields.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
				return nil, fmt.Errorf("reading the fields that manager %q holds: %w", e.Manager, err)
			}
		}
		all = append(all, h)
	}
	return all, nil
}

func ownersOf(all []holding, path harden.Path) []journal.Owner {
	var owners []journal.Owner
	for _, h := range all {
		if h.holds(path) {
			owners = append(owners, h.owner())
		}
	}
	return owners
}

// conflictsOf reads which managers refuse an apply.
func conflictsOf(live *unstructured.Unstructured, err error) ([]harden.Conflict, error) {
	all, decodeErr := holdings(live.GetManagedFields())
	if decodeErr != nil {
		return nil, decodeErr
	}
	var conflicts []harden.Conflict
	for _, cause := range conflictCauses(err) {
		c := harden.Conflict{Field: cause.Field, Manager: managerOf(cause.Message)}
		c.Applies = slices.ContainsFunc(all, func(h holding) bool {
			return h.entry.Manager == c.Manager && h.entry.Operation == metav1.ManagedFieldsOperationApply && hasString(h.fields, c.Field)
		})
		conflicts = append(conflicts, c)
	}
	return conflicts, nil
}

// managerOf finds the manager in the message of a conflict, such as
// `conflict with "kubectl-client-side-apply" using apps/v1 at …` (apimachinery,
// pkg/util/managedfields/internal/conflict.go).
func managerOf(message string) string {
	_, rest, ok := strings.Cut(message, "conflict with ")
	if !ok {
		return message
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return rest
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return quoted
	}
	return name
}

func hasString(set *fieldpath.Set, field string) bool {
	for _, path := range plan.Paths(set) {
		if plan.PathString(path) == field {
			return true
		}
	}
	return false
}

// removalConflicts are the managers that hold what is to be taken away. The
// server itself would let a JSON patch pass; taking a field away is no less a
// takeover than changing it.
func removalConflicts(live *unstructured.Unstructured, remove []harden.Path) ([]harden.Conflict, error) {
	all, err := holdings(live.GetManagedFields())
	if err != nil {
		return nil, err
	}
	var conflicts []harden.Conflict
	for _, path := range remove {
		for _, h := range all {
			if !h.ours() && h.holds(path) {
				conflicts = append(conflicts, harden.Conflict{
					Field: plan.PathString(path), Manager: h.entry.Manager, Applies: h.entry.Operation == metav1.ManagedFieldsOperationApply,
				})
			}
		}
	}
	return conflicts, nil
}

// mayForce splits conflicts into those that the options let us take over and those that stand.
func mayForce(conflicts []harden.Conflict, force []string) (taken, standing []harden.Conflict) {
	for _, c := range conflicts {
		if !c.Applies && (slices.Contains(force, "*") || slices.Contains(force, c.Field)) {
			taken = append(taken, c)
		} else {
			standing = append(standing, c)
		}
	}
	return taken, standing
}

// ourEntries are our own managedFields entries, without their times.
func ourEntries(u *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	var ours []metav1.ManagedFieldsEntry
	for _, e := range u.GetManagedFields() {
		if e.Manager == harden.Manager {
			e.Time = nil
			ours = append(ours, e)
		}
	}
	slices.SortFunc(ours, func(a, b metav1.ManagedFieldsEntry) int { return cmp.Compare(a.Operation, b.Operation) })
	return ours
}

// same compares plain JSON values; int64 and float64 of one number are equal.
func same(a, b any) bool {
	return value.Equals(value.NewValueInterface(a), value.NewValueInterface(b))
}

func sameEntry(a, b metav1.ManagedFieldsEntry) bool {
	return a.Operation == b.Operation && a.Subresource == b.Subresource && a.APIVersion == b.APIVersion &&
		bytes.Equal(rawFields(a), rawFields(b))
}

func rawFields(e metav1.ManagedFieldsEntry) []byte {
	if e.FieldsV1 == nil {
		return nil
	}
	return e.FieldsV1.GetRawBytes()
}
