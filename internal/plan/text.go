package plan

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// removal begins a line of the text that says what is taken away.
const removalMark = "#- "

// Text is the patch of an object as text that a person can edit: comments that say
// what may be done, what is taken away, and a partial object in YAML.
func Text(op *harden.ObjectPlan) (string, error) {
	var b strings.Builder
	say := func(lines ...string) {
		for _, l := range lines {
			b.WriteString(strings.TrimRight("# "+harden.OneLine(l), " ") + "\n")
		}
	}
	say("The patch of "+op.Target.Long()+".", "",
		"Values may be changed, added and taken out: what does not stand here stays as",
		"it is. What the object is (apiVersion, kind, name, namespace) must stay. Lines",
		"that begin with # say nothing, but for those of what is taken away.", "")
	for _, pf := range op.Fixes {
		say(fmt.Sprintf("%s: %s", strings.TrimSpace(pf.Finding.Fixer.ID+" "+pf.Finding.Container.String()), pf.Fix.Title))
	}
	if len(op.Remove) > 0 {
		say("", "Taken away; delete the line of what should stay:")
		for _, p := range op.Remove {
			b.WriteString(removalMark + PathString(p) + "\n")
		}
	}
	set := op.Set
	if set == nil {
		set = harden.Partial(op.Target)
	}
	body, err := toYAML(set)
	if err != nil {
		return "", err
	}
	return b.String() + body, nil
}

// Edited reads text that was Text and was edited. Errors name the line. Set is nil
// when nothing is set.
func Edited(op *harden.ObjectPlan, text string, conv managedfields.TypeConverter) (set *unstructured.Unstructured, remove []harden.Path, err error) {
	if remove, err = editedRemovals(op, text); err != nil {
		return nil, nil, err
	}
	root, err := onlyDocument(text)
	if err != nil {
		return nil, nil, err
	}
	if err := sigsyaml.UnmarshalStrict([]byte(text), &map[string]any{}); err != nil {
		return nil, nil, fmt.Errorf("reading the patch: %s", harden.OneLine(err.Error()))
	}
	var object map[string]any
	if err := sigsyaml.Unmarshal([]byte(text), &object); err != nil {
		return nil, nil, fmt.Errorf("reading the patch: %s", harden.OneLine(err.Error()))
	}
	if set, err = canonical(&unstructured.Unstructured{Object: object}); err != nil {
		return nil, nil, err
	}
	if err := sameIdentity(op, set, root); err != nil {
		return nil, nil, err
	}
	if err := notForPeople(set, root); err != nil {
		return nil, nil, err
	}
	if _, err := toTyped(set, conv); err != nil {
		return nil, nil, schemaError(err, root)
	}
	leaves, err := FieldSet(set, conv)
	if err != nil {
		return nil, nil, err
	}
	if leaves.Empty() {
		set = nil
	}
	if set == nil && len(remove) == 0 {
		return nil, nil, errors.New("nothing is left of the patch: leave the object out of the plan instead")
	}
	return set, remove, nil
}

// editedRemovals are those of the plan that are still in the text.
func editedRemovals(op *harden.ObjectPlan, text string) ([]harden.Path, error) {
	named := map[string]harden.Path{}
	for _, p := range op.Remove {
		named[PathString(p)] = p
	}
	var left []harden.Path
	n := 0
	for l := range strings.Lines(text) {
		n++
		name, ok := strings.CutPrefix(strings.TrimSpace(l), strings.TrimSpace(removalMark))
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		p, ok := named[name]
		if !ok {
			return nil, fmt.Errorf("line %d: %q is not among what the patch takes away: such a line can only be deleted", n, harden.OneLine(name))
		}
		if !slices.ContainsFunc(left, p.Equals) {
			left = append(left, p)
		}
	}
	return left, nil
}

var atLine = regexp.MustCompile(`^yaml: line (\d+): `)

// onlyDocument is the mapping that the text holds.
func onlyDocument(text string) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("nothing is left of the patch: leave the object out of the plan instead")
	case err != nil:
		return nil, errors.New(atLine.ReplaceAllString(harden.OneLine(err.Error()), "line $1: "))
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, errors.New("nothing is left of the patch: leave the object out of the plan instead")
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: this is no object", root.Line)
	}
	var next yaml.Node
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: there is more than one document: a patch is one", next.Line)
	}
	return root, nil
}

// sameIdentity is an error where the patch is about another object.
func sameIdentity(op *harden.ObjectPlan, set *unstructured.Unstructured, root *yaml.Node) error {
	was := harden.Partial(op.Target)
	for _, f := range []struct {
		path     []string
		was, now string
	}{
		{[]string{"apiVersion"}, was.GetAPIVersion(), set.GetAPIVersion()},
		{[]string{"kind"}, was.GetKind(), set.GetKind()},
		{[]string{"metadata", "name"}, was.GetName(), set.GetName()},
		{[]string{"metadata", "namespace"}, was.GetNamespace(), set.GetNamespace()},
	} {
		if f.was != f.now {
			return fmt.Errorf("line %d: %s is %q, and must stay %q: a patch is about its own object", lineOf(root, f.path...), strings.Join(f.path, "."), harden.OneLine(f.now), f.was)
		}
	}
	return nil
}

// notForPeople is an error where the patch says what the server alone writes, or
// what belongs to others.
func notForPeople(set *unstructured.Unstructured, root *yaml.Node) error {
	refuse := func(why string, path ...string) error {
		if _, there, _ := unstructured.NestedFieldNoCopy(set.Object, path...); there {
			return fmt.Errorf("line %d: %s %s", lineOf(root, path...), strings.Join(path, "."), why)
		}
		return nil
	}
	errs := []error{
		refuse("is written by the server: take it out", "status"),
		refuse("belongs to whoever scales the workload: take it out", "spec", "replicas"),
		nullError(root),
	}
	for _, name := range append(slices.Clone(serverFields), "uid", "ownerReferences", "finalizers", "generateName") {
		errs = append(errs, refuse("is not for a patch: take it out", "metadata", name))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// nullError names the first value that is null: to server-side apply that is
// neither a value nor the lack of one.
func nullError(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return fmt.Errorf("line %d: there is no value: write one, or take the line out", n.Line)
	}
	for _, child := range n.Content {
		if err := nullError(child); err != nil {
			return err
		}
	}
	return nil
}

// lineOf is the line of the field, or of the last one on the way that is there.
func lineOf(n *yaml.Node, path ...string) int {
	line := n.Line
	for _, name := range path {
		found := false
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if n.Content[i].Value == name {
				n, line, found = n.Content[i+1], n.Content[i].Line, true
				break
			}
		}
		if !found {
			return line
		}
	}
	return line
}

var (
	schemaPath = regexp.MustCompile(`(?m)(?:^|\s)(\.\S+): (.*)$`)
	goValue    = regexp.MustCompile(`got &\{(.*)\}$`) // as the library prints it
)

// schemaError is what the schema has against the patch, with the line of the first
// such field.
func schemaError(err error, root *yaml.Node) error {
	m := schemaPath.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("reading the patch: %s", harden.OneLine(err.Error()))
	}
	name := m[1][strings.LastIndex(m[1], ".")+1:]
	why := goValue.ReplaceAllString(m[2], "got $1")
	if strings.Contains(why, "not declared in schema") {
		why = "there is no such field"
	}
	return fmt.Errorf("line %d: %s: %s", lineOfName(root, name), m[1], harden.OneLine(why))
}

// lineOfName is the line of the first field of the name; where there is none, the first line.
func lineOfName(n *yaml.Node, name string) int {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Value == name {
			return child.Line
		}
		if line := lineOfName(child, name); line > 0 {
			return line
		}
	}
	if n.Column == 1 && n.Kind == yaml.MappingNode {
		return n.Line
	}
	return 0
}
