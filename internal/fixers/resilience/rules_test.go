package resilience

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A judgement is what a rule must say of some objects.
type judgement struct {
	name, yaml string
	opts       []fixtest.Option
	want       []string // STATUS SEVERITY OBJECT VERDICT DISCRIMINATOR
}

func judge(t *testing.T, fixer *harden.Fixer, tests []judgement) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, fixer, test.yaml, test.opts...) {
				got = append(got, strings.Join(strings.Fields(fmt.Sprint(f.Status, " ", f.Severity, " ", f.Object, " ", f.Verdict, " ", f.Discriminator)), " "))
				if f.Reason == "" || f.Detail == "" || f.Status == harden.StatusFail && f.Field == "" {
					t.Errorf("says too little: %+v", f)
				}
				if fixes := fixer.Fix; fixes == nil {
					t.Error("has no fix")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var live = []fixtest.Option{fixtest.Live()}

func and(opts ...fixtest.Option) []fixtest.Option {
	return append([]fixtest.Option{fixtest.Live()}, opts...)
}

// object is a workload called web whose pods have the label app: web.
func object(kind, spec, podSpec string) string {
	apiVersion := "apps/v1"
	switch kind {
	case "Job":
		return "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: web, namespace: shop}\nspec: {" + spec + "template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, " + podSpec + "}}}\n"
	case "CronJob":
		return "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web, namespace: shop}\nspec: {schedule: '@daily', jobTemplate: {spec: {" + spec + "template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, " + podSpec + "}}}}}\n"
	}
	return fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {name: web, namespace: shop}\nspec: {%sselector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {%s}}}\n", apiVersion, kind, spec, podSpec)
}

func webPod(name, node, spec string) string {
	return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\nspec: {nodeName: " + node + ", " + spec + "}\n"
}

func service(spec string) string {
	return "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {" + spec + "}\n"
}

func budgetOf(name, spec, status string) string {
	return "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: " + name + ", namespace: shop}\nspec: {" + spec + "}\n" + status
}

func keeps(least int) string {
	return fmt.Sprintf("---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: %d, maxReplicas: 9}\n", least)
}

const plainContainer = "containers: [{name: c, image: i}]"

// T98: what runs to its end, and what nobody calls, needs no probe.
func TestT98NoProbesForJobsAndWorkers(t *testing.T) {
	calls := service("selector: {app: web}, ports: [{port: 80}]")
	for name, yaml := range map[string]string{
		"Job": object("Job", "", plainContainer) + calls, "CronJob": object("CronJob", "", plainContainer) + calls,
		"worker without a Service": object("Deployment", "", plainContainer) + service("selector: {app: other}, ports: [{port: 80}]"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := fixtest.Run(t, ReadinessProbe, yaml); len(got) > 0 {
				t.Errorf("found %v", fixtest.Reasons(got))
			}
			if strings.Contains(name, "Job") && len(fixtest.Run(t, LivenessProbe, yaml)) > 0 {
				t.Error("a Job is asked for a livenessProbe")
			}
		})
	}
}

func TestReadinessProbe(t *testing.T) {
	calls := service("selector: {app: web}, ports: [{port: 80, targetPort: http}]")
	const missing = "fail low Deployment/web"
	web := object("Deployment", "", "containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}, {name: side, image: s}]")
	judge(t, ReadinessProbe, []judgement{
		{"by the name of a port", web + calls, nil, []string{missing}},
		{"no container has the port", object("Deployment", "", plainContainer) + calls, nil, nil},
		{"the only container, undeclared", object("Deployment", "", plainContainer) + service("selector: {app: web}, ports: [{port: 80}]"), nil, []string{missing}},
		{"one of two, undeclared", object("Deployment", "", "containers: [{name: a, image: i}, {name: b, image: i}]") + service("selector: {app: web}, ports: [{port: 80}]"), nil, nil},
		{"UDP", object("Deployment", "", plainContainer) + service("selector: {app: web}, ports: [{port: 53, protocol: UDP}]"), nil, nil},
		{"publishes what is not ready", web + service("selector: {app: web}, publishNotReadyAddresses: true, ports: [{port: 80, targetPort: http}]"), nil, nil},
		{"Service without selector", web + service("ports: [{port: 80, targetPort: http}]"), nil, nil},
		{"Services not read", web, and(fixtest.Unreadable("services", "forbidden")), []string{"unknown low Deployment/web"}},
	})
	for _, test := range []struct{ name, probe, want string }{
		{"request of the livenessProbe", "livenessProbe: {httpGet: {path: /alive, port: http}}", "httpGet"},
		{"headers may be credentials", "livenessProbe: {httpGet: {path: /alive, port: http, httpHeaders: [{name: Authorization, value: s3cret}]}}", "tcpSocket"},
		{"commands are not repeated", "livenessProbe: {exec: {command: [check]}}", "tcpSocket"},
		{"gRPC", "startupProbe: {grpc: {port: 8080}}", "grpc"},
	} {
		yaml := object("Deployment", "", "containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}], "+test.probe+"}]") + calls
		for _, fix := range fixtest.Fixes(t, ReadinessProbe, yaml) {
			text := fmt.Sprint(fix.Changes[0].Set.Object)
			if !strings.Contains(text, test.want) || strings.Contains(text, "s3cret") {
				t.Errorf("%s: %s, want %s", test.name, text, test.want)
			}
		}
	}
}

func TestRequests(t *testing.T) {
	container := func(resources string) string {
		return "containers: [{name: c, image: i, resources: {" + resources + "}}]"
	}
	judge(t, MemoryRequest, []judgement{
		{"none", object("Deployment", "", plainContainer), nil, []string{"fail low Deployment/web"}},
		{"cpu alone", object("Deployment", "", container("requests: {cpu: 1}")), nil, []string{"fail low Deployment/web"}},
		{"zero", object("Deployment", "", container("requests: {memory: 0}")), nil, []string{"fail low Deployment/web"}},
		{"a limit stands in", object("Deployment", "", container("limits: {memory: 1Gi}")), nil, nil},
		{"for the pod", object("Deployment", "", "resources: {requests: {memory: 1Gi}}, "+plainContainer), nil, nil},
		{"init container", object("Deployment", "", "initContainers: [{name: i, image: i}], "+container("requests: {memory: 1Gi}")), nil, nil},
		{"sidecar", object("Deployment", "", "initContainers: [{name: i, image: i, restartPolicy: Always}], "+container("requests: {memory: 1Gi}")), nil, []string{"fail low Deployment/web"}},
		{"supplied", object("Deployment", "", plainContainer) + webPod("web-1", "a", container("requests: {memory: 1Gi}")), live, []string{"fail info Deployment/web"}},
	})
	judge(t, CPULimit, []judgement{{"a request is no limit", object("Deployment", "", container("requests: {cpu: 1}")), nil, []string{"fail info Deployment/web"}}})
	if !CPULimit.Off {
		t.Error("cpu-limit is not off")
	}
}

func TestEphemeralStorageLimit(t *testing.T) {
	const volumes = "volumes: [{name: v, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}, {name: s, emptyDir: {sizeLimit: 1Gi}}], "
	judge(t, EphemeralStorageLimit, []judgement{
		{"disk alone counts", object("Deployment", "", volumes+plainContainer), nil, []string{"fail low Deployment/web v"}},
		{"any container's limit bounds the pod", object("Deployment", "", volumes+"containers: [{name: a, image: i}, {name: b, image: i, resources: {limits: {ephemeral-storage: 1Gi}}}]"), nil, nil},
		{"no volume", object("Deployment", "", plainContainer), nil, nil},
	})
}

func TestBudgets(t *testing.T) {
	const web = "selector: {matchLabels: {app: web}}"
	three := object("Deployment", "replicas: 3, ", plainContainer)
	blocked := "fail medium PodDisruptionBudget/b never blocked"
	status := func(since string) string {
		return "status: {expectedPods: 3, currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0, conditions: [{type: DisruptionAllowed, status: 'False', reason: InsufficientPods, lastTransitionTime: '" + since + "'}]}\n"
	}
	judge(t, PDBBlocksDrain, []judgement{
		{"leaves one", three + budgetOf("b", "maxUnavailable: 1, "+web, ""), nil, nil},
		{"none", three + budgetOf("b", "maxUnavailable: 0, "+web, ""), nil, []string{blocked}},
		{"none in percent", three + budgetOf("b", "maxUnavailable: 0%, "+web, ""), nil, []string{blocked}},
		{"all in percent", three + budgetOf("b", "minAvailable: 100%, "+web, ""), nil, []string{blocked}},
		{"as many as there are", three + budgetOf("b", "minAvailable: 3, "+web, ""), nil, []string{blocked}},
		{"an autoscaler keeps more", three + keeps(5) + budgetOf("b", "minAvailable: 3, "+web, ""), nil, nil},
		{"an autoscaler keeps fewer", three + keeps(2) + budgetOf("b", "minAvailable: 2, "+web, ""), nil, []string{blocked}},
		{"selects nothing", three + budgetOf("b", "maxUnavailable: 0, selector: {matchLabels: {app: api}}", ""), nil, nil},
		{"replicas of DaemonSets are not known", object("DaemonSet", "", plainContainer) + budgetOf("b", "minAvailable: 3, "+web, ""), nil, nil},
		{"two for one pod", three + budgetOf("a", "maxUnavailable: 1, "+web, "") + budgetOf("b", "maxUnavailable: 1, "+web, ""), nil, []string{
			"fail medium PodDisruptionBudget/a two-budgets two-budgets", "fail medium PodDisruptionBudget/b two-budgets two-budgets",
		}},
		{"for long", three + budgetOf("b", "maxUnavailable: 1, "+web, status("2026-03-01T10:00:00Z")), live, []string{"fail medium PodDisruptionBudget/b not-now blocked"}},
		{"for a while", three + budgetOf("b", "maxUnavailable: 1, "+web, status("2026-03-01T11:30:00Z")), live, nil},
	})
	judge(t, PDBMissing, []judgement{
		{"none", three, live, []string{"fail low Deployment/web"}},
		{"one", three + budgetOf("b", web, ""), live, nil},
		{"of another namespace", three + strings.Replace(budgetOf("b", web, ""), "namespace: shop", "namespace: other", 1), live, []string{"fail low Deployment/web"}},
		{"empty selector", three + budgetOf("b", "selector: {}", ""), live, nil},
		{"single replica", object("Deployment", "", plainContainer), live, nil},
		{"an autoscaler keeps two", object("Deployment", "", plainContainer) + keeps(2), live, []string{"fail low Deployment/web"}},
		{"an autoscaler goes down to one", three + keeps(1), live, nil},
		{"not read", three, and(fixtest.Unreadable("poddisruptionbudgets.policy", "forbidden")), []string{"unknown low Deployment/web"}},
	})
	judge(t, PDBDangling, []judgement{
		{"nothing", three + budgetOf("b", "selector: {matchLabels: {app: api}}", ""), live, []string{"fail low PodDisruptionBudget/b"}},
		{"empty selector", three + budgetOf("b", "selector: {}", ""), live, nil},
		{"pods of an operator", three + budgetOf("b", "selector: {matchLabels: {app: api}}", "status: {expectedPods: 2}\n"), live, nil},
		{"files with what an operator makes pods of", three + budgetOf("b", "selector: {matchLabels: {app: api}}", "") + "\n---\napiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k8s, namespace: shop}\n", nil, nil},
		{"files without", three + budgetOf("b", "selector: {matchLabels: {app: api}}", ""), nil, []string{"fail low PodDisruptionBudget/b"}},
		{"a file alone", budgetOf("b", "selector: {matchLabels: {app: api}}", ""), nil, nil},
		{"workloads not read", budgetOf("b", web, ""), and(fixtest.Unreadable("deployments.apps", "forbidden")), []string{"unknown low PodDisruptionBudget/b"}},
	})
}

func TestTheClassOfABudget(t *testing.T) {
	three := object("Deployment", "replicas: 3, ", plainContainer)
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       harden.Class
	}{
		{"all known", three, live, harden.Evidence},
		{"files", three, nil, harden.Review},
		{"another workload has the labels", three + strings.Replace(object("Deployment", "", plainContainer), "name: web", "name: green", 1), live, harden.Review},
		{"workloads not read", three, and(fixtest.Unreadable("statefulsets.apps", "forbidden")), harden.Review},
	} {
		for _, fixes := range fixtest.AllFixes(t, PDBMissing, test.yaml, test.opts...) {
			if fixes[0].Class != test.want || fixes[0].Changes[0].Verb != harden.Create {
				t.Errorf("%s: %s, want %s", test.name, fixes[0].Class, test.want)
			}
		}
	}
}

func TestTopologySpread(t *testing.T) {
	node := func(name, zone, spec string) string {
		return "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name + ", labels: {topology.kubernetes.io/zone: " + zone + "}}\nspec: {" + spec + "}\n"
	}
	two := object("Deployment", "replicas: 2, ", plainContainer)
	pods := webPod("web-1", "a", plainContainer) + webPod("web-2", "a", plainContainer)
	zones := node("a", "z1", "") + node("b", "z2", "")
	const found = "fail low Deployment/web"
	judge(t, TopologySpread, []judgement{
		{"one zone of two", two + pods + zones, live, []string{found}},
		{"files", two + pods + zones, nil, nil},
		{"the other zone takes no pods", two + pods + node("a", "z1", "") + node("b", "z2", "taints: [{key: gpu, effect: NoSchedule}]"), live, nil},
		{"the other zone is cordoned", two + pods + node("a", "z1", "") + node("b", "z2", "unschedulable: true"), live, nil},
		{"one pod is on its way", two + webPod("web-1", "a", plainContainer) + webPod("web-2", "''", plainContainer) + zones, live, nil},
		{"anti-affinity", object("Deployment", "replicas: 2, ", "affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: topology.kubernetes.io/zone}}]}}, "+plainContainer) + pods + zones, live, nil},
		{"anti-affinity over nodes", object("Deployment", "replicas: 2, ", "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname}]}}, "+plainContainer) + pods + zones, live, []string{found}},
		{"meant for one zone", object("Deployment", "replicas: 2, ", "nodeSelector: {topology.kubernetes.io/zone: z1}, "+plainContainer) + pods + zones, live, nil},
		{"nodes not read", two + pods, and(fixtest.Unreadable("nodes", "forbidden")), []string{"unknown low Deployment/web"}},
	})
}

func TestNakedPod(t *testing.T) {
	pod := func(meta, spec string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop" + meta + "}\nspec: {" + spec + plainContainer + "}\n"
	}
	judge(t, NakedPod, []judgement{
		{"naked", pod("", ""), nil, []string{"fail low Pod/web"}},
		{"runs once", pod("", "restartPolicy: OnFailure, "), nil, nil},
		{"mirror", pod(", annotations: {kubernetes.io/config.mirror: x}", ""), nil, nil},
		{"hook of Helm", pod(", annotations: {helm.sh/hook: test}", ""), nil, nil},
		{"ended", pod("", ""), and(func(i *harden.Inventory) { i.Workloads[0].Finished = true }), nil},
		{"of an operator", pod("", ""), and(func(i *harden.Inventory) { i.Workloads[0].Controller = &harden.Ref{Kind: "Cluster"} }), nil},
	})
}

func TestRollouts(t *testing.T) {
	strategy := func(s string) string { return object("Deployment", "replicas: 2, "+s, plainContainer) }
	judge(t, RolloutStrategy, []judgement{
		{"default", strategy(""), nil, nil},
		{"Recreate", strategy("strategy: {type: Recreate}, "), nil, []string{"fail low Deployment/web recreate"}},
		{"Recreate with a volume", object("Deployment", "strategy: {type: Recreate}, ", "volumes: [{name: d, persistentVolumeClaim: {claimName: d}}], "+plainContainer), nil, []string{"fail info Deployment/web recreate"}},
		{"all by number", strategy("strategy: {rollingUpdate: {maxUnavailable: 2}}, "), nil, []string{"fail low Deployment/web all-at-once"}},
		{"one of two", strategy("strategy: {rollingUpdate: {maxUnavailable: 1}}, "), nil, nil},
		{"OnDelete", object("StatefulSet", "serviceName: w, updateStrategy: {type: OnDelete}, ", plainContainer), nil, []string{"fail low StatefulSet/web on-delete"}},
		{"a Job", object("Job", "", plainContainer), nil, nil},
	})
	failed := "status: {conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: exceeded quota}]}\n"
	judge(t, RolloutStuck, []judgement{
		{"pods are refused", strategy("") + failed, live, []string{"fail medium Deployment/web stuck"}},
		{"files know no status", strategy("") + failed, nil, nil},
		{"paused in a file", strategy("paused: true, "), nil, []string{"fail medium Deployment/web paused"}},
		{"goes on", strategy("") + "status: {conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}\n", live, nil},
	})
	judge(t, NoRollbackHistory, []judgement{
		{"none kept", strategy("revisionHistoryLimit: 0, "), nil, []string{"fail low Deployment/web"}},
		{"a ReplicaSet has none", object("ReplicaSet", "", plainContainer), nil, nil},
	})
	for _, fixes := range fixtest.AllFixes(t, NoRollbackHistory, strategy("revisionHistoryLimit: 0, ")) {
		if fixes[0].Class != harden.Safe {
			t.Errorf("class %s", fixes[0].Class)
		}
	}
}

func TestHPADangling(t *testing.T) {
	conditions := func(c string) string { return keeps(2) + "status: {conditions: [" + c + "]}\n" }
	web := object("Deployment", "", plainContainer)
	judge(t, HPADangling, []judgement{
		{"there", keeps(2) + web, live, nil},
		{"gone", keeps(2), live, []string{"fail low HorizontalPodAutoscaler/web no-target"}},
		{"files", keeps(2), nil, nil},
		{"of a kind that is not read", strings.Replace(keeps(2), "apps/v1, kind: Deployment", "argoproj.io/v1alpha1, kind: Rollout", 1), live, nil},
		{"its scale was not found", strings.Replace(conditions("{type: AbleToScale, status: 'False', reason: FailedGetScale, message: not found}"), "apps/v1, kind: Deployment", "argoproj.io/v1alpha1, kind: Rollout", 1), live, []string{"fail low HorizontalPodAutoscaler/web no-target"}},
		{"no metrics", conditions("{type: ScalingActive, status: 'False', reason: FailedGetResourceMetric, message: none}") + web, live, []string{"fail low HorizontalPodAutoscaler/web no-metrics"}},
		{"switched off", conditions("{type: ScalingActive, status: 'False', reason: ScalingDisabled, message: zero}") + web, live, nil},
		{"workloads not read", keeps(2), and(fixtest.Unreadable("deployments.apps", "forbidden")), []string{"unknown low HorizontalPodAutoscaler/web"}},
	})
}

func TestJobUnbounded(t *testing.T) {
	judge(t, JobUnbounded, []judgement{
		{"Job", object("Job", "", plainContainer), nil, []string{"fail info Job/web"}},
		{"CronJob", object("CronJob", "", plainContainer), nil, []string{"fail info CronJob/web"}},
		{"deadline of the pods", object("CronJob", "", "activeDeadlineSeconds: 60, "+plainContainer), nil, nil},
		{"done", object("Job", "", plainContainer), and(func(i *harden.Inventory) { i.Workloads[0].Finished = true }), nil},
		{"a Deployment", object("Deployment", "", plainContainer), nil, nil},
	})
}

func TestBackups(t *testing.T) {
	db := object("StatefulSet", "serviceName: w, volumeClaimTemplates: [{metadata: {name: data}}], ", plainContainer)
	groups := func(names ...string) []fixtest.Option {
		return and(func(i *harden.Inventory) {
			i.Cluster.Groups = map[string]bool{}
			for _, n := range names {
				i.Cluster.Groups[n] = true
			}
		})
	}
	snapshot := func(claim, created string) string {
		return "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: s, namespace: shop, creationTimestamp: '" + created + "'}\nspec: {source: {persistentVolumeClaimName: " + claim + "}}\n"
	}
	schedule := func(spec string) string {
		return "---\napiVersion: velero.io/v1\nkind: Schedule\nmetadata: {name: s, namespace: velero}\nspec: {" + spec + "}\n"
	}
	kasten := func(selector string) string {
		return "---\napiVersion: config.kio.kasten.io/v1alpha1\nkind: Policy\nmetadata: {name: p, namespace: kasten-io}\nspec: {selector: {" + selector + "}}\n"
	}
	const none = "fail low StatefulSet/web"
	judge(t, StatefulBackup, []judgement{
		{"none", db, groups(), []string{none}},
		{"fresh snapshot", db + snapshot("data-web-12", "2026-02-26T00:00:00Z"), groups(), nil},
		{"old snapshot", db + snapshot("data-web-0", "2026-02-01T00:00:00Z"), groups(), []string{none}},
		{"snapshot of another claim", db + snapshot("data-web-other-0", "2026-02-26T00:00:00Z"), groups(), []string{none}},
		{"Velero for all", db + schedule("template: {}"), groups(), nil},
		{"Velero for others", db + schedule("template: {includedNamespaces: [other]}"), groups(), []string{none}},
		{"Velero leaves it out", db + schedule("template: {excludedNamespaces: [shop]}"), groups(), []string{none}},
		{"Velero is paused", db + schedule("paused: true"), groups(), []string{none}},
		{"Kasten", db + kasten("matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, values: [shop]}]"), groups(), nil},
		{"Kasten for others", db + kasten("matchLabels: {k10.kasten.io/appNamespace: other}"), groups(), []string{none}},
		{"Kasten by something else", db + kasten("matchLabels: {backup: 'yes'}"), groups(), nil},
		{"an operator with backups of its own", db, groups("postgresql.cnpg.io"), []string{"unknown low StatefulSet/web"}},
		{"groups not known", db, live, []string{"unknown low StatefulSet/web"}},
		{"not read", db, append(groups(), fixtest.Unreadable("schedules.velero.io", "forbidden")), []string{"unknown low StatefulSet/web"}},
		{"files", db, nil, nil},
		{"no data", object("StatefulSet", "serviceName: w, ", plainContainer), groups(), nil},
	})
}
