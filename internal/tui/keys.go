package tui

import (
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
	onStart // nothing is read yet, or nothing could be

	onLists = onBrowse | onPlan | onApply | onUndo | onImages | onImage | onNetwork
	onAll   = onLists | onStart
)

var placeNames = []string{"browse", "plan", "apply", "undo", "images", "image", "network", "start"}

func (m *Model) place() place {
	if m.screen == screenBrowse && m.x == nil {
		return onStart
	}
	return [...]place{
		screenBrowse: onBrowse, screenPlan: onPlan, screenApply: onApply, screenUndo: onUndo, screenImages: onImages, screenImage: onImage, screenNetwork: onNetwork,
	}[m.screen]
}

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
	// ready tells why the action is not possible now, or "".
	ready func(*Model) string
	run   func(*Model) tea.Cmd
}

// An ActionDoc describes one action for documentation.
type ActionDoc struct {
	Keys []string // as Bubble Tea names them: "ctrl+r", "space", "?"
	Name string   // one or two words
	Help string   // one line
	In   []string // screens: browse, plan, apply, undo, images, image, network, start
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
	return nil
}

func move(delta func(*Model) int) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd { return m.moveCursor(delta(m)) }
}

func by(n int) func(*Model) int { return func(*Model) int { return n } }

func actions() []action {
	all := 1 << 30
	return []action{
		{name: "mark", keys: []string{"space"}, help: "mark the finding for fixing", on: onBrowse, hint: 2, ready: noMark, run: (*Model).toggleMark},
		{name: "mark safe", keys: []string{"a"}, help: "mark all safe and evidence-backed fixes in view", on: onBrowse, hint: 3, ready: noFindings, run: (*Model).markAll},
		{name: "unmark", keys: []string{"A"}, help: "unmark all", on: onBrowse, ready: noMarks, run: (*Model).markNone},
		{name: "fix", keys: []string{"f"}, help: "plan the marked fixes, or the one under the cursor", on: onBrowse, hint: 4, ready: noFix, run: (*Model).openPlan},
		{name: "apply", keys: []string{"f"}, help: "apply the plan, or write the files (asks first)", on: onPlan, hint: 1, ready: noApply, run: (*Model).confirmApply},
		{name: "take over", keys: []string{"F"}, help: "take the fields in conflict over from a manager that holds them by Update, for this object; again to give them back", on: onPlan, hint: 2, rare: true, ready: noTakeOver, run: (*Model).takeOver},
		{name: "undo", keys: []string{"u"}, help: "what was applied, and taking it back", on: onBrowse, hint: 5, ready: noUndoList, run: (*Model).openUndo},
		{name: "undo", keys: []string{"u"}, help: "take back what was just applied (asks first)", on: onApply, hint: 1, ready: noUndoRun, run: (*Model).undoRun},
		{name: "undo", keys: []string{"u", "enter"}, help: "take this plan back (asks first)", on: onUndo, hint: 1, ready: noUndo, run: func(m *Model) tea.Cmd {
			r := m.record()
			return m.confirmUndo(r.ID, r.Undoable())
		}},
		{name: "go on", keys: []string{"R"}, help: "go on with a plan that was interrupted: watch its rollouts, take back what went wrong", on: onUndo, hint: 3, rare: true, ready: noResume, run: (*Model).resume},
		{name: "network", keys: []string{"n"}, help: "who can talk to whom in the namespaces in view, and the policies that leave open what is needed (reads all namespaces that may be read)", on: onBrowse, hint: 7, ready: noNetwork, run: (*Model).openNetwork},
		{name: "proposal", keys: []string{"b"}, help: "the connections as they are, or as the proposal would make them", on: onNetwork, hint: 3, ready: noView, run: (*Model).toggleProposed},
		{name: "changes", keys: []string{"c"}, help: "only the connections that the proposal changes, or all", on: onNetwork, hint: 4, ready: noView, run: (*Model).toggleChanges},
		{name: "turn", keys: []string{"t"}, help: "who the workloads may reach, or who may reach them", on: onNetwork, hint: 5, ready: noView, run: (*Model).turnNetwork},
		{name: "fix", keys: []string{"f"}, help: "plan the phase of the proposal under the cursor", on: onNetwork, hint: 1, rare: true, ready: noPhase, run: (*Model).openPlan},
		{name: "images", keys: []string{"i"}, help: "the images of the workloads in view: users, vulnerabilities, secrets", on: onBrowse, hint: 7, ready: noImages, run: (*Model).openImages},
		{name: "scan", keys: []string{"s"}, help: "scan the images in view, or the one that is open, for vulnerabilities and secrets (asks first)", on: onImages | onImage, hint: 2, ready: noScan, run: (*Model).askScan},
		{name: "look", keys: []string{"i"}, help: "only look what the images are: users, ports, files (asks first)", on: onImages | onImage, hint: 9, ready: noScan, run: (*Model).askLook},
		{name: "newer tags", keys: []string{"t"}, help: "look for newer tags of the images, and scan those that are worth a proposal (asks first)", on: onImages | onImage, hint: 7, ready: noScan, run: (*Model).askUpdates},
		{name: "stop", keys: []string{"x"}, help: "stop looking; what was found is kept", on: onBrowse | onImages | onImage, hint: 3, rare: true, ready: noStop, run: (*Model).stopLook},
		{name: "mark", keys: []string{"space"}, help: "mark the finding about the image for fixing", on: onImage, hint: 3, rare: true, ready: noImageMark, run: (*Model).markContent},
		{name: "fix", keys: []string{"f"}, help: "plan the marked fixes, or the one under the cursor", on: onImage, hint: 4, rare: true, ready: noImageFix, run: (*Model).openPlan},
		{name: "probe", keys: []string{"p"}, help: "look into running containers of the workloads in view (asks first)", on: onBrowse, hint: 7, ready: noProbe, run: (*Model).askProbe},
		{name: "filter", keys: []string{"/"}, help: "filter by words and terms such as severity:high class:safe ns:shop", on: onBrowse, hint: 6, run: (*Model).openFilter},
		{name: "filter", keys: []string{"/"}, help: "filter by words (an image, a package, a CVE, a workload) and terms such as severity:high+ ns:shop", on: onImages | onImage, hint: 6, run: (*Model).openFilter},
		{name: "group", keys: []string{"g"}, help: "group findings by severity, fixer or object", on: onBrowse, hint: 8, run: (*Model).regroup},
		{name: "sort", keys: []string{"g"}, help: "sort the images by severity, name, age or size", on: onImages, hint: 8, ready: noImage, run: (*Model).sortImages},
		{name: "sort", keys: []string{"g"}, help: "sort the vulnerabilities by severity, fixed version, package or id", on: onImage, hint: 8, ready: noOrder, run: (*Model).sortContents},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "go in", on: onBrowse, hint: 1, run: (*Model).goIn},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "what is in the image, and who uses it", on: onImages, hint: 1, ready: noImage, run: (*Model).openImage},
		{name: "open", keys: []string{"enter", "l", "right"}, help: "read all of it in the whole frame; from a workload or a finding: go there", on: onImage, hint: 1, ready: noContent, run: (*Model).enterContent},
		{name: "read", keys: []string{"enter"}, help: "what decides the connection under the cursor and who needs it, in the whole frame", on: onNetwork, hint: 1, ready: noCell, run: (*Model).zoomNetwork},
		{name: "next list", keys: []string{"tab"}, help: "next list: matrix, phases of the proposal, needed, guessed, not read", on: onNetwork, hint: 2, ready: noView, run: func(m *Model) tea.Cmd { return m.nextNetworkTab(1) }},
		{name: "list before", keys: []string{"shift+tab"}, help: "list before", on: onNetwork, ready: noView, run: func(m *Model) tea.Cmd { return m.nextNetworkTab(-1) }},
		{name: "next list", keys: []string{"tab"}, help: "next list: vulnerabilities, secrets, not known, used by", on: onImage, hint: 1, run: func(m *Model) tea.Cmd { return m.nextTab(1) }},
		{name: "list before", keys: []string{"shift+tab"}, help: "list before", on: onImage, run: func(m *Model) tea.Cmd { return m.nextTab(-1) }},
		{name: "zoom", keys: []string{"enter", "l", "right"}, help: "read the details and the patch in the whole frame", on: onPlan, hint: 3, run: (*Model).zoomIn},
		{name: "clear, out", keys: []string{"esc"}, help: "clear the filter, or go out", on: onBrowse, run: (*Model).goBack},
		{name: "out", keys: []string{"h", "left"}, help: "go out", on: onBrowse, run: (*Model).goOut},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back; nothing is written", on: onPlan, hint: 4, run: (*Model).closePlan},
		{name: "back", keys: []string{"esc", "enter"}, help: "go back; while it runs: stop between objects (asks first)", on: onApply, hint: 2, run: (*Model).closeRun},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back", on: onUndo, hint: 2, run: (*Model).closeUndo},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "clear the filter, or go back; a look goes on", on: onImages, hint: 4, run: (*Model).backFromImages},
		{name: "back", keys: []string{"esc", "h", "left"}, help: "go back: from the whole frame, from the filter, to the images", on: onImage, hint: 5, run: (*Model).backFromImage},
		{name: "back", keys: []string{"esc"}, help: "go back: from the whole frame, to the findings; what is being read is given up", on: onNetwork, hint: 7, run: (*Model).backFromNetwork},
		{name: "left", keys: []string{"left", "h"}, help: "a peer to the left; in a narrow frame the workload before", on: onNetwork, moves: true, ready: noColumns, run: func(m *Model) tea.Cmd { return m.sideways(-1) }},
		{name: "right", keys: []string{"right", "l"}, help: "a peer to the right; in a narrow frame the next workload", on: onNetwork, moves: true, ready: noColumns, run: func(m *Model) tea.Cmd { return m.sideways(1) }},
		{name: "next pane", keys: []string{"tab"}, help: "next pane", on: onBrowse, run: func(m *Model) tea.Cmd { return m.cyclePane(1) }},
		{name: "pane before", keys: []string{"shift+tab"}, help: "pane before", on: onBrowse, run: func(m *Model) tea.Cmd { return m.cyclePane(-1) }},
		{name: "up", keys: []string{"up", "k"}, help: "up", on: onLists, moves: true, run: move(by(-1))},
		{name: "down", keys: []string{"down", "j"}, help: "down", on: onLists, moves: true, run: move(by(1))},
		{name: "page up", keys: []string{"pgup", "ctrl+b"}, help: "a page up; in lists with details: the details", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.pageBy(-1) }},
		{name: "page down", keys: []string{"pgdown", "ctrl+f"}, help: "a page down; in lists with details: the details", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.pageBy(1) }},
		{name: "first", keys: []string{"home"}, help: "first row", on: onLists, moves: true, run: move(by(-all))},
		{name: "last", keys: []string{"end", "G"}, help: "last row", on: onLists, moves: true, run: move(by(all))},
		{name: "scroll up", keys: []string{"K", "shift+up"}, help: "scroll the details up from the list", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.scrollDetail(-3) }},
		{name: "scroll down", keys: []string{"J", "shift+down"}, help: "scroll the details down from the list", on: onLists, moves: true, run: func(m *Model) tea.Cmd { return m.scrollDetail(3) }},
		{name: "copy patch", keys: []string{"y"}, help: "copy the patch", on: onBrowse | onPlan, ready: noPatch, run: (*Model).copyPatch},
		{name: "copy finding", keys: []string{"Y"}, help: "copy the finding as markdown", on: onBrowse, ready: noFinding, run: (*Model).copyFinding},
		{name: "not readable", keys: []string{"r"}, help: "what could not be read, and why", on: onBrowse, hint: 9, rare: true, ready: allRead, run: (*Model).showUnread},
		{name: "retry", keys: []string{"r", "ctrl+r"}, help: "try to read again", on: onStart, hint: 1, ready: noReload, run: (*Model).reload},
		{name: "rescan", keys: []string{"ctrl+r"}, help: "read everything again", on: onBrowse, ready: noReload, run: (*Model).reload},
		{name: "read again", keys: []string{"ctrl+r"}, help: "read how pods are reached in all namespaces again", on: onNetwork, run: (*Model).readNetwork},
		{name: "ask again", keys: []string{"ctrl+r"}, help: "plan again and ask the server again", on: onPlan, run: (*Model).askPlan},
		{name: "reload", keys: []string{"ctrl+r"}, help: "read the journal again", on: onUndo, run: (*Model).openUndo},
		{name: "error", keys: []string{"!"}, help: "the last error in full", on: onAll, ready: noError, run: (*Model).showError},
		{name: "do", keys: []string{":"}, help: "find an action by name", on: onAll, run: (*Model).openPalette},
		{name: "help", keys: []string{"?"}, help: "this help", on: onAll, hint: 10, run: (*Model).showHelp},
		{name: "quit", keys: []string{"q", "ctrl+c"}, help: "quit; while it runs: stop between objects first", on: onAll, hint: 11, run: (*Model).askQuit},
	}
}
