package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// requestTimeout bounds one request. Admission webhooks may take 30 s
// (timeoutSeconds of a webhook configuration), and there may be more than one.
const requestTimeout = 90 * time.Second

// warnings are the Warning headers that came with the answers to requests of
// one context.
type warnings struct {
	sync.Mutex
	texts []string
}

func (w *warnings) list() []string {
	w.Lock()
	defer w.Unlock()
	return slices.Clone(w.texts)
}

type warningsKey struct{}

func withWarnings(ctx context.Context) (context.Context, *warnings) {
	w := &warnings{}
	return context.WithValue(ctx, warningsKey{}, w), w
}

// toContext hands warnings to the request that they belong to.
type toContext struct{}

func (toContext) HandleWarningHeaderWithContext(ctx context.Context, _ int, _ string, text string) {
	w, ok := ctx.Value(warningsKey{}).(*warnings)
	if !ok {
		return
	}
	w.Lock()
	defer w.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

// Get reads an object as it is now, with its managedFields.
func (a *Applier) Get(ctx context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	r, err := a.resource(ref)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return r.Get(ctx, ref.Name, metav1.GetOptions{})
}

// mode says whether the server stores what it is sent.
type mode bool

const (
	store  mode = false
	dryRun mode = true
)

func (m mode) option() []string {
	if m == dryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// sendApply sends a server-side apply. The body carries the guards.
func (a *Applier) sendApply(ctx context.Context, ref harden.Ref, body *unstructured.Unstructured, force bool, m mode) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(body.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding the change of %s: %w", say(ref), err)
	}
	options := metav1.PatchOptions{FieldManager: harden.Manager, Force: &force, FieldValidation: metav1.FieldValidationStrict}
	return a.sendPatch(ctx, ref, types.ApplyPatchType, data, options, m)
}

// sendJSONPatch sends a patch of operations. It carries its own tests.
func (a *Applier) sendJSONPatch(ctx context.Context, ref harden.Ref, patch []byte, m mode) (*unstructured.Unstructured, error) {
	return a.sendPatch(ctx, ref, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: harden.Manager}, m)
}

// sendDifference sends what turns one state of an object into another, on the
// condition that the object still is at the resource version of from. Nothing
// is sent when there is no difference.
func (a *Applier) sendDifference(ctx context.Context, ref harden.Ref, from, to *unstructured.Unstructured, m mode) (*unstructured.Unstructured, error) {
	patch := difference(from.Object, to.Object)
	if len(patch) == 0 {
		return from, nil
	}
	meta, _ := patch["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		patch["metadata"] = meta
	}
	meta["uid"], meta["resourceVersion"] = string(from.GetUID()), from.GetResourceVersion()
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encoding the change of %s: %w", say(ref), err)
	}
	return a.sendPatch(ctx, ref, types.MergePatchType, data, metav1.PatchOptions{FieldManager: harden.Manager}, m)
}

func (a *Applier) sendPatch(ctx context.Context, ref harden.Ref, kind types.PatchType, data []byte, options metav1.PatchOptions, m mode) (*unstructured.Unstructured, error) {
	r, err := a.resource(ref)
	if err != nil {
		return nil, err
	}
	options.DryRun = m.option()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return r.Patch(ctx, ref.Name, kind, data, options)
}

func (a *Applier) sendCreate(ctx context.Context, ref harden.Ref, body *unstructured.Unstructured, m mode) (*unstructured.Unstructured, error) {
	r, err := a.resource(ref)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return r.Create(ctx, body, metav1.CreateOptions{FieldManager: harden.Manager, FieldValidation: metav1.FieldValidationStrict, DryRun: m.option()})
}

// difference is the merge patch (RFC 7386) that turns one object into another.
func difference(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for k := range from {
		if _, stays := to[k]; !stays {
			patch[k] = nil
		}
	}
	for k, v := range to {
		old, was := from[k]
		oldMap, wasMap := old.(map[string]any)
		newMap, isMap := v.(map[string]any)
		switch {
		case wasMap && isMap:
			if inner := difference(oldMap, newMap); len(inner) > 0 {
				patch[k] = inner
			}
		case !was || !same(old, v):
			patch[k] = v
		}
	}
	return patch
}
