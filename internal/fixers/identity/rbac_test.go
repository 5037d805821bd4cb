package identity

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const robot = "{kind: ServiceAccount, namespace: shop, name: robot}"

func clusterRole(name, rules string) string {
	return fmt.Sprintf("\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %s}\nrules: [%s]\n", name, rules)
}

func bindCluster(name, role string, subjects ...string) string {
	return fmt.Sprintf("\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: '%s'}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '%s'}\nsubjects: [%s]\n",
		name, role, strings.Join(subjects, ", "))
}

func bind(namespace, role string, subjects ...string) string {
	return fmt.Sprintf("\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: %s}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '%s'}\nsubjects: [%s]\n",
		namespace, role, strings.Join(subjects, ", "))
}

func group(name string) string {
	return fmt.Sprintf("{apiGroup: rbac.authorization.k8s.io, kind: Group, name: '%s'}", name)
}

func rule(group, resources, verbs string) string {
	return fmt.Sprintf("{apiGroups: ['%s'], resources: [%s], verbs: [%s]}", group, resources, verbs)
}

// said are the findings of a fixer as SEVERITY STATUS DISCRIMINATOR.
func said(findings []*harden.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Status, f.Discriminator)))
	}
	return all
}

func TestGrants(t *testing.T) {
	secrets := clusterRole("r", rule("", "secrets", "get"))
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		opts  []fixtest.Option
		want  []string
	}{
		{"T74 wildcard in the cluster", Wildcard, clusterRole("r", rule("apps", `"*"`, "get")) + bindCluster("b", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"T74 wildcard in a namespace", Wildcard, clusterRole("r", rule("apps", `"*"`, "get")) + bind("shop", "r", robot), nil, []string{"medium fail ServiceAccount shop/robot"}},
		{"T74 wildcard that is not bound", Wildcard, clusterRole("r", rule("apps", `"*"`, "get")), nil, []string{"info fail"}},
		{"T74 bindings cannot be read", Wildcard, clusterRole("r", rule("apps", `"*"`, "get")), []fixtest.Option{fixtest.Live(), fixtest.Unreadable("rolebindings.rbac.authorization.k8s.io", "forbidden")}, []string{"high unknown"}},
		{"T75 resources by a wildcard", SecretsRead, clusterRole("r", rule("", `"*"`, "get")) + bindCluster("b", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"T76 secrets of another group", SecretsRead, clusterRole("r", rule("example.com", "secrets", "get")) + bindCluster("b", "r", robot), nil, nil},
		{"secrets of a namespace", SecretsRead, secrets + bind("shop", "r", robot), nil, []string{"medium fail ServiceAccount shop/robot"}},
		{"named secrets of a namespace", SecretsRead, clusterRole("r", "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}") + bind("shop", "r", robot), nil, nil},
		{"named secrets of all namespaces", SecretsRead, clusterRole("r", "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}") + bindCluster("b", "r", robot), nil, []string{"medium fail ServiceAccount shop/robot"}},
		{"people", SecretsRead, secrets + bindCluster("b", "r", group("ops")), nil, []string{"medium fail Group ops"}},
		{"the control plane", SecretsRead, secrets + bindCluster("b", "r", group("system:nodes")), nil, []string{"high expected Group system:nodes"}},
		{"a role that is not among the files", SecretsRead, bindCluster("b", "r", robot), nil, []string{"high unknown"}},
		{"a shipped role that is not among the files", SecretsRead, bind("shop", "edit", robot), nil, []string{"medium fail ServiceAccount shop/robot"}},
		{"a role that may not be read", SecretsRead, bindCluster("b", "r", robot), []fixtest.Option{fixtest.Live(), fixtest.Unreadable("clusterroles.rbac.authorization.k8s.io", "forbidden")}, []string{"high unknown"}},
		{"T77 get on nodes/proxy", NodeProxy, clusterRole("r", rule("", "nodes/proxy", "get")) + bindCluster("b", "r", robot), nil, []string{"critical fail ServiceAccount shop/robot"}},
		{"T77 nodes/proxy by a RoleBinding is nothing", NodeProxy, clusterRole("r", rule("", "nodes/proxy", "get")) + bind("shop", "r", robot), nil, nil},
		{"T78 get on pods/exec before 1.35", Exec, clusterRole("r", rule("", "pods/exec", "get")) + bindCluster("b", "r", robot), []fixtest.Option{fixtest.Minor(34)}, []string{"high fail ServiceAccount shop/robot"}},
		{"T78 get on pods/exec since 1.35", Exec, clusterRole("r", rule("", "pods/exec", "get")) + bindCluster("b", "r", robot), []fixtest.Option{fixtest.Minor(35)}, nil},
		{"T78 version not known", Exec, clusterRole("r", rule("", `"*/exec"`, "get")) + bindCluster("b", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"pods/* is no wildcard", Exec, clusterRole("r", rule("", `"pods/*"`, "create")) + bindCluster("b", "r", robot), nil, nil},
		{"T79 reading the network", NetworkWrite, clusterRole("r", rule("networking.k8s.io", "networkpolicies, ingresses", "get, list, watch")) + bindCluster("b", "r", robot), nil, nil},
		{"T80 the default binding", ClusterAdmin, bindCluster("cluster-admin", "cluster-admin", group("system:masters")), nil, nil},
		{"T80 the default binding with an account", ClusterAdmin, bindCluster("cluster-admin", "cluster-admin", group("system:masters"), robot), nil, []string{"critical fail ServiceAccount shop/robot"}},
		{"all rights of a namespace", ClusterAdmin, bind("shop", "cluster-admin", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"all rights of a person", ClusterAdmin, bindCluster("b", "cluster-admin", group("ops")), nil, []string{"high fail Group ops"}},
		{"all rights are said once", SecretsRead, bindCluster("b", "cluster-admin", robot), nil, nil},
		{"an account by its user name", ClusterAdmin, bindCluster("b", "cluster-admin", "{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:serviceaccount:shop:robot'}"), nil, []string{"critical fail ServiceAccount shop/robot"}},
		{"approval without a signer", CSRApprove, clusterRole("r", rule("certificates.k8s.io", "certificatesigningrequests/approval", "update")) + bindCluster("b", "r", robot), nil, nil},
		{"a signer by another binding", CSRApprove, clusterRole("r", rule("certificates.k8s.io", "certificatesigningrequests/approval", "update")) + bindCluster("b", "r", robot) +
			clusterRole("s", rule("certificates.k8s.io", "signers", "approve")) + bindCluster("c", "s", robot), nil, []string{"critical fail ServiceAccount shop/robot"}},
		{"create with names gives nothing", WebhookWrite, clusterRole("r", "{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], resourceNames: [a], verbs: [create]}") + bindCluster("b", "r", robot), nil, nil},
		{"named webhooks", WebhookWrite, clusterRole("r", "{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], resourceNames: [a], verbs: [patch]}") + bindCluster("b", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"namespaces by a RoleBinding", NamespaceWrite, clusterRole("r", rule("", "namespaces", "patch")) + bind("shop", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"tokens of kube-system", TokenCreate, clusterRole("r", rule("", "serviceaccounts/token", "create")) + bind("kube-system", "r", robot), nil, []string{"critical fail ServiceAccount shop/robot"}},
		{"tokens of a namespace", TokenCreate, clusterRole("r", rule("", "serviceaccounts/token", "create")) + bind("shop", "r", robot), nil, []string{"high fail ServiceAccount shop/robot"}},
		{"everybody reads secrets", AuthenticatedBroad, secrets + bindCluster("b", "r", group("system:authenticated")), nil, []string{"critical fail Group system:authenticated"}},
		{"everybody reads pods", AuthenticatedBroad, bindCluster("b", "view", group("system:serviceaccounts")), nil, []string{"high fail Group system:serviceaccounts"}},
		{"everybody is the business of another rule", SecretsRead, secrets + bindCluster("b", "r", group("system:authenticated")), nil, nil},
		{"a shipped role with more", AuthenticatedBroad, clusterRole("system:basic-user", rule("authorization.k8s.io", "selfsubjectaccessreviews", "create")+", "+rule("", "secrets", "get")) +
			bindCluster("system:basic-user", "system:basic-user", group("system:authenticated")), nil, []string{"critical fail Group system:authenticated"}},
		{"a certificate for masters", SystemMasters, "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: admin, namespace: shop}\nspec: {subject: {organizations: ['system:masters']}}\n", nil, []string{"critical fail"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := said(fixtest.Run(t, test.fixer, test.yaml, test.opts...)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestT77NodeProxyIsReplaced(t *testing.T) {
	yaml := clusterRole("r", rule("", "nodes/proxy, nodes", "get")) + bindCluster("b", "r", robot)
	node := func(version string) string {
		return "\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {kubeletVersion: " + version + "}}\n"
	}
	runs := func(image string) string {
		return "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {serviceAccountName: robot, containers: [{name: c, image: '" + image + "'}]}\n"
	}
	known := "quay.io/prometheus/prometheus:v3"
	for _, test := range []struct {
		name, yaml string
		minor      int
		want       harden.Class
	}{
		{"all is new enough and known", node("v1.33.0") + runs(known), 35, harden.Evidence},
		{"an old kubelet", node("v1.32.9") + runs(known), 35, harden.Review},
		{"an old server", node("v1.33.0") + runs(known), 32, harden.Review},
		{"no version", node("v1.33.0") + runs(known), 0, harden.Review},
		{"no nodes", runs(known), 35, harden.Review},
		{"another program", node("v1.33.0") + runs("registry.example.com/agent:1"), 35, harden.Review},
		{"nothing runs", node("v1.33.0"), 35, harden.Review},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, NodeProxy, yaml+test.yaml, fixtest.Live(), fixtest.Minor(test.minor))[0]
			if fix.Class != test.want {
				t.Errorf("class %s, want %s: %+v", fix.Class, test.want, fix.Evidence)
			}
			rules := fmt.Sprint(fix.Changes[0].Set.Object["rules"])
			if strings.Contains(rules, "nodes/proxy") || !strings.Contains(rules, "nodes/metrics") {
				t.Errorf("rules %s, want the fine-grained resources", rules)
			}
		})
	}
}

func TestT81AggregatedRolesAreChangedAtTheirParts(t *testing.T) {
	aggregated := "\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {into: all}}]}\nrules: [" +
		rule("", "secrets, pods", "get") + "]\n"
	part := strings.Replace(clusterRole("part", rule("", "secrets, pods", "get")), "{name: part}", "{name: part, labels: {into: all}}", 1)
	fixes := fixtest.Fixes(t, SecretsRead, aggregated+part+bindCluster("b", "all", robot), fixtest.Live())
	if got := fixes[0].Changes; len(got) != 1 || got[0].Target.Name != "part" {
		t.Errorf("changes %+v, want one of the part", got)
	}
	if !strings.Contains(fixes[1].Manual, `"part"`) || !strings.Contains(fixes[1].Manual, "never its own") {
		t.Errorf("manual %q, want the part named", fixes[1].Manual)
	}
	// view, edit and admin are written from what Kubernetes ships: bind less instead.
	fixes = fixtest.Fixes(t, SecretsRead, bind("shop", "edit", robot))
	if len(fixes) != 1 || len(fixes[0].Changes) > 0 || !strings.Contains(fixes[0].Manual, "back at every start") {
		t.Errorf("fixes %+v, want advice alone", fixes)
	}
}

func TestOthersOfTheRoleAreNamed(t *testing.T) {
	yaml := clusterRole("r", rule("", "secrets, pods", "get")) + bindCluster("b", "r", robot) + bind("shop", "r", group("ops"))
	fixes := fixtest.AllFixes(t, SecretsRead, yaml)
	if text := fmt.Sprint(fixes[0][0].Evidence); !strings.Contains(text, "Others are bound to the same role") {
		t.Errorf("evidence %s", text)
	}
}

func TestWhatKubernetesShipsIsSilent(t *testing.T) {
	text, err := os.ReadFile("testdata/shipped-1.37.yaml")
	if err != nil {
		t.Fatal(err)
	}
	e := &engine.Engine{Suite: Suite()}
	res := e.Run(fixtest.Load(t, string(text), fixtest.Live(), fixtest.Minor(37)))
	for _, f := range res.Findings {
		if f.Status != harden.StatusExpected {
			t.Errorf("%s: %s: %s", f.Fixer.ID, f.Object, f.Reason)
		}
	}
	if counts := res.Counts[SecretsRead.ID]; counts.Pass < 50 || counts.Unknown > 0 {
		t.Errorf("counts %+v, want all bindings looked at", counts)
	}
}

func TestTakeoverFromOutsideIsCritical(t *testing.T) {
	yaml := workload(plain, "") + account("default", "") + bindCluster("b", "cluster-admin", "{kind: ServiceAccount, namespace: default, name: default}")
	if f := fixtest.Only(t, Takeover, yaml); f.Severity != harden.High || f.SeverityWhy == "" {
		t.Errorf("severity %s (%s), want high and why", f.Severity, f.SeverityWhy)
	}
	yaml += "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}\n"
	if f := fixtest.Only(t, Takeover, yaml); f.Severity != harden.Critical || !strings.Contains(f.Detail, "Service web") {
		t.Errorf("severity %s, detail %q, want critical and by what", f.Severity, f.Detail)
	}
}

func TestUnreadGrantsAreNotNone(t *testing.T) {
	yaml := workload(plain, "") + account("default", "")
	forbidden := []fixtest.Option{fixtest.Live(), fixtest.Unreadable("clusterrolebindings.rbac.authorization.k8s.io", "forbidden")}
	if f := fixtest.Only(t, Takeover, yaml, forbidden...); f.Status != harden.StatusUnknown || !strings.Contains(f.Detail, "forbidden") {
		t.Errorf("%s: %s, want unknown and why", f.Status, f.Detail)
	}
	for _, fix := range fixtest.Fixes(t, DefaultUsed, yaml, forbidden...) {
		if fix.Class != harden.Review {
			t.Errorf("class %s of %q, want a review while the grants are not known", fix.Class, fix.Title)
		}
	}
}

// noGrants says that all bindings were listed, and that there are none.
func noGrants(i *harden.Inventory) {
	for _, kind := range bindingKinds {
		if !i.Listed(kind) {
			i.Others[kind] = nil
		}
	}
}

// One look at connections is no proof that a token is not used: a client that
// calls now and then has none open most of the time.
func TestEvidenceForTokens(t *testing.T) {
	yaml := workload(plain, "") + account("default", "imagePullSecrets: [{name: registry}]")
	looked := []fixtest.Option{fixtest.Live(), noGrants, fixtest.Probe("web", harden.Probe{Known: true})}
	if fix := fixtest.Fixes(t, TokenAutomount, yaml, looked...)[0]; fix.Class != harden.Review {
		t.Errorf("token: class %s: %+v", fix.Class, fix.Evidence)
	}
	fixes := fixtest.Fixes(t, DefaultUsed, yaml, looked...)
	if with := fixes[1]; with.Class != harden.Evidence || with.Changes[0].Set.Object["automountServiceAccountToken"] != true {
		t.Errorf("account with its token: class %s, changes %+v", with.Class, with.Changes)
	}
	fix := fixes[0]
	if fix.Class != harden.Review || len(fix.Changes) != 2 || fix.Changes[0].Verb != harden.Create {
		t.Errorf("account: class %s, changes %+v", fix.Class, fix.Changes)
	}
	if got := fmt.Sprint(fix.Changes[0].Set.Object["imagePullSecrets"], fix.Changes[0].Set.Object["automountServiceAccountToken"]); got != "[map[name:registry]] false" {
		t.Errorf("the new account has %s", got)
	}
	bound := yaml + bindCluster("b", "view", "{kind: ServiceAccount, namespace: default, name: default}")
	for _, fixer := range []*harden.Fixer{TokenAutomount, DefaultUsed} {
		f := fixtest.Only(t, fixer, bound, looked...)
		if f.Severity != harden.Medium {
			t.Errorf("%s: severity %s, want medium for an account that may read", fixer.ID, f.Severity)
		}
		if fix := fixtest.Fixes(t, fixer, bound, looked...)[0]; fix.Class != harden.Review {
			t.Errorf("%s: class %s with a grant", fixer.ID, fix.Class)
		}
	}
	all := yaml + bindCluster("b", "cluster-admin", "{kind: ServiceAccount, namespace: default, name: default}")
	if f := fixtest.Only(t, TokenAutomount, all, looked...); f.Severity != harden.High {
		t.Errorf("severity %s, want high for a token that takes over", f.Severity)
	}
}

func TestT72CloudTokensStayMounted(t *testing.T) {
	for _, volume := range []string{
		"{name: aws-iam-token, projected: {sources: [{serviceAccountToken: {path: token, audience: sts.amazonaws.com, expirationSeconds: 86400}}]}}",
		"{name: eks-pod-identity-token, projected: {sources: [{serviceAccountToken: {path: token, audience: pods.eks.amazonaws.com, expirationSeconds: 86400}}]}}",
	} {
		yaml := workload("volumes: ["+volume+"], "+plain, "") + account("default", "")
		fix := fixtest.Fixes(t, TokenAutomount, yaml, fixtest.Live(), noGrants, fixtest.Probe("web", harden.Probe{Known: true}))[0]
		if fix.Class != harden.Review || !strings.Contains(fmt.Sprint(fix.Evidence), "stay mounted") {
			t.Errorf("class %s, evidence %+v, want the token of the cloud named", fix.Class, fix.Evidence)
		}
		if body := fmt.Sprint(fix.Changes); strings.Contains(body, "volumes") {
			t.Errorf("the change touches volumes: %s", body)
		}
		if found := fixtest.Run(t, ProjectedScope, yaml); len(found) > 0 {
			t.Errorf("found: %v", fixtest.Reasons(found))
		}
	}
}

func TestCloudRoleRefutesANewAccount(t *testing.T) {
	yaml := workload(plain, "") + "\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/web'}}\n"
	for _, fix := range fixtest.Fixes(t, DefaultUsed, yaml, fixtest.Live(), noGrants) {
		if fix.Class != harden.Review || !strings.Contains(fmt.Sprint(fix.Evidence), "role-arn") {
			t.Errorf("fix %+v, want the role named", fix)
		}
	}
}

func TestDefaultAutomountIsSafeWhenNobodyGetsIt(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       harden.Class
	}{
		{"nobody", workload("serviceAccountName: robot, "+plain, ""), nil, harden.Safe},
		{"the pod says it itself", workload("automountServiceAccountToken: true, "+plain, ""), nil, harden.Safe},
		{"one does, and nobody looked", workload(plain, ""), nil, harden.Review},
		{"one does, and was looked into", workload(plain, ""), []fixtest.Option{fixtest.Probe("web", harden.Probe{Known: true})}, harden.Review},
		{"one that needs it", workload(plain, `vault.hashicorp.com/agent-inject: "true"`), nil, harden.Review},
		{"Deployments may not be read", "", []fixtest.Option{fixtest.Unreadable("deployments.apps", "forbidden")}, harden.Review},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, DefaultAutomount, test.yaml+account("default", ""), append([]fixtest.Option{fixtest.Live(), noGrants}, test.opts...)...)[0]
			if fix.Class != test.want {
				t.Errorf("class %s, want %s: %+v", fix.Class, test.want, fix.Evidence)
			}
		})
	}
}

func TestLegacyTokenEvidence(t *testing.T) {
	token := func(labels string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: default, labels: {" + labels + "}, annotations: {kubernetes.io/service-account.name: robot}}\ntype: kubernetes.io/service-account-token\n"
	}
	for _, test := range []struct {
		name, yaml string
		want       harden.Class
	}{
		{"idle", token("kubernetes.io/legacy-token-last-used: '2025-11-01'"), harden.Evidence},
		{"used", token("kubernetes.io/legacy-token-last-used: '2026-02-01'"), harden.Review},
		{"no date", token(""), harden.Review},
		{"mounted", token("kubernetes.io/legacy-token-last-used: '2025-11-01'") + "---" + workload("volumes: [{name: t, secret: {secretName: t}}], "+plain, ""), harden.Review},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, LegacyToken, test.yaml, fixtest.Live())[0]
			if fix.Class != test.want || len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "kubectl delete secret t -n default") {
				t.Errorf("fix %+v, want class %s and the command", fix, test.want)
			}
		})
	}
}

func TestScopedTokenForTheContainerThatNeedsIt(t *testing.T) {
	yaml := workload("containers: [{name: web, image: web:1}, {name: agent, image: agent:1, args: [--server=https://kubernetes.default.svc]}]", "") + account("default", "")
	fixes := fixtest.Fixes(t, TokenAutomount, yaml)
	if len(fixes) != 2 || len(fixes[1].Changes) != 1 || !strings.Contains(fixes[1].Title, "agent") {
		t.Fatalf("fixes %+v, want a second one for the agent", fixes)
	}
}

func TestRuleList(t *testing.T) {
	got := fmt.Sprint(ruleList([]rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}}}))
	if want := "[map[nonResourceURLs:[/healthz] verbs:[get]]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
