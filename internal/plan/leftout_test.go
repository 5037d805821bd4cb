package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

func TestWhatTheServerRefusesIsNotPlanned(t *testing.T) {
	r := func(w *world) harden.Ref { return w.ref(longDeployment) }
	w := cluster(t, deployment)
	p := w.build(harden.PlanOptions{},
		pick("allow-privilege-escalation", harden.High, security(t, r(w), "allowPrivilegeEscalation: false")),
		pick("host-users", harden.Low, harden.SetPodSpec(r(w), fields(t, "hostUsers: false"))),
		pick("seccomp", harden.Low, harden.SetPodSpec(r(w), fields(t, "securityContext: {seccompProfile: {type: RuntimeDefault}}"))),
		pick("volume", harden.Low, harden.RemoveFrom(r(w), harden.PodSpecPath(r(w), "volumes", fieldpath.KeyByFields("name", "data")))),
	)
	want := map[string]string{
		"allow-privilege-escalation": `the API server refuses allowPrivilegeEscalation: false next to privileged: true in container "web"`,
		"host-users":                 "hostUsers: false is refused while the pod uses the network, PIDs or IPC of the host",
		"volume":                     `container "web" would mount the volume "data" that the pod does not have`,
	}
	if d := cmp.Diff(want, reasons(p)); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"seccomp"}, planned(one(t, p))); d != "" {
		t.Errorf("planned (-want +got):\n%s", d)
	}

	// With what stands in the way gone, the same fixes are fine.
	p = w.build(harden.PlanOptions{},
		pick("allow-privilege-escalation", harden.High, security(t, r(w), "allowPrivilegeEscalation: false")),
		pick("privileged", harden.Low, security(t, r(w), "privileged: false")),
	)
	if len(p.LeftOut) != 0 {
		t.Errorf("left out %v", reasons(p))
	}

	// Root under runAsNonRoot starts nowhere.
	nonRoot := pick("non-root", harden.Low, harden.SetPodSpec(r(w), fields(t, "securityContext: {runAsNonRoot: true}")))
	if err := unstructured.SetNestedField(w.objects[longDeployment].Object, int64(0), "spec", "template", "spec", "securityContext", "runAsUser"); err != nil {
		t.Fatal(err)
	}
	p = w.build(harden.PlanOptions{}, nonRoot, pick("web-uid", harden.High, security(t, r(w), "runAsUser: 1000")))
	same(t, "reason", `the kubelet starts no container with runAsNonRoot: true and runAsUser: 0 (container "setup")`, reasons(p)["non-root"])
	p = w.build(harden.PlanOptions{}, nonRoot, pick("pod-uid", harden.Info, harden.SetPodSpec(r(w), fields(t, "securityContext: {runAsUser: 1000}"))))
	if len(p.LeftOut) != 0 {
		t.Errorf("left out %v", reasons(p))
	}
}

// A fix is not to blame for what was wrong before it.
func TestOldContradictionsDoNotHoldUpOtherFixes(t *testing.T) {
	w := files(t, strings.Replace(deployment, "privileged: true", "runAsNonRoot: true\n          runAsUser: 0", 1))
	r := w.ref(longDeployment)
	p := w.build(harden.PlanOptions{}, pick("non-root", harden.Low, harden.SetPodSpec(r, fields(t, "securityContext: {runAsNonRoot: true}"))))
	if len(p.LeftOut) != 0 {
		t.Errorf("left out %v", reasons(p))
	}
}

func TestLeftOut(t *testing.T) {
	w := cluster(t, deployment, strings.Replace(deployment, "name: shop, namespace: demo", "name: twice, namespace: demo", 1))
	twice := w.objects["demo/Deployment/twice"]
	containers := twice.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
	containers[0].(map[string]any)["ports"] = []any{
		map[string]any{"containerPort": int64(80), "hostPort": int64(80), "protocol": "TCP"},
		map[string]any{"containerPort": int64(80), "hostPort": int64(81)},
	}
	r := w.ref(longDeployment)
	gone := r
	gone.Name = "gone"
	with := func(p plan.Pick, change func(*plan.Pick)) plan.Pick {
		change(&p)
		return p
	}
	change := security(t, r, "runAsNonRoot: true")
	for _, test := range []struct {
		name string
		pick plan.Pick
		want string
	}{
		{"no fix", with(pick("x", harden.Low, change), func(p *plan.Pick) { p.Fixes = nil }), "detection only"},
		{"text only", with(pick("x", harden.Low, change), func(p *plan.Pick) { p.Fixes = []harden.Fix{{Manual: "ask the vendor"}} }), "ask the vendor"},
		{"class", with(pick("x", harden.Low, change), func(p *plan.Pick) { p.Fixes[0].Class = harden.Review }), "class review: not in --class safe,evidence"},
		{"unknown", with(pick("x", harden.Low, change), func(p *plan.Pick) {
			p.Finding.Status, p.Finding.Reason = harden.StatusUnknown, "nodes cannot be listed"
		}), "it is not known whether this is wrong: nodes cannot be listed"},
		{"waived", with(pick("x", harden.Low, change), func(p *plan.Pick) { p.Finding.Status = harden.StatusWaived }), "not to be repaired: waived"},
		{"blocked", with(pick("x", harden.Low, change), func(p *plan.Pick) { p.Finding.BlockedBy = "privileged-container" }), "blocked by privileged-container"},
		{"gone", pick("x", harden.Low, security(t, gone, "runAsNonRoot: true")), "Deployment/gone does not exist (any more)"},
		{"no such container", pick("x", harden.Low, harden.SetContainer(r, harden.ContainerRef{Kind: harden.AppContainer, Name: "old"}, fields(t, "imagePullPolicy: Always"))), `Deployment/shop has no containers[name="old"]`},
		{"already so", pick("x", harden.Low, security(t, r, "privileged: true\ncapabilities: {add: [NET_ADMIN]}")), "already so"},
		{"removal of nothing", pick("x", harden.Low, harden.RemoveFrom(r, harden.PodSpecPath(r, "hostPID"))), "already so"},
		{"stored zero", pick("x", harden.Low, harden.SetPodSpec(r, fields(t, "hostPID: false"))), "already so"},
		{"exists", pick("x", harden.Low, harden.Change{Target: r, Verb: harden.Create, Set: harden.Partial(r)}), "Deployment/shop exists already"},
		{
			"duplicate ports", pick("x", harden.Low, harden.SetContainer(w.ref("demo/Deployment/twice"), web, fields(t, "ports: [{containerPort: 80, protocol: TCP, hostPort: 0}]"))),
			`.spec.template.spec.containers[name="web"].ports of Deployment/twice has two items with one key: server-side apply cannot tell them apart`,
		},
		{
			"removal in duplicate ports", pick("x", harden.Low, harden.RemoveFrom(w.ref("demo/Deployment/twice"), harden.ContainerPath(r, web, "ports", fieldpath.KeyByFields("containerPort", 80, "protocol", "TCP"), "hostPort"))),
			`.spec.template.spec.containers[name="web"].ports of Deployment/twice has two items with one key: server-side apply cannot tell them apart`,
		},
		{"unknown field", pick("x", harden.Low, security(t, r, "runAsNonRot: true")), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := w.build(harden.PlanOptions{Classes: []harden.Class{harden.Safe, harden.Evidence}}, test.pick)
			if len(p.Objects) != 0 || len(p.LeftOut) != 1 {
				t.Fatalf("%d object plans, left out %v", len(p.Objects), reasons(p))
			}
			if test.want == "" {
				if !strings.Contains(p.LeftOut[0].Why, "runAsNonRot") {
					t.Errorf("got %q", p.LeftOut[0].Why)
				}
				return
			}
			same(t, "reason", test.want, p.LeftOut[0].Why)
		})
	}

	t.Run("lists that the fix does not lead into may have duplicates", func(t *testing.T) {
		pick := pick("x", harden.Low, security(t, w.ref("demo/Deployment/twice"), "runAsNonRoot: true"))
		op := one(t, w.build(harden.PlanOptions{}, pick))
		if !strings.Contains(op.Diff, "runAsNonRoot: true") || strings.Contains(op.Diff, "-          hostPort") {
			t.Errorf("diff:\n%s", op.Diff)
		}
		old := *w
		inv := *w.inv
		inv.Cluster.Minor = 28
		old.inv = &inv
		if why := reasons(old.build(harden.PlanOptions{}, pick))["x"]; !strings.HasPrefix(why, "Kubernetes 1.28 refuses every server-side apply to Deployment/twice") {
			t.Errorf("on 1.28: %q", why)
		}
	})
}

func TestBlockedFixGoesAlongWithItsBlocker(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	blocked := pick("allow-privilege-escalation", harden.Critical, security(t, r, "allowPrivilegeEscalation: false"))
	blocked.Finding.BlockedBy, blocked.Finding.Container = "privileged-container", web
	blocker := pick("privileged-container", harden.Low, security(t, r, "privileged: false"))
	blocker.Finding.Container = web
	op := one(t, w.build(harden.PlanOptions{}, blocked, blocker))
	if d := cmp.Diff([]string{"privileged-container", "allow-privilege-escalation"}, planned(op)); d != "" {
		t.Error(d)
	}

	// The blocker of another container is not enough.
	blocker.Finding.Container.Name = "log"
	p := w.build(harden.PlanOptions{}, blocked, blocker)
	same(t, "reason", "blocked by privileged-container", reasons(p)["allow-privilege-escalation"])
}

func TestReplicasAreRefused(t *testing.T) {
	w := cluster(t, deployment)
	bad := pick("x", harden.Low, harden.SetObject(w.ref(longDeployment), fields(t, "spec: {replicas: 3}")))
	if _, err := plan.Build(w.inv, []plan.Pick{bad}, w.read, converter(), harden.PlanOptions{}); err == nil || !strings.Contains(err.Error(), "spec.replicas") {
		t.Errorf("got %v", err)
	}
}

func TestResourcesOfAutoscaledPodsAreLeftOut(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	p := pick("memory-limit", harden.Low, harden.SetContainer(r, web, fields(t, "resources: {limits: {memory: 1Gi}}")))
	p.Finding.Workload = &harden.Workload{Ref: r}
	one(t, w.build(harden.PlanOptions{}, p))
	p.Finding.Workload.Pods = []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"vpaObservedContainers": "web"}}}}
	same(t, "reason", "a VerticalPodAutoscaler sets the resources of these pods: change its policy", reasons(w.build(harden.PlanOptions{}, p))["memory-limit"])
}
