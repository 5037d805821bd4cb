package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"
)

// contexts are those of the kubeconfig, as far as they were asked for.
type contexts struct {
	busy  bool
	known []KubeContext // the one that was looked at last first, then the current one, then by name
	err   error
}

// sort puts the context that was looked at last first, then the current one.
func (c *contexts) sort(last string) {
	slices.SortStableFunc(c.known, func(a, b KubeContext) int {
		return cmp.Or(-boolCompare(a.Name == last, b.Name == last), -boolCompare(a.Current, b.Current), strings.Compare(a.Name, b.Name))
	})
}

type contextsMsg struct {
	known []KubeContext
	err   error
	again bool // what could not be opened is tried again
}

func (contextsMsg) lasts() {}

// readContexts reads the kubeconfig again.
func (m *Model) readContexts() tea.Cmd { return m.askContexts(false) }

func (m *Model) askContexts(again bool) tea.Cmd {
	if m.opts.Connector == nil {
		return nil
	}
	m.contexts.busy = true
	connector := m.opts.Connector
	return func() tea.Msg {
		known, err := connector.Contexts()
		return contextsMsg{known, err, again}
	}
}

func (msg contextsMsg) take(m *Model) tea.Cmd {
	c := &m.contexts
	c.busy, c.known, c.err = false, slices.Clone(msg.known), msg.err
	c.sort(m.state.Last)
	m.showFound()
	m.fitLists()
	if !msg.again {
		return nil
	}
	at := slices.IndexFunc(c.known, func(k KubeContext) bool { return k.Current })
	switch {
	case msg.err != nil:
		return m.fail("reading the kubeconfig", msg.err)
	case at < 0:
		return m.say("the kubeconfig names no current context")
	}
	return m.goToContext(c.known[at].Name)
}

// showFound brings a palette up to date that waits for what can be completed.
func (m *Model) showFound() {
	if d, ok := m.top().(*finder); ok && d.command != nil {
		was := d.command
		d.found = was.choices(m, d.argument())
		d.at = max(0, min(d.at, len(d.found)-1))
	}
}

func (d *finder) argument() string {
	_, arg, _ := strings.Cut(strings.TrimLeft(d.in.Value(), " :"), " ")
	return strings.TrimSpace(arg)
}

// spaces are the namespaces of the backend, as far as they were asked for.
type spaces struct {
	busy  bool
	names []string
	err   error
}

type spacesMsg struct {
	names []string
	err   error
}

// readSpaces asks which namespaces there are.
func (m *Model) readSpaces() tea.Cmd {
	if m.backend == nil {
		return nil
	}
	m.spaces.busy = true
	b, root := m.backend, m.root
	return func() tea.Msg {
		names, err := b.Namespaces(root)
		return spacesMsg{names, err}
	}
}

func (msg spacesMsg) take(m *Model) tea.Cmd {
	m.spaces = spaces{names: msg.names, err: msg.err}
	m.showFound()
	return nil
}

// fuzzily are the offers whose text fits what was typed, the best first; all
// where nothing was typed.
func fuzzily(all []offer, typed string) []offer {
	if typed == "" {
		return all
	}
	texts := make([]string, len(all))
	for i, o := range all {
		texts[i] = o.text
	}
	var out []offer
	for _, f := range fuzzy.Find(typed, texts) {
		if all[f.Index].text == typed {
			out = slices.Insert(out, 0, all[f.Index])
			continue
		}
		out = append(out, all[f.Index])
	}
	return out
}

func contextChoices(m *Model, arg string) []offer {
	var all []offer
	for _, c := range m.contexts.known {
		all = append(all, offer{
			text: c.Name, note: strings.Join(m.contextNotes(c), ", "), fill: "ctx " + c.Name,
			run: func(m *Model) tea.Cmd { return m.goToContext(c.Name) },
		})
	}
	return fuzzily(all, arg)
}

// contextNotes are what is worth a word about a context.
func (m *Model) contextNotes(c KubeContext) []string {
	var notes []string
	if c.Name == m.title() {
		notes = append(notes, "here")
	} else if c.Name == m.state.Last {
		notes = append(notes, "the last one")
	}
	if c.Current {
		notes = append(notes, "current")
	}
	if c.Namespace != "" {
		notes = append(notes, "namespace "+c.Namespace)
	}
	return notes
}

// spaceChoices complete the last of the names.
func spaceChoices(m *Model, arg string) []offer {
	before, typed := "", arg
	if i := strings.LastIndex(arg, ","); i >= 0 {
		before, typed = arg[:i+1], strings.TrimSpace(arg[i+1:])
	}
	chosen := commaList(before)
	choose := func(name, note string) offer {
		whole := before + name
		return offer{text: name, note: note, fill: "ns " + whole, run: func(m *Model) tea.Cmd { return m.setScope(whole) }}
	}
	var all []offer
	if before == "" {
		all = append(all, choose(allNamespaces, "every namespace that may be read"))
	}
	for _, name := range m.knownSpaces() {
		if slices.Contains(chosen, name) {
			continue
		}
		note := ""
		if slices.Contains(m.opts.Scope.Namespaces, name) {
			note = "here"
		}
		all = append(all, choose(name, note))
	}
	out := fuzzily(all, typed)
	if typed == "" && before != "" {
		// Enter takes what was typed, not the first that could follow.
		whole := strings.TrimRight(before, ", ")
		out = append([]offer{{text: whole, note: "as typed", fill: "ns " + whole, run: func(m *Model) tea.Cmd { return m.setScope(whole) }}}, out...)
	}
	return out
}

// knownSpaces are the namespaces that there are, or else those that were read.
func (m *Model) knownSpaces() []string {
	if len(m.spaces.names) == 0 && m.x != nil && m.x.snap.Inventory != nil {
		return m.x.snap.Inventory.Scope
	}
	return m.spaces.names
}

func fileChoices(_ *Model, arg string) []offer {
	if arg == "" {
		return nil
	}
	return []offer{{text: arg, note: "look at it", run: func(m *Model) tea.Cmd { return m.goToFiles(arg) }}}
}

// nothing says why the palette has no line.
func (d *finder) nothing(m *Model) string {
	switch c := d.command; {
	case c == nil:
		return "nothing is called so"
	case c.name == "ctx" && m.contexts.busy, c.name == "ns" && m.spaces.busy:
		return "asking " + ellipsis
	case c.name == "ctx" && m.contexts.err != nil:
		return m.contexts.err.Error()
	case c.name == "ctx" && len(m.contexts.known) == 0:
		return "the kubeconfig has no contexts"
	case c.name == "ns" && m.spaces.err != nil:
		return "cannot be listed: " + m.spaces.err.Error()
	case c.name == "files":
		return "a file or a folder; several with commas"
	}
	return "none is called so; ↵ tries it as typed"
}
