package session_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// newestMinor is the newest version that k8s.io/pod-security-admission has fixtures for.
const newestMinor = 37

// Every pod that upstream refuses is fixed with fixes of all classes, as `fix -f`
// does. Then upstream judges again. "Fixed" where upstream still forbids would be
// a lie.
func TestFixedMeansUpstreamAllows(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
		compliant := 0
		fixtures := fixtest.UpstreamPods(t, string(level), newestMinor, "fail")
		for _, fixture := range fixtures {
			fixed, plan := fixAll(t, fixture)
			forbidden := forbidden(evaluator, level, fixed)
			if len(forbidden) == 0 {
				compliant++
				continue
			}
			// All of them can be repaired as of this version; one that cannot be
			// any more is a regression, even if the plan names it.
			t.Errorf("%s: upstream forbids %v; the plan leaves %v\n%s", fixture.Name, forbidden, leftRules(plan), toYAML(fixed))
		}
		t.Logf("%s: of %d pods that upstream refuses, %d are compliant after the fix", level, len(fixtures), compliant)
	}
}

// A pod that upstream allows keeps being allowed, and the second run of the
// fixes changes nothing.
func TestFixIsStable(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, verdict := range []string{"pass", "fail"} {
		for _, fixture := range fixtest.UpstreamPods(t, "restricted", newestMinor, verdict) {
			text, _ := rewrite(t, fixture.YAML)
			judge := func(text string) []string { return forbidden(evaluator, api.LevelRestricted, parse(t, fixture, text)) }
			// One fixture lacks what the API server fills in, and is refused as it stands.
			incomplete := verdict == "pass" && len(judge(fixture.YAML)) > 0
			if bad := judge(text); len(bad) > 0 && !incomplete {
				t.Errorf("%s: upstream forbids the result: %v", fixture.Name, bad)
			}
			again, plan := rewrite(t, text)
			if again != text {
				t.Errorf("%s: the second run changes:\n%s\nto:\n%s", fixture.Name, text, again)
			}
			for _, op := range plan.Objects {
				t.Errorf("%s: the second run still plans %s", fixture.Name, op.Diff)
			}
		}
	}
}

func rewrite(t *testing.T, text string) (string, *harden.Plan) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pod.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := session.OpenFiles([]string{path}, nil, session.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan(t.Context(), snap.Findings, harden.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Rewrite(plan)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), plan
}

func fixAll(t *testing.T, fixture fixtest.Upstream) (*corev1.Pod, *harden.Plan) {
	t.Helper()
	text, plan := rewrite(t, fixture.YAML)
	return parse(t, fixture, text), plan
}

func parse(t *testing.T, fixture fixtest.Upstream, text string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(text), pod); err != nil {
		t.Fatalf("%s: reading the fixed pod: %v\n%s", fixture.Name, err, text)
	}
	return pod
}

func forbidden(e policy.Evaluator, level api.Level, pod *corev1.Pod) []string {
	var out []string
	for _, r := range e.EvaluatePod(api.LevelVersion{Level: level, Version: api.MajorMinorVersion(1, newestMinor)}, &pod.ObjectMeta, &pod.Spec) {
		if !r.Allowed {
			out = append(out, r.ForbiddenReason+" ("+r.ForbiddenDetail+")")
		}
	}
	return out
}

// leftRules are the rules of Pod Security that the plan says it leaves open.
func leftRules(plan *harden.Plan) []string {
	var out []string
	for _, l := range plan.LeftOut {
		if l.Finding.Fixer.Area == harden.AreaPod && slices.ContainsFunc(l.Finding.Fixer.Refs, func(r harden.Reference) bool { return r.Standard == "PSS" }) {
			out = append(out, l.Finding.Fixer.ID+" "+l.Finding.Container.String()+": "+l.Why)
		}
	}
	return out
}

func toYAML(v any) string {
	b, err := yaml.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
