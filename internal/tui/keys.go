package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// where an action is offered.
type place int

const (
	onBrowse place = 1 << iota
	onPlan
	onApply
	onUndo
	onImages // the list of images
	onImage  // what is in one of them
	onNetwork
	onWaivers
	onReport
	onLog
	onStart // nothing is read yet, or nothing could be

	onLists = onBrowse | onPlan | onApply | onUndo | onImages | onImage | onNetwork | onWaivers | onReport | onLog | onStart
	onAll   = onLists
)

var placeNames = []string{"browse", "plan", "apply", "undo", "images", "image", "network", "waivers", "report", "log", "start"}

func (m *Model) place() place { return m.here().on }

// action is one thing a person can do. The table of actions is the only place
// that knows keys: handling, hints, help, palette and docs read it.
type action struct {
	name  string // for the line of hints
	keys  []string
	help  string
	on    place
	hint  int  // place in the line of hints, 0: not there
	rare  bool // hinted at only when it is possible
	moves bool // moves the cursor: not in the palette
	// now is the name while it does something else; nil or "": the usual one.
	now func(*Model) string
	// ready tells why the action is not possible now, or "".
	ready func(*Model) string
	run   func(*Model) tea.Cmd
}

// An ActionDoc describes one action for documentation.
type ActionDoc struct {
	Keys []string // as Bubble Tea names them: "ctrl+r", "space", "?"
	Name string   // one or two words
	Help string   // one line
	In   []string // screens: browse, plan, apply, undo, images, image, network, waivers, report, log, start
}

// Actions lists everything the UI can do, in the order of the help.
func Actions() []ActionDoc {
	var docs []ActionDoc
	for _, a := range actions() {
		d := ActionDoc{Keys: a.keys, Name: a.name, Help: a.help}
		for i, name := range placeNames {
			if a.on&(1<<i) != 0 {
				d.In = append(d.In, name)
			}
		}
		docs = append(docs, d)
	}
	return docs
}

func (a *action) why(m *Model) string {
	if a.ready == nil {
		return ""
	}
	return a.ready(m)
}

var keyNames = map[string]string{"enter": "↵", "up": "↑", "down": "↓", "left": "←", "right": "→", "pgdown": "pgdn", "shift+up": "⇧↑", "shift+down": "⇧↓"}

// hintName is the name for the line of hints.
func (a *action) hintName(m *Model) string {
	if a.now == nil {
		return a.name
	}
	return or(a.now(m), a.name)
}

// keyWords is the keys for people.
func (a *action) keyWords() string {
	words := make([]string, len(a.keys))
	for i, k := range a.keys {
		words[i] = or(keyNames[k], k)
	}
	return strings.Join(words, " ")
}

// do runs an action, or says why it is not possible.
func (m *Model) do(a *action) tea.Cmd {
	if why := a.why(m); why != "" {
		return m.say(a.name + ": " + why)
	}
	return a.run(m)
}

// press finds the action of a key on this screen.
func (m *Model) press(key string) tea.Cmd {
	for i := range m.actions {
		a := &m.actions[i]
		if a.on&m.place() == 0 {
			continue
		}
		for _, k := range a.keys {
			if k == key {
				return m.do(a)
			}
		}
	}
	return m.say(key + " does nothing here; ? lists the keys")
}

func move(delta func(*Model) int) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd { return m.moveCursor(delta(m)) }
}

func by(n int) func(*Model) int { return func(*Model) int { return n } }

// actions are all there are, in the order of the help. Those of a screen stand in
// its file.
func actions() []action {
	return slices.Concat(
		browseActions(), planActions(), applyActions(), undoActions(), networkActions(), imagesActions(),
		waiverActions(), reportActions(), logActions(), startActions(), moveActions(), commonActions(),
	)
}

// moveActions are those of every screen with a list.
func moveActions() []action {
	all := 1 << 30
	return []action{
		{name: "up", keys: []string{"up", "k"}, help: "up", on: onLists, moves: true, run: move(by(-1))},
		{name: "down", keys: []string{"down", "j"}, help: "down", on: onLists, moves: true, run: move(by(1))},
		{name: "page up", keys: []string{"pgup", "ctrl+b"}, help: "a page up; in lists with details: the details", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.pageBy(-1) }},
		{name: "page down", keys: []string{"pgdown", "ctrl+f"}, help: "a page down; in lists with details: the details", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.pageBy(1) }},
		{name: "first", keys: []string{"home"}, help: "first row", on: onLists, moves: true, run: move(by(-all))},
		{name: "last", keys: []string{"end", "G"}, help: "last row", on: onLists, moves: true, run: move(by(all))},
		{name: "scroll up", keys: []string{"K", "shift+up"}, help: "scroll the details up from the list", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.scrollDetail(-3) }},
		{name: "scroll down", keys: []string{"J", "shift+down"}, help: "scroll the details down from the list", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.scrollDetail(3) }},
	}
}

// commonActions are those of every screen.
func commonActions() []action {
	return []action{
		{name: "error", keys: []string{"!"}, help: "the last error in full", on: onAll, ready: noError, run: (*Model).showError},
		{name: "do", keys: []string{":"}, help: "find an action by name", on: onAll, run: (*Model).openPalette},
		{name: "suspend", keys: []string{suspendKey}, help: "back to the shell for a while; fg comes back", on: onAll, ready: noSuspend, run: (*Model).suspend},
		{name: "help", keys: []string{"?"}, help: "this help", on: onAll, hint: 10, run: (*Model).showHelp},
		{name: "quit", keys: []string{"q", "ctrl+c"}, help: "quit; asks first while something is under way", on: onAll, hint: 11, run: (*Model).askQuit},
	}
}
