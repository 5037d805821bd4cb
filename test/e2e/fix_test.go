package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

func TestFixThenRescanThenUndo(t *testing.T) {
	l := labtest.Shared(t)
	for _, test := range []struct {
		object, kubectl, container, manifest string
		left                                 []string // rules that no fix reaches
	}{
		{"Deployment/web", "deployment/web", "app:web", restrictedFailing, measured("app:web", "liveness-probe app:web")},
		{"StatefulSet/db", "statefulset/db", "app:db", strings.NewReplacer("kind: Deployment", "kind: StatefulSet", "name: web", "name: db").Replace(restrictedFailing), measured("app:db", "liveness-probe app:db")},
		{"DaemonSet/agent", "daemonset/agent", "app:agent", strings.NewReplacer("kind: Deployment", "kind: DaemonSet", "name: web", "name: agent", "  replicas: 2\n", "").Replace(restrictedFailing), measured("app:agent", "liveness-probe app:agent")},
		{"CronJob/nightly", "cronjob/nightly", "app:nightly", cronJob, measured("app:nightly", "job-unbounded")},
	} {
		t.Run(test.object, func(t *testing.T) {
			t.Parallel()
			ns := labtest.Namespace(t, l)
			u := admin(t, l)
			kubectlApply(t, l, ns, test.manifest)
			if !strings.HasPrefix(test.object, "CronJob") {
				kubectl(t, l, "rollout", "status", "-n", ns, test.kubectl, "--timeout=60s")
			}
			before := get(t, l, ns, test.kubectl)
			if got := u.scan(t, "-n", ns).failing(test.object); !got["run-as-non-root "+test.container] {
				t.Fatalf("before: %v", got)
			}

			r := u.ok(t, "fix", test.kubectl, "-n", ns, "--yes", "--class", "safe,evidence,review")
			if !strings.Contains(r.stderr, "undo") {
				t.Errorf("the way back is not named: %s", r)
			}
			want := map[string]bool{"netpol-missing-ingress": true, "netpol-missing-egress": true} // nobody looked at the network
			for _, id := range test.left {
				want[id] = true
			}
			if diff := cmp.Diff(want, u.scan(t, "-n", ns).failing(test.object)); diff != "" {
				t.Errorf("findings after the fix (-want +got):\n%s\n%s", diff, r)
			}

			u.ok(t, "undo", "--yes")
			if diff := cmp.Diff(former(before), former(get(t, l, ns, test.kubectl))); diff != "" {
				t.Errorf("undo did not restore the object (-before +after):\n%s", diff)
			}
			if r := u.harden(t, "undo", "--yes"); r.code != 2 || !strings.Contains(r.stderr, "nothing to undo") {
				t.Errorf("a second undo: %s", r)
			}
		})
	}
}

// measured are the rules about a container that no fix reaches without somebody
// measuring, looking into a registry or knowing the program; more are added.
func measured(container string, more ...string) []string {
	left := more
	for _, id := range []string{"memory-limit", "memory-request", "cpu-request", "image-not-pinned"} {
		left = append(left, id+" "+container)
	}
	return left
}

// What another manager holds is left out and named, and holds up nothing else.
func TestHeldFieldsHoldUpNothingElse(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	kubectlApply(t, l, ns, strings.Replace(restrictedFailing, "runAsUser: 1001", "runAsUser: 1001\n          allowPrivilegeEscalation: true", 1))
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	u := admin(t, l)
	args := []string{"fix", "deployment/web", "-n", ns, "--only", "allow-privilege-escalation,run-as-non-root", "--class", "safe,evidence,review", "--yes"}
	r := u.harden(t, args...)
	if r.code != 2 || !strings.Contains(r.stderr, "allow-privilege-escalation left out") || !strings.Contains(r.stderr, "--force-conflicts") || !strings.Contains(r.stderr, "proven") {
		t.Errorf("%s", r)
	}
	got := toJSON(t, get(t, l, ns, "deployment/web"))
	if !strings.Contains(got, `"runAsNonRoot":true`) || !strings.Contains(got, `"allowPrivilegeEscalation":true`) {
		t.Errorf("applied: %s", got)
	}
	u.ok(t, append(args, "--force-conflicts")...)
	if got := toJSON(t, get(t, l, ns, "deployment/web")); !strings.Contains(got, `"allowPrivilegeEscalation":false`) {
		t.Errorf("not taken over: %s", got)
	}
}

const cronJob = `
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: nightly
            image: example.com/nightly:1
`

func TestFixServiceAccountFree(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	// Without a choice of classes only what is proven is applied.
	u.ok(t, "fix", "-n", ns, "--yes")
	after := u.scan(t, "-n", ns).failing("Deployment/web")
	if after["run-as-non-root app:web"] || !after["read-only-root-filesystem app:web"] {
		t.Errorf("after applying safe and evidence: %v", after)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	kubectlApply(t, l, ns, cronJob)
	all := []string{"get", "-n", ns, "deployments,replicasets,pods,cronjobs,serviceaccounts,configmaps,secrets,networkpolicies", "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}"}
	before := kubectl(t, l, all...)
	for _, args := range [][]string{
		{"fix", "--dry-run"}, {"fix", "--dry-run=server", "-o", "json"}, {"fix", "--dry-run=client", "-o", "yaml"}, {"scan"},
	} {
		r := u.ok(t, append(args, "-n", ns)...)
		if args[0] == "fix" && !strings.Contains(r.stdout, "runAsNonRoot") {
			t.Errorf("%v proposes nothing:\n%s", args, r)
		}
	}
	if diff := cmp.Diff(before, kubectl(t, l, all...)); diff != "" {
		t.Errorf("resourceVersions changed:\n%s", diff)
	}
	if r := u.harden(t, "fix", "--dry-run", "--exit-code", "-n", ns); r.code != 1 {
		t.Errorf("--exit-code with changes proposed: %s", r)
	}
	if r := u.ok(t, "undo", "--list"); !strings.Contains(r.stdout, "Nothing was applied") {
		t.Errorf("a dry run is in the journal: %s", r)
	}
}

// Two fixes in two calls are both kept, and each can be taken back alone.
func TestTwoFixesInTwoCalls(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	before := get(t, l, ns, "deployment/web")
	fix := func(rule string) {
		u.ok(t, "fix", "-n", ns, "--yes", "--only", rule, "--class", "safe,evidence,review")
	}
	failing := func() map[string]bool { return u.scan(t, "-n", ns).failing("Deployment/web") }

	fix("run-as-non-root")
	fix("drop-all-capabilities")
	if f := failing(); f["run-as-non-root app:web"] || f["drop-all-capabilities app:web"] {
		t.Fatalf("after two calls: %v", f)
	}
	first := lastPlan(t, u)
	u.ok(t, "undo", first, "--yes")
	if f := failing(); !f["run-as-non-root app:web"] || f["drop-all-capabilities app:web"] {
		t.Errorf("after undoing the first: %v", f)
	}
	u.ok(t, "undo", "--yes")
	if diff := cmp.Diff(former(before), former(get(t, l, ns, "deployment/web"))); diff != "" {
		t.Errorf("after undoing both (-before +after):\n%s", diff)
	}
}

// lastPlan is the id of the oldest plan in the list.
func lastPlan(t *testing.T, u *user) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(u.ok(t, "undo", "--list").stdout), "\n")
	return strings.Fields(lines[len(lines)-1])[0]
}

func TestConflictNamesManagerAndField(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	kubectlApply(t, l, ns, strings.Replace(restrictedFailing, "runAsUser: 1001", "runAsUser: 1001\n          readOnlyRootFilesystem: false", 1))
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	before := get(t, l, ns, "deployment/web")
	args := []string{"fix", "deployment/web", "-n", ns, "--only", "read-only-root-filesystem", "--class", "review", "--yes"}
	r := u.harden(t, args...)
	if r.code != 2 || !strings.Contains(r.stdout+r.stderr, "readOnlyRootFilesystem") || !strings.Contains(r.stdout+r.stderr, "kubectl-client-side-apply") {
		t.Fatalf("a conflict that is not named: %s", r)
	}
	if diff := cmp.Diff(before.GetResourceVersion(), get(t, l, ns, "deployment/web").GetResourceVersion()); diff != "" {
		t.Errorf("a conflict wrote something: %s", diff)
	}
	u.ok(t, append(args, "--force-conflicts")...)
	if u.scan(t, "-n", ns).failing("Deployment/web")["read-only-root-filesystem app:web"] {
		t.Error("the forced fix is not there")
	}
	u.ok(t, "undo", "--yes")
	if diff := cmp.Diff(former(before), former(get(t, l, ns, "deployment/web"))); diff != "" {
		t.Errorf("undo of a forced value (-before +after):\n%s", diff)
	}
}

// What -o yaml prints goes through kubectl's own server-side apply.
func TestPartialObjectsForKubectl(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	kubectlApply(t, l, ns, cronJob)
	out := u.ok(t, "fix", "--dry-run", "-n", ns, "-o", "yaml").stdout
	if !strings.Contains(out, "kind: Deployment") || !strings.Contains(out, "kind: CronJob") || strings.Contains(out, "uid:") || strings.Contains(out, "resourceVersion:") {
		t.Fatalf("not partial objects without guards:\n%s", out)
	}
	if _, err := l.KubectlInput(t.Context(), out, "apply", "--server-side", "--dry-run=server", "-f", "-"); err != nil && !strings.Contains(err.Error(), "conflict") {
		t.Errorf("kubectl apply --server-side: %v", err)
	}
}
