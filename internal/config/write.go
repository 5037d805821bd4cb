package config

import (
	"fmt"
	"maps"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/source/edit"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// start is a configuration that says nothing.
var start = fmt.Sprintf("version: %d\n", version)

// WithWaivers is the text of a configuration (nil: there is none yet) with more
// waivers, and what it says then. A waiver of the file that is about just the same
// is given anew instead. What else stands there stays byte for byte. Rules and now
// are as for Parse.
func WithWaivers(name string, text []byte, more []waivers.Waiver, rules []*harden.Fixer, now time.Time) (after []byte, notes []string, c *Config, err error) {
	if text == nil {
		text = []byte(start)
	}
	before, err := Parse(name, text, rules, now)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("waivers are not added to a file with mistakes: %w", err)
	}
	out, notes, err := edit.Change(string(text), func(says any) (any, error) {
		file := maps.Clone(says.(map[string]any)) // Parse has seen that it is one
		list, _ := file["waivers"].([]any)
		file["waivers"] = withWaivers(list, before.Waivers, more)
		return file, nil
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("adding waivers to %q: %w", name, err)
	}
	c, err = Parse(name, []byte(out), rules, now)
	return []byte(out), notes, c, err
}

// withWaivers is a list of waivers as they are written with more of them. Known are
// those of the list.
func withWaivers(list []any, known, more []waivers.Waiver) []any {
	out := append([]any{}, list...)
	at := map[string]int{}
	for i := range known {
		at[known[i].ID()] = i
	}
	for _, w := range more {
		placed := w.In(harden.Ref{})
		i, ok := at[placed.ID()]
		if !ok {
			at[placed.ID()] = len(out)
			out = append(out, written(w))
			continue
		}
		anew := written(w)
		old, _ := out[i].(map[string]any)
		for name, value := range old {
			if _, ok := anew[name]; !ok && name != "by" && name != "ticket" && name != "allow-critical" {
				anew[name] = value
			}
		}
		out[i] = anew
	}
	return out
}

// written is a waiver as a file says it.
func written(w waivers.Waiver) map[string]any {
	out := map[string]any{"rule": w.Rule, "reason": w.Reason, "until": w.Until.Format(time.DateOnly)}
	for name, value := range map[string]string{"cluster": w.Cluster, "namespace": w.Namespace, "kind": w.Kind, "name": w.Name, "container": w.Container, "by": w.By, "ticket": w.Ticket} {
		if value != "" {
			out[name] = value
		}
	}
	if len(w.Match) > 0 {
		match := map[string]any{}
		for name, value := range w.Match {
			match[name] = value
		}
		out["match"] = match
	}
	if w.AllowCritical {
		out["allow-critical"] = true
	}
	return out
}
