package pod

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// upstreamChecks maps the checks of Pod Security admission to the fixers for
// the same thing. What a privileged container sets otherwise has no effect, so
// that privileged-container answers for the rest of it.
var upstreamChecks = map[policy.CheckID][]*harden.Fixer{
	"allowPrivilegeEscalation":  {AllowPrivilegeEscalation},
	"capabilities_restricted":   {DropAllCapabilities, DangerousCapabilities, AddedCapabilitiesRestricted, CapabilityNameForm},
	"hostNamespaces":            {HostNetwork, HostPID, HostIPC},
	"hostPorts":                 {HostPort, HostNetwork},
	"privileged":                {PrivilegedContainer},
	"runAsNonRoot":              {RunAsNonRoot},
	"runAsUser":                 {RunAsRootUser},
	"seccompProfile_restricted": {SeccompUnconfined, SeccompProfileMissing},
}

// TestRandomPodsAgreeWithUpstream: on pods drawn at random each fixer finds
// something exactly where the check of Pod Security admission fails, and the
// first fixes, merged, make the pod pass after at most two rounds: the second
// one is for what a privileged container hid.
func TestRandomPodsAgreeWithUpstream(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	verdicts := map[bool]int{}
	for n := range 100 {
		minor := []int{34, 35, 37}[random.IntN(3)]
		text := randomPod(random)
		failed := upstreamFailures(t, text, minor)
		privileged := strings.Contains(text, "privileged: true")
		for id, fixers := range upstreamChecks {
			found := 0
			for _, fixer := range fixers {
				for _, f := range fixtest.Run(t, fixer, text, fixtest.Minor(minor)) {
					switch {
					case f.Verdict == verdictContradiction: // cannot start, and Pod Security does not mind
					case id == "hostPorts" && fixer == HostNetwork && !strings.Contains(text, "hostPort:"):
					default:
						found++
					}
				}
			}
			verdicts[failed[id]]++
			if (found > 0) != failed[id] && (found > 0 || !privileged) {
				t.Fatalf("pod %d, policy 1.%d, %s: upstream fails it: %v, findings: %d\n%s", n, minor, id, failed[id], found, text)
			}
		}
		after := text
		for range 2 {
			after = fixtest.Repair(t, mine, after, fixtest.Minor(minor))
		}
		for id := range upstreamFailures(t, after, minor) {
			if upstreamChecks[id] != nil {
				t.Fatalf("pod %d, policy 1.%d: %s still fails\nbefore:\n%s\nafter:\n%s", n, minor, id, text, after)
			}
		}
	}
	if verdicts[true] < 150 || verdicts[false] < 150 {
		t.Errorf("the pods are all alike: %v", verdicts)
	}
}

func upstreamFailures(t *testing.T, text string, minor int) map[policy.CheckID]bool {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(text), &pod); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	version := api.MajorMinorVersion(1, minor)
	failed := map[policy.CheckID]bool{}
	for _, check := range policy.DefaultChecks() {
		var latest policy.VersionedCheck
		for _, v := range check.Versions {
			if !version.Older(v.MinimumVersion) {
				latest = v
			}
		}
		if latest.CheckPod != nil && !latest.CheckPod(&pod.ObjectMeta, &pod.Spec).Allowed {
			failed[check.ID] = true
		}
	}
	return failed
}

func randomPod(random *rand.Rand) string {
	pick := func(lines ...string) string { return lines[random.IntN(len(lines))] }
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n")
	for _, line := range []string{
		pick("", "", "", "hostNetwork: true"), pick("", "", "", "hostPID: true"), pick("", "", "hostIPC: false", "hostIPC: true"),
		pick("", "", "hostUsers: true", "hostUsers: false"),
	} {
		if line != "" {
			b.WriteString("  " + line + "\n")
		}
	}
	fmt.Fprintf(&b, "  securityContext: {%s}\n", join(
		pick("", "runAsNonRoot: true", "runAsNonRoot: false"), pick("", "runAsUser: 0", "runAsUser: 5"),
		pick("", "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}"),
	))
	for i, list := range []string{"initContainers", "containers"} {
		fmt.Fprintf(&b, "  %s:\n", list)
		for k := range 1 + random.IntN(2) {
			fmt.Fprintf(&b, "  - name: c%d%d\n    image: i\n    ports: [{containerPort: 80%s}]\n    securityContext: {%s}\n", i, k,
				pick("", "", ", hostPort: 80"),
				join(
					pick("", "runAsNonRoot: true", "runAsNonRoot: false"), pick("", "", "runAsUser: 0", "runAsUser: 7"),
					pick("", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"), pick("", "", "", "", "", "privileged: true"),
					pick("", "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", "seccompProfile: {type: Localhost, localhostProfile: a}"),
					pick("", "capabilities: {drop: [ALL]}", "capabilities: {drop: [all], add: [NET_RAW]}", "capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}",
						"capabilities: {add: [CHOWN, BPF]}", "capabilities: {drop: [NET_RAW], add: [kill]}"),
				))
		}
	}
	return b.String()
}

func join(fields ...string) string {
	var set []string
	for _, f := range fields {
		if f != "" {
			set = append(set, f)
		}
	}
	return strings.Join(set, ", ")
}
