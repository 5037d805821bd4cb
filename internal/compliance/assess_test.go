package compliance

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var (
	roles  = &harden.Fixer{ID: "roles", Subject: harden.SubjectObject, Kinds: []schema.GroupKind{{Group: rbacv1.GroupName, Kind: "ClusterRole"}}}
	pods   = &harden.Fixer{ID: "pods"}
	advice = &harden.Fixer{ID: "advice", Off: true}
	whole  = &harden.Fixer{ID: "whole", Subject: harden.SubjectCluster}
)

func cluster(version string, clusterwide bool) *harden.Inventory {
	return &harden.Inventory{Cluster: harden.Cluster{Server: "https://127.0.0.1", Version: version, Minor: 33}, Clusterwide: clusterwide}
}

func finding(f *harden.Fixer, name string, status harden.Status) *harden.Finding {
	return &harden.Finding{Fixer: f, Object: harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: name}, Status: status}
}

func TestAssess(t *testing.T) {
	type counts = map[string]harden.Counts
	live, all, manifests := cluster("v1.33.1", false), cluster("v1.33.1", true), &harden.Inventory{Clusterwide: true}
	eks := cluster("v1.33.4-eks-0123", true)
	by := func(names ...string) Control { return Control{ID: "1", Visibility: Visible, rules: names} }
	with := func(c Control, change func(*Control)) Control { change(&c); return c }
	for _, test := range []struct {
		name     string
		inv      *harden.Inventory
		control  Control
		counts   counts
		findings []*harden.Finding
		want     Status
		why      string
	}{
		{"a rule passed", live, by("pods"), counts{"pods": {Pass: 3}}, nil, Pass, ""},
		{"a rule failed", live, by("pods"), counts{"pods": {Pass: 3, Fail: 1}}, []*harden.Finding{finding(pods, "a", harden.StatusFail)}, Fail, ""},
		{"a failure outweighs what is not known", live, by("pods"), counts{"pods": {Fail: 1, Unknown: 1}}, []*harden.Finding{finding(pods, "a", harden.StatusFail)}, Fail, ""},
		{"what is not known outweighs what passed", live, by("pods"), counts{"pods": {Pass: 3, Unknown: 1}}, nil, Unknown, "pods could not judge everything"},
		{"all is waived", live, by("pods"), counts{"pods": {Pass: 1, Waived: 1}}, []*harden.Finding{finding(pods, "a", harden.StatusWaived)}, Waived, ""},
		{"all is expected", live, by("pods"), counts{"pods": {Expected: 1}}, []*harden.Finding{finding(pods, "a", harden.StatusExpected)}, Waived, ""},
		{"nothing to judge", live, by("pods"), counts{"pods": {NotApplicable: 4}}, nil, NotApplicable, "nothing in scope is what it is about"},
		{"a rule that saw nothing", live, by("pods"), counts{"pods": {}}, nil, NotApplicable, "nothing in scope is what it is about"},
		{"no rule", live, by("none"), nil, nil, Unknown, "no rule looks at it"},
		{"a rule that was switched off", live, by("pods"), nil, nil, Unknown, "pods is switched off"},
		{"one of two was switched off", all, by("pods", "roles"), counts{"pods": {Pass: 1}}, nil, Unknown, "roles is switched off"},
		{"advice that nobody asked for", live, by("pods", "advice"), counts{"pods": {Pass: 1}}, nil, Pass, ""},
		{"cluster roles in one namespace", live, by("roles"), counts{"roles": {Pass: 2}}, nil, Unknown, "roles judges objects without a namespace: look at all namespaces with -A"},
		{"cluster roles in all namespaces", all, by("roles"), counts{"roles": {Pass: 2}}, nil, Pass, ""},
		{"a rule about the cluster, and manifests", manifests, by("whole"), counts{"whole": {}}, nil, Unknown, "whole judges a cluster, not manifests"},
		{"a control of the cluster in one namespace", live, with(by("pods"), func(c *Control) { c.Cluster = true }), counts{"pods": {Pass: 1}}, nil, Unknown, "it is about the whole cluster: look at all namespaces with -A"},
		{"a control of the cluster, and manifests", manifests, with(by("pods"), func(c *Control) { c.Cluster = true }), counts{"pods": {}}, nil, Unknown, "manifests do not tell: look at the cluster"},
		{"not visible", all, Control{ID: "1", Visibility: NotVisible, Why: "it is a file"}, nil, nil, Hidden, "it is a file"},
		{"not visible, and the provider knows", eks, Control{ID: "1", Visibility: NotVisible, Why: "it is a file", Managed: map[string]string{EKS: "ask AWS"}}, nil, nil, Hidden, "ask AWS"},
		{"managed, so that nothing is seen", eks, with(by("pods"), func(c *Control) { c.Managed = map[string]string{EKS: "ask AWS"} }), counts{"pods": {Unknown: 1}}, nil, Hidden, "ask AWS"},
		{"managed elsewhere", eks, with(by("pods"), func(c *Control) { c.Managed = map[string]string{GKE: "ask Google"} }), counts{"pods": {Unknown: 1}}, nil, Unknown, "pods could not judge everything"},
		{"the component is not seen", all, with(by("pods"), func(c *Control) { c.Absent = "it runs elsewhere" }), counts{"pods": {NotApplicable: 2}}, nil, Hidden, "it runs elsewhere"},
		{"partly visible", all, with(by("pods"), func(c *Control) { c.Visibility, c.Why = PartlyVisible, "the rest is outside" }), counts{"pods": {Pass: 1}}, nil, Pass, "the rest is outside"},
		{"not looked into images", all, with(by("pods"), func(c *Control) { c.Needs = "--images" }), counts{"pods": {Pass: 1}}, nil, Unknown, "not looked at without --images"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Standard{ID: "x", Sections: []Section{{ID: "1", Controls: []Control{test.control}}}}
			res := &harden.Result{Inventory: test.inv, Findings: test.findings, Counts: test.counts}
			a := Assess(res, []*harden.Fixer{pods, roles, advice, whole}, s)
			v := a.Sections[0].Verdicts[0]
			if v.Status != test.want || v.Why != test.why {
				t.Errorf("got %s, %q; want %s, %q", v.Status, v.Why, test.want, test.why)
			}
			if a.Counts[test.want] != 1 {
				t.Errorf("counts %v", a.Counts)
			}
		})
	}
}

// A rule may answer several controls, and what it found be about one of them.
func TestFindingsAreAboutOneControl(t *testing.T) {
	plugins := &harden.Fixer{ID: "plugins", Refs: []harden.Reference{{Standard: "X", ID: "1"}, {Standard: "X", ID: "2"}}}
	of := func(id, glob string) Control {
		return Control{ID: id, Visibility: Visible, references: []string{id}, of: map[string][]string{"plugins": {glob}}}
	}
	s := &Standard{References: "X", Sections: []Section{{Controls: []Control{of("1", "Always*"), of("2", "NodeRestriction")}}}}
	found := finding(plugins, "kube-apiserver-a", harden.StatusFail)
	found.Discriminator = "NodeRestriction"
	res := &harden.Result{Inventory: cluster("", true), Counts: map[string]harden.Counts{"plugins": {Fail: 1}}, Findings: []*harden.Finding{found}}
	verdicts := Assess(res, []*harden.Fixer{plugins}, s).Sections[0].Verdicts
	if verdicts[0].Status != Pass || verdicts[1].Status != Fail || len(verdicts[0].Findings) != 0 || len(verdicts[1].Findings) != 1 {
		t.Errorf("got %+v", verdicts)
	}
}

func TestVerdictNamesWhatIsBehindIt(t *testing.T) {
	res := &harden.Result{
		Inventory: cluster("", true), Counts: map[string]harden.Counts{"pods": {Fail: 3}},
		Findings: []*harden.Finding{
			finding(pods, "a", harden.StatusWaived), finding(pods, "b", harden.StatusFail), finding(pods, "b", harden.StatusFail),
			finding(pods, "c", harden.StatusUnknown), finding(pods, "d", harden.StatusFail), finding(advice, "e", harden.StatusFail),
		},
	}
	s := &Standard{Sections: []Section{{Controls: []Control{{rules: []string{"pods"}}}}}}
	v := Assess(res, []*harden.Fixer{pods, advice}, s).Sections[0].Verdicts[0]
	var order, objects []string
	for _, f := range v.Findings {
		order = append(order, f.Object.Name)
	}
	for _, o := range v.Objects() {
		objects = append(objects, o.Name)
	}
	if diff := cmp.Diff([]string{"b", "b", "d", "c", "a"}, order); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b", "d"}, objects); diff != "" {
		t.Error(diff)
	}
}

func TestFittingStandards(t *testing.T) {
	aks := cluster("v1.33.2", true)
	aks.Nodes = []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{azureCluster: "x"}}}}
	minor := func(n int) *harden.Inventory {
		inv := cluster("", true)
		inv.Cluster.Minor = n
		return inv
	}
	for _, test := range []struct {
		name      string
		inv       *harden.Inventory
		benchmark string
		provider  string
	}{
		{"old", minor(25), "cis-1.10", ""},
		{"1.28", minor(28), "cis-1.10", ""},
		{"1.29", minor(29), "cis-1.11", ""},
		{"1.31", minor(31), "cis-1.11", ""},
		{"1.32", minor(32), "cis-1.12", ""},
		{"newer than the benchmark", minor(40), "cis-1.12", ""},
		{"not known", minor(0), "cis-1.12", ""},
		{"EKS", cluster("v1.33.4-eks-0123abc", true), "cis-eks-1.8", EKS},
		{"GKE", cluster("v1.33.5-gke.1080000", true), "cis-1.12", GKE},
		{"AKS", aks, "cis-1.12", AKS},
		{"manifests", &harden.Inventory{Clusterwide: true}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Provider(test.inv); got != test.provider {
				t.Errorf("provider %q, want %q", got, test.provider)
			}
			want := []string{"pss-restricted"}
			if test.benchmark != "" {
				want = append(want, test.benchmark)
			}
			want = append(want, "nsa-1.2", "pre-deployment")
			if test.inv.Live() {
				want = append(want, "post-deployment")
			}
			var got []string
			for _, s := range Fitting(test.inv) {
				got = append(got, s.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string][]string{
		"cis":            {"cis-1.12"},
		"cis-1.10":       {"cis-1.10"},
		"cis-eks":        {"cis-eks-1.8"},
		"cis-eks-1.7":    {"cis-eks-1.7"},
		"pss":            {"pss-baseline", "pss-restricted"},
		"nsa":            {"nsa-1.2"},
		"checklists":     {"pre-deployment", "post-deployment"},
		"pre-deployment": {"pre-deployment"},
	} {
		found, err := Find(name, cluster("v1.33.1", true))
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, s := range found {
			got = append(got, s.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := Find("hipaa", cluster("", true)); err == nil {
		t.Error("a standard that is not known is no error")
	}
}
