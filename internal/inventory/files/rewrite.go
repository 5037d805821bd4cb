package files

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A File is the text of one input, after a rewrite.
type File struct {
	Name    string // as the user named it; "-" for standard input
	Data    []byte
	Changed bool
}

// Rewrite gives the text of all inputs with the objects changed to what they
// should be: after holds, by key, objects as Object returns them with changes
// made. The namespace that Options gave to an object is not written, and
// neither is a name that its generateName stands for.
//
// Documents without a change keep every byte. A changed document is written
// anew by a YAML library: comments, the order of keys, quotes, block and flow
// style, and line ends stay; blank lines between fields and alignment may not.
// Aliases below which something changes are written out, so that the other
// users of their anchor stay as they are. JSON stays JSON.
//
// Each changed document is decoded again. It is an error when it then says
// anything else than it should, or when a comment got lost.
func (s *Set) Rewrite(after map[harden.Key]*unstructured.Unstructured) ([]File, error) {
	changes := map[*document]map[int]*unstructured.Unstructured{}
	var errs []error
	for key, u := range after {
		o := s.find(key)
		if o == nil {
			errs = append(errs, fmt.Errorf("rewriting %s/%s: it is not in the files", key.Kind, key.Name))
			continue
		}
		if changes[o.doc] == nil {
			changes[o.doc] = map[int]*unstructured.Unstructured{}
		}
		changes[o.doc][o.ref.Source.Item] = u
	}
	var out []File
	for _, f := range s.files {
		file, err := f.rewrite(changes)
		out = append(out, file)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func (f *file) rewrite(changes map[*document]map[int]*unstructured.Unstructured) (File, error) {
	var b strings.Builder
	if f.bom {
		b.WriteString(utf8BOM)
	}
	var errs []error
	changed := false
	at := 0
	for _, d := range f.docs {
		b.WriteString(f.text[at:d.span.start])
		text := d.text()
		if objects := changes[d]; objects != nil {
			fresh, err := d.rewrite(objects)
			if err != nil {
				errs = append(errs, fmt.Errorf("rewriting %s:%d: %w", f.name, d.line, err))
			}
			changed = changed || fresh != text
			text = fresh
		}
		b.WriteString(text)
		at = d.span.end
	}
	b.WriteString(f.text[at:])
	return File{Name: f.name, Data: []byte(b.String()), Changed: changed}, errors.Join(errs...)
}

// rewrite gives the document's text with objects (by list item, -1 for the
// document itself) changed.
func (d *document) rewrite(objects map[int]*unstructured.Unstructured) (string, error) {
	tree, err := d.parse()
	if err != nil {
		return "", err
	}
	before := tree.toAny()
	after := tree.toAny() // a copy
	for item, u := range objects {
		if err := place(&after, item, u); err != nil {
			return "", err
		}
	}
	if same(before, after) {
		return d.text(), nil
	}
	if d.json() {
		return d.rewriteJSON(before, after)
	}
	return d.rewriteYAML(before, after)
}

// place puts the object where the document holds it, without what only its
// reference says.
func place(doc *any, item int, u *unstructured.Unstructured) error {
	slot := doc
	if item >= 0 {
		list, _ := (*doc).(map[string]any)
		items, _ := list["items"].([]any)
		if item >= len(items) {
			return fmt.Errorf("there is no list item %d", item)
		}
		slot = &items[item]
	}
	was, ok := (*slot).(map[string]any)
	if !ok {
		return errors.New("this is not an object")
	}
	now := u.DeepCopy().Object
	for _, field := range []string{"apiVersion", "kind"} {
		if was[field] == nil {
			delete(now, field)
		}
	}
	wasMeta, _ := was["metadata"].(map[string]any)
	if meta, ok := now["metadata"].(map[string]any); ok {
		for _, field := range []string{"namespace", "name"} {
			if wasMeta[field] == nil {
				delete(meta, field)
			}
		}
	}
	*slot = now
	return nil
}

func (d *document) rewriteJSON(before, after any) (string, error) {
	root, readErr := parseJSONNode(d.text(), d.span.line)
	if readErr != nil {
		return "", readErr
	}
	e := &editor{root: root}
	if err := e.set(&root, before, after); err != nil {
		return "", err
	}
	var b strings.Builder
	writeJSON(&b, root, jsonIndent(d.text()), "")
	text := d.text()
	trimmed := strings.TrimSpace(text)
	at := strings.Index(text, trimmed)
	out := b.String()
	if strings.Contains(trimmed, "\r\n") {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	out = text[:at] + out + text[at+len(trimmed):]
	tree, readErr := parseJSON(out, d.span.line)
	return out, verify(tree, readErr, after)
}

// jsonIndent is how a text indents its first level; empty when it is one line.
func jsonIndent(text string) string {
	_, rest, ok := strings.Cut(text, "\n")
	if !ok {
		return ""
	}
	indent := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
	return cmp.Or(indent, "  ")
}

func verify(tree *node, readErr *ReadError, after any) error {
	switch {
	case readErr != nil:
		return fmt.Errorf("the new text cannot be read again: %w", readErr)
	case tree == nil || !same(tree.toAny(), after):
		return errors.New("the new text would not say what it should")
	}
	duplicate := false
	tree.duplicates(func(*node, *node) { duplicate = true })
	if duplicate {
		return errors.New("the new text would set a key twice")
	}
	return nil
}

func (d *document) rewriteYAML(before, after any) (string, error) {
	text := strings.ReplaceAll(d.text(), "\r\n", "\n")
	crlf := len(text) != len(d.text())
	head, body, tail := frame(text, before)
	root, readErr := parseYAMLNode(body, 1)
	if readErr != nil {
		return "", readErr
	}
	old := comments(root)
	indent, compact := style(root)
	e := &editor{root: root}
	if err := e.set(&root, before, after); err != nil {
		return "", err
	}
	out, err := encodeDocument(root, indent, compact)
	if err != nil {
		return "", err
	}
	if lost := e.lost(body, out, old); lost != "" {
		return "", fmt.Errorf("the comment %q would get lost", lost)
	}
	if !strings.HasSuffix(body, "\n") {
		out = strings.TrimSuffix(out, "\n")
	}
	out = head + out + tail
	tree, readErr := parseYAML(out, 1)
	if err := verify(tree, readErr, after); err != nil {
		return "", err
	}
	if crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	return out, nil
}

func encodeDocument(root *yaml.Node, indent int, compact bool) (string, error) {
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(indent)
	if compact {
		enc.CompactSeqIndent()
	}
	if err := enc.Encode(root); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	return b.String(), nil
}

// frame takes off what stays as it is: markers, directives, comments and blank
// lines before the first field and after the last.
func frame(text string, says any) (head, body, tail string) {
	lines := slices.Collect(strings.Lines(text))
	first := 0
	for first < len(lines) && (isBlank(lines[first]) || lines[first][0] == '%') {
		first++
	}
	if first < len(lines) && isMarker(lines[first], "---") {
		// The content stands on the line of the marker.
		head = strings.Join(lines[:first], "") + "---\n"
		return head, strings.Join(lines[first:], "")[len("---"):], ""
	}
	last := len(lines)
	for last > first && isBlank(lines[last-1]) {
		last--
	}
	head, body, tail = strings.Join(lines[:first], ""), strings.Join(lines[first:last], ""), strings.Join(lines[last:], "")
	// The last lines may be those of a block of text and only look like comments.
	if tree, err := parseYAML(body, 1); err != nil || tree == nil || !same(tree.toAny(), says) {
		body, tail = body+tail, ""
	}
	return head, body, tail
}

// style finds out how a document indents: by how many columns, and whether the
// dashes of a list stand below the key (compact) or are indented too.
func style(root *yaml.Node) (indent int, compact bool) {
	indent, compact = 2, true
	foundIndent, foundList := false, false
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 {
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, value := n.Content[i], n.Content[i+1]
				block := value.Style&yaml.FlowStyle == 0 && len(value.Content) > 0 && value.Line > key.Line
				switch {
				case block && value.Kind == yaml.MappingNode && !foundIndent:
					indent, foundIndent = min(max(value.Column-key.Column, 2), 8), true
				case block && value.Kind == yaml.SequenceNode && !foundList:
					compact, foundList = value.Column == key.Column, true
				}
			}
		}
		for _, kid := range n.Content {
			walk(kid)
		}
	}
	walk(root)
	return indent, compact
}

// comments counts the comment lines of a tree.
func comments(n *yaml.Node) map[string]int {
	found := map[string]int{}
	countComments(n, found)
	return found
}

func countComments(n *yaml.Node, found map[string]int) {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		for l := range strings.Lines(c) {
			if l = strings.TrimSpace(l); l != "" {
				found[l]++
			}
		}
	}
	for _, kid := range n.Content {
		countComments(kid, found)
	}
}

// lost returns a comment of the old text that the new one does not have and
// that did not go with a field that was removed.
func (e *editor) lost(old, fresh string, inTree map[string]int) string {
	need := map[string]int{}
	for l := range strings.Lines(old) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "#") {
			need[l]++
		}
	}
	for l, n := range inTree {
		need[l] = max(need[l], n)
	}
	for _, gone := range e.removed {
		for l, n := range comments(gone) {
			need[l] -= n
		}
		for _, text := range texts(gone) {
			for l := range strings.Lines(text) {
				need[strings.TrimSpace(l)]--
			}
		}
	}
	for _, l := range slices.Sorted(maps.Keys(need)) {
		if need[l] > 0 && strings.Count(fresh, l) < need[l] {
			return l
		}
	}
	return ""
}

// texts lists the blocks of text in a tree.
func texts(n *yaml.Node) []string {
	var out []string
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "\n") {
		out = append(out, n.Value)
	}
	for _, kid := range n.Content {
		out = append(out, texts(kid)...)
	}
	return out
}
