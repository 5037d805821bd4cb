package rbac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/rbac"
)

func rule(verbs, group, resources string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), APIGroups: []string{group}, Resources: strings.Split(resources, ","), ResourceNames: names}
}

// The cases are those of the authorizer of Kubernetes.
func TestAllows(t *testing.T) {
	for _, test := range []struct {
		rule    rbacv1.PolicyRule
		request rbac.Request
		want    bool
	}{
		{rule("get", "", "secrets"), rbac.Request{Verb: "get", Resource: "secrets"}, true},
		{rule("get", "", "secrets"), rbac.Request{Verb: "list", Resource: "secrets"}, false},
		{rule("*", "", "secrets"), rbac.Request{Verb: "list", Resource: "secrets"}, true},
		{rule("get", "", "*"), rbac.Request{Verb: "get", Resource: "pods", Subresource: "exec"}, true},
		{rule("get", "", "pods"), rbac.Request{Verb: "get", Resource: "pods", Subresource: "exec"}, false},
		{rule("get", "", "*/exec"), rbac.Request{Verb: "get", Resource: "pods", Subresource: "exec"}, true},
		{rule("get", "", "pods/*"), rbac.Request{Verb: "get", Resource: "pods", Subresource: "exec"}, false},
		{rule("get", "example.com", "secrets"), rbac.Request{Verb: "get", Resource: "secrets"}, false},
		{rule("get", "*", "secrets"), rbac.Request{Verb: "get", Resource: "secrets"}, true},
		{rule("get", "", "secrets", "a"), rbac.Request{Verb: "get", Resource: "secrets", Name: "a"}, true},
		{rule("get", "", "secrets", "a"), rbac.Request{Verb: "get", Resource: "secrets", Name: "b"}, false},
		{rule("list", "", "secrets", "a"), rbac.Request{Verb: "list", Resource: "secrets"}, false},
		{rule("create", "", "secrets", "a"), rbac.Request{Verb: "create", Resource: "secrets", Name: "a"}, false},
		{rule("create", "", "serviceaccounts/token", "a"), rbac.Request{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Name: "a"}, true},
	} {
		if got := rbac.Allows([]rbacv1.PolicyRule{test.rule}, test.request); got != test.want {
			t.Errorf("%s: %+v = %v, want %v", rbac.Words(test.rule), test.request, got, test.want)
		}
	}
}

func TestUncovered(t *testing.T) {
	others := []rbacv1.PolicyRule{
		rule("get,list", "", "pods,configmaps"), rule("get", "", "secrets", "a"), rule("*", "apps", "*"),
		{Verbs: []string{"get"}, NonResourceURLs: []string{"/api/*"}},
	}
	for _, test := range []struct {
		rule rbacv1.PolicyRule
		want string
	}{
		{rule("list,get", "", "configmaps"), ""},
		{rule("get,watch", "", "pods"), "watch on pods"},
		{rule("get", "", "secrets"), "get on secrets"},
		{rule("get", "", "secrets", "a", "b"), "get on secrets named b"},
		{rule("delete", "apps", "deployments/scale"), ""},
		{rule("get", "*", "pods"), "get on pods (*)"},
		{rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/api/v1", "/metrics"}}, "get on /metrics"},
	} {
		if got := rbac.AllWords(rbac.Uncovered([]rbacv1.PolicyRule{test.rule}, others)); got != test.want {
			t.Errorf("%s: %q left, want %q", rbac.Words(test.rule), got, test.want)
		}
	}
}

func TestWithout(t *testing.T) {
	for _, test := range []struct {
		power string
		rules []rbacv1.PolicyRule
		want  []rbacv1.PolicyRule // nil: it cannot be said
	}{
		{"rbac-secrets-read", []rbacv1.PolicyRule{rule("get,create", "", "secrets,pods")}, []rbacv1.PolicyRule{rule("get,create", "", "pods"), rule("create", "", "secrets")}},
		{"rbac-secrets-read", []rbacv1.PolicyRule{rule("get", "apps", "deployments"), rule("get", "", "secrets")}, []rbacv1.PolicyRule{rule("get", "apps", "deployments")}},
		{"rbac-secrets-read", []rbacv1.PolicyRule{rule("*", "", "secrets")}, nil},
		{"rbac-secrets-read", []rbacv1.PolicyRule{rule("get", "", "*")}, nil},
		{"rbac-exec", []rbacv1.PolicyRule{rule("create", "", "*/exec")}, nil},
		{"rbac-node-proxy", []rbacv1.PolicyRule{rule("*", "", "nodes,nodes/proxy")}, []rbacv1.PolicyRule{rule("*", "", "nodes")}},
		{"rbac-node-proxy", []rbacv1.PolicyRule{rule("*", "", "nodes/proxy")}, []rbacv1.PolicyRule{}},
		{"rbac-wildcard", []rbacv1.PolicyRule{rule("*", "apps", "deployments")}, nil},
	} {
		got, ok := rbac.Without(test.rules, rbac.PowerOf(test.power), "")
		if ok != (test.want != nil) {
			t.Errorf("%s: ok %v", rbac.AllWords(test.rules), ok)
			continue
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); ok && diff != "" {
			t.Errorf("%s (-want +got):\n%s", rbac.AllWords(test.rules), diff)
		}
		if ok && slices.Contains(rbac.In(got, "", 0), rbac.PowerOf(test.power)) {
			t.Errorf("%s still gives it", rbac.AllWords(got))
		}
	}
}

const world = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: robot, containers: [{name: web, image: web:1}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reads}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, namespace: shop, name: robot}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: tokens}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}, {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tokens, namespace: ops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tokens}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts:shop"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:discovery"}
rules: [{nonResourceURLs: [/api, /version], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:discovery"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:discovery"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated"}]
`

func TestTokenOf(t *testing.T) {
	inv := fixtest.Load(t, world, fixtest.Live())
	g := rbac.Of(inv)
	token := g.TokenOf(inv.Workloads[0])
	want := []string{
		"make tokens of ServiceAccounts in namespace ops (RoleBinding tokens -> ClusterRole tokens)",
		"read Secrets in all of the cluster (ClusterRoleBinding reads -> ClusterRole reader)",
		"get, update on leases (coordination.k8s.io) in namespace ops (RoleBinding tokens -> ClusterRole tokens)",
	}
	if diff := cmp.Diff(want, summary(token)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if !token.Mounted || !token.MountKnown || !token.Reads() || token.Worst() != harden.High || len(token.Takeover()) > 0 {
		t.Errorf("token %+v", token)
	}
	if got := summary(g.TokenOfAccount("other", "robot")); !slices.Equal(got, []string{"Nothing beyond what every ServiceAccount may."}) {
		t.Errorf("another account can %q", got)
	}
	for _, test := range []struct {
		request rbac.Request
		want    bool
	}{
		{rbac.Request{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: "ops", Name: "a"}, true},
		{rbac.Request{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: "shop", Name: "a"}, false},
		{rbac.Request{Verb: "list", Resource: "secrets"}, true},
	} {
		can := slices.ContainsFunc(g.OfAccount("shop", "robot"), func(grant *rbac.Grant) bool { return grant.Can(test.request) })
		if can != test.want {
			t.Errorf("%+v = %v, want %v", test.request, can, test.want)
		}
	}
}

// A RoleBinding of a manifest that leaves its namespace to whoever applies it is
// no ClusterRoleBinding.
func TestRoleBindingWithoutNamespace(t *testing.T) {
	const delivery = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: admin, namespace: ops}
rules:
- {apiGroups: [""], resources: [secrets, configmaps], verbs: ["*"]}
- {apiGroups: [""], resources: [persistentvolumes], verbs: [delete]}
- {apiGroups: [apps], resources: [deployments], verbs: [delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admin, namespace: ops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: admin}
subjects: [{kind: ServiceAccount, name: server}]
`
	unsaid := func(i *harden.Inventory) {
		for _, list := range i.Others {
			for _, o := range list {
				o.Ref.Namespace = ""
			}
		}
	}
	inv := fixtest.Load(t, delivery, unsaid)
	token := rbac.Of(inv).TokenOfAccount("", "server")
	want := []string{
		"read Secrets in its namespace (RoleBinding admin -> Role admin)",
		"use whatever a wildcard stands for in its namespace (RoleBinding admin -> Role admin)",
		"delete deployments in its namespace (RoleBinding admin -> Role admin)",
		"delete on persistentvolumes in its namespace (RoleBinding admin -> Role admin)",
		"Not known: bindings that are not among the files.",
	}
	if diff := cmp.Diff(want, summary(token)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if token.Worst() != harden.Medium {
		t.Errorf("worst is %s", token.Worst())
	}
}

func TestWhatWasNotReadIsNamed(t *testing.T) {
	outside := func(i *harden.Inventory) { i.Clusterwide = false }
	for _, test := range []struct {
		name string
		opts []fixtest.Option
		want string
	}{
		{"all was read", []fixtest.Option{fixtest.Live()}, "[]"},
		{"files", nil, "[bindings that are not among the files]"},
		{"one namespace", []fixtest.Option{fixtest.Live(), outside}, "[RoleBindings of namespaces outside of the scope]"},
		{"no right to bindings", []fixtest.Option{fixtest.Live(), fixtest.Unreadable("clusterrolebindings.rbac.authorization.k8s.io", "forbidden")}, "[ClusterRoleBindings, which could not be read: forbidden]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fmt.Sprint(rbac.Of(fixtest.Load(t, world, test.opts...)).Unknown("shop", "robot")); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestNamesAreFitForATerminal(t *testing.T) {
	evil := strings.ReplaceAll(world, "name: reader", `name: "rea\e[2Jder"`)
	inv := fixtest.Load(t, evil, fixtest.Live())
	if text := strings.Join(summary(rbac.Of(inv).TokenOf(inv.Workloads[0])), ""); strings.Contains(text, "\x1b") {
		t.Errorf("%q moves the cursor", text)
	}
}

func TestShippedRules(t *testing.T) {
	for name, want := range map[string]int{"cluster-admin": 2, "view": 10, "edit": 20, "admin": 22} {
		if rules, ok := rbac.ShippedRules("", name); !ok || len(rules) < want {
			t.Errorf("%s has %d rules, want at least %d", name, len(rules), want)
		}
	}
	if _, ok := rbac.ShippedRules("kube-system", "extension-apiserver-authentication-reader"); !ok {
		t.Error("the Roles of kube-system are not among them")
	}
	if _, ok := rbac.ShippedRules("", "ours"); ok {
		t.Error("a role of somebody else is among them")
	}
}

func BenchmarkOf(b *testing.B) {
	var text strings.Builder
	text.WriteString(world)
	for i := range 1000 {
		fmt.Fprintf(&text, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b%d, namespace: ns%d}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}\nsubjects: [{kind: ServiceAccount, namespace: shop, name: robot%d}]\n", i, i, i)
	}
	inv := fixtest.Load(b, text.String())
	for b.Loop() {
		rbac.Of(inv.Fresh())
	}
}

// summary is what a token can do as text, with what is not known at the end.
func summary(t rbac.Token) []string {
	var out []string
	if t.MountKnown && !t.Mounted {
		out = append(out, "No token is mounted: what follows is what one could do.")
	}
	for _, l := range t.Lines {
		out = append(out, l.String())
	}
	if len(t.Lines) == 0 && len(t.Unknown) == 0 {
		out = append(out, "Nothing beyond what every ServiceAccount may.")
	}
	for _, why := range t.Unknown {
		out = append(out, "Not known: "+why+".")
	}
	return out
}
