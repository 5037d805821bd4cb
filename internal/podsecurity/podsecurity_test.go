package podsecurity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

// The level is the highest at which upstream's whole evaluator allows the pod,
// whose own fixtures these are.
func TestLevelIsUpstreams(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, minor := range []int{24, 34, 37} {
		levels := map[string]int{}
		for _, level := range []string{Baseline, Restricted} {
			for _, verdict := range []string{"pass", "fail"} {
				for _, fixture := range fixtest.UpstreamPods(t, level, minor, verdict) {
					pod := parse(t, fixture.YAML)
					want := Privileged
					for _, l := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
						results := evaluator.EvaluatePod(api.LevelVersion{Level: l, Version: api.MajorMinorVersion(1, minor)}, &pod.ObjectMeta, &pod.Spec)
						if policy.AggregateCheckResults(results).Allowed {
							want = string(l)
						}
					}
					got := Evaluate(&pod.ObjectMeta, &pod.Spec, minor)
					levels[got.Level]++
					if got.Level != want {
						t.Errorf("%s: level %s, upstream allows %s", fixture.Name, got.Level, want)
					}
					for _, l := range []string{Baseline, Restricted} {
						if met := len(got.Against(l)) == 0; met != (Lower(got.Level, l) == l) {
							t.Errorf("%s: level %s, but against %s: %v", fixture.Name, got.Level, l, got.Against(l))
						}
					}
				}
			}
		}
		if len(levels) != 3 {
			t.Errorf("minor %d: only the levels %v occur", minor, levels)
		}
	}
}

// Nothing changes above the newest, or it would not be.
func TestNewest(t *testing.T) {
	if n := Newest(); n < 37 {
		t.Errorf("newest minor %d; 1.37 has sysctls of its own", n)
	}
}

func TestEvaluate(t *testing.T) {
	const restricted = "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]"
	for _, test := range []struct {
		name, spec string
		minor      int
		level      string
		against    []string // LEVEL ID REASON (DETAIL)
	}{
		{"all set", restricted, 37, Restricted, nil},
		{"nothing set", "containers: [{name: a, image: a}]", 37, Baseline, []string{
			`restricted allowPrivilegeEscalation allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)`,
			`restricted capabilities_restricted unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])`,
			`restricted runAsNonRoot runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)`,
			`restricted seccompProfile_restricted seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`,
		}},
		{"baseline comes first", "hostPID: true, " + restricted, 37, Privileged, []string{"baseline hostNamespaces host namespaces (hostPID=true)"}},
		{"a control before its time", "hostUsers: false, containers: [{name: a, image: a, ports: [{containerPort: 80, hostPort: 80}]}]", 1, Privileged, []string{
			"baseline hostPorts hostPort (container \"a\" uses hostPort 80)",
			"restricted runAsNonRoot runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true)",
		}},
		{"a minor of the future is the newest known", restricted, 99, Restricted, nil},
		{"no minor is the newest known", restricted, 0, Restricted, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := parse(t, "spec: {"+test.spec+"}")
			v := Evaluate(&pod.ObjectMeta, &pod.Spec, test.minor)
			var got []string
			for _, c := range v.Forbidden {
				got = append(got, c.Level+" "+c.ID+" "+c.Reason+" ("+c.Detail+")")
			}
			if diff := cmp.Diff(test.against, got); diff != "" || v.Level != test.level {
				t.Errorf("level %s, want %s; (-want +got):\n%s", v.Level, test.level, diff)
			}
		})
	}
}

func parse(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(text), pod); err != nil {
		t.Fatalf("reading a pod: %v", err)
	}
	return pod
}
