package checkout

import (
	"errors"
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// A manifest is a file with objects that nothing renders.
type manifest struct {
	checkout *Checkout
	path     string
}

func (m manifest) kind() harden.SourceKind { return harden.SourceManifest }
func (m manifest) where() string           { return m.path }

// set is the file as the edits leave it.
func (m manifest) set(edits []harden.FileChange) (*files.Set, error) {
	set, err := files.LoadTexts([]files.Text{{Name: m.path, Data: m.checkout.text(m.path, edits)}}, files.Options{})
	var broken *files.LoadError
	if errors.As(err, &broken) {
		err = nil // documents that are broken stay as they are
	}
	return set, err
}

func (m manifest) objects(edits []harden.FileChange) ([]*object, error) {
	set, err := m.set(edits)
	if err != nil {
		return nil, err
	}
	var out []*object
	for _, doc := range set.Documents() {
		for _, ref := range doc.Objects {
			if u := set.Object(ref.Key()); u != nil {
				out = append(out, &object{Unstructured: u, namespace: ref.Namespace, ref: ref, origin: m.path})
			}
		}
	}
	return out, nil
}

func (m manifest) bring(edits []harden.FileChange, wanted []want) (brought, error) {
	set, err := m.set(edits)
	if err != nil {
		return brought{}, err
	}
	if why := set.NotInPlace(m.path); why != "" {
		return brought{}, errors.New(why)
	}
	var changes []harden.ObjectChange
	for _, w := range wanted {
		if w.object == nil {
			changes = append(changes, harden.ObjectChange{Target: w.change.Target, After: w.change.After, Of: w.of.ref})
			continue
		}
		// It is looked up again: an edit of another object may have moved it.
		ref := w.object.ref
		source := set.Object(ref.Key())
		if source == nil {
			return brought{}, fmt.Errorf("%s is not in %s any more", ref, m.path)
		}
		after, err := m.checkout.carry(source, w.change)
		if err != nil {
			return brought{}, fmt.Errorf("%s: %w", m.path, err)
		}
		changes = append(changes, harden.ObjectChange{Target: ref, Before: source, After: after})
	}
	rewritten, err := set.Rewrite(changes)
	if err != nil {
		return brought{}, err
	}
	b := newBrought(len(wanted))
	for _, f := range rewritten {
		if f.Changed() {
			b.files = append(b.files, f)
		}
	}
	for i, c := range changes {
		if c.Before != nil && kustomize.Same(c.Before.Object, c.After.Object) {
			b.notes[i] = append(b.notes[i], already)
			continue
		}
		for _, f := range b.files {
			b.changed[i] = append(b.changed[i], f.Path)
			b.notes[i] = append(b.notes[i], f.Notes...)
		}
	}
	return b, nil
}
