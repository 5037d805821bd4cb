package session

import (
	"context"
	"errors"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var errUnfinished = errors.New("not possible yet")

// PatchText is the patch of an object of a plan as text to edit.
func (s *Session) PatchText(*harden.ObjectPlan) (string, error) { return "", errUnfinished }

// Revise is the plan with the patch of one object exchanged for edited text.
func (s *Session) Revise(context.Context, *harden.Plan, harden.Key, string, harden.PlanOptions) (*harden.Plan, error) {
	return nil, errUnfinished
}

// Export is what a folder holds so that the plan comes from there.
func (s *Session) Export(*harden.Plan, harden.ExportForm, string) ([]harden.FileChange, error) {
	return nil, errUnfinished
}
