package harden

import (
	"cmp"
	"slices"
	"strings"
)

// An ImageUse is one image on one platform, who runs it or would run it, and
// what is known about it.
type ImageUse struct {
	Key        ImageKey
	References []ImageReference // as they stand in pod specs, sorted
	By         []ImageUsage     // in the order of the inventory
	Facts      *ImageFacts      // nil: nobody looked into it
	Scan       *ImageScan       // nil: nobody scanned it
	Signature  *ImageSignature  // nil: nobody asked
}

// An ImageReference is an image as a pod spec names it, and what its registry
// says about that name.
type ImageReference struct {
	Name    string
	Tag     *ImageTag     // nil: nobody asked
	Updates *ImageUpdates // nil: nobody asked
}

// An ImageUsage is a container that runs an image.
type ImageUsage struct {
	Workload  *Workload
	Container ContainerRef
	Reference string // as it stands in the pod spec
}

// ImageUses are the distinct images of all workloads, in the order of
// CompareImageUses. Containers that only live pods have, such as injected
// sidecars, are not among them.
func (i *Inventory) ImageUses() []*ImageUse {
	found := map[ImageKey]*ImageUse{}
	var uses []*ImageUse
	for _, w := range i.Workloads {
		view := NewPodView(Declared, w.Ref, &w.Meta, &w.Template.Spec, nil, i.Nodes)
		for _, c := range view.Containers() {
			if c.Image == "" {
				continue
			}
			for _, key := range i.ImageKeys(w, c.Ref) {
				u := found[key]
				if u == nil {
					u = &ImageUse{Key: key, Facts: i.Images[key], Scan: i.Scans[key], Signature: i.Signatures[key]}
					found[key] = u
					uses = append(uses, u)
				}
				u.By = append(u.By, ImageUsage{Workload: w, Container: c.Ref, Reference: c.Image})
				if !slices.ContainsFunc(u.References, func(r ImageReference) bool { return r.Name == c.Image }) {
					u.References = append(u.References, ImageReference{Name: c.Image, Tag: i.Tags[c.Image], Updates: i.Updates[c.Image]})
				}
			}
		}
	}
	for _, u := range uses {
		slices.SortFunc(u.References, func(a, b ImageReference) int { return strings.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(uses, CompareImageUses)
	return uses
}

// Scanned reports whether a scanner has looked into the image. Where it is
// false, nothing is known about its vulnerabilities: they are not none.
func (u *ImageUse) Scanned() bool { return u.Scan != nil && u.Scan.Known }

// Name is the first reference without its digest: what people call the image.
func (u *ImageUse) Name() string {
	name, _, _ := strings.Cut(u.References[0].Name, "@")
	return name
}

// Digest is what runs as far as live pods tell it, else that of the manifest
// that was read; empty where nobody knows.
func (u *ImageUse) Digest() string {
	switch _, digest, pinned := strings.Cut(u.Key.Reference, "@"); {
	case pinned:
		return digest
	case u.Facts != nil && u.Facts.Known:
		return u.Facts.Digest
	case u.Scanned():
		return u.Scan.Digest
	}
	return ""
}

// ShortDigest is a digest as people compare it: its first twelve letters,
// without the algorithm.
func ShortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), 12)]
}

// Why says why the image was not scanned, or "" where it was or nobody asked.
func (u *ImageUse) Why() string {
	switch {
	case u.Scanned():
		return ""
	case u.Scan != nil:
		return u.Scan.Why
	case u.Facts != nil && !u.Facts.Known:
		return u.Facts.Why
	}
	return ""
}

// CompareImageUses orders the worst first: by the number of vulnerabilities of
// the worst severity, then of the next one, then by how many of them can be
// fixed, then by secrets. Images that nobody has scanned come before those that
// are clean.
func CompareImageUses(a, b *ImageUse) int {
	return cmp.Or(compareDamage(a, b), strings.Compare(a.Name(), b.Name()), strings.Compare(a.Key.Reference, b.Key.Reference), strings.Compare(a.Key.Platform, b.Key.Platform))
}

func compareDamage(a, b *ImageUse) int {
	x, y := a.damage(), b.damage()
	return slices.Compare(y[:], x[:])
}

// damage is what an image is ordered by, the most important number first.
func (u *ImageUse) damage() [2*(int(Critical)+1) + 2]int {
	var d [2*(int(Critical)+1) + 2]int
	if !u.Scanned() {
		d[len(d)-1] = 1
		return d
	}
	c := u.Scan.Count()
	for i, s := range Severities() {
		d[i] = c.All[s]
		d[len(c.All)+i] = c.Fixable[s]
	}
	d[len(d)-2] = len(u.Scan.Secrets)
	return d
}
