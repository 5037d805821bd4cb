package edit

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-harden/kubectl-harden/internal/source/scalar"
)

// mostValues is how many values the aliases of one document may stand for;
// without a limit nine lines of YAML fill any memory.
const mostValues = 2_000_000

func tooLarge(n *node) error {
	if n.size > mostValues {
		return fmt.Errorf("the aliases of this document stand for more than %d values", mostValues)
	}
	return nil
}

// merge is what the key << says.
type merge struct{}

// name is what a key is called; not ok for a merge key.
func (n *node) name() (name string, ok bool) {
	name, ok = n.says.(string)
	return name, ok
}

// fields works out what a mapping says.
func (s *scanner) fields(y *yaml.Node, n *node) error {
	says := make(map[string]any, len(n.kids)/2)
	n.says, n.size = says, 1
	merged := false
	for i := 0; i+1 < len(n.kids); i += 2 {
		key, value := n.kids[i], n.kids[i+1]
		n.size += value.size
		line := y.Content[i].Line
		name, err := keyName(key, line)
		if err != nil {
			return err
		}
		if name == "<<" && key.style == plain {
			key.says, merged = merge{}, true
			continue
		}
		if _, again := says[name]; again {
			return fmt.Errorf("line %d: %q is set twice", line, name)
		}
		key.says = name
		says[name] = value.says
	}
	if merged {
		for _, source := range n.merges() {
			if err := source.mergeInto(says, y.Line); err != nil {
				return err
			}
			n.size += source.size
		}
	}
	return tooLarge(n)
}

func keyName(key *node, line int) (string, error) {
	if key.kind == aliasNode {
		key = key.alias
	}
	if key.kind == scalarNode {
		if name, ok := key.says.(string); ok {
			return name, nil
		}
		if name, ok := scalar.Key(key.value); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("line %d: a key must be a string", line)
}

// merges lists the mappings that the merge keys of a mapping bring in.
func (n *node) merges() []*node {
	var out []*node
	for i := 0; i+1 < len(n.kids); i += 2 {
		if _, ok := n.kids[i].says.(merge); !ok {
			continue
		}
		value := n.kids[i+1]
		if target := value.target(); target.kind == sequenceNode {
			out = append(out, target.kids...)
			continue
		}
		out = append(out, value)
	}
	return out
}

// target is what an alias stands for, or the node itself.
func (n *node) target() *node {
	if n.kind == aliasNode {
		return n.alias
	}
	return n
}

func (n *node) mergeInto(says map[string]any, line int) error {
	from, ok := n.says.(map[string]any)
	if !ok {
		return fmt.Errorf("line %d: a merge key (<<) needs a mapping or a list of mappings", line)
	}
	for name, value := range from {
		if _, have := says[name]; !have {
			says[name] = value
		}
	}
	return nil
}

// same is equality where null and absent are one, as they are for the API server.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !same(v, w) || !ok && v != nil {
				return false
			}
		}
		for k, w := range b {
			if _, ok := a[k]; !ok && w != nil {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case string:
		b, ok := b.(string)
		return ok && a == b
	default:
		return reflect.DeepEqual(a, b)
	}
}

// normal is a value with the types that nodes have: whole numbers are int64.
func normal(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, int64:
		return v, nil
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case float64:
		return scalar.Number(v), nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			n, err := normal(x)
			if err != nil {
				return nil, err
			}
			out[k] = n
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			n, err := normal(x)
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
		return out, nil
	}
	return nil, fmt.Errorf("a value of type %T cannot be written", v)
}
