package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// An attempt is what is to be sent for one object, computed from one state of
// it: it is void as soon as the object changes.
type attempt struct {
	op   *harden.ObjectPlan
	live *unstructured.Unstructured // nil when the object is to be made
	set  *unstructured.Unstructured // what a server-side apply says of the plan; nil: nothing
	rest []harden.Path              // removals that need a request of their own
	body *unstructured.Unstructured // set with what we applied before, and guards; nil without set
	// intended are the places that may change.
	intended *fieldpath.Set

	force bool
	// after is the object as the server's dry run returns it, all requests together.
	after *unstructured.Unstructured
}

// errNothingToDo says that the object already is as the plan wants it.
var errNothingToDo = errors.New("it already is as the plan wants it")

// prepare reads the object and computes the attempt. Its errors are fit for people.
func (a *Applier) prepare(ctx context.Context, op *harden.ObjectPlan) (*attempt, error) {
	live, err := a.Get(ctx, op.Target)
	if op.Verb == harden.Create {
		return a.prepareCreate(op, err)
	}
	if err != nil {
		return nil, explain("reading", op.Target, err)
	}
	if uid := op.Target.UID; uid != "" && live.GetUID() != uid {
		return nil, fmt.Errorf("%s is another object than the one that was scanned: it was deleted and made again; scan again", say(op.Target))
	}
	t := &attempt{op: op, live: live}
	if err := a.checkItems(t); err != nil {
		return nil, err
	}
	t.set, t.rest = plan.Requests(op, live)
	if t.set == nil && len(t.rest) == 0 {
		return nil, fmt.Errorf("%s: %w", say(op.Target), errNothingToDo)
	}
	if t.intended, err = a.intended(t); err != nil {
		return nil, err
	}
	if err := checkDrift(t); err != nil {
		return nil, err
	}
	if t.set == nil {
		return t, nil
	}
	t.body, err = a.bodyOf(t)
	return t, err
}

func (a *Applier) prepareCreate(op *harden.ObjectPlan, getErr error) (*attempt, error) {
	switch {
	case getErr == nil:
		return nil, fmt.Errorf("%s exists already; scan again", say(op.Target))
	case !apierrors.IsNotFound(getErr):
		return nil, explain("reading", op.Target, getErr)
	}
	return &attempt{op: op, set: op.Set, body: op.Set, intended: fieldpath.NewSet()}, nil
}

// bodyOf is the whole of what we want of the object from now on. What we applied
// before and leave out would be removed by the server.
func (a *Applier) bodyOf(t *attempt) (*unstructured.Unstructured, error) {
	before, err := plan.Intent(t.live, harden.Manager, a.converter)
	if err != nil {
		return nil, err
	}
	body, err := plan.MergeIntent(t.live, before, t.set, a.converter)
	if err != nil {
		return nil, err
	}
	// What the request before this one takes away must not come back by it.
	if body, err = plan.Without(body, t.rest, a.converter); err != nil {
		return nil, err
	}
	guard(body, t.live)
	return body, nil
}

// guard makes the server refuse the body when the object was changed, deleted
// or made again: without a uid, an apply to a vanished object makes a new one.
func guard(body, live *unstructured.Unstructured) {
	body.SetUID(live.GetUID())
	body.SetResourceVersion(live.GetResourceVersion())
}

func (a *Applier) intended(t *attempt) (*fieldpath.Set, error) {
	places, err := plan.Intended(t.op, a.converter)
	if err != nil {
		return nil, err
	}
	set, err := plan.FieldSet(t.set, a.converter)
	if err != nil {
		return nil, err
	}
	return places.Union(set), nil
}

// checkItems refuses a plan for containers and other list items that are gone:
// naming one that does not exist would add it.
func (a *Applier) checkItems(t *attempt) error {
	missing, err := plan.MissingItems(t.op.Before, t.live, t.op.Set, a.converter)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s no longer in %s: renamed or removed after the scan; scan again", itemsAre(missing), say(t.op.Target))
}

var lastItem = regexp.MustCompile(`\.(\w+)\[(?:name=)?"?([^"\]]+)"?\]$`)

// itemsAre turns paths into words: container "web" is.
func itemsAre(paths []string) string {
	var words []string
	for _, p := range paths {
		m := lastItem.FindStringSubmatch(p)
		if m == nil {
			words = append(words, p)
			continue
		}
		words = append(words, fmt.Sprintf("%s %q", strings.TrimSuffix(m[1], "s"), m[2]))
	}
	words = slices.Compact(words)
	if len(words) == 1 {
		return words[0] + " is"
	}
	return strings.Join(words, ", ") + " are"
}

// checkDrift refuses a plan whose target fields have changed since it was made:
// what it sets was computed from the values of then.
func checkDrift(t *attempt) error {
	if t.op.Before == nil {
		return nil
	}
	for _, path := range plan.Paths(t.intended) {
		was, had := plan.Lookup(t.op.Before, path)
		is, has := plan.Lookup(t.live, path)
		if had != has || had && !same(was, is) {
			return fmt.Errorf("%s of %s was changed after the plan was made; scan again", plan.PathString(path), say(t.op.Target))
		}
	}
	return nil
}

// unchanged reports whether another state of the object may take the same
// change without asking anybody again: only its status or metadata moved on.
func (t *attempt) unchanged(next *attempt) bool {
	if t.live.GetGeneration() != next.live.GetGeneration() || !slices.EqualFunc(ourEntries(t.live), ourEntries(next.live), sameEntry) {
		return false
	}
	for _, path := range plan.Paths(t.intended) {
		was, had := plan.Lookup(t.live, path)
		is, has := plan.Lookup(next.live, path)
		if had != has || had && !same(was, is) {
			return false
		}
	}
	return true
}

// bare is a copy of the object without what the server alone writes.
func bare(u *unstructured.Unstructured) *unstructured.Unstructured {
	out := u.DeepCopy()
	delete(out.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(out.Object, "metadata", field)
	}
	return out
}
