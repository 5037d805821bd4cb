package waivers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/pod"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

var now = time.Date(2026, 11, 29, 23, 30, 0, 0, time.UTC)

var rules = append([]*harden.Fixer{pod.HostPathSensitive, pod.HostNetwork, pod.PrivilegedContainer, pod.DangerousCapabilities}, waivers.Suite()...)

// settle runs the rules above over objects under a policy.
func settle(t *testing.T, yaml string, p waivers.Policy, opts ...fixtest.Option) *harden.Result {
	t.Helper()
	p.Rules = rules
	inv := fixtest.Load(t, yaml, opts...)
	inv.Now = now
	return (&engine.Engine{Suite: rules, Settle: p.Settle}).Run(inv)
}

// told is a line for each finding: rule, container or discriminator, status and verdict.
func told(res *harden.Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s", f.Object.Name, f.Fixer.ID, f.Container.Name, f.Discriminator, f.Status)), " "))
	}
	return out
}

const agent = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  namespace: ops
  labels: {app: agent}
  annotations: {%s}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      volumes: [{name: logs, hostPath: {path: %s}}]
      containers:
      - name: agent
        image: registry.example.com/agent:1
        volumeMounts: [{name: logs, mountPath: /logs, readOnly: %t}]
`

const waive = "kubectl-harden.github.io/waive."

func TestSettle(t *testing.T) {
	until := func(s string) time.Time { d, _ := waivers.ParseDate(s); return d }
	file := harden.Ref{Kind: waivers.ConfigKind, Name: ".harden.yaml", Source: harden.Source{File: ".harden.yaml", Line: 7}}
	config := func(w waivers.Waiver) waivers.Policy {
		if w.Reason == "" {
			w.Reason = "it reads logs"
		}
		if w.Until.IsZero() {
			w.Until = until("2027-01-31")
		}
		return waivers.Policy{Waivers: []waivers.Waiver{w.In(file)}}
	}
	const network = waive + "host-network"
	for _, test := range []struct {
		name       string
		annotation string
		path       string
		writable   bool
		policy     waivers.Policy
		want       []string // findings that are not those of the rules alone
	}{
		{name: "none", want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail"}},
		{name: "annotation", annotation: network + `: "until=2026-12-31; reason=it watches; by=ops"`, want: []string{"agent host-network waived", "agent host-path-sensitive logs /var/log fail"}},
		{name: "the last day", annotation: network + `: "until=2026-11-29; reason=it watches"`, want: []string{"agent host-network waived", "agent host-path-sensitive logs /var/log fail"}},
		{name: "expired", annotation: network + `: "until=2026-11-28; reason=it watches"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-expired host-network fail"}},
		{name: "too far ahead", annotation: network + `: "until=2027-11-28; reason=it watches"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-invalid host-network fail"}},
		{name: "180 days ahead", annotation: network + `: "until=2027-05-28; reason=it watches"`, want: []string{"agent host-network waived", "agent host-path-sensitive logs /var/log fail"}},
		{name: "no reason", annotation: network + `: "until=2026-12-31"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-invalid host-network fail"}},
		{name: "no such rule", annotation: waive + `host-net: "until=2026-12-31; reason=x"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-invalid host-net fail"}},
		{name: "unknown part", annotation: network + `: "until=2026-12-31; reason=x; because=y"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-invalid host-network fail"}},
		{name: "facts hold", annotation: waive + `host-path-sensitive: "until=2026-12-31; reason=logs; path=/var/log; read-only=true"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log waived"}},
		{
			name: "another path", annotation: waive + `host-path-sensitive: "until=2026-12-31; reason=logs; path=/var/log; read-only=true"`, path: "/",
			want: []string{"agent host-network fail", "agent host-path-sensitive logs / fail", "agent waiver-unused host-path-sensitive fail"},
		},
		{
			name: "writable now", annotation: waive + `host-path-sensitive: "until=2026-12-31; reason=logs; path=/var/log; read-only=true"`, writable: true,
			want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent host-path-sensitive logs /var/log writable fail", "agent waiver-unused host-path-sensitive fail"},
		},
		{
			name: "critical", annotation: waive + `host-path-sensitive: "until=2026-12-31; reason=logs"`, writable: true, // writing to /var/log is critical, seeing it is not
			want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log waived", "agent host-path-sensitive logs /var/log writable fail", "agent waiver-invalid host-path-sensitive fail"},
		},
		{
			name: "critical, allowed", annotation: waive + `host-path-sensitive: "until=2026-12-31; reason=logs; allow-critical=true"`, writable: true,
			want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log waived", "agent host-path-sensitive logs /var/log writable waived"},
		},
		{name: "unused", annotation: waive + `privileged-container: "until=2026-12-31; reason=x"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", "agent waiver-unused privileged-container fail"}},
		{name: "two of one rule", annotation: waive + `host-path-sensitive.a: "until=2026-12-31; reason=x; path=/var/log", ` + waive + `host-path-sensitive.b: "until=2026-11-01; reason=x"`, want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log waived", "agent waiver-expired host-path-sensitive.b fail"}},
		{
			name: "config only", annotation: network + `: "until=2026-12-31; reason=it watches", ` + waive + `nothing: ""`, policy: waivers.Policy{ConfigOnly: true},
			want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail"},
		},
		{name: "configuration", policy: config(waivers.Waiver{Rule: "host-*", Namespace: "ops", Kind: "DaemonSet", Name: "ag*", Labels: map[string]string{"app": "agent"}}), want: []string{"agent host-network waived", "agent host-path-sensitive logs /var/log waived"}},
		{name: "configuration, other labels", policy: config(waivers.Waiver{Rule: "host-*", Labels: map[string]string{"app": "web"}}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail"}},
		{name: "configuration, other cluster", policy: config(waivers.Waiver{Rule: "host-*", Cluster: "production"}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail"}},
		{name: "configuration, other namespace", policy: config(waivers.Waiver{Rule: "host-*", Namespace: "shop"}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail"}},
		{name: "configuration, expired", policy: config(waivers.Waiver{Rule: "host-network", Name: "agent", Until: until("2026-11-01")}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", ".harden.yaml waiver-expired host-network agent fail"}},
		{name: "configuration, unused", policy: config(waivers.Waiver{Rule: "privileged-container", Name: "agent"}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", ".harden.yaml waiver-unused privileged-container agent fail"}},
		{name: "configuration, container", policy: config(waivers.Waiver{Rule: "host-network", Name: "agent", Container: "web"}), want: []string{"agent host-network fail", "agent host-path-sensitive logs /var/log fail", ".harden.yaml waiver-unused host-network agent web fail"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := test.path
			if path == "" {
				path = "/var/log"
			}
			res := settle(t, fmt.Sprintf(agent, test.annotation, path, !test.writable), test.policy)
			got := told(res)
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkCounts(t, res)
		})
	}
}

// checkCounts compares the counts with the findings.
func checkCounts(t *testing.T, res *harden.Result) {
	t.Helper()
	counted := map[string]harden.Counts{}
	for _, f := range res.Findings {
		n := counted[f.Fixer.ID]
		switch f.Status {
		case harden.StatusFail:
			n.Fail++
		case harden.StatusWaived:
			n.Waived++
			if f.Excuse == nil || f.Excuse.Reason == "" || f.Excuse.Source == "" || f.Excuse.Until.IsZero() {
				t.Errorf("%s is waived by %+v", f.ID(), f.Excuse)
			}
		}
		counted[f.Fixer.ID] = n
	}
	for id, n := range res.Counts {
		n.Pass, n.NotApplicable = 0, 0
		if n != counted[id] {
			t.Errorf("counts of %s are %+v, its findings are %+v", id, n, counted[id])
		}
	}
}

func TestNamespaceWaives(t *testing.T) {
	const namespace = `
apiVersion: v1
kind: Namespace
metadata: {name: ops, annotations: {kubectl-harden.github.io/waive.host-network: "until=2026-12-31; reason=agents only"}}
---`
	res := settle(t, namespace+fmt.Sprintf(agent, "", "/srv", true), waivers.Policy{})
	if diff := cmp.Diff([]string{"agent host-network waived"}, told(res)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := res.Findings[0].Excuse.Source; got != "annotation of Namespace/ops" {
		t.Errorf("source is %q", got)
	}
}

func TestT87WaiverTextIsRedacted(t *testing.T) {
	res := settle(t, fmt.Sprintf(agent, waive+`host-network: "until=2026-12-31; reason=see hunter2"`, "/srv", true), waivers.Policy{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }})
	if got := res.Findings[0].Excuse.Reason; got != "see ***" {
		t.Errorf("the reason is %q", got)
	}
}

func TestForeignMarkersAreHints(t *testing.T) {
	for name, annotation := range map[string]string{
		"Polaris":                  `polaris.fairwinds.com/hostNetworkSet-exempt: "true"`,
		"Polaris, all":             `polaris.fairwinds.com/exempt: "true"`,
		"Polaris, of a container":  `polaris.fairwinds.com/agent.hostNetworkSet-exempt: "true"`,
		"kube-linter":              `ignore-check.kube-linter.io/host-network: "it watches"`,
		"kube-linter, all of them": `kube-linter.io/ignore-all: "it watches"`,
	} {
		t.Run(name, func(t *testing.T) {
			f := settle(t, fmt.Sprintf(agent, annotation, "/srv", true), waivers.Policy{}).Findings[0]
			tool, _, _ := strings.Cut(name, ",")
			if f.Status != harden.StatusFail || !strings.Contains(f.Detail, tool+" is told to leave this out") {
				t.Errorf("status %s, detail %q", f.Status, f.Detail)
			}
		})
	}
	f := settle(t, fmt.Sprintf(agent, `polaris.fairwinds.com/hostPIDSet-exempt: "true"`, "/srv", true), waivers.Policy{}).Findings[0]
	if strings.Contains(f.Detail, "Polaris") {
		t.Errorf("a marker of another check is told: %q", f.Detail)
	}
}

func TestAnnotationOfAFinding(t *testing.T) {
	text := fmt.Sprintf(agent, "", "/var/log", true)
	res := settle(t, text, waivers.Policy{})
	day, _ := waivers.ParseDate("2026-12-31")
	var annotations []string
	for _, f := range res.Findings {
		key, value, err := waivers.Annotation(f, waivers.Waiver{Reason: "it reads logs", Until: day, By: "ops"})
		if err != nil {
			t.Fatal(err)
		}
		annotations = append(annotations, fmt.Sprintf("%s: %q", key, value))
	}
	if want := waive + `host-path-sensitive: "until=2026-12-31; reason=it reads logs; by=ops; discriminator=logs /var/log; path=/var/log; read-only=true; verdict=sensitive-path"`; !slices.Contains(annotations, want) {
		t.Errorf("got %v, want %s", annotations, want)
	}
	for _, line := range told(settle(t, fmt.Sprintf(agent, strings.Join(annotations, ", "), "/var/log", true), waivers.Policy{})) {
		if !strings.HasSuffix(line, "waived") {
			t.Errorf("what the annotation was made for is not waived: %s", line)
		}
	}
	if _, _, err := waivers.Annotation(res.Findings[0], waivers.Waiver{Reason: "a; b", Until: day}); err == nil {
		t.Error("a reason with a semicolon goes into an annotation")
	}
}

func TestTakingAnAnnotationAway(t *testing.T) {
	res := settle(t, fmt.Sprintf(agent, waive+`privileged-container: "until=2026-12-31; reason=x"`, "/srv", true), waivers.Policy{})
	e := &engine.Engine{Suite: rules}
	for _, f := range res.Findings {
		if f.Fixer != waivers.Unused {
			continue
		}
		fixes := e.Fixes(res.Inventory, f)
		if len(fixes) != 1 || fixes[0].Class != harden.Safe || len(fixes[0].Changes) != 1 {
			t.Fatalf("got %+v", fixes)
		}
		if got := fixes[0].Changes[0].Remove[0].String(); got != ".metadata.annotations.kubectl-harden.github.io/waive.privileged-container" {
			t.Errorf("takes %s away", got)
		}
		return
	}
	t.Error("no waiver-unused")
}

// However the objects and waivers are ordered, the same is said.
func TestOrderDoesNotMatter(t *testing.T) {
	one := fmt.Sprintf(agent, waive+`host-network: "until=2026-12-31; reason=x", `+waive+`privileged-container: "until=2026-12-31; reason=x"`, "/var/log", true)
	two := strings.ReplaceAll(fmt.Sprintf(agent, waive+`host-pid: ""`, "/", false), "name: agent", "name: second")
	say := func(res *harden.Result) []string {
		var out []string
		for _, f := range res.Findings {
			out = append(out, fmt.Sprintf("%s %s %s %s %+v", f.Object, f.Fixer.ID, f.Reason, f.Detail, f.Excuse))
		}
		return out
	}
	first := say(settle(t, one+"---"+two, waivers.Policy{}))
	if diff := cmp.Diff(first, say(settle(t, two+"---"+one, waivers.Policy{}))); diff != "" {
		t.Errorf("the other way round (-want +got):\n%s", diff)
	}
}

// BenchmarkSettle is 5,000 workloads, each with a finding, under 50 waivers.
func BenchmarkSettle(b *testing.B) {
	inv := &harden.Inventory{Now: now}
	var findings []*harden.Finding
	for i := range 5000 {
		w := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: fmt.Sprintf("web-%d", i)}}
		w.Meta.Annotations = map[string]string{waive + "host-network": "until=2026-12-31; reason=x"}
		inv.Workloads = append(inv.Workloads, w)
		for _, rule := range []*harden.Fixer{pod.HostNetwork, pod.HostPathSensitive, pod.PrivilegedContainer} {
			findings = append(findings, &harden.Finding{Fixer: rule, Object: w.Ref, Workload: w})
		}
	}
	p := waivers.Policy{Rules: rules}
	day, _ := waivers.ParseDate("2026-12-31")
	for i := range 50 {
		p.Waivers = append(p.Waivers, waivers.Waiver{Rule: "host-*", Namespace: fmt.Sprintf("team-%d", i), Reason: "x", Until: day})
	}
	for b.Loop() {
		for _, f := range findings {
			f.Status, f.Excuse = harden.StatusFail, nil
		}
		res := &harden.Result{Inventory: inv, Findings: slices.Clone(findings), Counts: map[string]harden.Counts{}}
		p.Settle(res)
	}
}
