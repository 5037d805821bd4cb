package session

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/kustomize"
)

// Export is what a folder holds so that the plan comes from there; nothing is
// written. Files of an earlier export are replaced, those of somebody else are an
// error.
func (s *Session) Export(p *harden.Plan, form harden.ExportForm, folder string) ([]harden.FileChange, error) {
	changes, err := s.changes(p)
	if err != nil {
		return nil, err
	}
	switch form {
	case harden.ExportKustomize:
		opts := kustomize.Options{Folder: folder}
		if f, ok := s.source.(*fileSource); ok {
			opts.Base = f.opts.Kustomization
		}
		return kustomize.Patches(changes, opts)
	case harden.ExportManifests:
		return kustomize.Manifests(changes, folder, s.converter)
	}
	return nil, fmt.Errorf("a plan cannot be exported as %q: use %s or %s", form, harden.ExportKustomize, harden.ExportManifests)
}
