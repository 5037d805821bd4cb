package helm

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
)

// mentions are the fields that templates name.
type mentions struct {
	// absolute are those below .Values, as paths in the values of the whole chart.
	absolute []valuePath
	// relative are chains of fields of something else: of a part of the values
	// within with, range and named templates.
	relative []valuePath
	// names are all keys that occur in either.
	names map[string]bool
}

// mentioned reads the templates of a chart and of its dependencies.
func mentioned(chart *chartv2.Chart) *mentions {
	m := &mentions{names: map[string]bool{}}
	seen := map[string]bool{}
	var walk func(c *chartv2.Chart, prefix valuePath, all []valuePath)
	walk = func(c *chartv2.Chart, prefix valuePath, callers []valuePath) {
		callers = append(slices.Clone(callers), prefix)
		for _, t := range c.Templates {
			// A named template is also rendered with the values of a chart that has
			// its chart as a dependency.
			prefixes := []valuePath{prefix}
			if strings.HasPrefix(path.Base(t.Name), "_") {
				prefixes = callers
			}
			for _, chain := range chains(t.Name, string(t.Data)) {
				m.add(seen, prefixes, chain)
			}
		}
		for _, d := range c.Dependencies() {
			walk(d, prefix.join(d.Name()), callers)
		}
	}
	walk(chart, nil, nil)
	return m
}

func (m *mentions) add(seen map[string]bool, prefixes []valuePath, chain []string) {
	i := slices.Index(chain, "Values")
	if i < 0 {
		if builtin[chain[0]] {
			return
		}
		m.note(seen, &m.relative, "relative ", chain)
		return
	}
	below := chain[i+1:]
	if len(below) == 0 {
		return
	}
	for _, prefix := range prefixes {
		if below[0] == "global" {
			prefix = nil
		}
		m.note(seen, &m.absolute, "", prefix.join(below...))
	}
}

func (m *mentions) note(seen map[string]bool, to *[]valuePath, kind string, p valuePath) {
	if key := kind + p.String(); !seen[key] {
		seen[key] = true
		*to = append(*to, p)
		for _, name := range p {
			m.names[name] = true
		}
	}
}

// builtin are what helm gives to templates besides the values.
var builtin = map[string]bool{"Chart": true, "Release": true, "Capabilities": true, "Files": true, "Template": true, "Subcharts": true}

// keyLike is text that may be one key of the values.
var keyLike = regexp.MustCompile(`^[a-z][A-Za-z0-9]{2,40}$`)

// chains are the fields that a template names, such as [Values web image] for
// .Values.web.image, in the order of the file. What does not parse has none: its
// rendering fails anyway.
func chains(name, text string) [][]string {
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	sets := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", sets); err != nil {
		return nil
	}
	var out [][]string
	for _, set := range sets {
		fields(set.Root, &out)
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

func fields(node parse.Node, out *[][]string) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				fields(child, out)
			}
		}
	case *parse.ActionNode:
		fields(n.Pipe, out)
	case *parse.TemplateNode:
		fields(n.Pipe, out)
	case *parse.IfNode:
		branch(&n.BranchNode, out)
	case *parse.WithNode:
		branch(&n.BranchNode, out)
	case *parse.RangeNode:
		branch(&n.BranchNode, out)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				for _, arg := range c.Args {
					fields(arg, out)
				}
			}
		}
	case *parse.FieldNode:
		*out = append(*out, n.Ident)
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			*out = append(*out, n.Ident[1:])
		}
	case *parse.ChainNode:
		fields(n.Node, out)
		*out = append(*out, n.Field)
	case *parse.StringNode:
		// A key for index, get, dig or hasKey, perhaps.
		if keyLike.MatchString(n.Text) {
			*out = append(*out, []string{n.Text})
		}
	}
}

func branch(n *parse.BranchNode, out *[][]string) {
	fields(n.Pipe, out)
	fields(n.List, out)
	fields(n.ElseList, out)
}
