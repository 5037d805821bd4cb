package namespace

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const cluster = " Cluster/test"

func TestPresence(t *testing.T) {
	falco := runsImage("DaemonSet", "agents", "falco", "registry.example.com/mirror/falcosecurity/falco:0.42.1@sha256:0000")
	nodes := node("a", "") + node("b", "kubernetes.io/os: linux")
	judge(t, RuntimeDetection, []judgement{
		{"none", nodes, live(), []string{"fail info" + cluster}},
		{"on every node, from a mirror", nodes + falco + onNode("falco", "a") + onNode("falco", "b"), live(), nil},
		{"on one of two", nodes + falco + onNode("falco", "a"), live(), []string{"fail medium" + cluster + " partial"}},
		{"Windows and Fargate do not count", node("a", "") + node("w", "kubernetes.io/os: windows") + node("f", "eks.amazonaws.com/compute-type: fargate") + falco + onNode("falco", "a"), live(), nil},
		{"a Deployment covers in its own way", nodes + runsImage("Deployment", "agents", "falco", "falcosecurity/falco"), live(), nil},
		{"named so, with another image", nodes + runsImage("DaemonSet", "agents", "falco", "registry.example.com/notfalcosecurity/falco-like:1"), live(), []string{"fail info" + cluster}},
		{"half of a path", nodes + runsImage("DaemonSet", "agents", "falco", "registry.example.com/evilfalcosecurity/falco"), live(), []string{"fail info" + cluster}},
		{"not all was read", nodes, live(fixtest.Unreadable("daemonsets.apps", "forbidden")), []string{"unknown info" + cluster}},
	})
	judge(t, ImageScanner, []judgement{
		{"none", nodes, live(groups("apps")), []string{"fail info" + cluster}},
		{"reports", nodes, live(groups("aquasecurity.github.io")), nil},
	})
	judge(t, Alerting, []judgement{
		{"a rule", "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r, namespace: m}\n", live(), nil},
		{"Google's", nodes, live(groups("monitoring.googleapis.com")), nil},
	})
	judge(t, ImageProvenance, []judgement{
		{"Kyverno verifies", "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {rules: [{name: r, verifyImages: [{imageReferences: ['*']}]}]}\n", live(), nil},
		{"Kyverno does other things", "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {rules: [{name: r, validate: {}}]}\n", live(), []string{"fail info" + cluster}},
		{"policies not read", nodes, live(fixtest.Unreadable("clusterpolicies.kyverno.io", "forbidden")), []string{"unknown info" + cluster}},
	})
}

func TestBenchmarkEvidence(t *testing.T) {
	job := func(created string) string {
		return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: b, namespace: b, creationTimestamp: '" + created + "'}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: aquasec/kube-bench}]}}}\n"
	}
	judge(t, BenchmarkEvidence, []judgement{
		{"last month", job(fixtest.Now.Add(-30 * 24 * time.Hour).Format(time.RFC3339)), live(), nil},
		{"last year", job(fixtest.Now.Add(-365 * 24 * time.Hour).Format(time.RFC3339)), live(), []string{"fail info" + cluster}},
		{"a report", "apiVersion: aquasecurity.github.io/v1alpha1\nkind: ClusterComplianceReport\nmetadata: {name: cis}\n", live(), nil},
	})
}

// What a provider keeps to itself is unknown, and never a pass.
func TestAuditEvents(t *testing.T) {
	version := func(v string) fixtest.Option { return func(i *harden.Inventory) { i.Cluster.Version = v } }
	judge(t, AuditEvents, []judgement{
		{"EKS", "", live(version("v1.36.1-eks-1234567")), []string{"unknown info" + cluster}},
		{"AKS", node("a", "kubernetes.azure.com/cluster: c"), live(version("v1.36.1")), []string{"unknown info" + cluster}},
		{"kubeadm", node("a", ""), live(version("v1.36.1")), nil},
	})
}

const audited = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {validationFailureAction: Audit, rules: [{name: r, validate: {message: no}}]}\n"

// T103: a policy that only reports is a policy; that it does not refuse is another matter.
func TestT103APolicyInAuditIsThereAndDoesNotEnforce(t *testing.T) {
	if got := fixtest.Run(t, PolicyEngine, audited, fixtest.Live()); len(got) > 0 {
		t.Errorf("policy-engine: %v", fixtest.Reasons(got))
	}
	if f := fixtest.Only(t, PolicyNotEnforcing, audited, fixtest.Live()); f.Status != harden.StatusFail || f.Object.Name != "p" {
		t.Errorf("policy-not-enforcing: %+v", f)
	}
}

func TestPolicyEngine(t *testing.T) {
	hook := webhook("Validating", "v", "guard", "judge.example.com", "")
	judge(t, PolicyEngine, []judgement{
		{"nothing", namespace(""), live(), []string{"fail medium" + cluster}},
		{"a namespace enforces", namespace("pod-security.kubernetes.io/enforce: baseline"), live(), nil},
		{"privileged is no policy", namespace("pod-security.kubernetes.io/enforce: privileged"), live(), []string{"fail medium" + cluster}},
		{"a constraint", "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sAllowedRepos\nmetadata: {name: c}\n", live(), nil},
		{"an engine that is not known", namespace("") + hook, live(), []string{"fail info" + cluster}},
		{"OpenShift", namespace(""), live(fixtest.OpenShift()), nil},
		{"namespaces not read", "", live(fixtest.Unreadable("namespaces", "forbidden")), []string{"unknown medium" + cluster}},
		{"policies not read", namespace(""), live(fixtest.Unreadable("policies.kyverno.io", "forbidden")), []string{"unknown medium" + cluster}},
	})
}

func TestPolicyNotEnforcing(t *testing.T) {
	kyverno := func(spec string) string {
		return "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {" + spec + "}\n"
	}
	of := func(apiVersion, kind, spec string) string {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: p}\nspec: {" + spec + "}\n"
	}
	const found = "fail medium ClusterPolicy/p"
	judge(t, PolicyNotEnforcing, []judgement{
		{"Kyverno's default is Audit", kyverno("rules: [{name: r, validate: {}}]"), nil, []string{found + " audit action"}},
		{"enforce, as it was written once", kyverno("validationFailureAction: enforce, rules: [{name: r, validate: {}}]"), nil, nil},
		{"the rule's own action counts", kyverno("validationFailureAction: Audit, rules: [{name: r, validate: {failureAction: Enforce}}]"), nil, nil},
		{"a rule in Audit", kyverno("validationFailureAction: Enforce, rules: [{name: r, validate: {failureAction: Audit}}]"), nil, []string{found + " rules action"}},
		{"it only changes objects", kyverno("rules: [{name: r, mutate: {}}]"), nil, nil},
		{"it only scans", kyverno("admission: false, validationFailureAction: Enforce, rules: [{name: r, validate: {}}]"), nil, []string{found + " background"}},
		{"all namespaces are left out", kyverno("validationFailureAction: Enforce, rules: [{name: r, validate: {}, exclude: {any: [{resources: {namespaces: ['*']}}]}}]"), nil, []string{found + " exclude exclude"}},
		{"one subject is left out everywhere", kyverno("validationFailureAction: Enforce, rules: [{name: r, validate: {}, exclude: {any: [{subjects: [{kind: User, name: u}], resources: {namespaces: ['*']}}]}}]"), nil, nil},
		{"an exception for all", of("kyverno.io/v2", "PolicyException", "match: {any: [{resources: {kinds: [Pod], namespaces: ['*']}}]}"), nil, []string{"fail medium PolicyException/p exception"}},
		{"an exception by name", of("kyverno.io/v2", "PolicyException", "match: {any: [{resources: {kinds: [Pod], namespaces: ['*'], names: [a]}}]}"), nil, nil},
		{"warn", of("constraints.gatekeeper.sh/v1beta1", "K8sX", "enforcementAction: warn"), nil, []string{"fail medium K8sX/p audit"}},
		{"deny is the default", of("constraints.gatekeeper.sh/v1beta1", "K8sX", "match: {}"), nil, nil},
		{"scoped without deny", of("constraints.gatekeeper.sh/v1beta1", "K8sX", "enforcementAction: scoped, scopedEnforcementActions: [{action: warn}]"), nil, []string{"fail medium K8sX/p scoped"}},
		{"scoped with deny", of("constraints.gatekeeper.sh/v1beta1", "K8sX", "enforcementAction: scoped, scopedEnforcementActions: [{action: warn}, {action: deny}]"), nil, nil},
		{"CEL of Kyverno", of("policies.kyverno.io/v1", "ValidatingPolicy", "validationActions: [Warn]"), nil, []string{"fail medium ValidatingPolicy/p audit"}},
		{"malformed", of("kyverno.io/v1", "ClusterPolicy", "rules: [7, {name: 7, validate: 7, exclude: all}], validationFailureAction: []"), nil, []string{found + " audit action"}},
	})
	for _, fix := range fixtest.Fixes(t, PolicyNotEnforcing, of("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "policyName: p, validationActions: [Warn]")) {
		if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "Warn") {
			t.Errorf("Deny beside Warn is refused by the server: %+v", fix)
		}
	}
}

// webhook is a configuration with one webhook for pods, answered by SERVICE/web.
func webhook(kind, name, service, hook, more string) string {
	return "---\napiVersion: admissionregistration.k8s.io/v1\nkind: " + kind + "WebhookConfiguration\nmetadata: {name: " + name + "}\nwebhooks: [{name: " + hook + ", admissionReviewVersions: [v1], sideEffects: None, " +
		"clientConfig: {service: {namespace: " + service + ", name: web}}, rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]" + more + "}]\n"
}

func guard(replicas string) string {
	return "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: guard, labels: {team: sec}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}\n" +
		"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: guard}\nspec: {replicas: " + replicas + ", selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}\n" +
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: guard}\nspec: {selector: {app: web}, ports: [{port: 443}]}\n"
}

func TestWebhooks(t *testing.T) {
	kyverno := func(more string) string { return webhook("Validating", "v", "kyverno", "validate.kyverno.svc", more) }
	expression := func(key string) string { return "{matchExpressions: [{key: " + key + ", operator: DoesNotExist}]}" }
	const v = "ValidatingWebhookConfiguration/v"
	judge(t, WebhookFailOpen, []judgement{
		{"closed", kyverno(""), nil, nil},
		{"Ignore", kyverno(", failurePolicy: Ignore"), nil, []string{"fail medium " + v + " ignore validate.kyverno.svc"}},
		{"objects may leave", kyverno(", objectSelector: " + expression("skip")), nil, []string{"fail medium " + v + " object-label validate.kyverno.svc"}},
		{"namespaces may leave", kyverno(", namespaceSelector: " + expression("skip")), nil, []string{"fail low " + v + " namespace-label validate.kyverno.svc"}},
		{"namespaces by name", kyverno(", namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}"), nil, nil},
		{"both, and Ignore", kyverno(", failurePolicy: Ignore, namespaceSelector: " + expression("skip")), nil, []string{"fail medium " + v + " ignore validate.kyverno.svc"}},
		{"it is not called for what runs", strings.Replace(kyverno(", failurePolicy: Ignore"), "[pods]", "[configmaps]", 1), nil, nil},
		{"no engine of policies", webhook("Validating", "v", "shop", "prices.example.com", ", failurePolicy: Ignore"), nil, nil},
	})
	const outage = "fail medium " + v + " judge.example.com"
	budget := "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, namespace: guard}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n"
	hook := func(more string) string { return webhook("Validating", "v", "guard", "judge.example.com", more) }
	judge(t, WebhookBlastRadius, []judgement{
		{"one replica", guard("1") + hook(""), nil, []string{outage}},
		{"two and no budget", guard("2") + hook(""), nil, []string{outage}},
		{"two and a budget", guard("2") + budget + hook(""), nil, nil},
		{"two and a budget, slow", guard("2") + budget + hook(", timeoutSeconds: 30"), nil, []string{outage}},
		{"Ignore", guard("1") + hook(", failurePolicy: Ignore"), nil, nil},
		{"conditions may leave out whatever it takes", guard("1") + hook(", matchConditions: [{name: n, expression: 'true'}]"), nil, nil},
		{"by a label that is not there", guard("1") + hook(", namespaceSelector: {matchLabels: {judged: 'yes'}}"), nil, nil},
		{"its own namespace by label", guard("1") + hook(", namespaceSelector: {matchLabels: {team: sec}}"), nil, []string{outage}},
		{"objects of its own are left out", guard("1") + hook(", objectSelector: "+expression("app")), nil, nil},
		{"Services only", guard("1") + strings.Replace(hook(""), "resources: [pods]", "resources: [services]", 1), nil, nil},
	})
	url := func(u string) string {
		return strings.Replace(webhook("Mutating", "v", "guard", "x.example.com", ""), "service: {namespace: guard, name: web}", "url: '"+u+"'", 1)
	}
	const m = " MutatingWebhookConfiguration/v"
	judge(t, WebhookExternal, []judgement{
		{"outside", url("https://user:s3cret@hooks.example.com/x"), nil, []string{"fail high" + m + " url x.example.com"}},
		{"the control plane itself", strings.Replace(url("https://127.0.0.1:23443/mutate"), "x.example.com", "iam-for-pods.amazonaws.com", 1), nil, nil},
		{"a Service by URL", strings.Replace(url("https://hook.istio-system.svc:443"), "x.example.com", "x.istio.io", 1), nil, nil},
		{"looks like localhost", url("https://localhost.example.com"), nil, []string{"fail high" + m + " url x.example.com"}},
		{"nobody knows it", webhook("Mutating", "v", "guard", "x.example.com", ""), nil, []string{"fail low" + m + " unknown x.example.com"}},
		{"nobody knows it, and it gets Secrets", strings.Replace(webhook("Mutating", "v", "guard", "x.example.com", ""), "[pods]", "['*']", 1), nil, []string{"fail medium" + m + " unknown x.example.com"}},
		{"a mesh", webhook("Mutating", "v", "istio-system", "sidecar-injector.istio.io", ""), nil, nil},
		{"it changes nothing", webhook("Validating", "v", "guard", "x.example.com", ""), nil, nil},
	})
	for _, f := range fixtest.Run(t, WebhookExternal, url("https://user:s3cret@hooks.example.com/t0ken")) {
		if strings.Contains(f.Detail, "s3cret") || strings.Contains(f.Detail, "t0ken") {
			t.Errorf("shows more than the host: %s", f.Detail)
		}
	}
	judge(t, WebhookDangling, []judgement{
		{"there", guard("1") + hook(""), live(), nil},
		{"no Service", hook(""), live(), []string{"fail high " + v + " judge.example.com"}},
		{"no Service, and Ignore", hook(", failurePolicy: Ignore"), live(), []string{"fail low " + v + " judge.example.com"}},
		{"switched off", guard("0") + hook(""), live(), []string{"fail high " + v + " judge.example.com"}},
		{"Services not read", hook(""), live(fixtest.Unreadable("services", "forbidden")), []string{"unknown high " + v}},
		{"files", hook(""), nil, nil},
	})
}
