package tui

import (
	"cmp"
	"path"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// imageView is what is in one image, one kind of it at a time.
type imageView struct {
	id     string
	use    *harden.ImageUse // nil: it is not there any more
	tab    imageTab
	rows   contentRows
	counts [4]int // rows of each tab without a filter
	list   list
	order  vulnerabilityOrder
	filter filter
	zoom   bool // the text fills the body
	page   doc
	drawn  drawn
}

type imageTab int

const (
	tabVulnerabilities imageTab = iota
	tabSecrets
	tabUnknown
	tabUsers
)

// vulnerabilityOrder is how vulnerabilities are sorted.
type vulnerabilityOrder int

const (
	worstFirst vulnerabilityOrder = iota
	fixableFirst
	byPackage
	byID
)

var vulnerabilityOrderNames = [...]string{"severity", "fixed version", "package", "id"}

// content is one row of an image: one of its fields is set.
type content struct {
	id            string
	vulnerability *harden.Vulnerability
	secret        *harden.ImageSecret
	unknown       string
	user          *harden.ImageUsage
	finding       *row // about the image, on the user above
}

type contentRows struct {
	items []content
	// Letters of the longest cells.
	widestID, widestPackage, widestVersion int
}

func (r contentRows) Len() int        { return len(r.items) }
func (r contentRows) ID(i int) string { return r.items[i].id }

// refreshImage derives the rows of the image that is open.
func (m *Model) refreshImage() {
	v := &m.image
	if v.id == "" {
		return
	}
	at := slices.IndexFunc(m.images.uses, func(u *harden.ImageUse) bool { return imageID(u) == v.id })
	if at < 0 {
		v.use, v.rows = nil, contentRows{}
		if m.screen == screenImage {
			m.screen = screenImages
		}
		return
	}
	v.use = m.images.uses[at]
	v.counts = [4]int{tabSecrets: 0, tabUnknown: len(unknownOf(v.use)), tabUsers: len(v.use.By)}
	if v.use.Scanned() {
		v.counts[tabVulnerabilities], v.counts[tabSecrets] = len(v.use.Scan.Vulnerabilities), len(v.use.Scan.Secrets)
	}
	old := v.rows
	v.rows = m.deriveContents()
	pane, _ := m.imagePlaces(screenImage)
	v.list.keep(old, v.rows, pane.h-2)
	v.list.clamp(v.rows, pane.h-2)
}

func (m *Model) deriveContents() contentRows {
	v := &m.image
	var r contentRows
	switch v.tab {
	case tabVulnerabilities:
		r.items = vulnerabilityRows(v.use, v.order)
	case tabSecrets:
		if v.use.Scanned() {
			for i := range v.use.Scan.Secrets {
				s := &v.use.Scan.Secrets[i]
				r.items = append(r.items, content{id: strings.Join([]string{"secret", s.Rule, s.Path, itoa(s.Line)}, "|"), secret: s})
			}
		}
	case tabUnknown:
		for _, text := range unknownOf(v.use) {
			r.items = append(r.items, content{id: "unknown|" + text, unknown: text})
		}
	case tabUsers:
		r.items = m.userRows(v.use)
	}
	r.items = slices.DeleteFunc(r.items, func(c content) bool { return !contentMatches(&v.filter, &c) })
	for i := range r.items {
		if x := r.items[i].vulnerability; x != nil {
			r.widestID = max(r.widestID, widthOf(x.ID))
			r.widestPackage = max(r.widestPackage, widthOf(x.Package))
			r.widestVersion = max(r.widestVersion, widthOf(x.Installed))
		}
	}
	return r
}

func vulnerabilityRows(u *harden.ImageUse, order vulnerabilityOrder) []content {
	if !u.Scanned() {
		return nil
	}
	var rows []content
	for i := range u.Scan.Vulnerabilities {
		v := &u.Scan.Vulnerabilities[i]
		rows = append(rows, content{id: strings.Join([]string{v.ID, v.Package, v.Path, v.Installed}, "|"), vulnerability: v})
	}
	slices.SortStableFunc(rows, func(a, b content) int {
		x, y := a.vulnerability, b.vulnerability
		switch order {
		case fixableFirst:
			return boolCompare(!x.Fixable(), !y.Fixable())
		case byPackage:
			return strings.Compare(x.Package, y.Package)
		case byID:
			return cmp.Or(strings.Compare(x.ID, y.ID), strings.Compare(x.Package, y.Package))
		}
		return 0 // as they come: the worst first
	})
	return rows
}

// userRows are the containers that use the image, each with the findings about
// it: the same rows as on the browse screen.
func (m *Model) userRows(u *harden.ImageUse) []content {
	about := map[string][]*row{}
	for _, at := range m.x.orders[bySeverity] {
		if r := &m.x.rows[at]; r.Fixer.Area == harden.AreaImage {
			place := m.x.objects[r.object].id + "|" + r.Container.String()
			about[place] = append(about[place], r)
		}
	}
	var rows []content
	for i := range u.By {
		b := &u.By[i]
		place := objectID(b.Workload.Ref) + "|" + b.Container.String()
		rows = append(rows, content{id: "user|" + place, user: b})
		for _, r := range about[place] {
			rows = append(rows, content{id: r.id, finding: r})
		}
	}
	return rows
}

// unknownOf is what nobody knows about an image, a line each.
func unknownOf(u *harden.ImageUse) []string {
	var out []string
	add := func(text string) {
		if text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if u.Facts == nil {
		add("nobody looked into it: users, files and ports are not known")
	} else {
		if !u.Facts.Known {
			add(or(u.Facts.Why, "it could not be read"))
		}
		add(u.Facts.FilesWhy)
	}
	switch {
	case u.Scan == nil:
		add("nobody scanned it: vulnerabilities and secrets are not known")
	case !u.Scan.Known:
		add("not scanned: " + or(u.Scan.Why, "the scanner gave no answer"))
	default:
		for _, g := range u.Scan.Gaps {
			add(g)
		}
		if !u.Scan.SecretsKnown {
			add("secrets are not known: nobody looked for them")
		}
	}
	for _, r := range u.References {
		if r.Tag != nil && !r.Tag.Known {
			add("what " + r.Name + " names now: " + r.Tag.Why)
		}
		if r.Updates != nil && !r.Updates.Known {
			add("newer tags of " + r.Name + ": " + r.Updates.Why)
		}
	}
	if s := u.Signature; s != nil && !s.Known {
		add("signatures: " + s.Why)
	}
	return out
}

func contentMatches(f *filter, c *content) bool {
	var text string
	switch {
	case c.vulnerability != nil:
		v := c.vulnerability
		text = strings.Join([]string{v.ID, v.Package, v.Path, v.Title}, " ")
	case c.secret != nil:
		text = strings.Join([]string{c.secret.Rule, c.secret.Path, c.secret.Title}, " ")
	case c.user != nil:
		text = c.user.Workload.Ref.Namespace + "/" + short(c.user.Workload.Ref) + " " + c.user.Container.Name
	case c.finding != nil:
		text = c.finding.Fixer.ID + " " + c.finding.Reason
	default:
		text = c.unknown
	}
	text = strings.ToLower(text)
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	for _, t := range f.terms {
		switch {
		case t.key == "severity" && c.vulnerability != nil && !t.severity(c.vulnerability.Severity),
			t.key == "severity" && c.secret != nil && !t.severity(c.secret.Severity),
			t.key == "severity" && c.finding != nil && !t.severity(c.finding.Severity),
			t.key == "name" && c.vulnerability != nil && !t.contains(c.vulnerability.Package),
			t.key == "ns" && c.user != nil && !t.contains(c.user.Workload.Ref.Namespace):
			return false
		}
	}
	return true
}

// content is the row under the cursor, or nil.
func (m *Model) content() *content {
	v := &m.image
	if v.use == nil || v.list.at >= v.rows.Len() {
		return nil
	}
	return &v.rows.items[v.list.at]
}

func (m *Model) nextTab(delta int) tea.Cmd {
	v := &m.image
	const tabs = int(tabUsers) + 1
	v.tab = imageTab((int(v.tab) + delta + tabs) % tabs)
	v.rows, v.list = contentRows{}, list{}
	m.refreshImage()
	return nil
}

func (m *Model) sortContents() tea.Cmd {
	v := &m.image
	v.order = (v.order + 1) % vulnerabilityOrder(len(vulnerabilityOrderNames))
	m.refreshImage()
	return m.say("vulnerabilities by " + vulnerabilityOrderNames[v.order])
}

func noOrder(m *Model) string {
	if m.image.tab != tabVulnerabilities {
		return "only vulnerabilities are sorted"
	}
	return ""
}

// enterContent reads a row in the whole frame, or goes to the workload that it is.
func (m *Model) enterContent() tea.Cmd {
	c := m.content()
	switch {
	case c == nil:
		return nil
	case c.user != nil:
		return m.showObject(objectID(c.user.Workload.Ref), "")
	case c.finding != nil:
		return m.showObject(m.x.objects[c.finding.object].id, c.finding.id)
	}
	m.image.zoom = !m.image.zoom
	m.refreshImage()
	return nil
}

func noContent(m *Model) string {
	if m.content() == nil {
		return "nothing here"
	}
	return ""
}

func (m *Model) backFromImage() tea.Cmd {
	v := &m.image
	switch {
	case v.zoom:
		v.zoom = false
		m.refreshImage()
	case v.filter.text != "":
		return m.setFilter("")
	default:
		m.screen = screenImages
		m.refreshImages()
	}
	return nil
}

// showObject goes to an object on the browse screen, and to one of its findings.
func (m *Model) showObject(object, finding string) tea.Cmd {
	at := slices.IndexFunc(m.x.objects, func(e entry) bool { return e.id == object })
	if at < 0 {
		return m.say("this workload is gone")
	}
	m.show(screenBrowse)
	b := &m.browse
	m.filter, m.match = filter{}, nil
	space := m.x.objects[at].space
	b.unfolded = b.unfolded || m.x.spaces[space].system
	m.refresh(true)
	p := m.panes()
	if i := slices.Index(b.spaceRows.items, space); i >= 0 {
		b.spaces.to(b.spaceRows, i, p.spaces.h-2)
	}
	m.refreshObjects(true)
	if i := slices.Index(b.objectRows.items, int32(at)); i >= 0 {
		b.objects.to(b.objectRows, i, p.objects.h-2)
	}
	m.refreshFinds(true)
	b.focus = levelFinds
	for i := range b.findRows.Len() {
		if b.findRows.ID(i) == finding && finding != "" {
			b.finds.at = i
		}
	}
	m.reclamp()
	return nil
}

// noImageMark tells why what is under the cursor of an image cannot be marked.
func noImageMark(m *Model) string {
	switch c := m.content(); {
	case c == nil || c.finding == nil:
		return "only findings are marked: tab goes to who uses the image, with the findings about it"
	case m.marks[c.finding.id]:
		return ""
	default:
		return m.markable(c.finding.Finding, c.finding.id)
	}
}

func (m *Model) markContent() tea.Cmd {
	m.flip(m.content().finding.id)
	return m.moveCursor(1)
}

func noImageFix(m *Model) string {
	if len(m.marked()) > 0 {
		return ""
	}
	return noImageMark(m)
}

func imageScreen() screenDef {
	return screenDef{
		on: onImage, crumbs: (*Model).imageCrumbs, view: (*Model).imageView, build: (*Model).buildImagePage, marks: true,
		page:   func(m *Model) *doc { return &m.image.page },
		list:   func(m *Model) (*list, rows) { return &m.image.list, m.image.rows },
		places: func(m *Model) (list, text rect) { return m.imagePlaces(screenImage) },
		zoomed: func(m *Model) bool { return m.image.zoom },
		filter: func(m *Model) *filter { return &m.image.filter },
		refine: func(m *Model, text string) {
			m.image.filter = parseImageFilter(text)
			m.refreshImages()
		},
		head: (*Model).clickContents, mark: (*Model).flipContent,
		fit: (*Model).refreshImages,
	}
}

// clickContents sorts what is sorted.
func (m *Model) clickContents(tea.MouseClickMsg) tea.Cmd {
	if noOrder(m) != "" {
		return nil
	}
	return m.sortContents()
}

func (m *Model) imageCrumbs() []string {
	if m.image.use == nil {
		return []string{"images"}
	}
	return []string{"images", path.Base(m.image.use.Name())}
}
