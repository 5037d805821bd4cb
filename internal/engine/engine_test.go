package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// everyContainer reports each container that it sees, and each pod.
var everyContainer = &harden.Fixer{
	ID: "every-container", Subject: harden.SubjectPod,
	Check: func(p *harden.Pass) {
		p.Report(harden.Finding{Reason: "pod"})
		for _, c := range p.Pod.Containers() {
			p.Report(harden.Finding{Container: c.Ref, Reason: "container"})
		}
	},
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: p.Pod.Lens.String() + " " + p.Object.String()}}
	},
}

var everyWorkload = &harden.Fixer{
	ID: "every-workload", Subject: harden.SubjectWorkload,
	Check: func(p *harden.Pass) { p.Report(harden.Finding{}) },
}

var nothing = &harden.Fixer{
	ID: "nothing", Subject: harden.SubjectPod,
	Check: func(p *harden.Pass) {
		if p.Workload.Ref.Name == "w0" {
			p.NotApplicable()
		}
	},
}

var everyNamespace = &harden.Fixer{
	ID: "every-namespace", Subject: harden.SubjectNamespace,
	Check: func(p *harden.Pass) { p.Report(harden.Finding{Status: harden.StatusUnknown}) },
}

var everyPolicy = &harden.Fixer{
	ID: "every-policy", Subject: harden.SubjectNetworkPolicy,
	Check: func(p *harden.Pass) { p.Report(harden.Finding{Reason: p.NetworkPolicy.Name}) },
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: p.NetworkPolicy.Name + " " + f.Object.Source.String()}}
	},
}

func workload(name string, pods ...*corev1.Pod) *harden.Workload {
	return &harden.Workload{
		Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name},
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "setup"}},
			Containers:     []corev1.Container{{Name: "web"}},
		}},
		Pods: pods,
	}
}

func pod(name string, sidecar, debug bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: *workload("").Template.Spec.DeepCopy()}
	if sidecar {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "proxy"})
	}
	if debug {
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
	}
	return p
}

func ids(fs []*harden.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, fmt.Sprintf("%s %s %s %s", f.Fixer.ID, f.Object, f.Container, f.Lens))
	}
	return out
}

func TestInjectedContainersAreJudgedOnPods(t *testing.T) {
	inv := &harden.Inventory{Workloads: []*harden.Workload{workload("web", pod("web-b", true, true), pod("web-a", true, false), pod("web-c", true, true))}}
	e := &Engine{Suite: []*harden.Fixer{everyContainer}}
	res := e.Run(inv)
	want := []string{
		"every-container Deployment/web  declared",
		"every-container Deployment/web app:web declared",
		"every-container Deployment/web init:setup declared",
		"every-container Pod/web-a app:proxy injected", // once, not on web-b and web-c
		"every-container Pod/web-b ephemeral:debug injected",
		"every-container Pod/web-c ephemeral:debug injected",
	}
	if diff := cmp.Diff(want, ids(res.Findings)); diff != "" {
		t.Error(diff)
	}
	for _, f := range res.Findings {
		fixes := e.Fixes(inv, f)
		if len(fixes) != 1 || fixes[0].Title != f.Lens.String()+" "+f.Object.String() {
			t.Errorf("Fixes(%s) = %v: not called with the view of the finding", f.ID(), fixes)
		}
	}
}

// What was made for the finding before is not taken for that of another workload.
func TestFixesOfOneFindingAfterTheOther(t *testing.T) {
	e := &Engine{Suite: []*harden.Fixer{everyContainer}}
	res := e.Run(&harden.Inventory{Workloads: []*harden.Workload{workload("a", pod("a-1", true, false)), workload("b"), workload("c")}})
	for range 2 {
		for _, f := range res.Findings {
			fixes := e.Fixes(res.Inventory, f)
			if len(fixes) != 1 || fixes[0].Title != f.Lens.String()+" "+f.Object.String() {
				t.Errorf("Fixes(%s) = %v", f.ID(), fixes)
			}
		}
	}
}

func TestNetworkPoliciesAreJudged(t *testing.T) {
	policy := func(name string) *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	}
	inv := &harden.Inventory{
		NetworkPolicies:      map[string][]*networkingv1.NetworkPolicy{"shop": {policy("a"), policy("b")}},
		NetworkPolicySources: map[string]map[string]harden.Source{"shop": {"b": {File: "b.yaml", Line: 3}}},
	}
	e := &Engine{Suite: []*harden.Fixer{everyPolicy}}
	res := e.Run(inv)
	if diff := cmp.Diff([]string{"every-policy NetworkPolicy/a  declared", "every-policy NetworkPolicy/b  declared"}, ids(res.Findings)); diff != "" {
		t.Fatal(diff)
	}
	if fixes := e.Fixes(inv, res.Findings[1]); len(fixes) != 1 || fixes[0].Title != "b b.yaml:3" {
		t.Errorf("Fixes = %v: not those of the policy in its file", fixes)
	}
}

func TestCounts(t *testing.T) {
	inv := &harden.Inventory{
		Scope:      []string{"shop", "other"},
		Workloads:  []*harden.Workload{workload("w0"), workload("w1"), workload("w2")},
		Namespaces: map[string]*corev1.Namespace{"shop": {}},
	}
	res := (&Engine{Suite: []*harden.Fixer{everyContainer, everyWorkload, nothing, everyNamespace}}).Run(inv)
	want := map[string]harden.Counts{
		"every-container": {Fail: 9},
		"every-workload":  {Fail: 3},
		"nothing":         {Pass: 2, NotApplicable: 1},
		"every-namespace": {Unknown: 2},
	}
	if diff := cmp.Diff(want, res.Counts); diff != "" {
		t.Error(diff)
	}
}

// T70: the same input in any order gives the same findings.
func TestT70OrderDoesNotMatter(t *testing.T) {
	var ws []*harden.Workload
	for i := range 50 {
		ws = append(ws, workload(fmt.Sprintf("w%d", i), pod(fmt.Sprintf("w%d-b", i), true, false), pod(fmt.Sprintf("w%d-a", i), true, true)))
	}
	suite := []*harden.Fixer{everyContainer, everyWorkload, nothing, everyNamespace}
	inv := &harden.Inventory{Workloads: ws, Scope: []string{"a", "b"}}
	want := ids((&Engine{Suite: suite}).Run(inv).Findings)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rnd.Shuffle(len(ws), func(i, j int) { ws[i], ws[j] = ws[j], ws[i] })
		rnd.Shuffle(len(suite), func(i, j int) { suite[i], suite[j] = suite[j], suite[i] })
		for _, w := range ws {
			rnd.Shuffle(len(w.Pods), func(i, j int) { w.Pods[i], w.Pods[j] = w.Pods[j], w.Pods[i] })
		}
		if diff := cmp.Diff(want, ids((&Engine{Suite: suite}).Run(inv).Findings)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func BenchmarkRunOverhead(b *testing.B) {
	var ws []*harden.Workload
	for i := range 1000 {
		ws = append(ws, workload(fmt.Sprintf("w%d", i)))
	}
	e := &Engine{Suite: []*harden.Fixer{everyContainer, nothing}}
	b.ReportAllocs()
	for b.Loop() {
		e.Run(&harden.Inventory{Workloads: ws})
	}
}

func TestSettle(t *testing.T) {
	about := &harden.Fixer{ID: "about-findings", Subject: harden.SubjectFinding, Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: p.Object.String() + " " + p.Workload.Ref.String()}}
	}}
	e := &Engine{Suite: []*harden.Fixer{everyWorkload, about}}
	e.Settle = func(res *harden.Result) {
		for _, f := range res.Findings {
			f.Status = harden.StatusWaived
		}
		w := res.Inventory.Workloads[0]
		res.Findings = append(res.Findings, &harden.Finding{Fixer: about, Object: w.Ref, Workload: w})
		res.Counts[about.ID] = harden.Counts{Fail: 1}
	}
	res := e.Run(&harden.Inventory{Workloads: []*harden.Workload{workload("a"), workload("b")}})
	var got []string
	for _, f := range res.Findings {
		got = append(got, fmt.Sprintf("%s %s %s", f.Object.Name, f.Fixer.ID, f.Status))
	}
	if diff := cmp.Diff([]string{"a about-findings fail", "a every-workload waived", "b every-workload waived"}, got); diff != "" {
		t.Errorf("findings are settled and in order (-want +got):\n%s", diff)
	}
	if fixes := e.Fixes(res.Inventory, res.Findings[0]); len(fixes) != 1 || fixes[0].Title != "Deployment/a Deployment/a" {
		t.Errorf("got fixes %v, want one of the object", fixes)
	}
}
