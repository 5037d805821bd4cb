package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func (r route) byOwner() verdict {
	o := r.owner
	who := o.Name + " " + o.What
	source := func(fate harden.Fate, final bool, format string, args ...any) verdict {
		return verdict{harden.DeliverSource, fate, fmt.Sprintf(format, args...), final}
	}
	switch o.regime {
	case regimeOperator:
		who := o.What
		if o.Name != strings.SplitN(o.What, "/", 2)[0] {
			who = o.Name + " (" + o.What + ")"
		}
		return verdict{harden.DeliverManual, harden.Futile, who + " generates this object and would undo a live change within seconds: set it there", true}
	case regimeKubelet:
		return verdict{harden.DeliverManual, harden.Futile, "the kubelet runs this pod from a file on its node (" + o.What + "): change the file there", true}
	case regimeAddOn:
		return verdict{harden.DeliverManual, harden.Futile, who + " keeps this object as it is: use the configuration of the add-on", true}
	case regimeReverts:
		return source(harden.Contested, false, "%s sets this object back at its next run: change it there", who)
	}
	if o.paused != "" {
		return verdict{harden.DeliverLive, harden.Durable, o.Name + " is told to leave this object alone (" + o.paused + ")", false}
	}
	if o.replaces != "" {
		return source(harden.Futile, true, "%s replaces the whole object (%s): whatever is patched live is gone after that", who, o.replaces)
	}
	if c := r.contested(); c != nil {
		return source(harden.Contested, c.manager != "", "%s", r.contestedWhy(c))
	}
	if o.template && r.touchesTemplate() {
		return source(harden.Durable, false, "%s", r.applierWhy())
	}
	if len(r.op.Remove) > 0 && o.regime != regimeApplier && !r.kept(r.op.Remove[0]) {
		return source(harden.Contested, false, "%s may put back what is taken away (%s): take it out there", who, PathString(r.op.Remove[0]))
	}
	return verdict{harden.DeliverLive, harden.Durable, r.durableWhy(), false}
}

// kept reports whether the owner is told to leave the field as others set it.
func (r route) kept(path harden.Path) bool { return r.owner.keeps != nil && r.owner.keeps(path) }

// A contest is over a field that somebody else sets to another value.
type contest struct {
	path    harden.Path
	manager string // who applies it server-side; empty where nobody does
}

// contested is what the owner, or whoever applies the field server-side, sets to
// another value; nil when there is no such field. One that is applied comes
// first: that value cannot be taken over. What the object has already was taken
// out of the plan, so every path that is held is one. Without managedFields,
// whatever has a value counts.
func (r route) contested() *contest {
	writers := writersOf(r.before)
	manifest := lastManifest(r.before)
	var first *contest
	for _, p := range r.paths {
		if _, ok := lookup(r.before.Object, p); !ok || r.kept(p) {
			continue
		}
		held := len(r.before.GetManagedFields()) == 0
		for _, w := range writers {
			if !w.holds(p) {
				continue
			}
			if w.applies {
				return &contest{p, w.manager}
			}
			held = held || slices.Contains(r.owner.managers, w.manager)
		}
		if _, declared := lookup(manifest, p); first == nil && (held || declared) {
			first = &contest{path: p}
		}
	}
	return first
}

// applierWhy tells what was seen on a real API server: co-owning a list item
// keeps it alive when its owner renames it.
func (r route) applierWhy() string {
	manager := r.owner.applier
	if manager == "" {
		manager = r.owner.managers[0]
	}
	return fmt.Sprintf("%s applies this pod template server-side (manager %q): a live patch would co-own its containers, volumes or mounts, "+
		"and its next apply that renames or removes one of them is refused (containers[0].image: Required value)", r.owner.Name, line(manager))
}

// contestedWhy says who sets the field again, and when.
func (r route) contestedWhy(c *contest) string {
	o := r.owner
	who := o.Name + " " + o.What
	again := "its next apply would fail with a conflict: change its manifest"
	switch {
	case c.manager != "" && !slices.Contains(o.managers, c.manager):
		who = fmt.Sprintf("manager %q", line(c.manager))
	case o.putsBack != nil:
		again = o.putsBack(c.path) + ": change it in its source"
	case o.regime == regimeHelm && c.manager != "":
		again = "applies it server-side: with another value there, the next helm upgrade fails with a conflict, or takes it back with --force-conflicts: change its values"
	case o.regime == regimeHelm:
		again = "the next helm upgrade resets it: change its values"
	}
	return fmt.Sprintf("%s sets %s, and %s", who, PathString(c.path), again)
}

func (r route) durableWhy() string {
	o := r.owner
	who := o.Name + " " + o.What
	if i := slices.IndexFunc(r.paths, r.kept); i >= 0 {
		return fmt.Sprintf("%s is told to leave %s as others set it (ignoreDifferences, %s)", who, PathString(r.paths[i]), respectsOption)
	}
	switch o.regime {
	case regimeFlux:
		return who + " does not set these fields: they stay when it reconciles"
	case regimeRelease:
		return who + " does not set these fields: they stay when it upgrades or corrects drift; set them in its values too"
	case regimeArgo:
		if o.Origin != nil { // it was read, and does not replace
			return who + " does not set these fields: they stay and show as Synced"
		}
		return who + " does not set these fields: they stay and show as Synced, unless it syncs with " + replaceOption
	case regimeHelm:
		return who + " does not set these fields: they survive helm upgrade, but not --force; set them in the chart too"
	default:
		return fmt.Sprintf("manager %q does not set these fields: its next apply keeps them", o.Name)
	}
}
