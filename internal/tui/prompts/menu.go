package prompts

import (
	"slices"
	"strconv"
	"strings"
)

// pageSize is how many items of a list are said at once.
const pageSize = 20

// A menu is a numbered list, or a text, with what can be typed at it.
type menu struct {
	title    string
	intro    func() // what is said before the list; optional
	items    []item
	none     string // said when there are no items; empty: it is no list
	commands []command
	hint     string // what is most likely typed: "a number, plan or filter"
	top      bool   // there is nothing to go back to
}

// An item is one line of a list.
type item struct {
	id   string
	text func() string // asked for when it is said, which may cost
	open func() error  // nil: there is no more to it
}

// A command is a word that can be typed. Its first word is the one that help says.
type command struct {
	words []string
	args  string // what may follow, for the help; empty: nothing
	help  string
	ready func() string // why it is not possible now, or ""
	run   func(args string) (next, error)
}

// next is what follows a command.
type next int

const (
	stay    next = iota // all was said: the question comes again
	went                // the person was elsewhere: it is said where they are now
	changed             // the list is another one now
	left                // the menu is left
)

// browsing is a menu that is being talked about.
type browsing struct {
	*dialog
	build func() (menu, error)
	m     menu
	from  int // the first item of the page
}

// browse says the menu that build makes and does what is typed, until the person
// goes back (nil) or quits. A build that fails is left with its error said.
func (d *dialog) browse(build func() (menu, error)) error {
	b := &browsing{dialog: d, build: build}
	if !b.rebuild() {
		return nil
	}
	for {
		d.announce()
		line, err := d.ask(d.ctx, "Your choice:")
		if err != nil {
			return err
		}
		back, err := b.do(line)
		if back || err != nil {
			return err
		}
	}
}

// rebuild makes the list anew and says it; false: there is none any more.
func (b *browsing) rebuild() bool {
	m, err := b.build()
	if err != nil {
		b.fail("listing", err)
		return false
	}
	b.m = m
	if b.from >= len(m.items) {
		b.from = 0
	}
	b.gap()
	b.say("%s.", strings.TrimSuffix(m.title, "."))
	if m.intro != nil {
		m.intro()
	}
	b.page()
	b.hint()
	return true
}

func (b *browsing) page() {
	n := len(b.m.items)
	if n == 0 {
		b.lead("", b.m.none)
		return
	}
	to := min(b.from+pageSize, n)
	for i := b.from; i < to; i++ {
		b.say("%d. %s", i+1, b.m.items[i].text())
	}
	switch {
	case n <= pageSize:
	case to < n:
		b.say("Items %d to %d of %d; n for next.", b.from+1, to, n)
	default:
		b.say("Items %d to %d of %d; that is the end, p for the page before.", b.from+1, to, n)
	}
}

// hint says what is most likely typed next.
func (b *browsing) hint() {
	out := "b goes back"
	if b.m.top {
		out = "q quits"
	}
	if b.m.hint == "" {
		b.say("%s, a question mark helps.", upper(out))
		return
	}
	b.say("Type %s; %s, a question mark helps.", b.m.hint, out)
}

// do does what was typed; back: the menu is left.
func (b *browsing) do(line string) (back bool, err error) {
	word, args, _ := strings.Cut(line, " ")
	word, args = strings.ToLower(word), strings.TrimSpace(args)
	if rest, ok := strings.CutPrefix(word, "/"); ok {
		word, args = "/", strings.TrimSpace(rest+" "+args)
	}
	switch word {
	case "", "b", "back":
		if b.m.top {
			b.say("This is the first list; q quits.")
			return false, nil
		}
		return true, nil
	case "q", "quit", "exit":
		return false, errQuit
	case "?", "help", "h":
		b.help()
		return false, nil
	case "l", "list":
		return !b.rebuild(), nil
	}
	if n, err := strconv.Atoi(word); err == nil {
		return b.open(n)
	}
	c := b.find(word)
	switch {
	case c != nil:
		return b.run(c, args)
	case word == "n" || word == "next":
		b.turn(pageSize)
	case word == "p" || word == "previous":
		b.turn(-pageSize)
	default:
		b.say("%q means nothing here. A question mark lists what you can type.", line)
	}
	return false, nil
}

func (b *browsing) turn(delta int) {
	switch to := b.from + delta; {
	case len(b.m.items) <= pageSize:
		b.say("There is one page only.")
	case to < 0:
		b.say("This is the first page.")
	case to >= len(b.m.items):
		b.say("This is the last page.")
	default:
		b.from = to
		b.page()
	}
}

func (b *browsing) open(n int) (back bool, err error) {
	switch {
	case n < 1 || n > len(b.m.items):
		if len(b.m.items) == 0 {
			b.say("There is no list here.")
		} else {
			b.say("There is no number %d: the list has %d to %d.", n, 1, len(b.m.items))
		}
		return false, nil
	case b.m.items[n-1].open == nil:
		b.say("There is no more to tell about number %d.", n)
		return false, nil
	}
	if err := b.m.items[n-1].open(); err != nil {
		return false, err
	}
	return b.after(went), nil
}

func (b *browsing) run(c *command, args string) (back bool, err error) {
	switch why := c.why(); {
	case why != "":
		b.say("Not possible now: %s.", why)
		return false, nil
	case args != "" && c.args == "":
		b.say("Nothing may follow %s here. Nothing was done.", c.words[0])
		return false, nil
	}
	to, err := c.run(args)
	if err != nil {
		return false, err
	}
	return b.after(to), nil
}

// after does what follows a command. Whoever was elsewhere hears the list again
// only where it has become another one.
func (b *browsing) after(to next) (back bool) {
	switch to {
	case stay:
		return false
	case left:
		return true
	case changed:
		return !b.rebuild()
	}
	m, err := b.build()
	if err != nil {
		b.fail("listing", err)
		return true
	}
	if m.title != b.m.title || !slices.EqualFunc(m.items, b.m.items, func(x, y item) bool { return x.id == y.id }) {
		return !b.rebuild()
	}
	b.gap()
	b.say("Back in: %s.", strings.TrimSuffix(b.m.title, "."))
	return false
}

func (c *command) why() string {
	if c.ready == nil {
		return ""
	}
	return c.ready()
}

// find is the command of a word, or of the beginning of one that no other has.
func (b *browsing) find(word string) *command {
	var found []*command
	all := b.all()
	for i := range all {
		c := &all[i]
		if slices.Contains(c.words, word) {
			return c
		}
		if len(word) > 1 && slices.ContainsFunc(c.words, func(w string) bool { return strings.HasPrefix(w, word) }) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}

// all are the commands of the menu and those that are possible everywhere.
func (b *browsing) all() []command { return append(slices.Clone(b.m.commands), b.everywhere()...) }

func (b *browsing) help() {
	b.gap()
	b.say("What you can type here:")
	if len(b.m.items) > 0 {
		b.say("a number: open that item of the list")
	}
	for _, c := range b.all() {
		words := strings.Join(c.words, " or ")
		if c.args != "" {
			words += " " + c.args
		}
		text := words + ": " + c.help
		if why := c.why(); why != "" {
			text += ". Not possible now: " + why
		}
		b.say("%s", text)
	}
	if len(b.m.items) > pageSize {
		b.say("n or p: the next page, or the page before")
	}
	b.say("l or list: say this again")
	if !b.m.top {
		b.say("b, or nothing: go back")
	}
	b.say("q or quit: quit; nothing is written by that")
	b.say("The beginning of a word is enough where no other word begins so. Numbers stay valid until this list is said again.")
}
