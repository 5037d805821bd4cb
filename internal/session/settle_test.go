package session

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// configured opens a session over manifests under a configuration.
func configured(t *testing.T, manifests, text string) (*Session, *harden.Snapshot) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(path, []byte(manifests), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(".harden.yaml", []byte(text), fixers.Suite(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenFiles([]string{path}, nil, FileOptions{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	snap, err := s.Load(context.Background(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	return s, snap
}

func foundOn(t *testing.T, snap *harden.Snapshot, rule, object string) *harden.Finding {
	t.Helper()
	i := slices.IndexFunc(snap.Findings, func(f *harden.Finding) bool { return f.Fixer.ID == rule && f.Object.Name == object })
	if i < 0 {
		t.Fatalf("%s is not found on %s", rule, object)
	}
	return snap.Findings[i]
}

const settledObjects = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec:
      hostNetwork: true
      containers: [{name: kube-proxy, image: "registry.k8s.io/kube-proxy:v1.37.2", securityContext: {privileged: true}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: true
      containers: [{name: web, image: "registry.example.com/web:1", tty: true}]
`

func TestFindingsAreSettled(t *testing.T) {
	until := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	s, snap := configured(t, settledObjects, `
version: 1
rules:
  severity: {memory-limit: high}
  disable: [seccomp-profile-missing]
waivers:
- {rule: host-network, namespace: shop, reason: "password=Xk29dLq81mZpR4tv was needed", until: `+until+`}
custom-rules:
- id: no-terminal
  title: has a terminal
  each: container
  expression: container.?tty.orValue(false) == false
`)
	if f := foundOn(t, snap, "host-network", "web"); f.Status != harden.StatusWaived || strings.Contains(f.Excuse.Reason, "Xk29dLq81mZpR4tv") {
		t.Errorf("status %s, excuse %+v: want it waived, and no credential in the reason", f.Status, f.Excuse)
	}
	for _, rule := range []string{"host-network", "privileged-container"} {
		if f := foundOn(t, snap, rule, "kube-proxy"); f.Status != harden.StatusExpected {
			t.Errorf("%s of kube-proxy is %s, want it expected", rule, f.Status)
		}
	}
	if f := foundOn(t, snap, "memory-limit", "web"); f.Severity != harden.High {
		t.Errorf("memory-limit is %s", f.Severity)
	}
	if f := foundOn(t, snap, "no-terminal", "web"); f.Status != harden.StatusFail {
		t.Errorf("the custom rule is %s", f.Status)
	}
	if slices.ContainsFunc(s.Rules(), func(f *harden.Fixer) bool { return f.ID == "seccomp-profile-missing" || f.Off }) {
		t.Error("a rule runs that is disabled, or off")
	}
}

// What docs/configuration.md shows goes with the rules that there are.
func TestDocumentedConfiguration(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ := strings.Cut(rest, "```\n")
	if _, err := config.Parse(".harden.yaml", []byte(block), fixers.Suite(), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Error(err)
	}
}

func TestFixesOfVendorsAreTold(t *testing.T) {
	fixer := &harden.Fixer{ID: "x", Subject: harden.SubjectFinding, Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: "do it", Class: harden.Safe, Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"a": "b"})}}}
	}}
	s := &Session{engine: newEngine(nil)}
	for namespace, want := range map[string]int{"kube-system": 0, "calico-system": 0, "shop": 1} {
		f := &harden.Finding{Fixer: fixer, Object: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: "web"}}
		live := &harden.Inventory{Cluster: harden.Cluster{Server: "https://127.0.0.1"}}
		fixes := s.fixes(live, f)
		if len(fixes) != 1 || len(fixes[0].Changes) != want || want == 0 && (fixes[0].Manual == "" || fixes[0].Class != harden.Review) {
			t.Errorf("%s: fixes are %+v, want one with %d changes", namespace, fixes, want)
		}
		if fixes = s.fixes(&harden.Inventory{}, f); len(fixes[0].Changes) != 1 {
			t.Errorf("%s, in files: who edits the manifest owns it", namespace)
		}
	}
}
