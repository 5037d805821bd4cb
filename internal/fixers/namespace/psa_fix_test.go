package namespace

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Pod specs by the level that they meet.
const (
	restricted = "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]"
	baseline   = "containers: [{name: a, image: a}]"
	privileged = "hostPID: true, containers: [{name: a, image: a}]"
)

func deployment(name, replicas, spec string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: shop}\nspec: {%sselector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {%s}}}\n", name, replicas, spec)
}

func cronJob(spec string) string {
	return "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: night, namespace: shop}\nspec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, " + spec + "}}}}}\n"
}

func pod(name, owner, spec string) string {
	if owner != "" {
		owner = ", ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: " + owner + ", uid: u, controller: true}]"
	}
	return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop" + owner + "}\nspec: {" + spec + "}\n"
}

// T100: the server's dry run looks at the pods that run; what does not run now
// would be refused all the same.
func TestT100EnforceIsWhatEveryTemplateMeets(t *testing.T) {
	live := []fixtest.Option{fixtest.Live(), fixtest.Minor(36)}
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string // CLASS LEVEL VERSION, or by hand
		says       string // in the warning or the text
	}{
		{"all restricted", deployment("web", "", restricted) + pod("web-1", "web", restricted), live, "evidence restricted v1.36", "refused"},
		{"all baseline", deployment("web", "", baseline), live, "evidence baseline v1.36", "Deployment/web (allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile)"},
		{"the only offender is a CronJob", deployment("web", "", restricted) + cronJob(baseline), live, "evidence baseline v1.36", "CronJob/night"},
		{"the only offender is scaled to zero", deployment("web", "", restricted) + deployment("old", "replicas: 0, ", baseline), live, "evidence baseline v1.36", "Deployment/old"},
		{"below baseline and scaled to zero", deployment("web", "", restricted) + deployment("old", "replicas: 0, ", privileged), live, "review by hand", "Deployment/old (host namespaces)"},
		{"a bare Pod", deployment("web", "", restricted) + pod("debug", "", privileged), live, "review by hand", "Pod/debug (host namespaces)"},
		{"a container that is injected", deployment("web", "", restricted) + pod("web-1", "web", restricted) + pod("web-2", "web", strings.Replace(restricted, "]}}}]", "]}}}, {name: proxy, image: p}]", 1)), live, "evidence baseline v1.36", "Pod/web-2"},
		{"another namespace does not count", deployment("web", "", restricted) + strings.Replace(deployment("x", "", privileged), "namespace: shop", "namespace: other", 1), live, "evidence restricted v1.36", ""},
		{"a kind could not be read", deployment("web", "", restricted), append(live, fixtest.Unreadable("cronjobs.batch", "forbidden")), "review restricted v1.36", ""},
		{"policies could not be read", deployment("web", "", restricted), append(live, fixtest.Unreadable("networkpolicies.networking.k8s.io", "forbidden")), "evidence restricted v1.36", ""},
		{"nothing in it", "", live, "review restricted v1.36", ""},
		{"files", deployment("web", "", restricted), nil, "review restricted ", ""},
		{"a server newer than what is known", deployment("web", "", restricted), []fixtest.Option{fixtest.Live(), fixtest.Minor(99)}, "evidence restricted v1.37", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var fixes []harden.Fix
			inv := fixtest.Load(t, namespace("")+test.yaml, test.opts...)
			p := &harden.Pass{Inventory: inv, Fixer: PSAEnforceMissing, NamespaceName: "shop", Namespace: inv.Namespaces["shop"], Object: harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: "shop"}}
			PSAEnforceMissing.Check(p)
			for _, f := range p.Findings {
				fixes = append(fixes, PSAEnforceMissing.Fix(p, f)...)
			}
			if len(fixes) != 1 {
				t.Fatalf("%d fixes, want 1", len(fixes))
			}
			if got := describe(fixes[0]); got != test.want {
				t.Errorf("fix %q, want %q: %+v", got, test.want, fixes[0])
			}
			if said := fixes[0].Warning + fixes[0].Manual; !strings.Contains(said, test.says) {
				t.Errorf("says %q, want %q in it", said, test.says)
			}
		})
	}
}

func describe(fix harden.Fix) string {
	if len(fix.Changes) == 0 {
		return fix.Class.String() + " by hand"
	}
	labels := fix.Changes[0].Set.GetLabels()
	return fmt.Sprintf("%s %s %s", fix.Class, labels["pod-security.kubernetes.io/enforce"], labels["pod-security.kubernetes.io/enforce-version"])
}

func TestManyInTheWayAreCounted(t *testing.T) {
	yaml := namespace("")
	for i := range mostNamed + 2 {
		yaml += deployment(fmt.Sprint("web-", i), "", privileged)
	}
	for _, fix := range fixtest.Fixes(t, PSAEnforceMissing, yaml, fixtest.Live()) {
		if !strings.Contains(fix.Manual, "Deployment/web-4 (host namespaces), and 2 more") {
			t.Errorf("says %q", fix.Manual)
		}
	}
}

func TestNothingIsProposedForSystemNamespaces(t *testing.T) {
	for _, name := range []string{"kube-system", "kube-flannel", "openshift-dns", "calico-system"} {
		yaml := strings.ReplaceAll(namespace("")+deployment("web", "", restricted), "shop", name)
		for _, fix := range fixtest.Fixes(t, PSAEnforceMissing, yaml, fixtest.Live()) {
			if len(fix.Changes) > 0 {
				t.Errorf("%s: %+v", name, fix)
			}
		}
		if !fixtest.NotApplicable(t, PSAWarnAudit, yaml, fixtest.Live()) {
			t.Errorf("%s: warn and audit are judged", name)
		}
	}
}

func TestPSAWarnAudit(t *testing.T) {
	for _, test := range []struct {
		name, labels string
		want         string            // STATUS REASON
		sets         map[string]string // by the fix
	}{
		{"neither", "", "fail warn and audit below restricted", map[string]string{"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/audit": "restricted"}},
		{"enforce alone", "pod-security.kubernetes.io/enforce: restricted", "fail warn and audit below restricted", map[string]string{"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/audit": "restricted"}},
		{"warn is baseline", "pod-security.kubernetes.io/warn: baseline, pod-security.kubernetes.io/audit: restricted", "fail warn below restricted", map[string]string{"pod-security.kubernetes.io/warn": "restricted"}},
		{"no such level", "pod-security.kubernetes.io/warn: Restricted, pod-security.kubernetes.io/audit: restricted", "fail warn below restricted", map[string]string{"pod-security.kubernetes.io/warn": "restricted"}},
		{"both", "pod-security.kubernetes.io/warn: restricted, pod-security.kubernetes.io/audit: restricted", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			var sets map[string]string
			for _, f := range fixtest.Run(t, PSAWarnAudit, namespace(test.labels)) {
				got += fmt.Sprintf("%s %s", f.Status, f.Reason)
			}
			for _, fixes := range fixtest.AllFixes(t, PSAWarnAudit, namespace(test.labels)) {
				if len(fixes) != 1 || fixes[0].Class != harden.Safe {
					t.Fatalf("fixes %+v, want one that is safe", fixes)
				}
				sets = fixes[0].Changes[0].Set.GetLabels()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.sets, sets); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			fixed := fixtest.Repair(t, []*harden.Fixer{PSAWarnAudit}, namespace(test.labels))
			if again := fixtest.Run(t, PSAWarnAudit, fixed); len(again) != 0 {
				t.Errorf("still wrong after the fix: %v", fixtest.Reasons(again))
			}
		})
	}
	if got := fixtest.Only(t, PSAWarnAudit, workload); got.Status != harden.StatusUnknown {
		t.Errorf("a Namespace that was not read is %s", got.Status)
	}
}
