// Package edit changes what a document of YAML or JSON says, and leaves every
// byte alone that need not change.
//
// It reads the document into nodes that know which bytes they take, compares them
// with what the document must say, and replaces, adds and removes only the text
// of what differs. So it never has to write what it only read.
//
// The nodes come from go.yaml.in/yaml/v3, which says where each value begins; where
// it ends is worked out here from how it is written. Other ways were tried:
// writing the library's nodes again loses blank lines, alignment and line ends;
// go.yaml.in/yaml/v4.0.0 has nodes with the same positions; the tokens of
// github.com/goccy/go-yaml v1.19.2 carry offsets, but they are one too small behind
// each comment, quoted string and block of text. JSON is read by encoding/json,
// since YAML's parser refuses the surrogate pairs in its strings.
package edit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const utf8BOM = "\ufeff"

// Document gives the text of one document (with its markers and comments)
// changed so that it says after: map[string]any, []any, string, bool, int64,
// float64, nil. Notes are what a person should know about it, such as an alias
// that was written out.
//
// New keys go behind the last key of their block, new list items behind their
// neighbours. What is removed takes the comment on its line with it, and the one
// above where that is clearly about it. Null and absent are one, as they are for
// the API server.
//
// The new text is decoded again; it is an error when it says anything else than
// it should.
func Document(text string, after any) (out string, notes []string, err error) {
	return Change(text, func(any) (any, error) { return after, nil })
}

// Change is Document for a change that depends on what the document says now;
// that must not be changed itself, and is nil for a document without content.
func Change(text string, change func(says any) (after any, err error)) (out string, notes []string, err error) {
	body, hasBOM := strings.CutPrefix(text, utf8BOM)
	e, err := read(body)
	if err != nil {
		return "", nil, err
	}
	after, err := change(e.says())
	if err != nil {
		return "", nil, err
	}
	want, err := normal(after)
	if err != nil {
		return "", nil, err
	}
	if same(e.says(), want) {
		return text, nil, nil
	}
	if out, err = e.edit(want); err != nil {
		// A comment or a blank line may stand where it would become a part of a new
		// text of several lines. Quotes keep it out.
		e.forget()
		e.quoteTexts = true
		var again error
		if out, again = e.edit(want); again != nil {
			return "", nil, err
		}
	}
	if hasBOM {
		out = utf8BOM + out
	}
	return out, e.notes, nil
}

// An editor collects the splices that make a document say something else.
type editor struct {
	text    string
	lines   []line
	json    bool
	root    *node           // nil for a document without content
	shared  bool            // it has aliases
	texts   map[int]textEnd // by the index of their last line
	closed  map[int]int     // the last line that was taken out with a line, see closeText
	splices []splice
	notes   []string

	endRemoved bool // the last line, which has no line end, is taken out
	endMoved   bool // something comes behind it
	quoteTexts bool // texts of several lines are put in quotes

	// targets holds what anchored nodes will say; those that are taken out are not
	// in it.
	targets map[*node]any
	locals  map[*node]indentation
	usual   *indentation // of the document

	shortLists *bool // see hasShortLists
}

func read(text string) (*editor, error) {
	e := &editor{text: text, lines: splitLines(text), json: isJSON(text), targets: map[*node]any{}, locals: map[*node]indentation{}, texts: map[int]textEnd{}, closed: map[int]int{}}
	var err error
	if e.json {
		e.root, err = parseJSON(text)
	} else {
		s := &scanner{text: text, lines: e.lines, anchors: map[*yaml.Node]*node{}, inside: map[*yaml.Node]bool{}, texts: e.texts}
		e.root, err = s.document()
		e.shared = s.shared
	}
	return e, err
}

// says is what the document says; nil without content.
func (e *editor) says() any {
	if e.root == nil {
		return nil
	}
	return e.root.says
}

// edit gives the text that says what is wanted.
func (e *editor) edit(want any) (string, error) {
	if err := e.document(want); err != nil {
		return "", err
	}
	return e.result(want)
}

func (e *editor) document(want any) error {
	if e.root == nil {
		return e.fill(want)
	}
	return e.set(e.root, want)
}

// forget takes back all that was to be done.
func (e *editor) forget() {
	e.splices, e.notes, e.endRemoved, e.endMoved = nil, nil, false, false
	clear(e.targets)
	clear(e.closed)
}

// result makes the splices and looks at what the text says then.
func (e *editor) result(want any) (string, error) {
	out, err := apply(e.text, e.splices)
	if err != nil {
		return "", err
	}
	if e.text != "" && !strings.HasSuffix(e.text, "\n") && strings.HasSuffix(out, "\n") {
		// A block of text that is the last now may need the line end.
		if trimmed := strings.TrimSuffix(strings.TrimSuffix(out, "\n"), "\r"); verify(trimmed, want) == nil {
			return trimmed, nil
		}
	}
	return out, verify(out, want)
}

// verify decodes a text again and compares it with what it should say.
func verify(text string, want any) error {
	e, err := read(text)
	if err != nil {
		return fmt.Errorf("the new text cannot be read again: %w", err)
	}
	if same(e.says(), want) {
		return nil
	}
	return errors.New("the new text would not say what it should: this form of YAML cannot be edited, please make the change by hand")
}

// fill gives a document without content one.
func (e *editor) fill(want any) error {
	var lines []string
	if isInline(want) {
		lines = []string{scalarText(want, plain, false)}
	} else {
		lines = e.usualIndent().block(want, 0, nil)
	}
	last := len(e.lines) - 1
	if e.lines[last].start == e.lines[last].end && last > 0 {
		last--
	}
	for last > 0 && strings.HasPrefix(e.text[e.lines[last].start:], "...") {
		last--
	}
	if last == 0 && e.text == "" {
		e.insert(0, strings.Join(lines, "\n")+"\n")
		return nil
	}
	e.insertLines(last, lines)
	return nil
}

func (e *editor) insert(at int, text string) {
	e.splices = append(e.splices, splice{at, at, text})
}

func (e *editor) replaceBytes(start, end int, text string) {
	e.splices = append(e.splices, splice{start, end, text})
}

func (e *editor) note(n *node, format string, args ...any) {
	where := n.path()
	if where != "" {
		where += ": "
	}
	e.notes = append(e.notes, where+fmt.Sprintf(format, args...))
}

// path is where a node is, as spec.containers[0].image.
func (n *node) path() string {
	p := n.parent
	switch {
	case p == nil:
		return ""
	case p.kind == sequenceNode:
		return p.path() + "[" + strconv.Itoa(n.at) + "]"
	}
	name, ok := p.kids[n.at&^1].name()
	if !ok {
		name = "<<"
	}
	if above := p.path(); above != "" {
		return above + "." + name
	}
	return name
}

// inFlow reports whether a value stands within {} or [].
func (e *editor) inFlow(n *node) bool {
	return e.json || n.parent != nil && n.parent.flow
}

// set makes a node say what is wanted.
func (e *editor) set(n *node, want any) error {
	if n.anchor != "" {
		e.targets[n] = want
	}
	if !e.shared && same(n.says, want) {
		return nil
	}
	switch n.kind {
	case aliasNode:
		return e.setAlias(n, want)
	case mappingNode:
		if m, ok := want.(map[string]any); ok && (len(m) > 0 || same(n.says, want)) {
			return e.mapping(n, m)
		}
	case sequenceNode:
		if list, ok := want.([]any); ok && (len(list) > 0 || len(n.kids) == 0) {
			return e.sequence(n, list)
		}
	}
	if same(n.says, want) {
		return nil
	}
	return e.replace(n, want, nil)
}

// setAlias leaves an alias where its anchor will say what is wanted, and writes
// it out elsewhere.
func (e *editor) setAlias(n *node, want any) error {
	if says, ok := e.targets[n.alias]; ok && same(says, want) {
		return nil
	}
	if same(n.says, want) {
		e.note(n, "*%s is written out: it stays as it is while its anchor changes", n.value)
	} else {
		e.note(n, "*%s is written out: the anchor and what else uses it stay as they are", n.value)
	}
	return e.replace(n, want, n.alias.keys())
}

// keys are the names of the keys of a mapping, as they are ordered.
func (n *node) keys() []string {
	var out []string
	if n.kind == mappingNode {
		for i := 0; i < len(n.kids); i += 2 {
			if name, ok := n.kids[i].name(); ok {
				out = append(out, name)
			}
		}
	}
	return out
}

func (e *editor) mapping(n *node, want map[string]any) error {
	says := n.says.(map[string]any)
	brings, keep := e.merged(n, want)
	removed := make([]bool, len(n.kids)/2)
	explicit := make(map[string]bool, len(n.kids)/2)
	left := 0
	for i := range removed {
		name, ok := n.kids[2*i].name()
		if ok {
			explicit[name] = true
			_, wanted := want[name]
			removed[i] = !wanted && n.kids[2*i+1].says != nil
		} else {
			removed[i] = !keep
		}
		if !removed[i] {
			left++
		}
	}
	if left == 0 && len(n.kids)+len(want) > 0 {
		return e.replace(n, want, n.keys())
	}
	for i := range removed {
		name, ok := n.kids[2*i].name()
		if removed[i] || !ok {
			continue
		}
		value := want[name]
		if err := e.set(n.kids[2*i+1], value); err != nil {
			return err
		}
	}
	fresh := map[string]any{}
	for name, value := range want {
		if explicit[name] || value == nil || keep && same(brings[name], value) {
			continue
		}
		fresh[name] = value
		if _, ok := brings[name]; ok && keep && same(says[name], brings[name]) {
			e.note(n, "%s is written beside the merge key (<<), which goes on bringing another value to others", name)
		}
	}
	return e.changePairs(n, removed, fresh)
}

// merged is what the merge keys of a mapping will bring, and whether they can
// stay: what they bring cannot be taken away beside them.
func (e *editor) merged(n *node, want map[string]any) (brings map[string]any, keep bool) {
	brings, keep = map[string]any{}, true
	for _, source := range n.merges() {
		from := source.says
		if source.kind == aliasNode {
			now, ok := e.targets[source.alias]
			if !ok {
				keep = false
				continue
			}
			from = now
		}
		fields, ok := from.(map[string]any)
		if !ok {
			keep = false
		}
		for name, value := range fields {
			if _, have := brings[name]; !have {
				brings[name] = value
			}
		}
	}
	for name, value := range brings {
		if want[name] == nil && value != nil {
			keep = false
		}
	}
	if !keep {
		e.note(n, "the merge key (<<) is written out: it brings what must not be here")
	}
	return brings, keep
}
