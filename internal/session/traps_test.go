package session_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

func open(t *testing.T, text string) (*session.Session, *harden.Snapshot) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := session.OpenFiles([]string{path}, nil, session.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	return s, snap
}

// An init container that restarts always runs as long as the pod; an ordinary
// one ends before it starts.
func TestT09SidecarsRunAsLongAsThePod(t *testing.T) {
	_, snap := open(t, `
apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  initContainers:
  - {name: proxy, image: proxy:1, restartPolicy: Always}
  - {name: setup, image: setup:1}
  containers:
  - {name: app, image: app:1}
`)
	got := map[string]harden.Severity{}
	for _, f := range snap.Findings {
		if f.Fixer.ID == "memory-limit" {
			got[f.Container.String()] = f.Severity
		}
	}
	want := map[string]harden.Severity{"sidecar:proxy": harden.Medium, "app:app": harden.Medium, "init:setup": harden.Low}
	for c, severity := range want {
		if got[c] != severity {
			t.Errorf("%s: severity %v, want %v (all: %v)", c, got[c], severity, got)
		}
	}
}

func TestT35PodRulesSayNothingOfOtherObjects(t *testing.T) {
	_, snap := open(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: x}
rules: []
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: x}
`)
	for _, f := range snap.Findings {
		if f.Fixer.Area == harden.AreaPod {
			t.Errorf("%s on %s", f.Fixer.ID, f.Object)
		}
	}
	for id, n := range snap.Counts {
		if n.Pass+n.Fail > 0 && id == "run-as-non-root" {
			t.Errorf("%s: %+v", id, n)
		}
	}
}

const templated = `# the shop window
apiVersion: v1
kind: Pod
metadata:
  name: plain # stays
spec:
  containers:
  - name: app
    image: app:1
    securityContext:
      runAsUser: 1001 # from the image
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}
  {{- if .Values.labels }}
  labels: {{ toYaml .Values.labels }}
  {{- end }}
---
# the end
`

func TestT120TemplatesAreSkippedBesidePlainDocuments(t *testing.T) {
	s, snap := open(t, templated)
	said := false
	for _, u := range snap.Inventory.Unread {
		said = said || strings.Contains(u.Resource, "manifests.yaml") && strings.Contains(u.Why, "template")
	}
	if !said {
		t.Errorf("the template is not named as skipped: %+v", snap.Inventory.Unread)
	}
	plan, err := s.Plan(t.Context(), snap.Findings, harden.PlanOptions{Classes: []harden.Class{harden.Safe, harden.Evidence}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Rewrite(plan)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(templated, "      runAsUser: 1001 # from the image\n", "      runAsUser: 1001 # from the image\n      runAsNonRoot: true\n", 1)
	if string(out) != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}
