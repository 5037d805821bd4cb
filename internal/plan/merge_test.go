package plan_test

import (
	"math/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// tenFixes are fixes for the Deployment above that do not contradict each other.
func tenFixes(t *testing.T, r harden.Ref) []plan.Pick {
	log := harden.ContainerRef{Kind: harden.AppContainer, Name: "log"}
	setup := harden.ContainerRef{Kind: harden.InitContainer, Name: "setup"}
	migrate := harden.ContainerRef{Kind: harden.InitContainer, Name: "migrate"}
	port := fieldpath.KeyByFields("containerPort", 53, "protocol", "TCP")
	return []plan.Pick{
		pick("privileged-container", harden.Critical, security(t, r, "privileged: false")),
		pick("allow-privilege-escalation", harden.Medium, security(t, r, "allowPrivilegeEscalation: false")),
		pick("drop-all-capabilities", harden.Medium, security(t, r, "capabilities: {drop: [ALL]}")),
		pick("read-only-root-filesystem", harden.Medium,
			harden.SetPodSpec(r, fields(t, `
containers:
- name: web
  securityContext: {readOnlyRootFilesystem: true}
  volumeMounts: [{mountPath: /tmp, name: harden-tmp}]
volumes: [{name: harden-tmp, emptyDir: {}}]`))),
		pick("seccomp-profile-missing", harden.Medium, harden.SetPodSpec(r, fields(t, "securityContext: {seccompProfile: {type: RuntimeDefault}}"))),
		pick("host-network", harden.High, harden.SetPodSpec(r, fields(t, "hostNetwork: false"))),
		pick("host-port", harden.High, harden.RemoveFrom(r, harden.ContainerPath(r, web, "ports", port, "hostPort"))),
		pick("image-pull-policy", harden.Low, harden.SetContainer(r, log, fields(t, "imagePullPolicy: Always"))),
		pick("run-as-non-root", harden.High, harden.SetSecurityContext(r, migrate, fields(t, "runAsNonRoot: true"))),
		pick("run-as-non-root-2", harden.High, harden.SetSecurityContext(r, setup, fields(t, "runAsNonRoot: true"))),
	}
}

func TestTenFixesAreOneChange(t *testing.T) {
	w := cluster(t, deployment)
	op := one(t, w.build(harden.PlanOptions{}, tenFixes(t, w.ref(longDeployment))...))
	same(t, "body", `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      containers:
      - name: web
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          privileged: false
          readOnlyRootFilesystem: true
        volumeMounts:
        - mountPath: /tmp
          name: harden-tmp
      - imagePullPolicy: Always
        name: log
      hostNetwork: false
      initContainers:
      - name: setup
        securityContext:
          runAsNonRoot: true
      - name: migrate
        securityContext:
          runAsNonRoot: true
      securityContext:
        seccompProfile:
          type: RuntimeDefault
      volumes:
      - emptyDir: {}
        name: harden-tmp
`, text(t, op.Set))
	if len(op.Remove) != 1 || plan.PathString(op.Remove[0]) != `.spec.template.spec.containers[name="web"].ports[containerPort=53,protocol="TCP"].hostPort` {
		t.Errorf("removals: %v", op.Remove)
	}
	if op.Restarts != 1 || op.Delivery != harden.DeliverLive || len(op.Fixes) != 10 {
		t.Errorf("restarts %d, delivery %s (%s), %d fixes", op.Restarts, op.Delivery, op.DeliveryWhy, len(op.Fixes))
	}
	same(t, "diff", `--- live/demo/Deployment/shop
+++ fixed/demo/Deployment/shop
@@ -21,26 +21,41 @@
         - containerPort: 53
           protocol: UDP
         - containerPort: 53
-          hostPort: 53
           protocol: TCP
         securityContext:
+          allowPrivilegeEscalation: false
           capabilities:
             add:
             - NET_ADMIN
-          privileged: true
+            drop:
+            - ALL
+          privileged: false
+          readOnlyRootFilesystem: true
         volumeMounts:
         - mountPath: /data
           name: data
+        - mountPath: /tmp
+          name: harden-tmp
       - image: log:1
+        imagePullPolicy: Always
         name: log
-      hostNetwork: true
+      hostNetwork: false
       initContainers:
       - image: setup:1
         name: setup
+        securityContext:
+          runAsNonRoot: true
       - image: migrate:1
         name: migrate
+        securityContext:
+          runAsNonRoot: true
+      securityContext:
+        seccompProfile:
+          type: RuntimeDefault
       serviceAccountName: shop
       volumes:
       - hostPath:
           path: /srv
         name: data
+      - emptyDir: {}
+        name: harden-tmp
`, op.Diff)
}

func TestContradictions(t *testing.T) {
	for _, test := range []struct {
		name    string
		fixes   func(r harden.Ref) []plan.Pick
		planned []string
		left    map[string]string
	}{
		{
			"another value: the less severe fix is left out",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("low", harden.Low, security(t, r, "runAsUser: 2")),
					pick("high", harden.High, security(t, r, "runAsUser: 1")),
				}
			},
			[]string{"high"},
			map[string]string{"low": `contradicts high, which is in the plan: .spec.template.spec.containers[name="web"].securityContext.runAsUser is set to different values`},
		},
		{
			"atomic lists are compared as a whole",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("all", harden.High, security(t, r, "capabilities: {drop: [ALL]}")),
					pick("raw", harden.Low, security(t, r, "capabilities: {drop: [ALL, NET_RAW]}")),
				}
			},
			[]string{"all"},
			map[string]string{"raw": `contradicts all, which is in the plan: .spec.template.spec.containers[name="web"].securityContext.capabilities.drop is set to different values`},
		},
		{
			"identical changes merge",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("one", harden.High, security(t, r, "capabilities: {drop: [ALL]}")),
					pick("two", harden.Low, security(t, r, "capabilities: {drop: [ALL]}\nrunAsNonRoot: true")),
				}
			},
			[]string{"one", "two"},
			map[string]string{},
		},
		{
			"set under a removal",
			func(r harden.Ref) []plan.Pick {
				mount := fieldpath.KeyByFields("mountPath", "/data")
				return []plan.Pick{
					pick("unmount", harden.High, harden.RemoveFrom(r, harden.ContainerPath(r, web, "volumeMounts", mount), harden.PodSpecPath(r, "volumes", fieldpath.KeyByFields("name", "data")))),
					pick("read-only", harden.Low, harden.SetContainer(r, web, fields(t, "volumeMounts: [{mountPath: /data, name: data, readOnly: true}]"))),
				}
			},
			[]string{"unmount"},
			map[string]string{"read-only": `contradicts unmount, which is in the plan: .spec.template.spec.containers[name="web"].volumeMounts[mountPath="/data"] is both set and removed`},
		},
		{
			"removal above what is set",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("set", harden.High, security(t, r, "runAsUser: 1")),
					pick("remove", harden.Low, harden.RemoveFrom(r, harden.ContainerPath(r, web, "securityContext"))),
				}
			},
			[]string{"set"},
			map[string]string{"remove": `contradicts set, which is in the plan: .spec.template.spec.containers[name="web"].securityContext is both set and removed`},
		},
		{
			"an explicit zero and a removal are the same",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("set", harden.High, harden.SetPodSpec(r, fields(t, "hostNetwork: false"))),
					pick("remove", harden.Low, harden.RemoveFrom(r, harden.PodSpecPath(r, "hostNetwork"))),
				}
			},
			[]string{"set", "remove"},
			map[string]string{},
		},
		{
			"a pointer's zero is a value",
			func(r harden.Ref) []plan.Pick {
				return []plan.Pick{
					pick("set", harden.High, security(t, r, "privileged: false")),
					pick("remove", harden.Low, harden.RemoveFrom(r, harden.ContainerPath(r, web, "securityContext", "privileged"))),
				}
			},
			[]string{"set"},
			map[string]string{"remove": `contradicts set, which is in the plan: .spec.template.spec.containers[name="web"].securityContext.privileged is both set and removed`},
		},
		{
			"a fix of two objects is taken whole or not at all",
			func(r harden.Ref) []plan.Pick {
				account := harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "demo", Name: "web"}
				create := harden.SetObject(account, fields(t, "automountServiceAccountToken: false"))
				create.Verb = harden.Create
				return []plan.Pick{
					pick("other", harden.High, harden.SetPodSpec(r, fields(t, "serviceAccountName: other"))),
					pick("own-account", harden.Low, create, harden.SetPodSpec(r, fields(t, "serviceAccountName: web"))),
				}
			},
			[]string{"other"},
			map[string]string{"own-account": "contradicts other, which is in the plan: .spec.template.spec.serviceAccountName is set to different values"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := cluster(t, deployment)
			p := w.build(harden.PlanOptions{}, test.fixes(w.ref(longDeployment))...)
			if d := cmp.Diff(test.planned, planned(one(t, p))); d != "" {
				t.Errorf("planned (-want +got):\n%s", d)
			}
			if d := cmp.Diff(test.left, reasons(p)); d != "" {
				t.Errorf("left out (-want +got):\n%s", d)
			}
		})
	}
}

func TestWhatTheObjectHasIsNotInTheBody(t *testing.T) {
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	op := one(t, w.build(harden.PlanOptions{},
		pick("a", harden.Low, security(t, r, "privileged: true\nrunAsNonRoot: true")),
		pick("b", harden.Low, harden.SetContainer(r, web, fields(t, "volumeMounts: [{mountPath: /data, name: data, readOnly: true}]"))),
		pick("c", harden.Low, harden.SetPodSpec(r, fields(t, "hostNetwork: true\nserviceAccountName: shop\nautomountServiceAccountToken: false"))),
	))
	// The mount keeps the name of its volume: without it the item would be
	// invalid as soon as its owner gives it up.
	same(t, "body", `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: demo
spec:
  template:
    spec:
      automountServiceAccountToken: false
      containers:
      - name: web
        securityContext:
          runAsNonRoot: true
        volumeMounts:
        - mountPath: /data
          name: data
          readOnly: true
`, text(t, op.Set))
}

// Two workloads share a ServiceAccount: the more severe finding decides, though
// the other one comes first by name.
func TestSeverityGoesBeforeName(t *testing.T) {
	account := `{apiVersion: v1, kind: ServiceAccount, metadata: {name: shared, namespace: demo}}`
	w := cluster(t, account)
	set := func(id, on string, severity harden.Severity, value string) plan.Pick {
		p := pick(id, severity, harden.SetObject(w.ref("demo/ServiceAccount/shared"), fields(t, "automountServiceAccountToken: "+value)))
		p.Finding.Object = harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "demo", Name: on}
		return p
	}
	p := w.build(harden.PlanOptions{}, set("a", "aaa", harden.Low, "true"), set("b", "bbb", harden.High, "false"))
	if d := cmp.Diff([]string{"b"}, planned(one(t, p))); d != "" {
		t.Error(d)
	}
}

func TestCronJobTemplate(t *testing.T) {
	w := cluster(t, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: demo}
spec:
  schedule: "@daily"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: web, image: report:1}]
`)
	op := one(t, w.build(harden.PlanOptions{}, pick("x", harden.Low, security(t, w.ref("demo/CronJob/report"), "runAsNonRoot: true"))))
	same(t, "body", `apiVersion: batch/v1
kind: CronJob
metadata:
  name: report
  namespace: demo
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: web
            securityContext:
              runAsNonRoot: true
`, text(t, op.Set))
	if op.Restarts != 0 || op.Delivery != harden.DeliverLive || op.DeliveryWhy != "takes effect with the next run" {
		t.Errorf("restarts %d, delivery %s: %s", op.Restarts, op.Delivery, op.DeliveryWhy)
	}
}

func TestOrderOfObjects(t *testing.T) {
	daemon := `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent, namespace: demo}, spec: {selector: {}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	idle := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: z-idle, namespace: demo}, spec: {selector: {}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	dns := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: dns, namespace: kube-system}, spec: {selector: {}, template: {spec: {containers: [{name: web, image: a}]}}}}`
	namespace := `{apiVersion: v1, kind: Namespace, metadata: {name: zoo}}`
	w := cluster(t, daemon, idle, dns, namespace, deployment)
	zero := int32(0)
	w.inv.Workloads = []*harden.Workload{{Ref: w.ref("demo/Deployment/z-idle"), Replicas: &zero}}
	account := harden.SetObject(harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "demo", Name: "zz"}, fields(t, "automountServiceAccountToken: false"))
	account.Verb = harden.Create
	fix := func(id, long string) plan.Pick {
		return pick(id, harden.Low, security(t, w.ref(long), "runAsNonRoot: true"))
	}
	p := w.build(harden.PlanOptions{},
		fix("a", "kube-system/Deployment/dns"), fix("b", "demo/DaemonSet/agent"), fix("c", "demo/Deployment/z-idle"),
		pick("d", harden.Low, harden.SetObject(w.ref("Namespace/zoo"), fields(t, "metadata: {labels: {pod-security.kubernetes.io/warn: restricted}}"))),
		pick("e", harden.Low, account, harden.SetPodSpec(w.ref(longDeployment), fields(t, "serviceAccountName: zz"))),
	)
	var got []string
	for _, op := range p.Objects {
		got = append(got, op.Verb.String()+" "+op.Target.Long())
	}
	want := []string{
		"create demo/ServiceAccount/zz", "apply Namespace/zoo", "apply demo/Deployment/z-idle",
		"apply demo/Deployment/shop", "apply demo/DaemonSet/agent", "apply kube-system/Deployment/dns",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	// The order of the changes within a fix is kept: allow before deny.
	policy := func(name string) harden.Change {
		r := harden.Ref{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: "demo", Name: name}
		return harden.Change{Target: r, Verb: harden.Create, Set: harden.SetObject(r, fields(t, "spec: {podSelector: {}, policyTypes: [Ingress]}")).Set}
	}
	p = w.build(harden.PlanOptions{}, pick("netpol", harden.Low, policy("z-allow"), policy("a-deny")))
	if len(p.Objects) != 2 || p.Objects[0].Target.Name != "z-allow" {
		t.Errorf("got %v", p.Objects)
	}
}

// Whatever is chosen in whatever order, the plan is the same, and what it shows
// is what was asked for and nothing else.
func TestPlanDoesNotDependOnOrder(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	w := cluster(t, deployment)
	r := w.ref(longDeployment)
	all := append(tenFixes(t, r),
		pick("contradicts-drop", harden.Low, security(t, r, "capabilities: {drop: [NET_RAW]}")),
		pick("contradicts-user", harden.Medium, security(t, r, "runAsUser: 0")),
		pick("user", harden.Medium, security(t, r, "runAsUser: 1000\nrunAsNonRoot: true")),
		pick("no-context", harden.Info, harden.RemoveFrom(r, harden.ContainerPath(r, web, "securityContext"))),
	)
	conv := converter()
	before := w.objects[longDeployment]
	for range 60 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		subset := slices.Clone(all[:1+random.Intn(len(all))])
		p := w.build(harden.PlanOptions{}, subset...)
		random.Shuffle(len(subset), func(i, j int) { subset[i], subset[j] = subset[j], subset[i] })
		again := w.build(harden.PlanOptions{}, subset...)
		if d := cmp.Diff(p, again, cmpopts.IgnoreFields(harden.Fixer{}, "Check", "Fix")); d != "" {
			t.Fatalf("the plan depends on the order (-first +second):\n%s", d)
		}
		if len(p.Objects) == 0 {
			if len(p.LeftOut) != len(subset) {
				t.Fatalf("no plan for %d fixes, left out %v", len(subset), reasons(p))
			}
			continue
		}
		if len(p.LeftOut)+len(one(t, p).Fixes) != len(subset) {
			t.Fatalf("%d fixes and %d left out of %d", len(p.Objects[0].Fixes), len(p.LeftOut), len(subset))
		}
		op := p.Objects[0]
		after, err := plan.Project(before, op.Set, op.Remove, conv)
		if err != nil {
			t.Fatal(err)
		}
		if unmet, err := plan.Unmet(after, op.Set, conv); err != nil || len(unmet) > 0 {
			t.Fatalf("not set: %v, %v", unmet, err)
		}
		intended, err := plan.Intended(op, conv)
		if err != nil {
			t.Fatal(err)
		}
		if more, err := plan.Unintended(before, after, intended, conv); err != nil || len(more) > 0 {
			t.Fatalf("changed although nobody asked: %v, %v", more, err)
		}
		if _, rest := plan.Requests(&harden.ObjectPlan{Target: r, Remove: op.Remove}, after); len(rest) != 0 {
			t.Fatalf("not removed: %v", rest)
		}
	}
}
