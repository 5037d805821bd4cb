package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// problems are the mistakes of a file.
type problems struct {
	file string
	root *yaml.Node
	all  []problem
}

type problem struct {
	line int
	text string
}

func (p *problems) add(line int, format string, args ...any) {
	p.all = append(p.all, problem{line, fmt.Sprintf(format, args...)})
}

// err names all mistakes, a line each, in the order of the file.
func (p *problems) err() error {
	if len(p.all) == 0 {
		return nil
	}
	slices.SortStableFunc(p.all, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var lines []string
	for _, one := range p.all {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", p.file, one.line, one.text))
	}
	return fmt.Errorf("reading the configuration: %s", strings.Join(lines, "\n"))
}

// line is where a value stands: keys and positions lead to it. Where it is not
// there, the line of what should hold it.
func (p *problems) line(path ...any) int {
	node := p.root
	line := node.Line
	for _, step := range path {
		next := child(node, step)
		if next == nil {
			return line
		}
		node = next
		line = node.Line
	}
	return line
}

func child(node *yaml.Node, step any) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch step := step.(type) {
	case string:
		for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step]
		}
	}
	return nil
}

// decode reads the one document of a file strictly: fields that there are not,
// and values of another type, are mistakes.
func (p *problems) decode(text []byte, into any) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		p.root = &yaml.Node{Kind: yaml.MappingNode, Line: 1}
		p.add(1, "the file is empty: it must say version: 1")
		return
	case err != nil:
		p.root = &yaml.Node{Line: 1}
		p.yaml(err)
		return
	}
	p.root = &document
	if document.Kind == yaml.DocumentNode {
		p.root = document.Content[0]
	}
	if p.root.Kind != yaml.MappingNode {
		p.add(p.root.Line, "want a mapping, such as version: 1")
		return
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		p.add(p.root.Line, "there is more than one document: a configuration is one")
		return
	}
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	if err := strict.Decode(into); err != nil {
		p.yaml(err)
	}
}

var (
	atLine  = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	noField = regexp.MustCompile(`^field (\S+) not found in type \S+$`)
	badType = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (\\S+)$")
)

// yaml takes the mistakes that the library names over.
func (p *problems) yaml(err error) {
	texts := []string{err.Error()}
	if many := (*yaml.TypeError)(nil); errors.As(err, &many) {
		texts = many.Errors
	}
	for _, text := range texts {
		line := 1
		if m := atLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
			text = strings.TrimPrefix(text, m[0])
		}
		text = harden.OneLine(strings.TrimPrefix(text, "yaml: "))
		if m := noField.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("unknown field %q", m[1])
		} else if m := badType.FindStringSubmatch(text); m != nil {
			text = "want " + goTypes(m[3]) + ", got " + yamlTypes(m[1])
			if m[2] != "" {
				text += fmt.Sprintf(" (%s)", m[2])
			}
		}
		p.add(line, "%s", text)
	}
}

func goTypes(name string) string {
	switch {
	case name == "int":
		return "a whole number"
	case name == "bool":
		return "true or false"
	case name == "string":
		return "a text"
	case strings.HasPrefix(name, "[]"):
		return "a list"
	}
	return "a mapping"
}

func yamlTypes(tag string) string {
	switch tag {
	case "str":
		return "a text"
	case "int", "float":
		return "a number"
	case "bool":
		return "true or false"
	case "seq":
		return "a list"
	case "map":
		return "a mapping"
	}
	return tag
}
