package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A dialog lies on top of the screen and gets the keys first.
type dialog interface {
	key(m *Model, msg tea.KeyPressMsg) tea.Cmd
	// box is the dialog for a frame of w x h cells.
	box(m *Model, w, h int) []string
	scroll(m *Model, delta int)
}

// A typist is a dialog with a line to type in.
type typist interface {
	paste(m *Model, msg tea.PasteMsg) tea.Cmd
	// line is what is typed into, or nil, and the cell of the box where it begins.
	line() (in *input, x, y int)
}

func (m *Model) open(d dialog) { m.dialogs = append(m.dialogs, d) }

func (m *Model) closeDialog() {
	if n := len(m.dialogs); n > 0 {
		m.dialogs = m.dialogs[:n-1]
	}
}

func (m *Model) top() dialog {
	if n := len(m.dialogs); n > 0 {
		return m.dialogs[n-1]
	}
	return nil
}

// confirm asks for a y before something is written or given up. It takes keys
// only once it is armed, so that keys typed ahead cannot answer it.
type confirm struct {
	title string
	lines []string // what will happen
	notes []string // what to keep in mind
	yes   string   // what y does, a verb
	do    func(*Model) tea.Cmd
	armed bool
	// write writes what is to be read before the answer; nil: nothing.
	write func(p *page)
	doc   doc // all of that
	drawn drawn
	room  int // lines of doc that are shown
}

type armMsg struct{ c *confirm }

func (msg armMsg) take(*Model) tea.Cmd {
	msg.c.armed = true
	return nil
}

func (m *Model) ask(c *confirm) tea.Cmd {
	m.open(c)
	return later(armAfter, armMsg{c})
}

func (c *confirm) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	if !c.armed {
		return nil
	}
	switch msg.String() {
	case "y":
		if msg.IsRepeat {
			return nil
		}
		return c.agree(m)
	case "n", "esc", "q", "ctrl+c":
		m.closeDialog()
	case "down", "j":
		c.scroll(m, 1)
	case "up", "k":
		c.scroll(m, -1)
	case "pgdown":
		c.scroll(m, c.room)
	case "pgup":
		c.scroll(m, -c.room)
	}
	return nil
}

func (c *confirm) agree(m *Model) tea.Cmd {
	m.closeDialog()
	return c.do(m)
}

func (c *confirm) scroll(_ *Model, delta int) { c.doc.scroll(delta, c.room) }

func (c *confirm) box(m *Model, w, h int) []string {
	p := &page{st: &m.theme.styles, w: min(64, w-6)}
	if c.write != nil {
		p.w = min(96, w-6)
	}
	for _, l := range c.lines {
		p.para(p.st.strong, 0, l)
	}
	if len(c.notes) > 0 {
		p.gap()
	}
	for _, l := range c.notes {
		p.lead(p.st.warn, "! ", p.st.text, l)
	}
	if now := (drawn{w: p.w, theme: m.theme}); now != c.drawn {
		c.drawn = now
		if c.write != nil {
			p.gap()
			c.write(p)
		}
		c.doc.lines = p.lines
	}
	n := len(c.doc.lines)
	c.room = max(1, min(n, h-4))
	c.doc.scroll(0, c.room)
	p.lines = slices.Clone(c.doc.window(c.room))
	title := c.title
	if n > c.room {
		title += "  " + itoa(c.doc.top+1) + "-" + itoa(c.doc.top+c.room) + " of " + itoa(n)
	}
	if below := n - c.doc.top - c.room; below > 0 {
		p.lines = append(p.lines, p.st.warn.Render("↓ "+plural(below, "more line", "more lines")))
	} else {
		p.lines = append(p.lines, "")
	}
	if c.armed {
		y := len(p.lines) + 1
		agree, leave := widthOf("y "+c.yes), widthOf("n leave it")
		const apart = 4
		m.button(2, y, agree, c.agree)
		m.button(2+agree+apart, y, leave, func(m *Model) tea.Cmd {
			m.closeDialog()
			return nil
		})
		p.lines = append(p.lines, p.st.key.Render("y")+p.st.text.Render(" "+c.yes+"    ")+p.st.key.Render("n")+p.st.text.Render(" leave it"))
	} else {
		p.lines = append(p.lines, p.st.dim.Render("y "+c.yes+"    n leave it    (a moment …)"))
	}
	return m.frameBox(title, p.lines, p.w)
}

// pager is text to read.
type pager struct {
	title string
	write func(m *Model, p *page)
	doc   doc
	width int // wanted
}

func (d *pager) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "q", "enter", "ctrl+c", "?", "!", "r":
		m.closeDialog()
	case "down", "j":
		d.scroll(m, 1)
	case "up", "k":
		d.scroll(m, -1)
	case "pgdown", "space", "ctrl+d":
		d.scroll(m, m.height/2)
	case "pgup", "ctrl+u":
		d.scroll(m, -m.height/2)
	case "home":
		d.doc.top = 0
	case "end":
		d.scroll(m, len(d.doc.lines))
	}
	return nil
}

// The lines must be known for scrolling; box draws them from the same.
func (d *pager) scroll(m *Model, delta int) {
	d.layOut(m, m.width)
	d.doc.scroll(delta, d.room(m.height))
}

func (d *pager) room(h int) int { return max(1, h-6) }

func (d *pager) layOut(m *Model, w int) int {
	p := &page{st: &m.theme.styles, w: max(1, min(d.width, w-8))}
	d.write(m, p)
	d.doc.lines = p.lines
	return p.w
}

func (d *pager) box(m *Model, w, h int) []string {
	width := d.layOut(m, w)
	room := d.room(h)
	d.doc.scroll(0, room)
	lines := d.doc.window(min(room, len(d.doc.lines)))
	title := d.title
	if len(d.doc.lines) > room {
		title += "  " + itoa(d.doc.top+1) + "-" + itoa(d.doc.top+len(lines)) + " of " + itoa(len(d.doc.lines))
	}
	return m.frameBox(title, lines, width)
}

// frameBox puts a border around lines of w cells.
func (m *Model) frameBox(title string, lines []string, w int) []string {
	st := &m.theme.styles
	inner := w + 2
	title = ansi.Truncate(clean(title), max(0, inner-3), ellipsis)
	rest := max(0, inner-3-widthOf(title))
	out := []string{st.focus.Render("╭─ ") + st.strong.Render(title) + st.focus.Render(" "+strings.Repeat("─", rest)+"╮")}
	side := st.focus.Render("│")
	for _, l := range lines {
		out = append(out, side+" "+clip(l, w)+" "+side)
	}
	return append(out, st.focus.Render("╰"+strings.Repeat("─", inner)+"╯"))
}

func (m *Model) showError() tea.Cmd {
	err := m.lastErr
	m.open(&pager{title: "Last error", width: 88, write: func(_ *Model, p *page) { writeError(p, err) }})
	return nil
}

func (m *Model) showUnread() tea.Cmd {
	m.open(&pager{title: "Not readable", width: 76, write: func(m *Model, p *page) {
		p.para(p.st.dim, 0, "What could not be read was not judged. Rules that need it say unknown or are silent.")
		for _, u := range harden.GatherUnread(m.unread()) {
			p.gap()
			name := u.Resource
			if u.Namespace != "" {
				name += " in " + u.Namespace
			}
			p.para(p.st.strong, 0, name)
			p.para(p.st.text, 2, u.Why)
		}
	}})
	return nil
}

func (m *Model) showHelp() tea.Cmd {
	m.open(&pager{title: "Help", width: 84, write: writeHelp})
	return nil
}

func writeHelp(m *Model, p *page) {
	here := m.place()
	keysWide := 0
	for i := range m.actions {
		if m.actions[i].on&here != 0 {
			keysWide = max(keysWide, widthOf(m.actions[i].keyWords()))
		}
	}
	var not []*action
	for i := range m.actions {
		switch a := &m.actions[i]; {
		case a.on&here == 0:
		case a.why(m) != "":
			not = append(not, a)
		default:
			p.lead(p.st.key, fit(a.keyWords(), keysWide)+"  ", p.st.text, a.help)
		}
	}
	if len(not) > 0 {
		p.head("Not possible now", "")
	}
	for _, a := range not {
		p.lead(p.st.dim, fit(a.keyWords(), keysWide)+"  ", p.st.dim, a.help+" ("+a.why(m)+")")
	}
	p.head("Commands", "after a colon")
	all := commands()
	for i := range all {
		c := &all[i]
		p.lead(p.st.key, fit(":"+c.name, keysWide)+"  ", p.st.text, strings.TrimSpace(c.arg+" "+c.help))
	}
	if here == onBrowse {
		p.head("Signs", "")
		for _, s := range harden.Severities() {
			sign := severitySigns[s]
			p.lead(p.st.severity[s], fit(sign.glyph+" "+sign.word, keysWide)+"  ", p.st.text, severityWords[s])
		}
		p.lead(p.st.text, fit("✓  *", keysWide)+"  ", p.st.text, "marked for fixing; changed since the last look")
		p.head("Filter", "")
		p.para(p.st.text, 0, "Words match rule, title, object and container. Terms: severity:high,critical or severity:high+ (and worse), class:safe, ns:shop, kind:deploy, status:unknown, id:, name:, container:")
	}
	if v := m.opts.Version; v != "" {
		p.gap()
		p.para(p.st.dim, 0, "kubectl harden "+v)
	}
}

var severityWords = [5]string{
	harden.Info:     "advice",
	harden.Low:      "hygiene or availability",
	harden.Medium:   "removes a layer of defence",
	harden.High:     "one more bug away from takeover",
	harden.Critical: "takeover of node or cluster in one step",
}
