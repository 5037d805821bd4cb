package prompts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// uses are the images of the workloads of a view.
func (d *dialog) uses(v view) ([]*harden.ImageUse, error) {
	workloads, err := d.workloadsOf(v)
	if err != nil || d.snap.Inventory == nil {
		return nil, err
	}
	return slices.DeleteFunc(d.snap.Inventory.ImageUses(), func(u *harden.ImageUse) bool {
		return !slices.ContainsFunc(u.By, func(b harden.ImageUsage) bool { return slices.Contains(workloads, b.Workload) })
	}), nil
}

// workloadsOf are the workloads of a view that the filter leaves.
func (d *dialog) workloadsOf(v view) ([]*harden.Workload, error) {
	objects, err := d.objects(v)
	if err != nil || d.snap.Inventory == nil {
		return nil, err
	}
	in := map[harden.Key]bool{}
	for _, o := range objects {
		in[o.Ref.Key()] = true
	}
	var out []*harden.Workload
	for _, w := range d.snap.Inventory.Workloads {
		if in[w.Ref.Key()] {
			out = append(out, w)
		}
	}
	return out, nil
}

// images lists the images of a view.
func (d *dialog) images(v view) error {
	return d.browse(func() (menu, error) {
		uses, err := d.uses(v)
		m := menu{title: plural(len(uses), "image", "images") + " of " + v.words() + d.filterWords(), none: "No workload here runs an image.", hint: "a number, scan or look"}
		for _, u := range uses {
			m.items = append(m.items, item{id: imageID(u), text: func() string { return imageLine(u) }, open: func() error { return d.image(v, imageID(u)) }})
		}
		m.commands = d.imageCommands(func() []*harden.ImageUse { return uses })
		return m, err
	})
}

func imageID(u *harden.ImageUse) string { return u.Key.Reference + " " + u.Key.Platform }

func imageLine(u *harden.ImageUse) string {
	s := u.Name() + ", used by " + plural(len(u.By), "container", "containers") + ": "
	switch {
	case u.Scanned():
		s += vulnerabilityWords(u.Scan)
		if n := len(u.Scan.Secrets); n > 0 {
			s += ", " + plural(n, "secret", "secrets") + " in it"
		}
	case u.Why() != "":
		s += "could not be scanned"
	default:
		s += "not scanned, so its vulnerabilities are not known"
	}
	if f := u.Facts; f != nil && f.Known {
		if kind, _ := harden.ParseImageUser(f.User); kind == harden.ImageUserRoot {
			s += "; it runs as root"
		}
	}
	return s
}

// vulnerabilityWords are "2 critical of which 1 can be fixed, 9 high".
func vulnerabilityWords(s *harden.ImageScan) string {
	if len(s.Vulnerabilities) == 0 {
		return "no vulnerability known in " + plural(s.Packages, "package", "packages")
	}
	c := s.Count()
	var parts []string
	for _, sev := range harden.Severities() {
		if c.All[sev] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.All[sev], ratingWord(sev)))
		}
	}
	all, fixable := c.Sum()
	return plural(all, "vulnerability", "vulnerabilities") + ": " + strings.Join(parts, ", ") + fmt.Sprintf("; %d with a fixed version", fixable)
}

func ratingWord(s harden.Severity) string {
	if s == harden.Info {
		return "not rated"
	}
	return s.String()
}

// image says all about one image, and lists its vulnerabilities and secrets.
func (d *dialog) image(v view, id string) error {
	return d.browse(func() (menu, error) {
		uses, err := d.uses(v)
		if err != nil {
			return menu{}, err
		}
		i := slices.IndexFunc(uses, func(u *harden.ImageUse) bool { return imageID(u) == id })
		if i < 0 {
			return menu{title: "This image is not used any more"}, nil
		}
		u := uses[i]
		m := menu{title: u.Name(), intro: func() { d.sayImage(u) }, hint: "scan, look or a number"}
		if u.Scanned() {
			for _, s := range u.Scan.Secrets {
				m.items = append(m.items, item{
					id: "secret " + s.Rule + s.Place(),
					text: func() string {
						return "secret, " + s.Severity.String() + ": " + or(s.Title, s.Rule) + " in " + s.Place()
					},
					open: func() error { return d.imageSecret(&s) },
				})
			}
			for _, x := range u.Scan.Vulnerabilities {
				m.items = append(m.items, item{
					id: x.ID + x.Package + x.Path + x.Installed, text: func() string { return vulnerabilityLine(&x) },
					open: func() error { return d.vulnerability(&x) },
				})
			}
		}
		m.commands = d.imageCommands(func() []*harden.ImageUse { return []*harden.ImageUse{u} })
		return m, nil
	})
}

func vulnerabilityLine(x *harden.Vulnerability) string {
	fixed := "no fixed version yet"
	if x.Fixable() {
		fixed = "fixed in " + x.Fixed
	}
	return ratingWord(x.Severity) + ": " + x.ID + ", " + x.Package + " " + x.Installed + ", " + fixed
}

func (d *dialog) vulnerability(x *harden.Vulnerability) error {
	return d.browse(func() (menu, error) {
		return menu{title: x.ID, intro: func() {
			d.say("%s.", vulnerabilityLine(x))
			d.lead("What: ", x.Title)
			if x.CVSS > 0 {
				d.say("CVSS %.1f.", x.CVSS)
			}
			if x.System {
				d.say("A package of the distribution: it comes with the base image.")
			} else {
				d.say("A package of the application: whoever builds the image chooses its version.")
			}
			d.lead("File: ", x.Path)
			d.lead("More: ", x.URL)
		}}, nil
	})
}

func (d *dialog) imageSecret(s *harden.ImageSecret) error {
	return d.browse(func() (menu, error) {
		return menu{title: or(s.Title, s.Rule), intro: func() {
			d.say("%s, rule %s, in %s.", upper(s.Severity.String()), s.Rule, s.Place())
			d.lead("Made by the build step: ", s.CreatedBy)
			d.say("Whoever can pull the image has it: change the credential, then build the image without it. Deleting the file in a later layer does not remove it.")
		}}, nil
	})
}

func (d *dialog) sayImage(u *harden.ImageUse) {
	d.say("Digest: %s.", or(u.Digest(), "not known"))
	d.say("Platform: %s.", u.Key.Platform)
	if f := u.Facts; f != nil && f.Known {
		user := f.User
		if kind, _ := harden.ParseImageUser(f.User); kind == harden.ImageUserRoot {
			user = "root"
		}
		d.say("User: %s. Size: %s.", user, humanize.Bytes(uint64(max(f.Size, 0))))
		if a := age(f.Created, d.now()); a != "" {
			d.say("Built %s ago.", a)
		}
	}
	if u.Scanned() {
		d.sayScan(u.Scan)
	}
	switch s := u.Signature; {
	case s == nil || !s.Known:
	case len(s.Found) == 0:
		d.say("No signature was found.")
	default:
		d.say("Signed (%s), which was not verified.", strings.Join(s.Found, ", "))
	}
	for _, r := range u.References {
		d.sayReference(u, r)
	}
	for _, text := range tui.ImageUnknown(u) {
		d.say("Not known: %s", text)
	}
	for i := range u.By {
		by := &u.By[i]
		d.say("Used by %s%s.", called(by.Workload.Ref), containerWords(by.Container))
	}
}

func (d *dialog) sayScan(s *harden.ImageScan) {
	d.say("%s.", upper(vulnerabilityWords(s)))
	by := strings.TrimSpace(string(s.Source.Kind) + " " + s.Source.Name)
	if a := age(s.Time, d.now()); a != "" {
		by += ", " + a + " ago"
	}
	d.say("Scanned by %s.", by)
	if s.OS.Family != "" {
		d.say("Distribution: %s.", strings.TrimSpace(s.OS.Family+" "+s.OS.Name))
	}
	if s.OS.EndOfLife {
		d.say("This version of the distribution gets no fixes any more.")
	}
}

// sayReference says what the registry says about a name of the image.
func (d *dialog) sayReference(u *harden.ImageUse, r harden.ImageReference) {
	if t := r.Tag; t != nil && t.Known && u.Digest() != "" && !t.Holds(u.Digest()) {
		d.say("%s names another image by now (%s): new pods get that.", r.Name, harden.ShortDigest(t.Digest))
	}
	n := r.Updates
	if n == nil || !n.Known {
		return
	}
	if len(n.Candidates) == 0 {
		d.say("Newer tags of %s: none of %s is worth a proposal.", r.Name, plural(n.Listed, "tag", "tags"))
	}
	for _, c := range n.Candidates {
		gone := ""
		if u.Scanned() {
			cleared, added := harden.CompareScans([]*harden.ImageScan{u.Scan}, c.Scans)
			fewer, _ := cleared.Sum()
			more, _ := added.Sum()
			gone = fmt.Sprintf(": %s gone, %d new", plural(fewer, "vulnerability", "vulnerabilities"), more)
		}
		d.say("Newer tag %s%s. The fix is with the findings of who uses it.", c.Tag, gone)
	}
}
