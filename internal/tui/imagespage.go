package tui

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// buildImagesPage writes about the image under the cursor.
func (m *Model) buildImagesPage() {
	im := &m.images
	_, r := m.imagePlaces(screenImages)
	u := m.imageUnderCursor()
	if u == nil || r.h == 0 {
		im.page.lines, im.drawn = nil, drawn{}
		return
	}
	now := drawn{id: imageID(u), w: r.w - 4, theme: m.theme, x: m.x, pending: m.look.busy, extra: im.version}
	if now != im.drawn {
		if now.id != im.drawn.id {
			im.page.top = 0
		}
		im.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		m.writeImage(p, u)
		im.page.lines = p.lines
	}
	im.page.scroll(0, r.h-2)
}

func (m *Model) writeImage(p *page, u *harden.ImageUse) {
	p.para(p.st.strong, 0, u.Name())
	if d := u.Digest(); d != "" {
		p.para(p.st.dim, 0, d)
	} else {
		p.para(p.st.dim, 0, "the digest is not known")
	}
	m.writeFacts(p, u)
	m.writeCounts(p, u)
	m.writeSecrets(p, u)
	m.writeReferences(p, u)
	if unknown := unknownOf(u); len(unknown) > 0 {
		p.head("Not known", "")
		for _, text := range unknown {
			p.lead(p.st.warn, "? ", p.st.text, text)
		}
	}
	p.head("Used by", plural(len(u.By), "container", "containers"))
	const most = 8
	for i, b := range u.By {
		if i == most && len(u.By) > most+1 {
			p.para(p.st.dim, 2, "and "+itoa(len(u.By)-most)+" more: ↵ lists them")
			break
		}
		p.para(p.st.text, 2, usageWord(&b))
	}
}

func usageWord(b *harden.ImageUsage) string {
	s := short(b.Workload.Ref)
	if ns := b.Workload.Ref.Namespace; ns != "" {
		s = ns + "/" + s
	}
	return s + " › " + containerWord(b.Container)
}

func (m *Model) writeFacts(p *page, u *harden.ImageUse) {
	words := []string{u.Key.Platform}
	if f := u.Facts; f != nil && f.Known {
		user, _ := userWord(f)
		words = append(words, "user "+user, humanize.Bytes(uint64(max(f.Size, 0))))
		if a := m.imageAge(u); a != "" {
			words = append(words, "built "+a+" ago")
		}
	}
	if u.Scanned() && u.Scan.OS.Family != "" {
		words = append(words, strings.TrimSpace(u.Scan.OS.Family+" "+u.Scan.OS.Name))
	}
	p.para(p.st.text, 0, strings.Join(words, " · "))
	if u.Scanned() && u.Scan.OS.EndOfLife {
		p.lead(p.st.bad, "! ", p.st.text, "this version of the distribution gets no fixes any more")
	}
	switch s := u.Signature; {
	case s == nil || !s.Known:
	case len(s.Found) == 0:
		p.lead(p.st.warn, "! ", p.st.text, "no signature was found")
	default:
		p.para(p.st.text, 0, "signed ("+strings.Join(s.Found, ", ")+"), not verified")
	}
}

func (m *Model) writeCounts(p *page, u *harden.ImageUse) {
	if !u.Scanned() {
		p.head("Vulnerabilities", "unknown")
		switch {
		case m.look.busy:
			p.para(p.st.dim, 2, "not scanned yet; "+m.look.words())
		case u.Why() != "":
			p.para(p.st.dim, 2, "it could not be scanned, see below: s tries again")
		default:
			p.para(p.st.dim, 2, "not scanned: s scans the images in view")
		}
		return
	}
	s := u.Scan
	p.head("Vulnerabilities", m.scannedBy(s))
	c := s.Count()
	if len(s.Vulnerabilities) == 0 {
		sign, style := "✓ ", p.st.good
		if len(s.Gaps) > 0 {
			sign, style = "? ", p.st.warn
		}
		p.lead(style, sign, p.st.text, fmt.Sprintf("none known in %s", plural(s.Packages, "package", "packages")))
	}
	for _, sev := range harden.Severities() {
		if c.All[sev] == 0 {
			continue
		}
		sign := vulnerabilitySign(sev)
		p.lead(p.st.severity[sev], "  "+sign.glyph+" "+fit(sign.word, 10), p.st.text, fmt.Sprintf("%d, %d with a fixed version", c.All[sev], c.Fixable[sev]))
	}
}

// scannedBy is who scanned when, and with which database.
func (m *Model) scannedBy(s *harden.ImageScan) string {
	words := []string{strings.TrimSpace(string(s.Source.Kind) + " " + s.Source.Name)}
	if a := age(s.Time, m.now()); a != "" {
		words = append(words, a+" ago")
	}
	if a := age(s.Database, m.now()); a != "" {
		words = append(words, "database "+a+" old")
	}
	return strings.Join(words, ", ")
}

func (m *Model) writeSecrets(p *page, u *harden.ImageUse) {
	if !u.Scanned() || len(u.Scan.Secrets) == 0 {
		return
	}
	p.head("Secrets", itoa(len(u.Scan.Secrets)))
	const most = 5
	for i := range u.Scan.Secrets {
		if i == most {
			p.para(p.st.dim, 2, ellipsis)
			return
		}
		s := &u.Scan.Secrets[i]
		p.lead(p.st.severity[s.Severity], "  "+severitySigns[s.Severity].glyph+" ", p.st.text, or(s.Title, s.Rule)+" in "+s.Place())
	}
}

// writeReferences says what registries say about the names of the image.
func (m *Model) writeReferences(p *page, u *harden.ImageUse) {
	for _, r := range u.References {
		if t := r.Tag; t != nil && t.Known && u.Digest() != "" && !t.Holds(u.Digest()) {
			p.gap()
			p.lead(p.st.warn, "! ", p.st.text, r.Name+" names another image by now ("+harden.ShortDigest(t.Digest)+"): new pods get that")
		}
		if n := r.Updates; n != nil && n.Known {
			p.head("Newer tags of", r.Name)
			if len(n.Candidates) == 0 {
				p.para(p.st.dim, 2, "none of "+plural(n.Listed, "tag", "tags")+" is worth a proposal")
			}
			for _, c := range n.Candidates {
				p.lead(p.st.accent, "  "+c.Tag+"  ", p.st.text, m.changeWord(u, &c))
			}
			if len(n.Candidates) > 0 {
				p.para(p.st.dim, 2, "the fix is with the findings of who uses it (↵, then tab)")
			}
		}
	}
}

// changeWord is what a candidate would change: "12 vulnerabilities gone, 1 new".
func (m *Model) changeWord(u *harden.ImageUse, c *harden.ImageCandidate) string {
	if !u.Scanned() {
		return ""
	}
	cleared, added := harden.CompareScans([]*harden.ImageScan{u.Scan}, c.Scans)
	gone, _ := cleared.Sum()
	come, _ := added.Sum()
	text := plural(gone, "vulnerability", "vulnerabilities") + " gone"
	if come > 0 {
		text += ", " + itoa(come) + " new"
	}
	return text
}

// buildImagePage writes about the row under the cursor of an image.
func (m *Model) buildImagePage() {
	v := &m.image
	_, r := m.imagePlaces(screenImage)
	if v.use == nil {
		v.page.lines, v.drawn = nil, drawn{}
		return
	}
	now := drawn{id: v.list.id(v.rows), w: r.w - 4, theme: m.theme, x: m.x, pending: m.look.busy, extra: [2]int{m.images.version, int(v.tab)}}
	if now != v.drawn {
		if now.id != v.drawn.id {
			v.page.top = 0
		}
		v.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, r.w-4)}
		if c := m.content(); c != nil {
			m.writeContent(p, c)
		} else {
			m.writeImage(p, v.use)
		}
		v.page.lines = p.lines
	}
	v.page.scroll(0, r.h-2)
}

func (m *Model) writeContent(p *page, c *content) {
	switch {
	case c.vulnerability != nil:
		writeVulnerability(p, c.vulnerability)
	case c.secret != nil:
		writeSecret(p, c.secret)
	case c.user != nil:
		p.para(p.st.strong, 0, usageWord(c.user))
		p.para(p.st.code, 0, c.user.Reference)
		p.gap()
		p.para(p.st.dim, 0, "↵ goes to the workload")
	case c.finding != nil:
		f := c.finding
		p.para(p.st.strong, 0, f.Fixer.Title)
		sign, style := p.st.signOf(f.Finding)
		p.spans(span{style, sign.glyph + " " + sign.word}, span{p.st.dim, "  " + where(f.Finding)})
		p.gap()
		p.para(p.st.text, 0, f.Reason)
		if f.Detail != "" && f.Detail != f.Reason {
			p.para(p.st.text, 0, f.Detail)
		}
		p.gap()
		p.para(p.st.dim, 0, "space marks it for fixing, f plans the fix, ↵ goes to the finding")
	default:
		p.para(p.st.text, 0, c.unknown)
	}
}

func writeVulnerability(p *page, v *harden.Vulnerability) {
	if v.Title != "" {
		p.para(p.st.strong, 0, v.Title)
	}
	sign := vulnerabilitySign(v.Severity)
	rating := ""
	if v.CVSS > 0 {
		rating = fmt.Sprintf("  CVSS %.1f", v.CVSS)
	}
	p.spans(span{p.st.severity[v.Severity], sign.glyph + " " + sign.word}, span{p.st.dim, "  " + v.ID + rating})
	p.gap()
	p.para(p.st.text, 0, v.Package+" "+v.Installed)
	if v.Fixable() {
		p.lead(p.st.good, "→ ", p.st.text, "fixed in "+v.Fixed)
	} else {
		p.lead(p.st.warn, "! ", p.st.text, "no version that fixes it is out yet")
	}
	if v.System {
		p.para(p.st.dim, 0, "a package of the distribution: it comes with the base image")
	} else {
		p.para(p.st.dim, 0, "a package of the application: whoever builds the image chooses its version")
	}
	if v.Path != "" {
		p.para(p.st.code, 0, v.Path)
	}
	if v.URL != "" {
		p.gap()
		p.para(p.st.dim, 0, v.URL)
	}
}

func writeSecret(p *page, s *harden.ImageSecret) {
	p.para(p.st.strong, 0, or(s.Title, s.Rule))
	sign := severitySigns[s.Severity]
	p.spans(span{p.st.severity[s.Severity], sign.glyph + " " + sign.word}, span{p.st.dim, "  " + s.Rule})
	p.gap()
	p.para(p.st.code, 0, s.Place())
	if s.CreatedBy != "" {
		p.para(p.st.dim, 0, "made by the build step: "+s.CreatedBy)
	}
	p.gap()
	p.para(p.st.text, 0, "Whoever can pull the image has it: change the credential, then build the image without it. Deleting the file in a later layer does not remove it.")
}
