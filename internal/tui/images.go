package tui

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// imaging is the list of the images that the workloads in view use.
type imaging struct {
	uses   []*harden.ImageUse // all that are known: of the snapshot, or of a look under way
	rows   imageRows          // those in view
	list   list
	order  imageOrder
	filter filter
	page   doc
	drawn  drawn
	mixed  bool // uses are for more than one platform
	// version grows with every change of uses.
	version int
}

type imageRows []*harden.ImageUse

func (r imageRows) Len() int        { return len(r) }
func (r imageRows) ID(i int) string { return imageID(r[i]) }

func imageID(u *harden.ImageUse) string { return u.Key.Reference + " " + u.Key.Platform }

// imageOrder is how the images are sorted.
type imageOrder int

const (
	byDamage imageOrder = iota
	byName
	byAge
	bySize
)

var imageOrderNames = [...]string{"severity", "name", "age", "size"}

// openImages shows the images of the workloads in view.
func (m *Model) openImages() tea.Cmd {
	m.screen = screenImages
	m.detail.stop()
	m.detail.id = ""
	m.images.list, m.images.filter = list{}, filter{}
	m.refreshImages()
	return nil
}

func (m *Model) closeImages() tea.Cmd {
	m.show(screenBrowse)
	return nil
}

// adoptUses takes newer knowledge about images.
func (m *Model) adoptUses(uses []*harden.ImageUse) {
	m.images.uses = uses
	m.images.mixed = slices.ContainsFunc(uses, func(u *harden.ImageUse) bool { return u.Key.Platform != uses[0].Key.Platform })
	m.images.version++
	m.refreshImages()
}

// refreshImages derives the rows of the image screens, while one is shown.
func (m *Model) refreshImages() {
	if m.x == nil || m.screen != screenImages && m.screen != screenImage {
		return
	}
	im := &m.images
	old := im.rows
	im.rows = m.deriveImages()
	pane, _ := m.imagePlaces(screenImages)
	im.list.keep(old, im.rows, pane.h-2)
	im.list.clamp(im.rows, pane.h-2)
	m.refreshImage()
}

// deriveImages are the images in view that the filter leaves, sorted.
func (m *Model) deriveImages() imageRows {
	objects := m.objectsInView()
	var rows imageRows
	for _, u := range m.images.uses {
		if usedBy(u, objects) && imageMatches(&m.images.filter, u) {
			rows = append(rows, u)
		}
	}
	if m.images.order != byDamage { // the order in which they come
		slices.SortStableFunc(rows, m.images.order.compare)
	}
	return rows
}

func (o imageOrder) compare(a, b *harden.ImageUse) int {
	facts := func(u *harden.ImageUse) *harden.ImageFacts {
		if u.Facts == nil || !u.Facts.Known {
			return &harden.ImageFacts{}
		}
		return u.Facts
	}
	switch o {
	case byName:
		return strings.Compare(a.Name(), b.Name())
	case byAge:
		x, y := facts(a).Created, facts(b).Created
		if x.IsZero() != y.IsZero() {
			return boolCompare(x.IsZero(), y.IsZero())
		}
		return x.Compare(y)
	}
	return cmp.Compare(facts(b).Size, facts(a).Size)
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// objectsInView are the identities of the objects that the browse screen shows.
func (m *Model) objectsInView() map[string]bool {
	in := map[string]bool{}
	if o := m.selectedObject(); o != rowAll {
		in[m.x.objects[o].id] = true
		return in
	}
	for _, o := range m.browse.objectRows.items {
		if o != rowAll {
			in[m.x.objects[o].id] = true
		}
	}
	return in
}

func usedBy(u *harden.ImageUse, objects map[string]bool) bool {
	return slices.ContainsFunc(u.By, func(b harden.ImageUsage) bool { return objects[objectID(b.Workload.Ref)] })
}

// workloadsOf are the workloads that use any of the images, each once.
func workloadsOf(uses []*harden.ImageUse) []*harden.Workload {
	found := map[harden.Key]*harden.Workload{}
	for _, u := range uses {
		for _, b := range u.By {
			found[b.Workload.Ref.Key()] = b.Workload
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *harden.Workload) int {
		return strings.Compare(a.Ref.Long()+a.Ref.Source.String(), b.Ref.Long()+b.Ref.Source.String())
	})
}

// imageFilterTerms are the terms that say something about images.
var imageFilterTerms = []string{"severity", "ns", "name"}

// parseImageFilter reads words and terms about images or about what is in them.
func parseImageFilter(text string) filter {
	f := parseFilter(text)
	for _, t := range f.terms {
		if !slices.Contains(imageFilterTerms, t.key) {
			f.fail("no term %q here: use %s", t.key, strings.Join(imageFilterTerms, ", "))
		}
	}
	return f
}

// imageMatches reports whether all words and terms are found in an image: in its
// names, its platform and distribution, its workloads, or in what was found in it.
func imageMatches(f *filter, u *harden.ImageUse) bool {
	for _, w := range f.words {
		if !imageHas(u, w) {
			return false
		}
	}
	for _, t := range f.terms {
		has := func(s string) bool { return t.contains(s) }
		ok := true
		switch t.key {
		case "name":
			ok = slices.ContainsFunc(u.References, func(r harden.ImageReference) bool { return has(r.Name) })
		case "ns":
			ok = slices.ContainsFunc(u.By, func(b harden.ImageUsage) bool { return has(b.Workload.Ref.Namespace) })
		case "severity":
			ok = u.Scanned() && slices.ContainsFunc(u.Scan.Vulnerabilities, func(v harden.Vulnerability) bool { return t.severity(v.Severity) })
		}
		if !ok {
			return false
		}
	}
	return true
}

func imageHas(u *harden.ImageUse, word string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), word) }
	if near(word, strings.ToLower(u.Name())) || has(u.Digest()) || has(u.Key.Platform) {
		return true
	}
	for _, b := range u.By {
		if has(short(b.Workload.Ref)) || has(b.Workload.Ref.Namespace) {
			return true
		}
	}
	if !u.Scanned() {
		return false
	}
	return has(u.Scan.OS.Family+" "+u.Scan.OS.Name) ||
		slices.ContainsFunc(u.Scan.Vulnerabilities, func(v harden.Vulnerability) bool { return has(v.ID) || has(v.Package) }) ||
		slices.ContainsFunc(u.Scan.Secrets, func(s harden.ImageSecret) bool { return has(s.Rule) || has(s.Path) })
}

func (m *Model) sortImages() tea.Cmd {
	return m.sortImagesBy((m.images.order + 1) % imageOrder(len(imageOrderNames)))
}

func (m *Model) sortImagesBy(order imageOrder) tea.Cmd {
	m.images.order = order
	m.refreshImages()
	return m.say("images by " + imageOrderNames[order])
}

func (m *Model) openImage() tea.Cmd {
	u := m.images.rows[m.images.list.at]
	m.image = imageView{id: imageID(u)}
	m.screen = screenImage
	m.refreshImage()
	return nil
}

func (m *Model) backFromImages() tea.Cmd {
	if m.images.filter.text != "" {
		return m.setFilter("")
	}
	return m.closeImages()
}

// imagePlaces are the list and the text of an image screen. Lists get more room
// than elsewhere, and all of it where the frame is low.
func (m *Model) imagePlaces(s screen) (list, text rect) {
	body := m.body()
	switch {
	case s == screenImage && m.image.zoom:
		return rect{}, body
	case m.width >= threePanes:
		w := m.width * 62 / 100
		return rect{0, body.y, w, body.h}, rect{w, body.y, m.width - w, body.h}
	case body.h < stackFrom && s == screenImages:
		return body, rect{}
	case body.h < stackFrom:
		const few = 5
		return rect{0, body.y, m.width, body.h - few}, rect{0, body.y + body.h - few, m.width, few}
	}
	rows := m.images.rows.Len()
	if s == screenImage {
		rows = m.image.rows.Len()
	}
	h := min(max(rows+2, 6), body.h*55/100)
	return rect{0, body.y, m.width, h}, rect{0, body.y + h, m.width, body.h - h}
}

func noImages(m *Model) string {
	if m.x == nil || len(m.images.uses) == 0 {
		return "no workload here names an image"
	}
	return ""
}

func noImage(m *Model) string {
	if m.images.rows.Len() == 0 {
		return "no image in view"
	}
	return ""
}

func noImageText(m *Model) string {
	if len(m.here().page(m).lines) == 0 {
		return "nothing here"
	}
	return ""
}

// chosenImages are those that a look from the present screen is about.
func (m *Model) chosenImages() []*harden.ImageUse {
	if m.screen == screenImage {
		if m.image.use == nil {
			return nil
		}
		return []*harden.ImageUse{m.image.use}
	}
	return m.images.rows
}

func noScan(m *Model) string {
	switch {
	case m.look.busy:
		return "still looking: x stops it"
	case len(m.chosenImages()) == 0:
		return "no image in view"
	}
	return ""
}

// imageAge is how long ago an image was built, or "".
func (m *Model) imageAge(u *harden.ImageUse) string {
	if u.Facts == nil || !u.Facts.Known {
		return ""
	}
	return age(u.Facts.Created, m.now())
}

// databaseAge is the age of the oldest vulnerability database that the images in
// view were scanned with, or "".
func (m *Model) databaseAge(uses []*harden.ImageUse) string {
	var oldest time.Time
	for _, u := range uses {
		if !u.Scanned() || u.Scan.Database.IsZero() {
			continue
		}
		if oldest.IsZero() || u.Scan.Database.Before(oldest) {
			oldest = u.Scan.Database
		}
	}
	if oldest.IsZero() {
		return ""
	}
	if a := age(oldest, m.now()); a != "" {
		return "database " + a + " old"
	}
	return "database is new"
}

func imagesScreen() screenDef {
	return screenDef{
		on: onImages, crumbs: func(*Model) []string { return []string{"images"} }, view: (*Model).imagesView, build: (*Model).buildImagesPage,
		page:   func(m *Model) *doc { return &m.images.page },
		list:   func(m *Model) (*list, rows) { return &m.images.list, m.images.rows },
		places: func(m *Model) (list, text rect) { return m.imagePlaces(screenImages) },
		filter: func(m *Model) *filter { return &m.images.filter },
		refine: func(m *Model, text string) {
			m.images.filter = parseImageFilter(text)
			m.refreshImages()
		},
		fit: (*Model).refreshImages,
	}
}

// imagesActions are those of the screens about images, and about a look.
func imagesActions() []action {
	return []action{
		{name: "scan", keys: []string{"s"}, help: "scan the images in view, or the one that is open, for vulnerabilities and secrets (asks first)", on: onImages | onImage, hint: 2, ready: noScan, run: (*Model).askScan},
		{name: "look", keys: []string{"i"}, help: "only look what the images are: users, ports, files (asks first)", on: onImages | onImage, hint: 9, ready: noScan, run: (*Model).askLook},
		{name: "newer tags", keys: []string{"t"}, help: "look for newer tags of the images, and scan those that are worth a proposal (asks first)", on: onImages | onImage, hint: 7, ready: noScan, run: (*Model).askUpdates},
		{name: "stop", keys: []string{"x"}, help: "stop looking; what was found is kept", on: onBrowse | onImages | onImage, hint: 3, rare: true, ready: noStop, run: (*Model).stopLook},
		{name: "mark", keys: []string{"space"}, help: "mark the finding about the image for fixing", on: onImage, hint: 3, rare: true, ready: noImageMark, run: (*Model).markContent},
		{name: "fix", keys: []string{"f"}, help: "plan the marked fixes, or the one under the cursor", on: onImage, hint: 4, rare: true, ready: noImageFix, run: (*Model).openPlan},
		{name: "filter", keys: []string{"/"}, help: "filter by words (an image, a package, a CVE, a workload) and terms such as severity:high+ ns:shop", on: onImages | onImage, hint: 6, run: (*Model).openFilter},
		{name: "sort", keys: []string{"g"}, help: "sort the images by severity, name, age or size", on: onImages, hint: 8, ready: noImage, run: (*Model).sortImages},
		{name: "sort", keys: []string{"g"}, help: "sort the vulnerabilities by severity, fixed version, package or id", on: onImage, hint: 8, ready: noOrder, run: (*Model).sortContents},
		{name: "copy", keys: []string{"y"}, help: "copy what stands about the image, or about the row under the cursor", on: onImages | onImage, ready: noImageText, run: func(m *Model) tea.Cmd { return m.copyPage(m.imageTitle()) }},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "what is in the image, and who uses it", on: onImages, hint: 1, ready: noImage, run: (*Model).openImage},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "read all of it in the whole frame; from a workload or a finding: go there", on: onImage, hint: 1, ready: noContent, run: (*Model).enterContent},
		{name: "next list", keys: []string{"tab"}, help: "next list: vulnerabilities, secrets, not known, used by", on: onImage, hint: 1, run: func(m *Model) tea.Cmd { return m.nextTab(1) }},
		{name: "list before", keys: []string{"shift+tab"}, help: "list before", on: onImage, run: func(m *Model) tea.Cmd { return m.nextTab(-1) }},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "clear the filter, or go back; a look goes on", on: onImages, hint: 4, run: (*Model).backFromImages},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back: from the whole frame, from the filter, to the images", on: onImage, hint: 5, run: (*Model).backFromImage},
	}
}
