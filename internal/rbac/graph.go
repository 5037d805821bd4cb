package rbac

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Role is what a binding refers to.
type Role struct {
	Ref   harden.Ref
	Rules []rbacv1.PolicyRule
	// Unknown says why the rules are not known; empty when they are.
	Unknown string
	// Missing says that the server has no such role: a binding to it gives nothing, yet.
	Missing bool
	// Shipped says that Kubernetes makes a role of this name and puts its rules
	// back at every start of an API server.
	Shipped bool
	// Parts are the roles that the controller writes the rules of an aggregated
	// ClusterRole from; nil for others.
	Parts []*Role
	// Aggregated says that the rules are written by the controller.
	Aggregated bool
	// Bindings are those that refer to the role, in the order of the inventory.
	Bindings []harden.Ref
}

// A Grant is a binding, its role, and one of its subjects.
type Grant struct {
	Binding harden.Ref
	Role    *Role
	Subject Subject
	// Namespace is where the rules hold; empty for the whole cluster, Unsaid for
	// the one that the file of a RoleBinding does not name.
	Namespace string
	// Shipped says that Kubernetes makes this binding with this subject.
	Shipped bool
	// Rules are those of the role; for a shipped grant only what is not shipped with it.
	Rules []rbacv1.PolicyRule
	// Held are the dangerous powers among the rules, from the worst.
	Held []*Held
}

// Unsaid stands for the namespace of a RoleBinding whose manifest names none: it
// is the one that somebody applies it to.
const Unsaid = "?"

// A Graph joins all grants of an inventory.
type Graph struct {
	inv       *harden.Inventory
	roles     map[string]*Role // by KIND NAMESPACE/NAME
	byBinding map[harden.Key][]*Grant
	bySubject map[Subject][]*Grant
	found     map[matchKey][]match
	tokens    *sync.Map                   // Token by the Subject that is the account
	boundBy   map[harden.Key][]harden.Ref // by role, those of the roles that it is a part of included
}

// Of is the graph of the inventory, made once.
func Of(inv *harden.Inventory) *Graph { return harden.Derive(inv, build, Parts...) }

// Kinds are those of RBAC. Parts are those of an inventory that a Graph is made
// of: it looks up accounts for their tokens.
var (
	Kinds = []schema.GroupKind{harden.KindRole, harden.KindClusterRole, harden.KindRoleBinding, harden.KindClusterRoleBinding}
	Parts = append(Kinds[:len(Kinds):len(Kinds)], harden.KindServiceAccount)
)

// Over is the graph of a later inventory in which no Parts differ.
func (g *Graph) Over(inv *harden.Inventory) any {
	next := *g
	next.inv = inv
	return &next
}

func build(inv *harden.Inventory) *Graph {
	g := &Graph{inv: inv, roles: map[string]*Role{}, byBinding: map[harden.Key][]*Grant{}, bySubject: map[Subject][]*Grant{}, boundBy: map[harden.Key][]harden.Ref{}, found: map[matchKey][]match{}, tokens: &sync.Map{}}
	for o, b := range harden.All[*rbacv1.ClusterRoleBinding](inv, harden.KindClusterRoleBinding) {
		g.bind(o.Ref, "", b.RoleRef, b.Subjects)
	}
	for o, b := range harden.All[*rbacv1.RoleBinding](inv, harden.KindRoleBinding) {
		g.bind(o.Ref, o.Ref.Namespace, b.RoleRef, b.Subjects)
	}
	for _, grants := range g.bySubject {
		for _, grant := range grants {
			grant.Held = g.held(grant)
		}
	}
	for _, role := range g.roles {
		for _, r := range append([]*Role{role}, role.Parts...) {
			g.boundBy[r.Ref.Key()] = append(g.boundBy[r.Ref.Key()], role.Bindings...)
		}
	}
	for _, bindings := range g.boundBy {
		slices.SortFunc(bindings, func(a, b harden.Ref) int {
			return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
	}
	return g
}

func (g *Graph) bind(binding harden.Ref, namespace string, ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
	role := g.role(ref.Kind, namespace, ref.Name)
	role.Bindings = append(role.Bindings, binding)
	where := namespace
	if where == "" && binding.Kind == harden.KindRoleBinding.Kind {
		where = Unsaid
	}
	made := shippedTable()[shippedKey("ClusterRoleBinding", "RoleBinding", where, binding.Name)]
	if made != nil && made.role != ref.Kind+" "+ref.Name {
		made = nil
	}
	g.byBinding[binding.Key()] = nil
	seen := map[Subject]bool{}
	for _, s := range subjects {
		grant := &Grant{Binding: binding, Role: role, Subject: SubjectOf(s, namespace), Namespace: where, Rules: role.Rules}
		if seen[grant.Subject] {
			continue
		}
		seen[grant.Subject] = true
		if made != nil && slices.Contains(made.subjects, grant.Subject) {
			grant.Shipped = true
			rules, _ := ShippedRules(role.Ref.Namespace, role.Ref.Name)
			grant.Rules = Uncovered(role.Rules, rules)
		}
		g.byBinding[binding.Key()] = append(g.byBinding[binding.Key()], grant)
		g.bySubject[grant.Subject] = append(g.bySubject[grant.Subject], grant)
	}
}

// roleKey names a role as seen from a namespace.
func roleKey(kind, namespace, name string) string {
	if kind == harden.KindClusterRole.Kind {
		namespace = ""
	}
	return kind + " " + namespace + "/" + name
}

func (g *Graph) role(kind, namespace, name string) *Role {
	key := roleKey(kind, namespace, name)
	role := g.roles[key]
	if role == nil {
		role = g.resolve(kind, namespace, name)
		g.roles[key] = role
	}
	return role
}

func (g *Graph) resolve(kind, namespace, name string) *Role {
	gk := harden.KindRole
	if kind == harden.KindClusterRole.Kind {
		gk, namespace = harden.KindClusterRole, ""
	}
	shippedIn := namespace
	if gk == harden.KindRole && shippedIn == "" {
		shippedIn = Unsaid
	}
	rules, isShipped := ShippedRules(shippedIn, name)
	role := &Role{Ref: harden.Ref{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind, Namespace: namespace, Name: name}, Shipped: isShipped}
	object := g.inv.Object(gk, namespace, name)
	if object != nil {
		role.Ref = object.Ref
	}
	switch content := any(harden.Content[metav1.Object](object)).(type) {
	case *rbacv1.Role:
		role.Rules = content.Rules
	case *rbacv1.ClusterRole:
		role.Rules, role.Aggregated = content.Rules, content.AggregationRule != nil
		if content.AggregationRule != nil {
			role.Parts = g.parts(content)
			if !g.inv.Live() { // nobody has written them yet
				for _, p := range role.Parts {
					role.Rules = append(slices.Clone(role.Rules), p.Rules...)
				}
			}
		}
	default:
		why := g.inv.Unreadable(resourceOf(gk), namespace)
		switch {
		case isShipped && (why != "" || !g.inv.Live() || !g.inv.Listed(gk)):
			role.Rules = rules
		case why != "":
			role.Unknown = "it could not be read: " + why
		case !g.inv.Live():
			role.Unknown = "it is not among the files"
		case !g.inv.Listed(gk):
			role.Unknown = "roles were not read"
		default:
			role.Missing = true
		}
	}
	return role
}

// parts are the other roles that an aggregated one is written from.
func (g *Graph) parts(aggregated *rbacv1.ClusterRole) []*Role {
	var parts []*Role
	for o, candidate := range harden.All[*rbacv1.ClusterRole](g.inv, harden.KindClusterRole) {
		if o.Ref.Name == aggregated.Name {
			continue
		}
		for _, s := range aggregated.AggregationRule.ClusterRoleSelectors {
			selector, err := metav1.LabelSelectorAsSelector(&s)
			if err == nil && selector.Matches(labels.Set(candidate.Labels)) {
				_, isShipped := ShippedRules("", o.Ref.Name)
				parts = append(parts, &Role{Ref: o.Ref, Rules: candidate.Rules, Shipped: isShipped, Aggregated: candidate.AggregationRule != nil})
				break
			}
		}
	}
	return parts
}

func resourceOf(gk schema.GroupKind) string {
	kind, _ := harden.ObjectKindOf(gk)
	return kind.Resource()
}

// ByBinding are the grants of a binding, one for each subject.
func (g *Graph) ByBinding(binding harden.Ref) []*Grant { return g.byBinding[binding.Key()] }

// RoleOf is the role that a binding of the inventory refers to. Namespace is that
// of the binding.
func (g *Graph) RoleOf(namespace string, ref rbacv1.RoleRef) *Role {
	return g.roles[roleKey(ref.Kind, namespace, ref.Name)]
}

// BindingsOf are the bindings that refer to a role of the inventory, or to one
// into which it is aggregated.
func (g *Graph) BindingsOf(role harden.Ref) []harden.Ref { return g.boundBy[role.Key()] }

// OfAccount are the grants of a ServiceAccount, its own and those of the groups
// that it is in.
func (g *Graph) OfAccount(namespace, name string) []*Grant {
	var all []*Grant
	for _, s := range []Subject{
		Account(namespace, name),
		{Kind: rbacv1.GroupKind, Name: allAccounts + ":" + namespace},
		{Kind: rbacv1.GroupKind, Name: allAccounts},
		{Kind: rbacv1.GroupKind, Name: authenticated},
	} {
		all = append(all, g.bySubject[s]...)
	}
	return all
}

// OutsideScope is what Unknown says where only some namespaces were looked at. A
// binding there gives rights in its own namespace alone.
const OutsideScope = "RoleBindings of namespaces outside of the scope"

// Unknown says what about the rights of a ServiceAccount is not known, as
// sentence fragments; nil when all grants were seen.
func (g *Graph) Unknown(namespace, name string) []string {
	var why []string
	if !g.inv.Live() {
		why = append(why, "bindings that are not among the files")
	}
	if g.inv.Live() && !g.inv.Clusterwide {
		why = append(why, OutsideScope)
	}
	for _, gk := range []schema.GroupKind{harden.KindClusterRoleBinding, harden.KindRoleBinding} {
		switch unread := g.inv.Unreadable(resourceOf(gk), namespace); {
		case unread != "":
			why = append(why, gk.Kind+"s, which could not be read: "+unread)
		case g.inv.Live() && !g.inv.Listed(gk):
			why = append(why, gk.Kind+"s, which were not read")
		}
	}
	for _, grant := range g.OfAccount(namespace, name) {
		if grant.Role.Unknown != "" {
			why = append(why, "what "+grant.Role.name()+" allows: "+grant.Role.Unknown)
		}
	}
	return slices.Compact(why)
}

// Can reports whether the grant gives what is asked for.
func (g *Grant) Can(r Request) bool {
	if g.Namespace != "" && g.Namespace != r.Namespace {
		return false
	}
	return Allows(g.Role.Rules, r)
}

// Via is how the subject comes by it: BINDING -> ROLE.
func (g *Grant) Via() string {
	return harden.OneLine(g.Binding.Kind + " " + g.Binding.Name + " -> " + g.Role.name())
}

// Where is the place in which the rules hold, in words.
func (g *Grant) Where() string {
	switch g.Namespace {
	case "":
		return "the cluster"
	case Unsaid:
		return "its namespace"
	}
	return "namespace " + harden.OneLine(g.Namespace)
}

func (r *Role) name() string { return harden.OneLine(r.Ref.Kind + " " + r.Ref.Name) }
