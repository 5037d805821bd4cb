package namespace

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const shop = " Namespace/shop"

func TestPSALevels(t *testing.T) {
	enforce := func(level, more string) string {
		return namespace("pod-security.kubernetes.io/enforce: " + level + more)
	}
	at := func(opts ...fixtest.Option) []fixtest.Option { return live(append(opts, fixtest.Minor(36))...) }
	judge(t, PSALevelRaisable, []judgement{
		{"privileged, meets restricted", enforce("privileged", "") + deployment("web", "", restricted), at(), []string{"fail low" + shop}},
		{"meets no more", enforce("baseline", "") + deployment("web", "", baseline), at(), nil},
		{"a CronJob is in the way", enforce("baseline", "") + deployment("web", "", restricted) + cronJob(baseline), at(), nil},
		{"nothing runs", enforce("baseline", ""), at(), nil},
		{"no label is another rule", namespace("") + deployment("web", "", restricted), at(), nil},
		{"not all was read", enforce("baseline", "") + deployment("web", "", restricted), at(fixtest.Unreadable("pods", "forbidden")), []string{"unknown low" + shop}},
	})
	version := func(v string) string { return enforce("baseline", ", pod-security.kubernetes.io/enforce-version: "+v) }
	judge(t, PSAVersion, []judgement{
		{"nothing said", enforce("baseline", ""), at(), []string{"fail low" + shop + " latest"}},
		{"latest", version("latest"), at(), []string{"fail low" + shop + " latest"}},
		{"six behind", version("v1.30"), at(), nil},
		{"seven behind", version("v1.29"), at(), []string{"fail low" + shop + " old"}},
		{"none that exists", version("1.30"), at(), []string{"fail low" + shop + " invalid"}},
		{"privileged is the same in all", enforce("privileged", ""), at(), nil},
		{"old, and the server is not known", version("v1.20"), live(), nil},
	})
	for _, test := range []struct {
		name, yaml string
		want       string
	}{
		{"latest is in force now", enforce("baseline", "") + deployment("web", "", privileged), "evidence v1.36"},
		{"old, and all meet it", version("v1.20") + deployment("web", "", baseline), "evidence v1.36"},
		{"old, and something does not", version("v1.20") + deployment("web", "", privileged), "review v1.36"},
	} {
		for _, fixes := range fixtest.AllFixes(t, PSAVersion, test.yaml, at()...) {
			if got := fmt.Sprint(fixes[0].Class, " ", fixes[0].Changes[0].Set.GetLabels()["pod-security.kubernetes.io/enforce-version"]); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	}
	judge(t, PSALiveViolations, []judgement{
		{"meets it", enforce("baseline", "") + deployment("web", "", baseline), at(), nil},
		{"breaks it", enforce("restricted", "") + deployment("web", "", baseline), at(), []string{"fail high" + shop}},
		{"only injected parts break it", enforce("baseline", "") + deployment("web", "", baseline) + pod("web-1", "web", privileged), at(), []string{"fail high" + shop}},
		{"scaled to zero", enforce("restricted", "") + deployment("web", "replicas: 0, ", baseline), at(), []string{"fail medium" + shop}},
		{"in files too", enforce("restricted", "") + deployment("web", "", baseline), nil, []string{"fail high" + shop}},
		{"privileged", enforce("privileged", "") + deployment("web", "", privileged), at(), nil},
		{"nothing is seen, and not all was read", enforce("baseline", "") + deployment("web", "", baseline), at(fixtest.Unreadable("pods", "forbidden")), []string{"unknown high" + shop}},
		// hostProcess and the like are old; the host of a probe is baseline from 1.34 on.
		{"by the version that is pinned", version("v1.30") + deployment("web", "", "containers: [{name: a, image: a, livenessProbe: {tcpSocket: {host: example.com, port: 80}}}]"), at(), nil},
		{"by the version of the server", enforce("baseline", "") + deployment("web", "", "containers: [{name: a, image: a, livenessProbe: {tcpSocket: {host: example.com, port: 80}}}]"), at(), []string{"fail high" + shop}},
	})
}

func TestNamespacesOfOthers(t *testing.T) {
	const pods = "fail medium Deployment/web"
	in := func(namespace, image string) string { return runsImage("Deployment", namespace, "web", image) }
	judge(t, SystemNamespaceUser, []judgement{
		{"kube-system", in("kube-system", "registry.example.com/web:1"), nil, []string{pods}},
		{"a known part from a mirror", in("kube-system", "registry.example.com:5000/mirror/coredns:1.12"), nil, nil},
		{"the load balancer controller by its old name", in("kube-system", "amazon/aws-alb-ingress-controller:v2.0.0"), nil, nil},
		{"a patch of metrics-server that names no image", in("kube-system", ""), nil, nil},
		{"a registry of its own", in("kube-system", "registry.k8s.io/anything:1"), nil, nil},
		{"an account of EKS", in("kube-system", "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/whatever:v1"), nil, nil},
		{"an agent", in("kube-system", "fluent/fluent-bit:4"), nil, nil},
		{"nothing runs there", in("kube-public", "registry.k8s.io/anything:1"), nil, []string{pods}},
		{"elsewhere", in("shop", "registry.example.com/web:1"), nil, nil},
	})
	judge(t, Tiller, []judgement{
		{"Tiller", in("kube-system", "gcr.io/kubernetes-helm/tiller:v2.16.1"), nil, []string{"fail critical Deployment/web"}},
		{"another tiller", in("shop", "registry.example.com/garden/tiller:1"), nil, nil},
	})
	judge(t, DefaultNamespace, []judgement{
		{"a Service and an account", "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot, namespace: default}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: default}\n", live(), []string{"fail low Namespace/default"}},
		{"another namespace", in("shop", "i"), live(), nil},
		{"not all was read", "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n", live(fixtest.Unreadable("pods", "forbidden")), []string{"unknown low Namespace/default"}},
	})
}

func TestQuotas(t *testing.T) {
	const resources = "resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {memory: 1Gi}}"
	web := deployment("web", "replicas: 2, ", "initContainers: [{name: i, image: i, resources: {requests: {cpu: 2, memory: 1Mi}, limits: {memory: 1Mi}}}], containers: [{name: a, image: a, "+resources+"}]")
	none := "fail low" + shop
	judge(t, ResourceQuota, []judgement{
		{"none", namespace("") + web, live(), []string{none}},
		{"one", namespace("") + web + "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: shop}\n", live(), nil},
		{"empty", namespace(""), live(), []string{"fail info" + shop}},
		{"files without the Namespace", web, nil, nil},
		{"not read", namespace("") + web, live(fixtest.Unreadable("resourcequotas", "forbidden")), []string{"unknown low" + shop}},
		{"of the cluster", strings.ReplaceAll(namespace("")+web, "shop", "kube-system"), live(), nil},
	})
	judge(t, LimitRange, []judgement{
		{"none", namespace("") + web, live(), []string{none}},
		{"a range for pods", namespace("") + web + "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: shop}\nspec: {limits: [{type: Pod, max: {memory: 1Gi}}]}\n", live(), []string{none}},
		{"bounds without defaults", namespace("") + web + "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: shop}\nspec: {limits: [{type: Container, max: {memory: 1Gi}}]}\n", live(), []string{none}},
		{"defaults", namespace("") + web + "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: shop}\nspec: {limits: [{type: Container, defaultRequest: {memory: 1Gi}}]}\n", live(), nil},
	})
	hpa := "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 10}\n"
	services := "---\napiVersion: v1\nkind: Service\nmetadata: {name: lb, namespace: shop}\nspec: {type: LoadBalancer, ports: [{port: 80}, {name: b, port: 81}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: l2, namespace: shop}\nspec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}\n"
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		class      harden.Class
		hard       map[string]any
	}{
		{"twice of all; an init container that needs more counts", web, live(), harden.Evidence, hard("8", "256Mi", "4Gi", "10", "0", "0")},
		{"an autoscaler at its most", web + hpa, live(), harden.Evidence, hard("40", "1280Mi", "20Gi", "20", "0", "0")},
		{"load balancers", web + services, live(), harden.Evidence, hard("8", "256Mi", "4Gi", "10", "4", "4")},
		{"files", web, nil, harden.Review, hard("8", "256Mi", "4Gi", "10", "0", "0")},
		{"not all was read", web, live(fixtest.Unreadable("jobs.batch", "forbidden")), harden.Review, hard("8", "256Mi", "4Gi", "10", "0", "0")},
		{"a template without requests", web + deployment("api", "", baseline), live(), harden.Review, nil},
		{"a template without a limit", deployment("api", "", strings.Replace("containers: [{name: a, image: a, "+resources+"}]", ", limits: {memory: 1Gi}", "", 1)), live(), harden.Review, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix := fixtest.Fixes(t, ResourceQuota, namespace("")+test.yaml, test.opts...)[0]
			if fix.Class != test.class {
				t.Errorf("class %s, want %s", fix.Class, test.class)
			}
			var got map[string]any
			if len(fix.Changes) > 0 {
				got = fix.Changes[0].Set.Object["spec"].(map[string]any)["hard"].(map[string]any)
			}
			if diff := cmp.Diff(test.hard, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	fix := fixtest.Fixes(t, LimitRange, namespace("")+deployment("big", "", "containers: [{name: a, image: a, resources: {requests: {memory: 3Gi}}}]"), fixtest.Live())[0]
	if text := fmt.Sprint(fix.Changes[0].Set.Object); !strings.Contains(text, "default:map[memory:3Gi]") || fix.Class != harden.Review {
		t.Errorf("%s: a request of 3Gi needs a default limit as large", text)
	}
}

func hard(cpu, memory, limit, pods, lbs, ports string) map[string]any {
	return map[string]any{"requests.cpu": cpu, "requests.memory": memory, "limits.memory": limit, "pods": pods, "services.loadbalancers": lbs, "services.nodeports": ports}
}

func TestOwnershipLabels(t *testing.T) {
	judge(t, OwnershipLabels, []judgement{
		{"nothing", namespace("") + deployment("web", "", baseline), live(), []string{"fail info" + shop + " namespace", "fail info" + shop + " workloads"}},
		{"a team, by a key of the company", namespace("example.com/team: shop") + runsImage("Deployment", "shop", "web", "i"), live(), nil},
		{"an empty label", namespace("team: ''"), live(), []string{"fail info" + shop + " namespace"}},
		{"part of a word", namespace("example.com/steam: 'yes'"), live(), []string{"fail info" + shop + " namespace"}},
		{"not read", workload, live(), []string{"unknown info" + shop}},
		{"a file alone", workload, nil, nil},
	})
}

func TestLeftovers(t *testing.T) {
	role := func(resource string) string {
		return "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [policy], resources: ['" + resource + "'], verbs: [use]}]\n"
	}
	judge(t, PSPLeftover, []judgement{
		{"by name", role("podsecuritypolicies"), nil, []string{"fail info ClusterRole/r"}},
		{"everything", role("*"), nil, nil},
		{"a server that has them", role("podsecuritypolicies"), live(fixtest.Minor(24)), nil},
	})
	ingress := func(apiVersion string) string {
		return "apiVersion: " + apiVersion + "\nkind: Ingress\nmetadata: {name: i, namespace: shop}\n"
	}
	judge(t, DeprecatedAPI, []judgement{
		{"removed", ingress("networking.k8s.io/v1beta1"), nil, []string{"fail low Ingress/i"}},
		{"served", ingress("networking.k8s.io/v1"), nil, nil},
	})
}

func TestMutableNamespaceLabels(t *testing.T) {
	enforced := namespace("pod-security.kubernetes.io/enforce: baseline")
	grant := func(kind, scope, verb, subject string) string {
		return "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [''], resources: [namespaces], verbs: [" + verb + "]}]\n" +
			"---\napiVersion: rbac.authorization.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: b" + scope + "}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}\nsubjects: [" + subject + "]\n"
	}
	const robot = "{kind: ServiceAccount, namespace: ci, name: robot}"
	judge(t, MutableNamespaceLabels, []judgement{
		{"everywhere", enforced + grant("ClusterRoleBinding", "", "patch", robot), live(), []string{"fail medium" + shop}},
		{"here", enforced + grant("RoleBinding", ", namespace: shop", "update", robot), live(), []string{"fail medium" + shop}},
		{"elsewhere", enforced + grant("RoleBinding", ", namespace: other", "update", robot), live(), nil},
		{"read", enforced + grant("ClusterRoleBinding", "", "get", robot), live(), nil},
		{"no level", namespace("") + grant("ClusterRoleBinding", "", "patch", robot), live(), nil},
		{"not read", enforced, live(fixtest.Unreadable("clusterrolebindings.rbac.authorization.k8s.io", "forbidden")), []string{"unknown medium" + shop}},
	})
}
