package apply

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// What is waived is not gone, and what counts again is no failure.
func TestStandingOf(t *testing.T) {
	rule := &harden.Fixer{ID: "host-network"}
	finding := func(s harden.Status, e *harden.Excuse) *harden.Finding {
		return &harden.Finding{Fixer: rule, Object: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, Status: s, Excuse: e}
	}
	ours, other := &harden.Excuse{Reason: "ours"}, &harden.Excuse{Reason: "another"}
	for _, test := range []struct {
		name   string
		effect harden.Effect
		then   *harden.Finding
		now    []*harden.Finding
		want   string // how words or stillWords tell it
	}{
		{"repaired", harden.Repairs, finding(harden.StatusFail, nil), nil, "host-network is gone"},
		{"not repaired", harden.Repairs, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusFail, nil)}, "host-network is still there"},
		{"waived instead of repaired", harden.Repairs, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusWaived, ours)}, "host-network is waived"},
		{"waived", harden.Waives, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusWaived, ours)}, "host-network is waived"},
		{"not waived", harden.Waives, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusFail, nil)}, "host-network is still not waived"},
		{"one of two with its id is not waived", harden.Waives, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusFail, nil), finding(harden.StatusWaived, ours)}, "host-network is still not waived"},
		{"waived no more", harden.Unwaives, finding(harden.StatusWaived, ours), []*harden.Finding{finding(harden.StatusFail, nil)}, "host-network is waived no more"},
		{"still waived", harden.Unwaives, finding(harden.StatusWaived, ours), []*harden.Finding{finding(harden.StatusWaived, &harden.Excuse{Reason: "ours"})}, "host-network is still waived"},
		{"waived by another", harden.Unwaives, finding(harden.StatusWaived, ours), []*harden.Finding{finding(harden.StatusWaived, other)}, "host-network is waived"},
		{"tidied", harden.Tidies, finding(harden.StatusFail, nil), []*harden.Finding{finding(harden.StatusFail, nil)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			op := &harden.ObjectPlan{Fixes: []harden.PlannedFix{{Finding: test.then, Fix: harden.Fix{Effect: test.effect}}}}
			s := standingOf(op, test.now)
			if got := s.words() + stillWords(op, s.open); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
