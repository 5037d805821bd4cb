package netpol

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// calicoObject is what is read of a policy of Calico (projectcalico.org/v3).
type calicoObject struct {
	Spec struct {
		Selector               string   `json:"selector"`
		NamespaceSelector      string   `json:"namespaceSelector"`
		ServiceAccountSelector string   `json:"serviceAccountSelector"`
		Types                  []string `json:"types"`
		Ingress                []any    `json:"ingress"`
		Egress                 []any    `json:"egress"`
	} `json:"spec"`
}

// readCalico reads a NetworkPolicy or GlobalNetworkPolicy of Calico. Without
// types it isolates in the directions that it has rules for, and for ingress
// where it has none at all.
func readCalico(u *unstructured.Unstructured) []*foreignPolicy {
	switch u.GetKind() {
	case "NetworkPolicy", "GlobalNetworkPolicy":
	default:
		return nil
	}
	p := newForeign(u)
	var o calicoObject
	if err := decode(u, &o); err != nil {
		return []*foreignPolicy{p.cannotTell(malformed(err))}
	}
	types := o.Spec.Types
	if len(types) == 0 {
		if len(o.Spec.Ingress) > 0 || len(o.Spec.Egress) == 0 {
			types = append(types, string(harden.Ingress))
		}
		if len(o.Spec.Egress) > 0 {
			types = append(types, string(harden.Egress))
		}
	}
	pods, err := parseCalico(o.Spec.Selector)
	if err != nil {
		return []*foreignPolicy{p.cannotTell(fmt.Sprintf("its selector is not understood: %v", err))}
	}
	spaces, err := parseCalico(o.Spec.NamespaceSelector)
	if err != nil {
		return []*foreignPolicy{p.cannotTell(fmt.Sprintf("its namespaceSelector is not understood: %v", err))}
	}
	p.keys = pods.keys(nil)
	for d := range directions {
		p.touches[d] = slices.Contains(types, string(directions[d]))
		p.isolates[d] = triOf(p.touches[d])
	}
	p.selects = func(c *class) (tri, string) {
		m := yes
		if p.ref.Namespace != "" {
			m = triOf(p.ref.Namespace == c.space.name)
		}
		m = min(m, spaces.matches(calicoLabels(c.space.labels, c.space.name)), pods.matches(calicoLabels(c.labels, c.space.name)))
		if o.Spec.ServiceAccountSelector != "" {
			m = min(m, maybe)
		}
		return m, ""
	}
	return []*foreignPolicy{p}
}

// calicoLabels adds the labels that Calico gives to every pod and namespace.
func calicoLabels(l labelSet, namespace string) *labelSet {
	set := make(map[string]string, len(l.set)+2)
	for k, v := range l.set {
		set[k] = v
	}
	set["projectcalico.org/namespace"] = namespace
	set["projectcalico.org/name"] = namespace
	set["projectcalico.org/orchestrator"] = "k8s"
	return &labelSet{set: set, open: l.open, why: l.why}
}

// A calicoExpr is an expression of Calico's selectors. They have
// a == 'b', a != 'b', a in {'b'}, a not in {'b'}, a contains 'b', a starts with
// 'b', a ends with 'b', has(a), all(), global(), !, && and ||, and parentheses.
type calicoExpr struct {
	op     string
	key    string
	values []string
	of     []*calicoExpr
}

func (x *calicoExpr) keys(out []string) []string {
	if x.key != "" {
		out = append(out, x.key)
	}
	for _, of := range x.of {
		out = of.keys(out)
	}
	return out
}

func (x *calicoExpr) matches(l *labelSet) tri {
	switch x.op {
	case "all":
		return yes
	case "global": // what is in no namespace
		return no
	case "!":
		return yes - x.of[0].matches(l)
	case "&&":
		result := yes
		for _, of := range x.of {
			result = min(result, of.matches(l))
		}
		return result
	case "||":
		result := no
		for _, of := range x.of {
			result = max(result, of.matches(l))
		}
		return result
	}
	value, ok := l.set[x.key]
	if !ok && l.mayHave(x.key) {
		return maybe
	}
	switch x.op {
	case "has":
		return triOf(ok)
	case "==", "in":
		return triOf(ok && slices.Contains(x.values, value))
	case "contains":
		return triOf(ok && strings.Contains(value, x.values[0]))
	case "starts":
		return triOf(ok && strings.HasPrefix(value, x.values[0]))
	case "ends":
		return triOf(ok && strings.HasSuffix(value, x.values[0]))
	}
	return triOf(!ok || !slices.Contains(x.values, value)) // != and not in
}

// parseCalico reads a selector; an empty one selects all.
func parseCalico(text string) (*calicoExpr, error) {
	p := &calicoParser{rest: text}
	p.skip()
	if p.rest == "" {
		return &calicoExpr{op: "all"}, nil
	}
	x, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, fmt.Errorf("%q is left over", harden.OneLine(p.rest))
	}
	return x, nil
}

type calicoParser struct{ rest string }

func (p *calicoParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *calicoParser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
		p.skip()
	}
	return ok
}

// word takes a word that ends where no label key goes on.
func (p *calicoParser) word(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if !ok || rest != "" && isKeyByte(rest[0]) {
		return false
	}
	return p.take(token)
}

// maxDepth bounds how deep expressions may be nested.
const maxDepth = 50

func (p *calicoParser) or(depth int) (*calicoExpr, error)  { return p.list(depth, "||", p.and) }
func (p *calicoParser) and(depth int) (*calicoExpr, error) { return p.list(depth, "&&", p.term) }

func (p *calicoParser) list(depth int, op string, part func(int) (*calicoExpr, error)) (*calicoExpr, error) {
	x := &calicoExpr{op: op}
	for {
		next, err := part(depth)
		if err != nil {
			return nil, err
		}
		x.of = append(x.of, next)
		if !p.take(op) {
			return x, nil
		}
	}
}

func (p *calicoParser) term(depth int) (*calicoExpr, error) {
	if depth > maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	switch {
	case p.take("!"):
		x, err := p.term(depth + 1)
		if err != nil {
			return nil, err
		}
		return &calicoExpr{op: "!", of: []*calicoExpr{x}}, nil
	case p.take("("):
		x, err := p.or(depth + 1)
		if err == nil && !p.take(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return x, err
	case p.take("all()"):
		return &calicoExpr{op: "all"}, nil
	case p.take("global()"):
		return &calicoExpr{op: "global"}, nil
	case p.take("has("):
		key, err := p.key()
		if err == nil && !p.take(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return &calicoExpr{op: "has", key: key}, err
	}
	return p.comparison()
}

func (p *calicoParser) comparison() (*calicoExpr, error) {
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	x := &calicoExpr{key: key}
	switch {
	case p.take("=="):
		x.op = "=="
	case p.take("!="):
		x.op = "!="
	case p.word("contains"):
		x.op = "contains"
	case p.word("starts"):
		x.op = "starts"
	case p.word("ends"):
		x.op = "ends"
	case p.word("not"):
		x.op = "not in"
	case strings.HasPrefix(p.rest, "in"):
		x.op = "in"
	default:
		return nil, fmt.Errorf("what is asked of label %q is not known here", harden.OneLine(key))
	}
	switch x.op {
	case "starts", "ends":
		if !p.word("with") {
			return nil, fmt.Errorf("%q lacks its \"with\"", x.op)
		}
	case "in", "not in":
		if !p.take("in") || !p.take("{") {
			return nil, errors.New("a set of values is missing")
		}
		for !p.take("}") {
			value, err := p.value()
			if err != nil {
				return nil, err
			}
			x.values = append(x.values, value)
			p.take(",")
		}
		return x, nil
	}
	value, err := p.value()
	x.values = []string{value}
	return x, err
}

func isKeyByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_.-/", b) >= 0
}

func (p *calicoParser) key() (string, error) {
	n := 0
	for n < len(p.rest) && isKeyByte(p.rest[n]) {
		n++
	}
	if n == 0 {
		return "", fmt.Errorf("a label is missing before %q", harden.OneLine(p.rest))
	}
	key := p.rest[:n]
	p.rest = p.rest[n:]
	p.skip()
	return key, nil
}

func (p *calicoParser) value() (string, error) {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", fmt.Errorf("a quoted value is missing before %q", harden.OneLine(p.rest))
	}
	n := strings.IndexByte(p.rest[1:], p.rest[0])
	if n < 0 {
		return "", errors.New("a quote is not closed")
	}
	value := p.rest[1 : n+1]
	p.rest = p.rest[n+2:]
	p.skip()
	return value, nil
}
