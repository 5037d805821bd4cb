package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// detail is everything about the finding under the cursor.
type detail struct {
	page    doc
	drawn   drawn  // what page shows
	id      string // finding that the rest is about
	gen     int
	seq     int // of the last request for a patch
	cancel  context.CancelFunc
	pending bool
	preview *preview // nil until it is there; may be of an older generation
}

// drawn is what a page was built from; when it is unchanged so is the page.
type drawn struct {
	id      string
	gen, w  int
	theme   *theme
	preview *preview
	pending bool
	x       *index
	extra   any
}

// preview is the ways to repair a finding and the patch of the best one.
type preview struct {
	fixes []harden.Fix
	plan  *harden.Plan
	err   error
}

type (
	previewDueMsg struct{ seq int }
	previewMsg    struct {
		seq     int
		preview *preview
	}
)

// followDetail asks for the patch of the finding under the cursor once the
// cursor rests, and again when the data changed.
func (m *Model) followDetail() tea.Cmd {
	if m.x == nil || m.screen != screenBrowse || m.panes().detail.h == 0 {
		return nil
	}
	r := m.current()
	d := &m.detail
	if r == nil {
		d.stop()
		d.id, d.preview = "", nil
		return nil
	}
	gen := m.x.snap.Generation
	if d.id == r.id && d.gen == gen {
		return nil
	}
	if d.id != r.id {
		d.preview = nil
		d.page.top = 0
	}
	d.stop()
	d.id, d.gen = r.id, gen
	if r.Fixer.Fix == nil || r.Status != harden.StatusFail {
		d.preview = &preview{}
		return nil
	}
	d.seq++
	d.pending = true
	return later(previewAfter, previewDueMsg{d.seq})
}

func (d *detail) stop() {
	if d.cancel != nil {
		d.cancel()
		d.cancel = nil
	}
	d.pending = false
}

func (msg previewDueMsg) take(m *Model) tea.Cmd {
	d := &m.detail
	r := m.current()
	if msg.seq != d.seq || !d.pending || r == nil || r.id != d.id {
		return nil
	}
	var ctx context.Context
	ctx, d.cancel = context.WithCancel(m.root)
	b, f := m.backend, r.Finding
	return func() tea.Msg {
		p := &preview{fixes: b.Fixes(f)}
		if len(p.fixes) > 0 {
			p.plan, p.err = b.Preview(ctx, f)
		}
		return previewMsg{msg.seq, p}
	}
}

func (msg previewMsg) take(m *Model) tea.Cmd {
	d := &m.detail
	if msg.seq != d.seq || !d.pending {
		return nil
	}
	d.stop()
	d.preview = msg.preview
	if err := msg.preview.err; err != nil {
		return m.fail("working out the patch", err)
	}
	return nil
}

func (m *Model) buildDetail() {
	pane := m.panes().detail
	r := m.current()
	if m.x == nil || pane.h == 0 || r == nil {
		m.detail.page.lines = nil
		m.detail.drawn = drawn{}
		return
	}
	d := &m.detail
	now := drawn{id: r.id, gen: d.gen, w: pane.w - 4, theme: m.theme, preview: d.preview, pending: d.pending, x: m.x}
	if now != d.drawn {
		d.drawn = now
		p := &page{st: &m.theme.styles, w: max(1, pane.w-4)}
		m.writeDetail(p, r)
		d.page.lines = p.lines
	}
	d.page.scroll(0, pane.h-2)
}

func (m *Model) writeDetail(p *page, r *row) {
	f := r.Finding
	p.para(p.st.strong, 0, f.Fixer.Title)
	sign, style := p.st.signOf(f)
	p.spans(span{style, sign.glyph + " " + sign.word}, span{p.st.dim, "  " + where(f)})
	if !f.Object.Source.IsZero() {
		p.para(p.st.dim, 0, f.Object.Source.String())
	}
	if f.SeverityWhy != "" && f.Severity != f.Base {
		p.para(p.st.dim, 2, "moved from "+f.Base.String()+": "+f.SeverityWhy)
	}
	if f.Field != "" {
		p.para(p.st.code, 0, f.Field)
	}
	p.gap()
	p.para(p.st.text, 0, f.Reason)
	if f.Detail != "" && f.Detail != f.Reason {
		p.para(p.st.text, 0, f.Detail)
	}
	if f.Verdict != "" {
		p.para(p.st.dim, 0, "verdict: "+f.Verdict)
	}
	writeExcuse(p, f.Excuse)
	if f.Lens != harden.Declared {
		p.para(p.st.dim, 0, "seen on "+lensWords[f.Lens])
	}
	if f.BlockedBy != "" {
		p.para(p.st.warn, 0, "first fix "+f.BlockedBy)
	}
	if f.Workload != nil && f.Fixer.Area == harden.AreaIdentity {
		writeToken(p, m.backend.Token(f.Workload))
	}
	m.writeFix(p, f)
	if f.Fixer.Doc != "" {
		p.head("About this rule", "")
		p.markdown(f.Fixer.Doc)
	}
	if len(f.Fixer.Refs) > 0 {
		p.head("References", "")
		for _, ref := range f.Fixer.Refs {
			p.item(p.st.text, "• ", strings.TrimSpace(ref.Standard+" "+ref.ID))
			if ref.URL != "" {
				p.para(p.st.dim, 2, ref.URL)
			}
		}
	}
}

// writeExcuse says why a finding does not count.
func writeExcuse(p *page, e *harden.Excuse) {
	if e == nil {
		return
	}
	p.head("Why it does not count", "")
	p.para(p.st.text, 0, e.Reason)
	fact := func(label, text string) {
		if text != "" {
			p.lead(p.st.dim, label, p.st.text, text)
		}
	}
	if !e.Until.IsZero() {
		fact("until   ", e.Until.Format(time.DateOnly))
	}
	fact("by      ", e.By)
	fact("ticket  ", e.Ticket)
	fact("written ", e.Source)
	p.gap()
}

// writeToken says what the token of the pods can do.
func writeToken(p *page, t *harden.TokenView) {
	if t == nil {
		return
	}
	p.head("What its token can do", "ServiceAccount "+t.Account)
	switch {
	case !t.MountKnown:
		p.para(p.st.dim, 0, "whether it is mounted is not known")
	case !t.Mounted:
		p.para(p.st.dim, 0, "none is mounted: this is what one could do")
	}
	for _, l := range t.Lines {
		p.lead(p.st.dim, "• "+l.Severity.String()+"  ", p.st.text, l.Text)
	}
	for _, why := range t.Unknown {
		p.lead(p.st.dim, "• unknown  ", p.st.text, why)
	}
	if len(t.Lines) == 0 && len(t.Unknown) == 0 {
		p.para(p.st.text, 0, "nothing beyond what every ServiceAccount may")
	}
}

var lensWords = map[harden.Lens]string{
	harden.Effective: "the live pod, after admission",
	harden.Injected:  "the live pod only: no template declares this part",
}

// where is shop/deploy/web, container web.
func where(f *harden.Finding) string {
	s := short(f.Object)
	if f.Object.Namespace != "" {
		s = f.Object.Namespace + "/" + s
	}
	if !f.Container.IsZero() {
		s += " › " + containerWord(f.Container)
	}
	return s
}

func containerWord(c harden.ContainerRef) string {
	if c.Kind == harden.AppContainer {
		return c.Name
	}
	return string(c.Kind) + " " + c.Name
}

func (m *Model) writeFix(p *page, f *harden.Finding) {
	d := m.detail.preview
	switch {
	case f.Status != harden.StatusFail:
		return
	case f.Fixer.Fix == nil:
		p.head("Fix", "none: this rule only detects")
		return
	case d == nil:
		p.head("Fix", "working it out …")
		return
	case len(d.fixes) == 0 && d.err == nil:
		p.head("Fix", "none is offered here")
		return
	}
	now := m.now()
	for i, fix := range d.fixes {
		if i == 0 {
			p.gap()
			p.spans(span{p.st.strong, "Fix  "}, span{p.st.classStyle(fix.Class), classWord(fix.Class)})
			p.para(p.st.text, 0, fix.Title)
			writeFixNotes(p, &fix)
			writeClaims(p, fix.Evidence, now)
			m.writePatch(p, d)
			continue
		}
		if i == 1 {
			p.head("Other ways", "")
		}
		p.lead(p.st.classStyle(fix.Class), "• "+fix.Class.String()+"  ", p.st.text, fix.Title)
		writeFixNotes(p, &fix)
	}
}

func writeFixNotes(p *page, fix *harden.Fix) {
	if fix.Warning != "" {
		p.lead(p.st.warn, "! ", p.st.text, fix.Warning)
	}
	if fix.Manual != "" {
		p.lead(p.st.warn, "by hand: ", p.st.text, fix.Manual)
	}
}

func classWord(c harden.Class) string {
	switch c {
	case harden.Safe:
		return "safe: cannot change what any process may do"
	case harden.Evidence:
		return "evidence: safe by what was seen"
	default:
		return "review: you decide"
	}
}

func writeClaims(p *page, claims []harden.Claim, now time.Time) {
	for _, c := range claims {
		style, lead := p.st.good, "✓ holds    "
		switch c.State {
		case harden.Missing:
			style, lead = p.st.warn, "? missing  "
		case harden.Refutes:
			style, lead = p.st.bad, "✗ refutes  "
		}
		text := c.Text
		if c.Code != "" {
			text = c.Code + "  " + text
		}
		if a := age(c.Time, now); a != "" {
			text += " (seen " + a + " before)"
		}
		p.lead(style, lead, p.st.text, text)
		if c.Limits != "" {
			p.para(p.st.dim, 11, "does not show: "+c.Limits)
		}
	}
}

// now is the moment of the data; zero when it is not known.
func (m *Model) now() time.Time {
	if m.x == nil || m.x.snap.Inventory == nil {
		return time.Time{}
	}
	return m.x.snap.Inventory.Now
}

// age is how long before now something was seen, when that is worth a word.
func age(seen, now time.Time) string {
	if seen.IsZero() || now.IsZero() {
		return ""
	}
	switch d := now.Sub(seen); {
	case d < time.Minute:
		return ""
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func (m *Model) writePatch(p *page, d *preview) {
	if d.err != nil {
		p.head("Patch", "")
		p.lead(p.st.bad, "✗ ", p.st.text, d.err.Error())
		return
	}
	if d.plan == nil {
		return
	}
	for _, o := range d.plan.Objects {
		p.head("Patch", short(o.Target))
		writeDelivery(p, o, d.plan.Live)
		p.diff(o.Diff)
		if o.Diff == "" && o.Delivery != harden.DeliverManual {
			p.para(p.st.dim, 0, "no difference to the object as it is")
		}
	}
	for _, l := range d.plan.LeftOut {
		p.lead(p.st.warn, "left out: ", p.st.text, l.Why)
	}
}

// writeDelivery says how a patch reaches its object and who else writes it.
func writeDelivery(p *page, o *harden.ObjectPlan, live bool) {
	if o.Owner != nil {
		p.lead(p.st.warn, "managed by ", p.st.text, ownerWord(o.Owner))
		writeOwner(p, o)
	}
	switch {
	case o.Delivery == harden.DeliverSource:
		p.lead(p.st.warn, "in the source: ", p.st.text, or(o.DeliveryWhy, "a live patch would be undone"))
	case o.Delivery == harden.DeliverManual:
		p.lead(p.st.warn, "by hand: ", p.st.text, or(o.DeliveryWhy, "no request can do this"))
	case o.DeliveryWhy != "":
		p.para(p.st.dim, 0, o.DeliveryWhy)
	}
	if live && o.Restarts > 0 {
		p.para(p.st.dim, 0, restartWord(o))
	}
}

// writeOwner says when an owner writes next, where it takes the object from, and
// who holds what the patch changes.
func writeOwner(p *page, o *harden.ObjectPlan) {
	lead := func(label, text string) {
		if text != "" {
			p.lead(p.st.dim, label, p.st.text, text)
		}
	}
	lead("writes next: ", o.Owner.Next)
	if o.Owner.Origin != nil && o.Delivery != harden.DeliverSource {
		lead("comes from ", o.Owner.Origin.String())
	}
	lead("not known: ", o.Owner.Unknown)
	for _, h := range o.Holders() {
		lead("held by "+h.Who+": ", strings.Join(h.Fields, ", "))
	}
}

func restartWord(o *harden.ObjectPlan) string {
	if o.Restarts > 1 {
		return "restarts its pods " + itoa(o.Restarts) + " times: removals need a request of their own"
	}
	return "restarts its pods once"
}

func ownerWord(o *harden.Owner) string {
	s := o.Name
	if o.What != "" {
		s += " " + o.What
	}
	if o.Manager != "" {
		s += " (field manager " + o.Manager + ")"
	}
	return s
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
