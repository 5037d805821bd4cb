package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var (
	fixer = &harden.Fixer{
		ID: "run-as-non-root", Title: "Containers must be proven non-root", Area: harden.AreaPod, Severity: harden.High, Doc: "Why it matters.",
		Refs: []harden.Reference{{Standard: "PSS", ID: "restricted: running as non-root"}},
		Fix:  func(*harden.Pass, *harden.Finding) []harden.Fix { return nil },
	}
	detect = &harden.Fixer{ID: "netpol-no-default-deny", Title: "New pods start open", Area: harden.AreaNetwork, Severity: harden.Medium, Doc: "Why."}
	web    = harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	app    = harden.ContainerRef{Kind: harden.AppContainer, Name: "web"}

	root = &harden.Finding{
		Fixer: fixer, Object: web, Container: app, Severity: harden.Medium, Base: harden.High, SeverityWhy: "nobody looked into the image",
		Field: "spec.template.spec.containers[web].securityContext.runAsNonRoot", Reason: "may run as root", Detail: "runAsNonRoot is unset",
	}
	unknown = &harden.Finding{
		Fixer: detect, Object: harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: "shop"}, Status: harden.StatusUnknown,
		Severity: harden.Medium, Base: harden.Medium, Reason: "NetworkPolicies may not be read",
	}
	fix = harden.Fix{
		Title: "Require a non-root user", Class: harden.Review, Warning: "a root image will not start",
		Evidence: []harden.Claim{{Code: "E-IMG-CONFIG", State: harden.Missing, Text: "nobody looked at the image's user"}},
		Changes:  []harden.Change{harden.SetSecurityContext(web, app, map[string]any{"runAsNonRoot": true})},
	}
)

func scan(findings ...*harden.Finding) *Scan {
	return &Scan{
		Result: &harden.Result{
			Inventory: &harden.Inventory{
				Cluster: harden.Cluster{Server: "https://127.0.0.1", Context: "lab"}, Scope: []string{"shop"},
				Workloads: []*harden.Workload{{Ref: web}}, Objects: 3,
				Unread: []harden.Unread{{Resource: "networkpolicies.networking.k8s.io", Namespace: "shop", Why: "forbidden: may not list"}},
			},
			Findings: findings,
			Counts:   map[string]harden.Counts{"run-as-non-root": {Fail: 1, Pass: 2}},
		},
		Findings: findings,
		Fixes: func(f *harden.Finding) []harden.Fix {
			if f == root {
				return []harden.Fix{fix}
			}
			return nil
		},
	}
}

func equal(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		t.Errorf("output differs (-want +got):\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := scan(root, unknown).Table(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `
SEVERITY          RULE                    OBJECT               CONTAINER  REASON                           FIX
medium            run-as-non-root         shop/Deployment/web  app:web    may run as root                  review
medium (unknown)  netpol-no-default-deny  Namespace/shop       -          NetworkPolicies may not be read  -

1 finding: 1 medium. Checked 1 workload in namespace "shop".
1 check could not be judged (unknown).
Not checked:
  networkpolicies.networking.k8s.io in namespace shop: forbidden: may not list
`, b.String())
}

// What could not be read is never passed over as "no findings".
func TestNothingFoundStillNamesWhatWasNotChecked(t *testing.T) {
	var b bytes.Buffer
	if err := scan().Table(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `
No findings. Checked 1 workload in namespace "shop".
Not checked:
  networkpolicies.networking.k8s.io in namespace shop: forbidden: may not list
`, b.String())
}

func TestNames(t *testing.T) {
	var b bytes.Buffer
	if err := scan(root, root, unknown).Names(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, "deployment.apps/web\nnamespace/shop\n", b.String())
}

func TestJSONDocument(t *testing.T) {
	var b bytes.Buffer
	if err := scan(root).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		APIVersion, Kind string
		Summary          struct {
			Findings   int
			BySeverity map[string]int
		}
		Findings []struct {
			ID, Severity, BaseSeverity, SeverityWhy, Status, Container, Field, Reason string
			Object                                                                    objectDoc
			Fixes                                                                     []struct {
				Title, Class, Warning string
				Evidence              []struct{ Code, State, Text string }
				Patch                 []struct {
					Verb string
					Set  map[string]any
				}
			}
		}
		NotChecked []unreadDoc
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	f := doc.Findings[0]
	got := []any{
		doc.APIVersion, doc.Kind, doc.Summary.Findings, doc.Summary.BySeverity["medium"], f.ID, f.Severity, f.BaseSeverity, f.SeverityWhy, f.Status,
		f.Container, f.Object, f.Fixes[0].Class, f.Fixes[0].Evidence[0].State, f.Fixes[0].Patch[0].Verb, doc.NotChecked[0].Why,
	}
	want := []any{
		"kubectl-harden.github.io/v1alpha1", "ScanReport", 1, 1, "run-as-non-root", "medium", "high", "nobody looked into the image", "fail",
		"app:web",
		objectDoc{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		"review", "missing", "apply", "forbidden: may not list",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(fix.Changes[0].Set.Object, f.Fixes[0].Patch[0].Set); diff != "" {
		t.Error(diff)
	}
}

// Findings are written one by one, and read as one document all the same.
func TestJSONHoldsAllFindings(t *testing.T) {
	for _, findings := range [][]*harden.Finding{{}, {root}, {root, unknown, root}} {
		s := scan(findings...)
		var got, want bytes.Buffer
		if err := s.JSON(&got); err != nil {
			t.Fatal(err)
		}
		doc := s.document()
		for _, f := range findings {
			doc.Findings = append(doc.Findings, s.finding(f))
		}
		if err := writeJSON(&want, doc); err != nil {
			t.Fatal(err)
		}
		equal(t, want.String(), got.String())
	}
}

func testPlan() *Plan {
	flux := harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "api"}
	return &Plan{Plan: &harden.Plan{
		Live: true,
		Objects: []*harden.ObjectPlan{
			{
				Target: web, Set: fix.Changes[0].Set, Fixes: []harden.PlannedFix{{Finding: root, Fix: fix}}, Restarts: 1,
				Diff:   "--- live/shop/Deployment/web\n+++ fixed/shop/Deployment/web\n",
				DryRun: &harden.DryRun{Conflicts: []harden.Conflict{{Field: ".spec.replicas", Manager: "helm"}}, Warnings: []string{"would violate"}},
			},
			{
				Target: flux, Set: harden.Partial(flux), Fixes: []harden.PlannedFix{{Finding: root, Fix: fix}}, Restarts: 1,
				Owner: &harden.Owner{
					Name: "Flux", What: "kustomization apps/shop", Manager: "kustomize-controller", Applies: true, Next: "every 10m\x1b[2J", Unknown: "its repository",
					Origin: &harden.Origin{Teller: "Kustomization apps/shop", Path: "./shop", More: []harden.Origin{{Repository: "https://git.example.com/x"}}},
				},
				Fate: harden.Contested, Delivery: harden.DeliverSource, DeliveryWhy: "Flux would undo it.",
				Fields: []harden.FieldOwners{
					{Field: ".spec.a"},
					{Field: ".spec.b", Managers: []harden.FieldOwner{{Manager: "kustomize-controller", Applies: true}}},
					{Field: ".spec.c", Managers: []harden.FieldOwner{{Manager: "kubectl-edit"}}},
					{Field: ".spec.d", Managers: []harden.FieldOwner{{Manager: "kustomize-controller", Applies: true}}},
				},
				Remove: []harden.Path{fieldpath.MakePathOrDie("spec", "paused")},
			},
		},
		LeftOut: []harden.LeftOut{{Finding: root, Why: "detection only"}, {Finding: root, Why: "detection only"}},
		PodSecurity: []harden.PodSecurity{
			{Object: web, Before: "baseline", After: "restricted"},
			{Object: flux, Before: "baseline", After: "baseline", Open: []harden.PodSecurityControl{{Level: "restricted", ID: "seccompProfile_restricted", Reason: "seccompProfile", Why: "no fix for it was asked for"}}},
		},
	}}
}

func TestDiffIsStillADiff(t *testing.T) {
	var b bytes.Buffer
	if err := testPlan().Diff(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `
# shop/Deployment/web: 1 fix, 1 rollout
#   review   run-as-non-root [app:web]: Require a non-root user
#            missing E-IMG-CONFIG
#            warning: a root image will not start
#   server: conflict: .spec.replicas is held by manager "helm"
#   server: warning: would violate
--- live/shop/Deployment/web
+++ fixed/shop/Deployment/web

# shop/Deployment/api: 1 fix, 1 rollout, owned by Flux kustomization apps/shop, not to be changed live (source)
#   review   run-as-non-root [app:web]: Require a non-root user
#            missing E-IMG-CONFIG
#            warning: a root image will not start
#   Flux writes next: every 10m[2J
#   not known: its repository
#   held by kubectl-edit (Update): .spec.c
#   held by kustomize-controller (Apply): .spec.b, .spec.d
#   Flux would undo it.
# partial object for the manifests of the owner:
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: api
#   namespace: shop

# Missing evidence, which is why fixes are of class review:
#   E-IMG-CONFIG: nobody looked at the image's user
#   (--images looks into images, --probe into running containers, --kubelets at the kubelets)
# 2 fixes for 2 objects: 1 Deployment to change (1 rollout); 1 object not to be changed live: 1 Deployment.
# 2 findings left as they are:
#   shop/Deployment/web  run-as-non-root (app:web): detection only
# Pod Security after this plan:
#   shop/Deployment/web: baseline -> restricted
#   shop/Deployment/api: baseline
#     not restricted, seccompProfile: no fix for it was asked for
`, b.String())
}

func TestPlanYAMLHoldsPartialObjects(t *testing.T) {
	var b bytes.Buffer
	if err := testPlan().YAML(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `
---
# shop/Deployment/web: 1 fix, 1 rollout
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
      - name: web
        securityContext:
          runAsNonRoot: true
---
# shop/Deployment/api: 1 fix, 1 rollout, owned by Flux kustomization apps/shop, not to be changed live (source)
# to be removed, which no partial object can say: .spec.paused
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
`, b.String())
}

func TestPlanJSON(t *testing.T) {
	var b bytes.Buffer
	if err := testPlan().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	objects := m["objects"].([]any)
	first, second := objects[0].(map[string]any), objects[1].(map[string]any)
	got := []any{m["kind"], m["live"], first["delivery"], second["delivery"], second["remove"], first["dryRun"].(map[string]any)["accepted"], len(m["leftOut"].([]any))}
	want := []any{"FixPlan", true, "live", "source", []any{".spec.paused"}, false, 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	type o = map[string]any
	owner := []any{second["fate"], second["owner"], second["fields"].([]any)[:2]}
	wantOwner := []any{
		"contested",
		o{
			"name": "Flux", "what": "kustomization apps/shop", "manager": "kustomize-controller", "applies": true, "next": "every 10m\x1b[2J", "unknown": "its repository",
			"origin": o{"teller": "Kustomization apps/shop", "path": "./shop", "more": []any{o{"repository": "https://git.example.com/x"}}},
		},
		[]any{o{"field": ".spec.a", "managers": []any{}}, o{"field": ".spec.b", "managers": []any{o{"name": "kustomize-controller", "operation": "Apply"}}}},
	}
	if diff := cmp.Diff(wantOwner, owner); diff != "" {
		t.Error(diff)
	}
}

func TestOutcomes(t *testing.T) {
	var b bytes.Buffer
	err := Outcomes(&b, &harden.ApplyReport{ID: "20260101-1", Outcomes: []harden.Outcome{
		{Object: web, Phase: harden.Proven, Fixed: []*harden.Finding{root}},
		{Object: web, Phase: harden.NotFixed, Open: []*harden.Finding{root}},
		{Object: web, Phase: harden.Refused, Err: errors.New("forbidden")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, `
shop/Deployment/web: proven: 1 finding gone
shop/Deployment/web: applied, not fixed
  still there: run-as-non-root app:web: may run as root
shop/Deployment/web: refused: forbidden
To take it back: kubectl harden undo 20260101-1
`, b.String())
}

func TestHistory(t *testing.T) {
	var b bytes.Buffer
	err := History(&b, []harden.Record{{ID: "p1", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Objects: []harden.RecordObject{{Object: web, Fixes: []string{"a", "b"}, State: harden.RecordApplied}}}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, `
PLAN  TIME                  OBJECT               STATE    FIXES
p1    2026-01-02T03:04:05Z  shop/Deployment/web  applied  a,b
`, b.String())
}

func TestQuestionStatesCounts(t *testing.T) {
	p := testPlan().Plan
	got := Question(&harden.Plan{Objects: p.Objects})
	if want := "Change 2 Deployments (2 rollouts: pods will be replaced)?"; got != want {
		t.Errorf("Question = %q, want %q", got, want)
	}
}

func TestExplainAndRules(t *testing.T) {
	var b bytes.Buffer
	if err := Explain(&b, fixer); err != nil {
		t.Fatal(err)
	}
	equal(t, `
RULE:      run-as-non-root
WHAT:      Containers must be proven non-root
SEVERITY:  high
AREA:      pod
FIX:       yes

Why it matters.

REFERENCES:
  PSS restricted: running as non-root
`, b.String())
	b.Reset()
	if err := Rules(&b, []*harden.Fixer{fixer, detect}); err != nil {
		t.Fatal(err)
	}
	equal(t, `
RULE                    SEVERITY  AREA     FIX             WHAT IS WRONG
netpol-no-default-deny  medium    network  detection only  New pods start open
run-as-non-root         high      pod      yes             Containers must be proven non-root
`, b.String())
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("pipe is closed") }

func TestWritersReportAClosedPipe(t *testing.T) {
	for name, write := range map[string]func() error{
		"table": func() error { return scan(root).Table(brokenPipe{}) },
		"json":  func() error { return scan(root).JSON(brokenPipe{}) },
		"names": func() error { return scan(root).Names(brokenPipe{}) },
		"diff":  func() error { return testPlan().Diff(brokenPipe{}) },
		"yaml":  func() error { return testPlan().YAML(brokenPipe{}) },
	} {
		if err := write(); err == nil {
			t.Errorf("%s: a failed write is not reported", name)
		}
	}
}

func TestAttempt(t *testing.T) {
	var b bytes.Buffer
	out := harden.Outcome{
		Object: web, Phase: harden.RolledBack, Message: "taken back",
		Symptoms: []harden.Symptom{{Pod: "web-1", Container: "web", Line: "open /var/cache/app/index: read-only file system"}},
	}
	learnt := []harden.Lesson{
		{Image: "sha256:0123", Kind: harden.LessonWrites, Value: "/var/cache/app/index"},
		{Image: "sha256:0123", Kind: harden.LessonNeedsCapability, Value: "CHOWN"},
		{Image: "sha256:0123", Kind: harden.LessonNeedsToken},
		{Image: "sha256:0123", Kind: harden.LessonBreaks, Fixer: "seccomp-profile-missing"},
	}
	if err := Attempt(&b, 2, out, learnt, "nothing is left to try"); err != nil {
		t.Fatal(err)
	}
	equal(t, `
shop/Deployment/web: attempt 2: rolled back: taken back
  seen: pod web-1, container web: open /var/cache/app/index: read-only file system
  learnt about sha256:0123: it writes to /var/cache/app/index
  learnt about sha256:0123: it needs the capability CHOWN
  learnt about sha256:0123: it uses its ServiceAccount token
  learnt about sha256:0123: seccomp-profile-missing breaks it
  no further attempt: nothing is left to try
`, b.String())
}
