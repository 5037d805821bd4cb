package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"
)

// command is what can be typed after a colon, besides the names of actions.
type command struct {
	name    string
	aliases []string
	arg     string // what it is followed by; "": nothing
	help    string
	ready   func(*Model) string
	// open asks for what can be completed; may be nil.
	open func(*Model) tea.Cmd
	// choices complete the argument, as far as it was typed; may be nil.
	choices func(m *Model, arg string) []offer
	run     func(m *Model, arg string) tea.Cmd
}

func commands() []command {
	return []command{
		{
			name: "ctx", aliases: []string{"context", "contexts"}, arg: "CONTEXT", help: "another context of the kubeconfig", ready: noConnector,
			open: (*Model).readContexts, choices: contextChoices, run: func(m *Model, arg string) tea.Cmd { return m.goToContext(arg) },
		},
		{
			name: "ns", aliases: []string{"namespace", "namespaces", "scope"}, arg: "NAMESPACE,…", help: "other namespaces: all, one, or several with commas", ready: noScope,
			open: (*Model).readSpaces, choices: spaceChoices, run: (*Model).setScope,
		},
		{name: "files", aliases: []string{"file"}, arg: "PATH", help: "manifests in a file or a folder instead of a cluster", ready: noConnector, choices: fileChoices, run: (*Model).goToFiles},
		{name: "demo", help: "the manifests of a small shop with much to fix", ready: noConnector, run: func(m *Model, _ string) tea.Cmd { return m.goToDemo() }},
		{name: "q", aliases: []string{"quit", "exit"}, help: "quit", run: func(m *Model, _ string) tea.Cmd { return m.askQuit() }},
	}
}

func noScope(m *Model) string {
	if m.backend == nil {
		return "there is nothing to look at yet"
	}
	return noSwitch(m)
}

func (c *command) called(word string) bool {
	return c.name == word || slices.Contains(c.aliases, word)
}

// offer is one line of the palette.
type offer struct {
	name       string
	text, note string
	keys       string
	why        string // why it is not possible now, or ""
	fill       string // what the line becomes instead of running something
	run        func(*Model) tea.Cmd
}

// finder finds an action by its name, or a command and its argument.
type finder struct {
	in      *input
	command *command // whose argument is being typed, or nil
	found   []offer
	at      int
}

func (m *Model) openPalette() tea.Cmd { return m.openCommand("") }

// openCommand opens the palette with something typed already.
func (m *Model) openCommand(text string) tea.Cmd {
	d := &finder{in: newInput(": ", text, &m.theme.styles)}
	d.in.CharLimit = 0 // paths may be long
	m.open(d)
	return d.search(m)
}

// search derives the lines from what is typed.
func (d *finder) search(m *Model) tea.Cmd {
	text := strings.TrimLeft(d.in.Value(), " :")
	d.at = 0
	word, arg, spaced := strings.Cut(text, " ")
	was := d.command
	d.command = nil
	all := commands()
	for i := range all {
		if c := &all[i]; spaced && c.arg != "" && c.called(word) {
			d.command = c
			d.found = nil
			if c.choices != nil {
				d.found = c.choices(m, strings.TrimSpace(arg))
			}
			if c.open != nil && (was == nil || was.name != c.name) {
				return c.open(m)
			}
			return nil
		}
	}
	d.found = findOffers(m.offers(all), text, all)
	return nil
}

// offers are all actions of this screen and all commands.
func (m *Model) offers(all []command) []offer {
	var out []offer
	for i := range m.actions {
		if a := &m.actions[i]; a.on&m.place() != 0 && !a.moves {
			out = append(out, offer{name: a.name, text: a.help, note: a.name, keys: a.keyWords(), why: a.why(m), run: func(m *Model) tea.Cmd { return m.do(a) }})
		}
	}
	for i := range all {
		c := &all[i]
		o := offer{name: c.name, text: c.help, note: strings.Join(append([]string{c.name}, c.aliases...), " "), keys: ":" + c.name}
		if c.ready != nil {
			o.why = c.ready(m)
		}
		if c.arg != "" {
			o.fill = c.name + " "
		} else {
			o.run = func(m *Model) tea.Cmd { return c.run(m, "") }
		}
		out = append(out, o)
	}
	return out
}

// findOffers are those that fit the text, the best first; a command that is
// named in full before all.
func findOffers(all []offer, text string, names []command) []offer {
	if text == "" {
		return all
	}
	words := make([]string, len(all))
	for i, o := range all {
		words[i] = o.note + " " + o.text
	}
	var out []offer
	for _, f := range fuzzy.Find(text, words) {
		out = append(out, all[f.Index])
	}
	rank := func(o offer) int {
		for i := range names {
			if c := &names[i]; c.called(text) && o.keys == ":"+c.name {
				return 0
			}
		}
		return o.rank(strings.ToLower(text))
	}
	slices.SortStableFunc(out, func(a, b offer) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// rank tells how plainly an offer is called what was typed: letters that merely
// stand in their order somewhere come last.
func (o *offer) rank(text string) int {
	name, help := strings.ToLower(o.note), strings.ToLower(o.text)
	switch {
	case strings.HasPrefix(name, text):
		return 1
	case strings.Contains(" "+name, " "+text):
		return 2
	case strings.HasPrefix(help, text), strings.Contains(" "+help, " "+text):
		return 3
	case strings.Contains(name, text), strings.Contains(help, text):
		return 4
	}
	return 5
}

func (d *finder) key(m *Model, msg tea.KeyPressMsg) tea.Cmd {
	room := d.room(m.height)
	switch msg.String() {
	case "esc", "ctrl+c":
		m.closeDialog()
	case "up", "ctrl+p":
		d.scroll(m, -1)
	case "down", "ctrl+n":
		d.scroll(m, 1)
	case "pgup":
		d.scroll(m, -room)
	case "pgdown":
		d.scroll(m, room)
	case "home":
		d.scroll(m, -len(d.found))
	case "end":
		d.scroll(m, len(d.found))
	case "tab":
		if d.at < len(d.found) && d.found[d.at].fill != "" {
			return d.fill(m, d.found[d.at].fill)
		}
	case "enter":
		return d.enter(m)
	default:
		d.in.Model, _ = d.in.Update(msg)
		return d.search(m)
	}
	return nil
}

func (d *finder) paste(m *Model, msg tea.PasteMsg) tea.Cmd {
	d.in.Model, _ = d.in.Update(msg)
	return d.search(m)
}

func (d *finder) fill(m *Model, text string) tea.Cmd {
	d.in.SetValue(text)
	d.in.CursorEnd()
	return d.search(m)
}

// enter runs what is under the cursor. An argument that was typed in full is
// taken as it was typed.
func (d *finder) enter(m *Model) tea.Cmd {
	var at *offer
	if d.at < len(d.found) {
		at = &d.found[d.at]
	}
	if c := d.command; c != nil {
		arg := d.argument()
		if at == nil && arg == "" {
			return m.say(c.name + " wants " + c.arg)
		}
		m.closeDialog()
		if c.ready != nil && c.ready(m) != "" {
			return m.say(c.name + ": " + c.ready(m))
		}
		if at == nil {
			return c.run(m, arg)
		}
		return at.run(m)
	}
	switch {
	case at == nil:
		return m.say("nothing is called so")
	case at.why != "":
		m.closeDialog()
		return m.say(at.name + ": " + at.why)
	case at.fill != "":
		return d.fill(m, at.fill)
	}
	m.closeDialog()
	return at.run(m)
}

func (d *finder) scroll(_ *Model, delta int) {
	d.at = max(0, min(d.at+delta, len(d.found)-1))
}

func (d *finder) room(h int) int { return max(1, min(12, h-8)) }

// line is the input, for the cursor of the terminal.
func (d *finder) line() (in *input, x, y int) { return d.in, 2, 1 }

func (d *finder) box(m *Model, w, h int) []string {
	p := &page{st: &m.theme.styles, w: min(64, w-8)}
	d.in.SetWidth(p.w - 3)
	p.lines = append(p.lines, d.in.View(), "")
	room := d.room(h)
	from := max(0, min(d.at-room/2, len(d.found)-room))
	for i := from; i < min(from+room, len(d.found)); i++ {
		o := &d.found[i]
		m.button(2, len(p.lines)+1, p.w, func(m *Model) tea.Cmd {
			d.at = i
			return d.enter(m)
		})
		st, lead := &m.theme.styles, "  "
		if i == d.at {
			st, lead = &m.theme.cursor, "▸ "
		}
		text, style := lead+o.text, st.text
		if o.why != "" {
			style = st.dim
		}
		keys, keyStyle := o.keys, st.key
		if d.command != nil {
			keys, keyStyle = o.note, st.dim
		}
		side := min(max(10, widthOf(clean(keys))+2), p.w/2)
		if o.why != "" {
			// Where both have no room, why it is not possible says more.
			whole := text + " (" + o.why + ")"
			if widthOf(whole) > p.w-side {
				whole = lead + o.name + ": " + o.why
			}
			text = whole
		}
		p.lines = append(p.lines, style.Render(fit(text, p.w-side))+keyStyle.Render(fitRight(keys, side)))
	}
	if len(d.found) == 0 {
		p.lines = append(p.lines, m.theme.dim.Render(fit("  "+d.nothing(m), p.w)))
	}
	for len(p.lines) < room+2 {
		p.lines = append(p.lines, "")
	}
	title := "Do"
	if d.command != nil {
		title = d.command.help
	}
	return m.frameBox(title, p.lines, p.w)
}
