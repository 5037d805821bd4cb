package session

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/needs"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// newEngine is the engine with what a configuration says; nil: nothing. What is
// found gets its severity first, then it is looked up whether such a workload is
// known to need it, then whether somebody waived it.
func newEngine(c *config.Config) *engine.Incremental {
	if c == nil {
		c = &config.Config{}
	}
	builtIn := fixers.Suite()
	policy := policyOf(c)
	return &engine.Incremental{Engine: &engine.Engine{
		Suite: c.Suite(builtIn), Settings: c.Settings,
		Mark: func(res *harden.Result) {
			c.Settle(res)
			needs.Settle(res)
		},
		Settle: policy.Settle,
	}}
}

func policyOf(c *config.Config) *waivers.Policy {
	policy := c.Policy(fixers.Suite())
	policy.Redact = func(s string) string { return secrets.MaskText("", s) }
	return policy
}

// judges is the engine with what the configuration says now.
func (s *Session) judges() *engine.Incremental {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// Rules are those that run: without those that are off, with those of the configuration.
func (s *Session) Rules() []*harden.Fixer { return s.judges().Suite }

// fixes are those of the engine. What belongs to the cluster or to a vendor is for
// its owner to change: there the fix is only told.
func (s *Session) fixes(inv *harden.Inventory, f *harden.Finding) []harden.Fix {
	fixes := s.judges().Fixes(inv, f)
	namespace := f.Object.Namespace
	if f.Object.Kind == "Namespace" {
		namespace = f.Object.Name
	}
	if !inv.Live() || !harden.IsSystemNamespace(namespace) || f.Fixer.Area == harden.AreaWaiver {
		return fixes
	}
	for i := range fixes {
		if len(fixes[i].Changes) == 0 {
			continue
		}
		fixes[i].Class, fixes[i].Changes = harden.Review, nil
		fixes[i].Manual = fmt.Sprintf("Namespace %q belongs to the cluster or to a vendor: have its owner %s, in the add-on, chart or operator that it comes from.", namespace, fixes[i].Title)
	}
	return fixes
}
