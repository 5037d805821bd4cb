package checkout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A hit is a place that brings an object.
type hit struct {
	place  place
	object *object
	note   string
}

// A finding is what looking for one object has shown.
type finding struct {
	target  harden.Ref
	hits    []hit
	nearest string // the place that came nearest, and in what it differs
	there   bool   // it is for the same namespace
	failed  []unread
	helm    string // the release that the object belongs to, when no chart brings it
}

// places are all that could bring the object. The live object is nil when only
// its name is known.
func (c *Checkout) places(target harden.Ref, live *harden.ObjectChange) []place {
	var out []place
	for _, path := range c.manifests {
		if slices.ContainsFunc(c.load(path).refs, func(r harden.Ref) bool { return sameKind(r, target) && r.Name == target.Name }) {
			out = append(out, manifest{checkout: c, path: path})
		}
	}
	for _, k := range c.kustomizations {
		if k.root && k.may(target) {
			out = append(out, k)
		}
	}
	if live == nil {
		return out
	}
	for _, ch := range c.charts {
		if r := ch.releaseOf(*live); r != nil && !ch.notOf(*live) {
			out = append(out, r)
		}
	}
	return out
}

// find looks for what brings the live object of a change.
func (c *Checkout) find(change harden.ObjectChange) finding {
	f := finding{target: change.Target}
	var elsewhere []hit // without a namespace of their own
	for _, p := range c.places(change.Target, &change) {
		objects, err := p.objects(nil)
		if err != nil {
			f.failed = append(f.failed, unread{p.where(), harden.OneLine(err.Error())})
			continue
		}
		for _, o := range objects {
			if !sameKind(o.ref, change.Target) || o.ref.Name != change.Target.Name {
				continue
			}
			if o.namespace != "" && o.namespace != change.Target.Namespace {
				f.near(p, o, false, fmt.Sprintf("is for namespace %q", o.namespace))
				continue
			}
			if field := differs(o.Unstructured, change.Before, change.After); field != "" {
				f.near(p, o, true, "differs in "+field)
				continue
			}
			h := hit{place: p, object: o}
			if o.namespace == change.Target.Namespace {
				f.hits = append(f.hits, h)
				continue
			}
			h.note = fmt.Sprintf("%s names no namespace: it was taken for %q because nothing else here brings this object", p.where(), change.Target.Namespace)
			elsewhere = append(elsewhere, h)
		}
	}
	if len(f.hits) == 0 {
		f.hits = elsewhere
	}
	if name := change.Before.GetAnnotations()[releaseName]; name != "" {
		f.helm = name
	}
	return f
}

// named looks for what brings an object of which only the name is known.
func (c *Checkout) named(target harden.Ref) finding {
	f := finding{target: target}
	for _, p := range c.places(target, nil) {
		objects, err := p.objects(nil)
		if err != nil {
			f.failed = append(f.failed, unread{p.where(), harden.OneLine(err.Error())})
			continue
		}
		for _, o := range objects {
			if sameKind(o.ref, target) && o.ref.Name == target.Name && o.namespace == target.Namespace {
				f.hits = append(f.hits, hit{place: p, object: o})
			}
		}
	}
	return f
}

func (f *finding) near(p place, o *object, there bool, how string) {
	if f.nearest != "" && (f.there || !there) {
		return
	}
	f.there = there
	where := p.where()
	if o.ref.Source.Line > 0 {
		where = o.ref.Source.String()
	}
	f.nearest = fmt.Sprintf("%s comes nearest, and %s", where, how)
}

// why says why an object has no place, or not one.
func (f *finding) why(c *Checkout) string {
	if len(f.hits) > 1 {
		var where []string
		for _, h := range f.hits {
			place := h.place.where()
			if line := h.object.ref.Source.String(); line != "" {
				place = line
			}
			where = append(where, place)
		}
		return fmt.Sprintf("%d places bring it: %s. Name the one that is meant (--source %s)", len(where), harden.OneLine(strings.Join(where, ", ")), harden.OneLine(f.hits[0].place.where()))
	}
	why := fmt.Sprintf("nothing in %s brings it (%s)", c.opts.Folder, c.looked())
	if f.nearest != "" {
		why += ": " + harden.OneLine(f.nearest)
	}
	if f.helm != "" {
		why += fmt.Sprintf(". It belongs to the helm release %q: give the folder of its chart (--source) and its values (--values)", harden.OneLine(f.helm))
	}
	return why + c.gaps(f.failed)
}

// looked says what was looked through.
func (c *Checkout) looked() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{len(c.manifests), "file"}, {len(c.kustomizations), "kustomization"}, {len(c.charts), "chart"}} {
		switch part.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.word)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return "nothing to look through"
	}
	return strings.Join(parts, ", ")
}

// maxGaps is how many of the places that could not be looked into are named.
const maxGaps = 3

// gaps names what could not be looked into.
func (c *Checkout) gaps(failed []unread) string {
	all := append(slices.Clone(failed), c.unread...)
	slices.SortStableFunc(all, func(a, b unread) int { return strings.Compare(a.path, b.path) })
	all = slices.CompactFunc(all, func(a, b unread) bool { return a.path == b.path })
	if len(all) == 0 {
		return ""
	}
	var parts []string
	for _, u := range all[:min(len(all), maxGaps)] {
		parts = append(parts, harden.OneLine(u.path)+" ("+u.why+")")
	}
	if more := len(all) - maxGaps; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return ". Not looked into: " + strings.Join(parts, "; ")
}
