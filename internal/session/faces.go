package session

import (
	"context"
	"errors"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
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

// Report is how the current snapshot stands against standards.
func (s *Session) Report([]string) ([]*compliance.Assessment, error) { return nil, errUnfinished }

// Waivers are all that are written.
func (s *Session) Waivers() []harden.WaiverView { return nil }

// Waive plans annotations that waive just these findings.
func (s *Session) Waive(context.Context, []*harden.Finding, harden.Waiving, harden.PlanOptions) (*harden.Plan, error) {
	return nil, errUnfinished
}

// WaiveInConfig is the configuration file with lines that waive these findings.
func (s *Session) WaiveInConfig([]*harden.Finding, harden.Waiving) ([]harden.FileChange, error) {
	return nil, errUnfinished
}

// Unwaive plans that annotations which waive are taken away.
func (s *Session) Unwaive(context.Context, []harden.WaiverView, harden.PlanOptions) (*harden.Plan, error) {
	return nil, errUnfinished
}
