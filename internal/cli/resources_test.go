package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestParseNames(t *testing.T) {
	for args, want := range map[string][]string{
		"":                            nil,
		"deploy/web":                  {"Deployment/web"},
		"deployments.apps/web sts/db": {"Deployment/web", "StatefulSet/db"},
		"deployment.v1.apps/web":      {"Deployment/web"},
		"deployment.apps/web":         {"Deployment/web"},
		"deploy web api":              {"Deployment/web", "Deployment/api"},
		"deploy,sts":                  {"Deployment/", "StatefulSet/"},
		"SA/default":                  {"ServiceAccount/default"},
		"cj":                          {"CronJob/"},
	} {
		refs, err := parseNames(strings.Fields(args))
		if err != nil {
			t.Errorf("parseNames(%q): %v", args, err)
			continue
		}
		var got []string
		for _, r := range refs {
			got = append(got, r.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parseNames(%q): %s", args, diff)
		}
	}
	for args, want := range map[string]string{
		"widget/web":          `unknown kind "widget"`,
		"deployments.foo/web": `unknown kind "deployments.foo"`,
		"deploy/":             "expected TYPE/NAME",
		"deploy/a/b":          "expected TYPE/NAME",
		"deploy/web sts":      "expected TYPE/NAME",
		"deploy web sts/db":   "do not mix",
	} {
		if _, err := parseNames(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseNames(%q) = %v, want an error with %q", args, err, want)
		}
	}
}

func TestFilter(t *testing.T) {
	fixer := &harden.Fixer{ID: "host-pid"}
	web := &harden.Workload{
		Ref:  harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Meta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
	}
	// A finding on a live Pod counts for the workload that owns it.
	onPod := &harden.Finding{Fixer: fixer, Workload: web, Object: harden.Ref{Kind: "Pod", Name: "web-1"}, Severity: harden.High}
	onNamespace := &harden.Finding{Fixer: fixer, Object: harden.Ref{Kind: "Namespace", Name: "shop"}, Severity: harden.Low}
	selector, err := labels.Parse("app=web")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		filter filter
		want   []bool // onPod, onNamespace
	}{
		{"nothing asked for", filter{}, []bool{true, true}},
		{"severity", filter{min: harden.Medium}, []bool{true, false}},
		{"workload", filter{names: []harden.Ref{{Kind: "Deployment", Name: "web"}}}, []bool{true, false}},
		{"pod", filter{names: []harden.Ref{{Kind: "Pod", Name: "web-1"}}}, []bool{true, false}},
		{"kind", filter{names: []harden.Ref{{Kind: "Namespace"}}}, []bool{false, true}},
		{"another", filter{names: []harden.Ref{{Kind: "Deployment", Name: "api"}}}, []bool{false, false}},
		{"only", filter{only: []string{"host-pid"}}, []bool{true, true}},
		{"only another", filter{only: []string{"host-ipc"}}, []bool{false, false}},
		{"skip", filter{skip: []string{"host-pid"}}, []bool{false, false}},
		{"labels", filter{selector: selector}, []bool{true, false}},
	} {
		if got := []bool{test.filter.match(onPod), test.filter.match(onNamespace)}; !cmp.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"run-as-non-root", "run-as-root-user", "host-pid"}
	for in, want := range map[string]string{"run-as-nonroot": "run-as-non-root", "root-user": "run-as-root-user", "hostpid": "", "x": ""} {
		if got := nearest(in, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

// What is scanned for vulnerabilities is chosen by workload, not by what is wrong
// with it so far.
func TestSelectionOfWorkloads(t *testing.T) {
	workload := func(name, app string) *harden.Workload {
		w := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Name: name}}
		w.Meta.Labels = map[string]string{"app": app}
		return w
	}
	inv := &harden.Inventory{Workloads: []*harden.Workload{workload("web", "shop"), workload("api", "shop"), workload("db", "store")}}
	for _, test := range []struct {
		name     string
		args     []string
		selector string
		want     string // nil means all
	}{
		{"all", nil, "", "nil"},
		{"one", []string{"deployment/web"}, "", "web"},
		{"kind", []string{"deployments"}, "", "web api db"},
		{"label", nil, "app=shop", "web api"},
		{"label and name", []string{"deployment/db"}, "app=shop", ""},
	} {
		s := selection{severity: "info", selector: test.selector}
		if err := s.complete(test.args); err != nil {
			t.Fatal(err)
		}
		got := "nil"
		if chosen := s.workloads(inv); chosen != nil {
			var names []string
			for _, w := range chosen {
				names = append(names, w.Ref.Name)
			}
			got = strings.Join(names, " ")
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
