package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sum is "12 vulnerabilities, 3 with a fixed version: 1 critical, 2 high …".
func (r *Images) sum(all []harden.Vulnerability) string {
	c := (&harden.ImageScan{Vulnerabilities: all}).Count()
	_, fixable := c.Sum()
	var parts []string
	for _, s := range harden.Severities() {
		if c.All[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.All[s], SeverityWord(s)))
		}
	}
	text := plural(len(all), "vulnerability")
	if r.Fixable {
		text = plural(len(all), "vulnerability") + " with a fixed version"
	} else if len(all) > 0 {
		text += fmt.Sprintf(", %d with a fixed version", fixable)
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// newer writes the tags that would clear vulnerabilities.
func (r *Images) newer(w io.Writer) {
	if !r.Asked.Updates {
		return
	}
	seen, none := map[string]bool{}, 0
	for _, u := range r.Uses {
		for _, ref := range u.References {
			if seen[ref.Name] || ref.Updates == nil {
				continue
			}
			seen[ref.Name] = true
			switch {
			case !ref.Updates.Known:
				fmt.Fprintf(w, "Newer tags of %s are not known: %s\n", harden.OneLine(ref.Name), harden.OneLine(ref.Updates.Why))
			case len(ref.Updates.Candidates) == 0:
				none++
			default:
				best := ref.Updates.Candidates[0]
				text := ""
				if u.Scanned() {
					text = change([]*harden.ImageScan{u.Scan}, best.Scans)
				}
				fmt.Fprintf(w, "Newer tag of %s: %s%s\n", harden.OneLine(ref.Name), harden.OneLine(best.Tag), text)
			}
		}
	}
	if none > 0 {
		fmt.Fprintf(w, "For %s no newer tag is worth a proposal.\n", plural(none, "image"))
	}
}

// change says what another image would change: ", 2 vulnerabilities less, 1 more".
func change(before, after []*harden.ImageScan) string {
	cleared, added := harden.CompareScans(before, after)
	less, _ := cleared.Sum()
	more, _ := added.Sum()
	text := fmt.Sprintf(", %s less", plural(less, "vulnerability"))
	if more > 0 {
		text += fmt.Sprintf(", %d more", more)
	}
	return text
}

// summary counts, and names what is not known.
func (r *Images) summary(w io.Writer) {
	scanned := 0
	var all []harden.Vulnerability
	var oldest time.Time
	for _, u := range r.Uses {
		if !u.Scanned() {
			continue
		}
		scanned++
		all = append(all, u.Scan.Vulnerabilities...)
		if d := u.Scan.Database; !d.IsZero() && (oldest.IsZero() || d.Before(oldest)) {
			oldest = d
		}
	}
	line := plural(len(r.Uses), "image")
	if r.Asked.Vulnerabilities {
		line += fmt.Sprintf(", %d scanned", scanned)
		if scanned > 0 {
			line += ". " + r.sum(all)
		}
	}
	fmt.Fprintln(w, line+".")
	if scanned > 0 && len(all) > 0 {
		fmt.Fprintln(w, "Numbers by severity are ALL/WITH A FIXED VERSION.")
	}
	if r.Least > harden.Info {
		fmt.Fprintf(w, "What is less than %s is left out.\n", r.Least)
	}
	if !oldest.IsZero() {
		fmt.Fprintf(w, "Vulnerability database of %s", oldest.UTC().Format(time.RFC3339))
		if a := r.age(oldest); a != "" {
			fmt.Fprintf(w, " (%s old)", a)
		}
		fmt.Fprintln(w, ".")
	}
	r.notKnown(w)
	writeUnread(w, r.Unread)
}

func (r *Images) notKnown(w io.Writer) {
	said := false
	say := func(u *harden.ImageUse, why string) {
		if !said {
			fmt.Fprintln(w, "Not looked at:")
			said = true
		}
		if !strings.Contains(why, u.Name()) {
			why = u.Name() + " (" + u.Key.Platform + "): " + why
		}
		fmt.Fprintf(w, "  %s\n", harden.OneLine(why))
	}
	for _, u := range r.Uses {
		for _, why := range r.Missing(u) {
			say(u, why)
		}
		if !u.Scanned() {
			continue
		}
		for _, g := range u.Scan.Gaps {
			say(u, g)
		}
		if r.Asked.Vulnerabilities && !u.Scan.SecretsKnown {
			say(u, "secrets: "+string(u.Scan.Source.Kind)+" does not tell")
		}
	}
}

// Missing says why an image was not looked into though that was asked for.
func (r *Images) Missing(u *harden.ImageUse) []string {
	var why []string
	add := func(text, otherwise string) {
		if text = cmp.Or(text, otherwise); !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	if u.Facts == nil && (u.Scan == nil || !u.Scan.Known) {
		add("", "nobody looked")
		return why
	}
	if f := u.Facts; f != nil && !f.Known {
		add(f.Why, "could not be read")
	}
	if r.Asked.Vulnerabilities && !u.Scanned() {
		add(u.Why(), "was not scanned")
	}
	return why
}
