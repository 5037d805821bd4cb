package session

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

// Token is what the API token of the workload's pods can do, as far as the
// current snapshot shows; nil when nothing was read yet.
func (s *Session) Token(w *harden.Workload) *harden.TokenView {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	if snap == nil || snap.Result == nil {
		return nil
	}
	t := rbac.Of(snap.Inventory).TokenOf(w)
	view := &harden.TokenView{Account: harden.ServiceAccountName(&w.Template.Spec), Mounted: t.Mounted, MountKnown: t.MountKnown, Unknown: t.Unknown}
	for _, l := range t.Lines {
		view.Lines = append(view.Lines, harden.TokenLine{Severity: l.Severity, Text: l.String()})
	}
	return view
}
