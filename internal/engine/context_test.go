package engine

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// unprivileged reports containers that do not say that they are not privileged.
var unprivileged = &harden.Fixer{
	ID: "unprivileged", Subject: harden.SubjectPod, Area: harden.AreaPod, Severity: harden.Medium,
	Check: func(p *harden.Pass) {
		for _, c := range p.Pod.Containers() {
			if c.SecurityContext == nil || c.SecurityContext.Privileged == nil || *c.SecurityContext.Privileged {
				p.Report(harden.Finding{Container: c.Ref, Reason: "privileged"})
			}
		}
	},
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix { return []harden.Fix{{Title: p.Object.String()}} },
}

func withPrivileged(spec *corev1.PodSpec, privileged bool) {
	spec.InitContainers = nil
	spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &privileged}
}

func current(name string) *corev1.Pod {
	p := pod(name, false, false)
	p.Labels = map[string]string{"hash": "now"}
	p.Status.Phase = corev1.PodRunning
	p.Spec.InitContainers = nil
	return p
}

func TestLenses(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		name     string
		template *bool // nil: the template does not say
		pods     []*bool
		revision string
		want     []string
	}{
		{"declared and effective", nil, []*bool{nil}, "hash=now", []string{"Deployment/web medium declared"}},
		{"supplied at admission", nil, []*bool{&no, &no}, "hash=now", []string{"Deployment/web info declared"}},
		{"supplied to one of two", nil, []*bool{&no, nil}, "hash=now", []string{"Deployment/web medium declared"}},
		{"pods of an older template say nothing", nil, []*bool{&no}, "hash=then", []string{"Deployment/web medium declared"}},
		{"nobody knows which pods are of the template", nil, []*bool{&no}, "", []string{"Deployment/web medium declared"}},
		{"spoilt at admission", &no, []*bool{&yes, &yes}, "hash=now", []string{"Pod/web-0 medium effective"}},
		{"spoilt in an older one", &no, []*bool{&yes}, "hash=then", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := workload("web")
			w.Template.Spec.InitContainers, w.Revision = nil, test.revision
			if test.template != nil {
				withPrivileged(&w.Template.Spec, *test.template)
			}
			for i, privileged := range test.pods {
				p := current("web-" + string(rune('0'+i)))
				if privileged != nil {
					withPrivileged(&p.Spec, *privileged)
				}
				w.Pods = append(w.Pods, p)
			}
			e := &Engine{Suite: []*harden.Fixer{unprivileged}}
			res := e.Run(&harden.Inventory{Workloads: []*harden.Workload{w}})
			var got []string
			for _, f := range res.Findings {
				got = append(got, f.Object.String()+" "+f.Severity.String()+" "+f.Lens.String())
				if f.Lens == harden.Effective && e.Fixes(res.Inventory, f) != nil {
					t.Error("what admission did is to be patched in the workload")
				}
			}
			if strings.Join(got, ", ") != strings.Join(test.want, ", ") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if n := res.Counts["unprivileged"].Fail; n != len(got) {
				t.Errorf("%d are counted, %d found", n, len(got))
			}
		})
	}
}

func TestSeverityByContext(t *testing.T) {
	none := int32(0)
	service := func(kind corev1.ServiceType) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec:       corev1.ServiceSpec{Type: kind, Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
		}
	}
	moved := &harden.Fixer{ID: "moved", Subject: harden.SubjectPod, Area: harden.AreaPod, Severity: harden.Medium, Check: func(p *harden.Pass) {
		p.Report(harden.Finding{Severity: harden.Low, SeverityWhy: "the rule says so"})
	}}
	fixer := func(area harden.Area, s harden.Severity) *harden.Fixer {
		return &harden.Fixer{ID: "a-rule", Subject: harden.SubjectPod, Area: area, Severity: s, Check: func(p *harden.Pass) { p.Report(harden.Finding{}) }}
	}
	for _, test := range []struct {
		name     string
		fixer    *harden.Fixer
		exposed  bool
		replicas *int32
		finished bool
		want     harden.Severity
		why      string
	}{
		{"nothing", fixer(harden.AreaPod, harden.Medium), false, nil, false, harden.Medium, ""},
		{"exposed", fixer(harden.AreaPod, harden.Medium), true, nil, false, harden.High, "reachable from outside through Service web"},
		{"exposed, but never made critical", fixer(harden.AreaPod, harden.High), true, nil, false, harden.High, ""},
		{"exposed, of an area that does not weigh", fixer(harden.AreaResilience, harden.Low), true, nil, false, harden.Low, ""},
		{"no replicas", fixer(harden.AreaResilience, harden.High), false, &none, false, harden.Medium, "it has no replicas"},
		{"ended", fixer(harden.AreaPod, harden.Critical), false, nil, true, harden.High, "it has ended"},
		{"both", fixer(harden.AreaPod, harden.Medium), true, &none, false, harden.Medium, ""},
		{"the rule knows better", moved, true, nil, false, harden.Low, "the rule says so"},
		{"advice stays advice", fixer(harden.AreaPod, harden.Info), true, nil, false, harden.Info, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := workload("web")
			w.Template.Labels, w.Replicas, w.Finished = map[string]string{"app": "web"}, test.replicas, test.finished
			inv := &harden.Inventory{Workloads: []*harden.Workload{w}}
			if test.exposed {
				inv.Net.Services = []*corev1.Service{service(corev1.ServiceTypeLoadBalancer)}
			}
			f := (&Engine{Suite: []*harden.Fixer{test.fixer}}).Run(inv).Findings[0]
			if f.Severity != test.want || !strings.HasPrefix(f.SeverityWhy, test.why) || test.why == "" && f.SeverityWhy != "" {
				t.Errorf("%s because %q, want %s because %q", f.Severity, f.SeverityWhy, test.want, test.why)
			}
			if f.Base != test.fixer.Severity {
				t.Errorf("the base is %s, want %s", f.Base, test.fixer.Severity)
			}
		})
	}
}
