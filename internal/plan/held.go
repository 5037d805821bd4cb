package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Held are the fixes of an object plan that change what another manager holds,
// as its dry run says, with the conflict. There are none when that is all fixes
// of the object: then nothing else is held up by them.
func Held(op *harden.ObjectPlan, conv managedfields.TypeConverter) (map[*harden.Finding]harden.Conflict, error) {
	if op.DryRun == nil || len(op.DryRun.Conflicts) == 0 {
		return nil, nil
	}
	held := map[*harden.Finding]harden.Conflict{}
	for _, f := range op.Fixes {
		fields, err := fieldsOf(f.Fix, op.Target, conv)
		if err != nil {
			return nil, err
		}
		for _, c := range op.DryRun.Conflicts {
			for _, field := range fields {
				if field == c.Field || isBelow(field, c.Field) || isBelow(c.Field, field) {
					held[f.Finding] = c
				}
			}
		}
	}
	if len(held) == len(op.Fixes) {
		return nil, nil
	}
	return held, nil
}

func fieldsOf(fix harden.Fix, target harden.Ref, conv managedfields.TypeConverter) ([]string, error) {
	var fields []string
	for _, change := range fix.Changes {
		if change.Target.Key() != target.Key() {
			continue
		}
		set, err := FieldSet(change.Set, conv)
		if err != nil {
			return nil, err
		}
		for _, path := range append(Paths(set), change.Remove...) {
			if !isKeyLeaf(path) {
				fields = append(fields, PathString(path))
			}
		}
	}
	return fields, nil
}

// isBelow reports whether a field, as the server writes it, is part of another.
func isBelow(field, of string) bool {
	return strings.HasPrefix(field, of+".") || strings.HasPrefix(field, of+"[")
}
