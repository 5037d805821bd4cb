package checkout

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// A kustomization is a folder that kustomize builds.
type kustomization struct {
	checkout *Checkout
	folder   string
	uses     *kustomize.Uses
	root     bool  // nothing else is built from it
	broken   error // why it cannot be built

	rendered []*object // without edits
}

func (k *kustomization) kind() harden.SourceKind { return harden.SourceKustomize }
func (k *kustomization) where() string           { return k.folder }

// component reports whether it is only a part of others.
func (k *kustomization) component() bool {
	if len(k.uses.Files) == 0 {
		return false
	}
	data, err := os.ReadFile(k.uses.Files[0])
	var says struct{ Kind string }
	return err == nil && yaml.Unmarshal(data, &says) == nil && says.Kind == "Component"
}

// may reports whether the object could come from here: a file that it is built
// from holds one of that kind, with a name that is part of the name.
func (k *kustomization) may(target harden.Ref) bool {
	for _, file := range k.uses.Files {
		if slices.ContainsFunc(k.checkout.load(k.uses.Display(file)).refs, func(r harden.Ref) bool {
			return sameKind(r, target) && strings.Contains(target.Name, r.Name)
		}) {
			return true
		}
	}
	return false
}

func (k *kustomization) objects(edits []harden.FileChange) ([]*object, error) {
	if k.broken != nil {
		return nil, k.broken
	}
	if len(edits) == 0 && k.rendered != nil {
		return k.rendered, nil
	}
	r, err := kustomize.RenderEdited(k.folder, edits)
	if err != nil {
		return nil, err
	}
	out := []*object{}
	for _, o := range r.Objects {
		gvk := o.GroupVersionKind()
		ref := harden.Ref{APIVersion: o.GetAPIVersion(), Kind: gvk.Kind, Name: o.GetName(), Namespace: o.GetNamespace()}
		if inventory.ClusterScoped(gvk.GroupKind()) {
			ref.Namespace = ""
		}
		out = append(out, &object{Unstructured: o.Unstructured, namespace: ref.Namespace, ref: ref, origin: o.Origin})
	}
	if len(edits) == 0 {
		k.rendered = out
	}
	return out, nil
}

// bring edits the files that the objects come from where they are this
// kustomization's alone, and adds patches for what is left.
func (k *kustomization) bring(edits []harden.FileChange, wanted []want) (brought, error) {
	now, err := k.objects(edits)
	if err != nil {
		return brought{}, err
	}
	after := make([]*unstructured.Unstructured, len(wanted))
	for i, w := range wanted {
		if w.object == nil {
			after[i] = w.change.After
			continue
		}
		o := named(now, w.object.ref)
		if o == nil {
			return brought{}, fmt.Errorf("%s is not rendered any more", w.object.ref)
		}
		if after[i], err = k.checkout.carry(o.Unstructured, w.change); err != nil {
			return brought{}, fmt.Errorf("%s: %w", k.folder, err)
		}
	}
	b := newBrought(len(wanted))
	var open []int
	for i, w := range wanted {
		if w.object != nil && kustomize.Same(named(now, w.object.ref).Object, after[i].Object) {
			b.notes[i] = append(b.notes[i], already)
			continue
		}
		open = append(open, i)
	}
	o := origins{kustomization: k, edits: edits, wanted: wanted, after: after, brought: &b}
	o.shape = shape{objects: now, want: map[harden.Key]*unstructured.Unstructured{}}
	left := o.edit(open)
	all := merge(edits, b.files...)
	if len(left) == 0 {
		return b, nil
	}
	var changes []harden.ObjectChange
	for _, i := range left {
		c := harden.ObjectChange{Target: wanted[i].change.Target, After: after[i]}
		if o := wanted[i].object; o != nil {
			c.Before = o.Unstructured
		}
		changes = append(changes, c)
	}
	patches, err := kustomize.AddPatches(k.folder, changes, all)
	if err != nil {
		return brought{}, err
	}
	b.files = merge(b.files, patches...)
	for n, i := range left {
		// The files come in the order of the changes, the kustomization after them.
		b.changed[i] = append(b.changed[i], patches[n].Path, patches[len(patches)-1].Path)
	}
	return b, nil
}

// origins edits objects in the files that they come from.
type origins struct {
	*kustomization
	edits   []harden.FileChange
	wanted  []want
	after   []*unstructured.Unstructured
	shape   shape
	brought *brought
}

// edit edits all at once where that renders what is wanted, else those with which
// it does. It gives those that need a patch; notes say why, where a person should
// know it.
func (o *origins) edit(open []int) (left []int) {
	if !o.try(open...) {
		for _, i := range open {
			o.try(i)
		}
	}
	for _, i := range open {
		if len(o.brought.changed[i]) == 0 {
			left = append(left, i)
		}
	}
	return left
}

func (o *origins) try(which ...int) bool {
	trial, made := o.brought.files, map[int]harden.FileChange{}
	for _, i := range which {
		file, why := o.inOrigin(merge(o.edits, trial...), o.wanted[i])
		if why != "" {
			o.brought.notes[i] = []string{why}
		}
		if file == nil {
			continue
		}
		trial, made[i] = merge(trial, *file), *file
		o.shape.want[o.wanted[i].object.ref.Key()] = o.after[i]
	}
	if len(made) == 0 {
		return true
	}
	rendered, err := o.objects(merge(o.edits, trial...))
	if err != nil || !o.shape.is(rendered) {
		for i := range made {
			delete(o.shape.want, o.wanted[i].object.ref.Key())
		}
		return false
	}
	o.brought.files = trial
	for i, file := range made {
		o.brought.changed[i], o.brought.notes[i] = []string{file.Path}, file.Notes
	}
	return true
}

// inOrigin edits one object in the file that it comes from; nil when that must
// not be done, or does not work.
func (k *kustomization) inOrigin(edits []harden.FileChange, w want) (file *harden.FileChange, why string) {
	if w.object == nil || w.object.origin == "" {
		return nil, ""
	}
	origin := w.object.origin
	if !k.checkout.inside(origin) {
		return nil, fmt.Sprintf("%s lies outside of %s: %s gets a patch", origin, k.checkout.opts.Folder, k.folder)
	}
	if others := k.sharing(origin); len(others) > 0 {
		return nil, fmt.Sprintf("%s is also built into %s: %s gets a patch", origin, strings.Join(others, ", "), k.folder)
	}
	m := manifest{checkout: k.checkout, path: origin}
	source := m.unnamed(edits, w.object)
	if source == nil {
		return nil, ""
	}
	b, err := m.bring(edits, []want{{change: w.change, object: source}})
	if err != nil || len(b.files) != 1 {
		return nil, ""
	}
	return &b.files[0], ""
}

// sharing are the other kustomizations that stand for themselves and are built
// from the file.
func (k *kustomization) sharing(file string) []string {
	actual, err := realPath(file)
	if err != nil {
		return nil
	}
	var out []string
	for _, other := range k.checkout.kustomizations {
		if other != k && other.root && slices.Contains(other.uses.Files, actual) {
			out = append(out, other.folder)
		}
	}
	return out
}

// unnamed is the object in its manifest, which may have another name and
// namespace than what is rendered from it; nil when several could be meant.
func (m manifest) unnamed(edits []harden.FileChange, rendered *object) *object {
	objects, err := m.objects(edits)
	if err != nil {
		return nil
	}
	var exact, part []*object
	for _, o := range objects {
		switch {
		case !sameKind(o.ref, rendered.ref):
		case o.ref.Name == rendered.ref.Name:
			exact = append(exact, o)
		case strings.Contains(rendered.ref.Name, o.ref.Name):
			part = append(part, o)
		}
	}
	if len(exact) > 1 {
		exact = slices.DeleteFunc(exact, func(o *object) bool { return o.namespace != rendered.namespace })
	}
	switch {
	case len(exact) == 1:
		return exact[0]
	case len(exact) == 0 && len(part) == 1:
		return part[0]
	}
	return nil
}

func sameKind(a, b harden.Ref) bool {
	return a.Kind == b.Kind && a.GroupVersionKind().Group == b.GroupVersionKind().Group
}

func named(objects []*object, ref harden.Ref) *object {
	for _, o := range objects {
		if o.ref.Key() == ref.Key() {
			return o
		}
	}
	return nil
}

// A shape is what must be rendered: the objects as they are, some of them changed.
type shape struct {
	objects []*object
	want    map[harden.Key]*unstructured.Unstructured
}

func (s shape) is(rendered []*object) bool {
	return slices.EqualFunc(s.objects, rendered, func(before, now *object) bool {
		want, ok := s.want[before.ref.Key()]
		if !ok {
			want = before.Unstructured
		}
		return kustomize.Same(now.Object, want.Object)
	})
}
