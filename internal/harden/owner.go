package harden

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// An Owner is somebody else who writes the object.
type Owner struct {
	Name string // Helm, Argo CD, Flux, an operator's kind …
	What string // release, application, custom resource: as it calls itself
	// Manager is the field manager seen in managedFields; empty when the owner
	// was recognised by labels alone.
	Manager string
	Applies bool // writes by server-side apply: a live patch of list items makes its next rename fail
	// Next says when it writes next, and what it does then, as far as is known.
	Next   string
	Origin *Origin // where it gets the object from; nil when nothing tells
	// Unknown says what could not be read about it, and what that would have told;
	// empty when all was.
	Unknown string
}

// An Origin is where an owner gets an object from. Texts are of strangers, made
// fit for one line; what looks like a credential is cut out of URLs.
type Origin struct {
	Teller     string // what tells it, such as "Kustomization flux-system/apps"
	Repository string // URL of a Git, OCI or Helm repository or of a bucket
	Path       string // in the repository
	Revision   string // branch, tag, range or digest that it follows
	Applied    string // the revision that was applied last, as its owner writes it
	Chart      string
	Version    string // of the chart: one, or a range
	// More are further places: other sources of an Application, or where the
	// object that tells comes from itself.
	More []Origin
}

// String is all places in words, such as "path apps/shop of
// https://example.com/infra at main (Kustomization flux-system/shop)"; empty when
// no place is known.
func (o Origin) String() string {
	var all []string
	for _, one := range append([]Origin{o}, o.More...) {
		if place := one.place(); place != "" && one.Teller != "" {
			all = append(all, place+" ("+one.Teller+")")
		} else if place != "" {
			all = append(all, place)
		}
	}
	return strings.Join(all, ", and ")
}

func (o Origin) place() string {
	var parts []string
	if o.Chart != "" {
		parts = append(parts, strings.TrimSuffix("chart "+o.Chart+" "+o.Version, " "))
	}
	if o.Path != "" {
		parts = append(parts, "path "+o.Path)
	}
	place := strings.Join(parts, " in ")
	switch {
	case o.Repository == "":
	case place == "":
		place = o.Repository
	default:
		place += " of " + o.Repository
	}
	if place != "" && o.Revision != "" {
		place += " at " + o.Revision
	}
	return place
}

// FieldOwners is one field that a plan changes, with who holds it now.
type FieldOwners struct {
	Field    string // as the API server writes it in a conflict
	Managers []FieldOwner
}

// A FieldOwner is a manager that holds a field of the object itself, not of a
// subresource.
type FieldOwner struct {
	Manager string
	Applies bool // by server-side apply; otherwise by update
}

// Operation is that of managedFields.
func (o FieldOwner) Operation() string {
	if o.Applies {
		return "Apply"
	}
	return "Update"
}

// A Holder is a set of managers with the fields that they, and nobody else, hold.
type Holder struct {
	Who    string // such as "helm (Update), harden (Apply)"
	Fields []string
}

// Holders are those who hold what the plan changes, in the order of their names;
// fields that nobody holds are not among them.
func (p *ObjectPlan) Holders() []Holder {
	held := map[string][]string{}
	for _, f := range p.Fields {
		var who []string
		for _, m := range f.Managers {
			who = append(who, m.Manager+" ("+m.Operation()+")")
		}
		if len(who) > 0 {
			by := strings.Join(who, ", ")
			held[by] = append(held[by], f.Field)
		}
	}
	var out []Holder
	for _, who := range slices.Sorted(maps.Keys(held)) {
		out = append(out, Holder{who, held[who]})
	}
	return out
}

// A Fate is what becomes of a live patch.
type Fate string

// Fates.
const (
	Durable   Fate = "durable"   // nobody sets these fields to something else
	Contested Fate = "contested" // an owner sets them, and will again
	Futile    Fate = "futile"    // it is undone, or cannot be made at all
)

// OwnerFacts are the objects that say who writes others and from where: Argo CD's
// Applications, Flux's Kustomizations, HelmReleases and their sources.
type OwnerFacts struct {
	Objects []*unstructured.Unstructured
	Missing []MissingOwner
}

// A MissingOwner is an object that would say more about an owner, and could not be read.
type MissingOwner struct {
	Ref       Ref    // Namespace is empty when it was looked for in all
	Forbidden bool   // somebody else may read it
	Why       string // in words
}
