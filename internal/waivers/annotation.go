package waivers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Prefix begins the names of annotations that waive: Prefix + rule id. It may be
// followed by a dot and a word of the author's choice, where one rule needs
// several waivers.
const Prefix = "kubectl-harden.github.io/waive."

// RuleOf is the rule that an annotation waives, or "" where it is another annotation.
func RuleOf(key string) string {
	rest, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return ""
	}
	rule, _, _ := strings.Cut(rest, ".")
	return rule
}

// ParseAnnotation reads a waiver from an annotation such as
//
//	kubectl-harden.github.io/waive.host-path-volume: until=2026-12-31; reason=reads logs; by=ops; path=/var/log
//
// Besides until, reason, by, ticket, container and allow-critical it may name facts.
func ParseAnnotation(key, value string) (Waiver, error) {
	w := Waiver{Rule: RuleOf(key), Match: map[string]string{}}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(value, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, v, ok := strings.Cut(part, "=")
		name, v = strings.TrimSpace(name), strings.TrimSpace(v)
		switch {
		case !ok:
			return w, fmt.Errorf("%q is not NAME=VALUE; the parts are separated by semicolons, so no value can contain one", harden.OneLine(part))
		case seen[name]:
			return w, fmt.Errorf("%q is there twice", harden.OneLine(name))
		}
		seen[name] = true
		if err := w.set(name, v); err != nil {
			return w, err
		}
	}
	return w, w.Check()
}

func (w *Waiver) set(name, value string) (err error) {
	switch name {
	case "until":
		w.Until, err = ParseDate(value)
	case "reason":
		w.Reason = harden.OneLine(value)
	case "by":
		w.By = harden.OneLine(value)
	case "ticket":
		w.Ticket = harden.OneLine(value)
	case "container":
		w.Container = value
	case "allow-critical":
		if value != "true" && value != "false" {
			return fmt.Errorf("allow-critical is %q: use true or false", harden.OneLine(value))
		}
		w.AllowCritical = value == "true"
	default:
		if !slices.Contains(harden.FactNames(), name) {
			return fmt.Errorf("unknown part %q: use until, reason, by, ticket, container, allow-critical, or a fact: %s", harden.OneLine(name), strings.Join(harden.FactNames(), ", "))
		}
		w.Match[name] = value
	}
	return err
}

// Annotation is the annotation that waives just this finding, as long as the
// facts stay as they are. An error says what cannot be written so.
func Annotation(f *harden.Finding, w Waiver) (key, value string, err error) {
	w.Rule, w.Container = f.Fixer.ID, f.Container.Name
	w.Match = binding(f)
	if err := w.Check(); err != nil {
		return "", "", err
	}
	parts := []string{"until=" + w.Until.Format(dateForm), "reason=" + w.Reason}
	add := func(name, v string) {
		if v != "" {
			parts = append(parts, name+"="+v)
		}
	}
	add("by", w.By)
	add("ticket", w.Ticket)
	add("container", w.Container)
	if w.AllowCritical {
		add("allow-critical", "true")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Match)) {
		add(name, w.Match[name])
	}
	for _, p := range parts {
		if strings.Contains(p, ";") || harden.OneLine(p) != p {
			return "", "", errors.New("a value of an annotation cannot contain a semicolon or a line break: leave it out, or write the waiver into the configuration (--in-config)")
		}
	}
	return Prefix + w.Rule, strings.Join(parts, "; "), nil
}

// binding are the facts that a waiver of the finding should hold on to: those
// that say what is wrong, not those that merely stand beside it.
func binding(f *harden.Finding) map[string]string {
	facts := f.Facts()
	keep := map[string]string{}
	for _, name := range []string{harden.FactDiscriminator, harden.FactVerdict, harden.FactPath, harden.FactReadOnly} {
		if v := facts[name]; v != "" {
			keep[name] = v
		}
	}
	if v := facts[harden.FactCapabilities]; v != "" && strings.HasSuffix(f.Field, ".capabilities.add") {
		keep[harden.FactCapabilities] = v
	}
	return keep
}
