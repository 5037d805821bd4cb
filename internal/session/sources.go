package session

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
	sources "github.com/kubectl-harden/kubectl-harden/internal/source"
	"github.com/kubectl-harden/kubectl-harden/internal/source/checkout"
)

// Edits is what must change in files so that the plan comes from there; nothing
// is written. Behind manifests these are the files themselves, behind a
// kustomization its files, and for a cluster what lies in the folder of opts.
func (s *Session) Edits(p *harden.Plan, opts harden.SourceOptions) (*harden.SourceEdits, error) {
	if err := s.Incomplete(); err != nil {
		return nil, fmt.Errorf("files are not edited while some of them cannot be read: %w", err)
	}
	changes, err := s.changes(p)
	if err != nil {
		return nil, err
	}
	if f, ok := s.source.(*fileSource); ok {
		return f.edits(changes, s.converter)
	}
	if opts.Folder == "" {
		return nil, errors.New("editing: no folder names the sources of a cluster's objects")
	}
	s.mu.Lock()
	opts.KubeVersion = s.current.Inventory.Cluster.Version
	s.mu.Unlock()
	c, err := checkout.Open(opts, s.converter)
	if err != nil {
		return nil, err
	}
	return c.Edit(changes)
}

// edits changes the files that were read. What a template holds is left alone:
// what is rendered from it is not what it says.
func (f *fileSource) edits(changes []harden.ObjectChange, conv managedfields.TypeConverter) (*harden.SourceEdits, error) {
	if f.opts.Kustomization != "" {
		c, err := checkout.OpenKustomization(f.opts.Kustomization, conv)
		if err != nil {
			return nil, err
		}
		return c.Edit(changes)
	}
	set, _ := f.loaded()
	edits := &harden.SourceEdits{}
	var possible []harden.ObjectChange
	for _, c := range changes {
		path := c.Target.Source.File
		if c.Before == nil {
			path = c.Of.Source.File
		}
		o := harden.SourceObject{Object: c.Target, Kind: harden.SourceManifest, Where: path, Why: set.NotInPlace(path)}
		if o.Brought() {
			o.Files = []string{path}
			possible = append(possible, c)
		}
		edits.Objects = append(edits.Objects, o)
	}
	var err error
	edits.Files, err = set.Rewrite(possible)
	return edits, err
}

// Write writes files that were edited, each as a whole or not at all, and tells
// which it wrote, also beside an error. What is loaded after it is what the
// files say then, and is judged as the configuration says then.
func (s *Session) Write(changes []harden.FileChange) ([]string, error) {
	written, err := sources.Write(slices.DeleteFunc(slices.Clone(changes), func(c harden.FileChange) bool { return !c.Changed() }))
	if f, ok := s.source.(*fileSource); ok && len(written) > 0 {
		err = errors.Join(err, f.reload())
	}
	return written, errors.Join(err, s.reconfigured(written))
}

// changes is the plan as what becomes of each object, as it stands in its source
// or on the cluster. It is made from what the fixes say, not from the answer of a
// dry run: that holds what defaults and webhooks add.
func (s *Session) changes(p *harden.Plan) ([]harden.ObjectChange, error) {
	var out []harden.ObjectChange
	for _, op := range p.Objects {
		c := harden.ObjectChange{Target: op.Target, Set: op.Set, Remove: op.Remove}
		if len(op.Fixes) > 0 {
			c.Of = op.Fixes[0].Finding.Object
		}
		if op.Verb == harden.Create {
			c.After = op.Set
			out = append(out, c)
			continue
		}
		c.Before = op.Before
		if f, ok := s.source.(*fileSource); ok {
			set, _ := f.loaded()
			c.Before = set.Object(op.Target.Key()) // op.Before leaves out what people need not see
		}
		var err error
		if c.After, err = plan.Project(c.Before, op.Set, op.Remove, s.converter); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
