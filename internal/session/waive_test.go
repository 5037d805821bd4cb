package session_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

const logAgent = `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  namespace: ops
  annotations: {team: ops}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      volumes: [{name: logs, hostPath: {path: /var/log}}, {name: more, hostPath: {path: /srv}}]
      containers:
      - name: agent
        image: registry.example.com/agent:1
        volumeMounts: [{name: logs, mountPath: /logs, readOnly: true}, {name: more, mountPath: /srv}]
      - name: side
        image: registry.example.com/side:1
        securityContext: {privileged: true}
`

// opened is a session over manifests in a folder of its own, which is the working
// directory.
func opened(t *testing.T, manifest, configuration string) (*session.Session, *harden.Snapshot) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeText(t, "agent.yaml", manifest)
	c := &config.Config{}
	if configuration != "" {
		writeText(t, config.Name, configuration)
		var err error
		if c, err = config.LoadDefault(".", fixers.Suite(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	s, err := session.OpenFiles([]string{"agent.yaml"}, nil, session.FileOptions{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	return s, loaded(t, s)
}

func loaded(t *testing.T, s *session.Session) *harden.Snapshot {
	t.Helper()
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ofRules(snap *harden.Snapshot, rules ...string) []*harden.Finding {
	var out []*harden.Finding
	for _, f := range snap.Findings {
		for _, id := range rules {
			if f.Fixer.ID == id {
				out = append(out, f)
			}
		}
	}
	return out
}

func statuses(snap *harden.Snapshot, rules ...string) string {
	var out []string
	for _, f := range ofRules(snap, rules...) {
		out = append(out, strings.TrimSpace(f.Fixer.ID+" "+f.Discriminator)+" "+f.Status.String())
	}
	return strings.Join(out, "\n")
}

func soon() harden.Waiving {
	return harden.Waiving{Reason: "it ships the logs", Until: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 30)}
}

func TestWaiveByAnnotation(t *testing.T) {
	s, snap := opened(t, logAgent, "")
	plan, err := s.Waive(t.Context(), ofRules(snap, "host-network", "host-path-volume"), soon(), harden.PlanOptions{InSource: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Objects) != 1 || len(plan.LeftOut) != 0 || plan.Objects[0].Restarts != 0 || len(plan.Objects[0].Fixes) != 3 {
		t.Fatalf("got %+v", plan)
	}
	edits, err := s.Edits(plan, harden.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(edits.Files); err != nil {
		t.Fatal(err)
	}
	after := loaded(t, s)
	want := "host-network waived\nhost-path-volume logs /var/log waived\nhost-path-volume more /srv waived"
	if diff := cmp.Diff(want, statuses(after, "host-network", "host-path-volume")); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	views := s.Waivers()
	if len(views) != 3 {
		t.Fatalf("got %d waivers: %+v", len(views), views)
	}
	ids := map[string]bool{}
	for _, v := range views {
		ids[v.ID()] = true
		if v.State != harden.WaiverHolds || len(v.Findings) != 1 || v.Annotation == "" || v.Reason != "it ships the logs" {
			t.Errorf("got %+v", v)
		}
	}
	if len(ids) != len(views) {
		t.Errorf("ids are not unique: %v", ids)
	}

	again, err := s.Waive(t.Context(), ofRules(after, "host-network"), soon(), harden.PlanOptions{InSource: true})
	if err != nil || len(again.Objects) != 0 || len(again.LeftOut) != 1 || !strings.Contains(again.LeftOut[0].Why, "waived already") {
		t.Errorf("waiving once more: %v, %+v", err, again)
	}

	back, err := s.Unwaive(t.Context(), views, harden.PlanOptions{InSource: true})
	if err != nil || len(back.Objects) != 1 {
		t.Fatalf("taking them away: %v, %+v", err, back)
	}
	if edits, err = s.Edits(back, harden.SourceOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := string(edits.Files[0].After); got != logAgent {
		t.Errorf("the file is not what it was (-want +got):\n%s", cmp.Diff(logAgent, got))
	}
}

func TestWhatIsNotWaived(t *testing.T) {
	for _, test := range []struct {
		name, configuration, annotation string
		rule                            string
		change                          func(*harden.Waiving)
		leftOut                         string // or an error
		err                             string
	}{
		{name: "critical", rule: "privileged-container", leftOut: "--allow-critical"},
		{name: "only the configuration is trusted", configuration: "version: 1\ntrust: config-only\n", rule: "host-network", leftOut: "--in-config"},
		{name: "a finding about a waiver", annotation: "kubectl-harden.github.io/waive.host-pid: nonsense", rule: "waiver-invalid", leftOut: "unwaive"},
		{name: "a semicolon", rule: "host-network", change: func(w *harden.Waiving) { w.Reason = "a; b" }, leftOut: "--in-config"},
		{name: "no reason", rule: "host-network", change: func(w *harden.Waiving) { w.Reason = " " }, err: "reason is missing"},
		{name: "no end", rule: "host-network", change: func(w *harden.Waiving) { w.Until = time.Time{} }, err: "until is missing"},
		{name: "over", rule: "host-network", change: func(w *harden.Waiving) { w.Until = time.Now().AddDate(0, 0, -2) }, err: "which is over"},
		{name: "too far", rule: "host-network", change: func(w *harden.Waiving) { w.Until = time.Now().AddDate(1, 0, 0) }, err: "more than 180 days ahead"},
		{name: "too far for the team", configuration: "version: 1\nwaiver-max-days: 10\n", rule: "host-network", err: "more than 10 days ahead"},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifest := strings.Replace(logAgent, "{team: ops}", "{team: ops"+map[bool]string{true: ", "}[test.annotation != ""]+test.annotation+"}", 1)
			s, snap := opened(t, manifest, test.configuration)
			w := soon()
			if test.change != nil {
				test.change(&w)
			}
			plan, err := s.Waive(t.Context(), ofRules(snap, test.rule), w, harden.PlanOptions{InSource: true})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want it to say %q", err, test.err)
				}
				return
			}
			if err != nil || len(plan.Objects) != 0 || len(plan.LeftOut) != 1 || !strings.Contains(plan.LeftOut[0].Why, test.leftOut) {
				t.Errorf("got %v, %+v; want it left out with %q", err, plan, test.leftOut)
			}
		})
	}
}

func TestWaiveInConfig(t *testing.T) {
	const head = "# what we live with\nversion: 1   # the form\nrules: {disable: [memory-limit]}\n"
	for _, test := range []struct{ name, before, starts string }{
		{"new", "", "version: 1\n"},
		{"comments stay", head, head},
		{"behind others", head + "waivers:\n- {rule: host-pid, name: x, reason: y, until: 2026-12-01} # old\n", head + "waivers:\n- {rule: host-pid, name: x, reason: y, until: 2026-12-01} # old\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, snap := opened(t, logAgent, test.before)
			findings := ofRules(snap, "host-path-volume")[:1]
			changes, err := s.WaiveInConfig(findings, soon())
			if err != nil {
				t.Fatal(err)
			}
			if c := changes[0]; c.New() != (test.before == "") || !strings.HasPrefix(string(c.After), test.starts) {
				t.Errorf("got %q", c.After)
			}
			if _, err := s.Write(changes); err != nil {
				t.Fatal(err)
			}
			want := "host-path-volume logs /var/log waived\nhost-path-volume more /srv fail"
			if diff := cmp.Diff(want, statuses(loaded(t, s), "host-path-volume")); diff != "" {
				t.Errorf("after (-want +got):\n%s", diff)
			}
			views := s.Waivers()
			if v := views[len(views)-1]; v.State != harden.WaiverHolds || !strings.HasPrefix(v.Source, config.Name+":") || len(v.Findings) != 1 {
				t.Errorf("got %+v", v)
			}
			plan, err := s.Unwaive(t.Context(), views, harden.PlanOptions{})
			if err != nil || len(plan.Objects) != 0 || len(plan.LeftOut) != len(views) || !strings.Contains(plan.LeftOut[0].Why, "take it out there") {
				t.Errorf("taking them away: %v, %+v", err, plan)
			}
		})
	}
}

func TestWaiveInConfigRefuses(t *testing.T) {
	opened(t, logAgent, "")
	writeText(t, "more.yaml", strings.Replace(logAgent, "hostNetwork: true", "hostPID: true", 1))
	s, err := session.OpenFiles([]string{"agent.yaml", "more.yaml"}, nil, session.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	snap := loaded(t, s)
	for name, test := range map[string]struct {
		findings []*harden.Finding
		want     string
	}{
		"nothing":                     {nil, "no finding"},
		"critical":                    {ofRules(snap, "privileged-container")[:1], "--allow-critical"},
		"what it cannot tell apart":   {ofRules(snap, "host-path-volume")[:1], "excuse too"},
		"what is only in one of them": {ofRules(snap, "host-network"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.WaiveInConfig(test.findings, soon())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
	writeText(t, config.Name, "version: 1\n")
	if _, err := s.WaiveInConfig(ofRules(snap, "host-network"), soon()); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("a file that was not read: %v", err)
	}
}

// A configuration that was broken since it was read is named with its line, and
// one that expired is given anew in its place.
func TestWaiveInConfigAnew(t *testing.T) {
	s, snap := opened(t, logAgent, "version: 1\nwaivers:\n- rule: host-network   # why not\n  namespace: ops\n  kind: DaemonSet\n  name: agent\n  reason: old\n  until: 2020-01-01\n  ticket: OLD-1\n")
	changes, err := s.WaiveInConfig(ofRules(snap, "host-network"), soon())
	if err != nil {
		t.Fatal(err)
	}
	got := string(changes[0].After)
	if strings.Count(got, "rule: host-network   # why not") != 1 || strings.Contains(got, "old") || strings.Contains(got, "OLD-1") || strings.Contains(got, "2020") {
		t.Errorf("got %s", got)
	}
	writeText(t, config.Name, "version: 1\nwaivers: [\n")
	if _, err := s.WaiveInConfig(ofRules(snap, "host-network"), soon()); err == nil || !strings.Contains(err.Error(), config.Name+":") {
		t.Errorf("a broken file: %v", err)
	}
}

func TestWaiverStates(t *testing.T) {
	const p = "kubectl-harden.github.io/waive."
	annotations := strings.Join([]string{
		p + `host-network: "until=2020-01-01; reason=x"`, p + `host-pid: "until=` + soon().Until.Format(time.DateOnly) + `; reason=x"`,
		p + `host-ipc: nonsense`, p + `host-path-volume: "until=` + soon().Until.Format(time.DateOnly) + `; reason=x; path=/srv"`,
	}, ", ")
	s, _ := opened(t, strings.Replace(logAgent, "{team: ops}", "{"+annotations+"}", 1), "version: 1\nwaivers: [{rule: host-network, namespace: elsewhere, reason: x, until: "+soon().Until.Format(time.DateOnly)+"}]\n")
	var got []string
	for _, v := range s.Waivers() {
		got = append(got, strings.TrimSpace(v.Rule+" "+string(v.State)+map[bool]string{true: " why"}[v.Why != ""]))
	}
	want := []string{"host-network not judged why", "host-network expired why", "host-path-volume holds", "host-pid unused why", "host-ipc invalid why"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var bad []harden.WaiverView
	for _, v := range s.Waivers() {
		if v.State != harden.WaiverHolds {
			bad = append(bad, v)
		}
	}
	plan, err := s.Unwaive(t.Context(), bad, harden.PlanOptions{InSource: true})
	if err != nil || len(plan.Objects) != 1 || len(plan.Objects[0].Remove) != 3 || len(plan.LeftOut) != 1 {
		t.Fatalf("got %v, %+v", err, plan)
	}
}

// Reports ask the rules of the team, and say which rules it switched off.
func TestReportAsksTheConfiguration(t *testing.T) {
	s, _ := opened(t, logAgent, "version: 1\nrules: {disable: [host-network, host-pid, host-ipc]}\n")
	all, err := s.Report([]string{"pss-baseline", "pss-baseline"})
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d assessments, %v", len(all), err)
	}
	if _, err := s.Report([]string{"nope"}); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("an unknown standard: %v", err)
	}
	off := 0
	for _, section := range all[0].Sections {
		for _, v := range section.Verdicts {
			if strings.Contains(v.Why, "switched off") {
				off++
			}
		}
	}
	if off == 0 {
		t.Error("no control says that its rule is switched off")
	}
}
