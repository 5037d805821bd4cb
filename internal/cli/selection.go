package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A selection is the flags that choose findings, shared by scan and fix.
type selection struct {
	severity string
	only     []string
	skip     []string
	selector string

	filter filter
}

func (s *selection) addFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&s.severity, "severity", "info", "Least severity to show: info, low, medium, high or critical")
	fs.StringSliceVar(&s.only, onlyFlag, nil, "Only these rules (comma-separated ids, see 'kubectl harden explain')")
	fs.StringSliceVar(&s.skip, skipFlag, nil, "All but these rules")
	fs.StringVarP(&s.selector, "selector", "l", "", "Label selector for workloads, such as app=web")
	complete := cobra.FixedCompletions(ruleIDs(), cobra.ShellCompDirectiveNoFileComp)
	must(cmd.RegisterFlagCompletionFunc(onlyFlag, complete))
	must(cmd.RegisterFlagCompletionFunc(skipFlag, complete))
	must(cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severityNames(), cobra.ShellCompDirectiveNoFileComp)))
}

func (s *selection) complete(args []string) error {
	names, err := parseNames(args)
	if err != nil {
		return err
	}
	s.filter = filter{names: names, only: s.only, skip: s.skip}
	if s.filter.min, err = harden.ParseSeverity(s.severity); err != nil {
		return fmt.Errorf("reading --severity: %w", err)
	}
	if s.filter.selector, err = labels.Parse(s.selector); err != nil {
		return fmt.Errorf("reading --selector %q: %w", s.selector, err)
	}
	return nil
}

// widen is the scope with all namespaces where an object is named that has none:
// it is judged only with all that it is about.
func (s *selection) widen(scope harden.Scope) harden.Scope {
	if slices.ContainsFunc(s.filter.names, func(r harden.Ref) bool {
		i := slices.IndexFunc(kinds, func(k kindName) bool { return k.kind == r.Kind })
		return i >= 0 && kinds[i].cluster
	}) {
		scope.All, scope.Namespaces = true, nil
	}
	return scope
}

// find is what the user asked for out of a snapshot. An object that was named
// and is not there is an error.
func (s *selection) find(snap *harden.Snapshot) ([]*harden.Finding, error) {
	if err := s.filter.allThere(snap.Inventory); err != nil {
		return nil, err
	}
	var out []*harden.Finding
	for _, f := range snap.Findings {
		if s.filter.match(f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (s *selection) workloads(inv *harden.Inventory) []*harden.Workload {
	if len(s.filter.names) == 0 && s.filter.selector.Empty() {
		return nil
	}
	chosen := []*harden.Workload{}
	for _, w := range inv.Workloads {
		if s.filter.selects(w) {
			chosen = append(chosen, w)
		}
	}
	return chosen
}

func ruleIDs() []string {
	var ids []string
	for _, f := range fixers.Suite() {
		ids = append(ids, f.ID)
	}
	return ids
}

func severityNames() []string {
	var names []string
	for _, s := range harden.Severities() {
		names = append(names, s.String())
	}
	return names
}

func unknownRule(id string) error {
	hint := "list the rules with 'kubectl harden explain'"
	if near := nearest(id, ruleIDs()); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return hinted(fmt.Errorf("unknown rule %q", id), hint)
}

// nearest is the known name that contains the words of s best, or "".
func nearest(s string, known []string) string {
	best, score := "", 0
	for _, k := range known {
		n := 0
		for _, word := range strings.Split(s, "-") {
			if len(word) > 2 && strings.Contains(k, word) {
				n += len(word)
			}
		}
		if n > score {
			best, score = k, n
		}
	}
	return best
}

// must stops on a mistake in a command's own definition.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
