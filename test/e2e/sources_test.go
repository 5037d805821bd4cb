package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// checkout unpacks files below a folder of the test's own.
func checkout(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// onlyAdded fails when a line of before is not in after, in its order.
func onlyAdded(t *testing.T, before, after string) {
	t.Helper()
	rest := strings.SplitAfter(after, "\n")
	for _, line := range strings.SplitAfter(before, "\n") {
		found := false
		for i, l := range rest {
			if l == line {
				rest, found = rest[i+1:], true
				break
			}
		}
		if !found {
			t.Errorf("the line %q was changed:\n%s", line, after)
			return
		}
	}
}

// allClasses takes every fix, whatever speaks for it.
const allClasses = "--class=safe,evidence,review"

const overlays = `
-- base/kustomization.yaml --
# What every environment has.
resources:
  - web.yaml
-- base/web.yaml --
# The shop window.
apiVersion: apps/v1
kind: Deployment
metadata:
    name: web   # as the Service knows it
spec:
    replicas: 1
    selector: {matchLabels: {app: web}}

    template:
        metadata:
            labels: {app: web}
        spec:
            containers:
                # One process.
                - name: web
                  image: example.com/web:1
-- overlays/blue/kustomization.yaml --
resources: [../../base]
namespace: BLUE
nameSuffix: -blue
images:
  - name: example.com/web
    newTag: "7" # promoted by hand
-- overlays/green/kustomization.yaml --
resources:
- ../../base
namespace: GREEN
nameSuffix: -green
`

// A workload that Flux applies from an overlay: the cluster is not touched, the
// overlay gets a patch, and once Flux has applied it the findings are gone.
func TestOverlayGetsThePatch(t *testing.T) {
	l := labtest.Shared(t)
	blue, green := labtest.Namespace(t, l), labtest.Namespace(t, l)
	u := admin(t, l)
	dir := checkout(t, strings.NewReplacer("BLUE", blue, "GREEN", green).Replace(overlays))
	flux := func(overlay string) {
		kubectl(t, l, "apply", "--server-side", "--field-manager=kustomize-controller", "-k", filepath.Join(dir, "overlays", overlay))
	}
	flux("blue")
	flux("green")
	before := get(t, l, blue, "deployment/web-blue")
	base := read(t, dir, "base/web.yaml")

	r := u.ok(t, "fix", "-n", blue, "--only", "run-as-non-root,allow-privilege-escalation,drop-all-capabilities", allClasses, "--source", dir, "--yes")
	if got := get(t, l, blue, "deployment/web-blue"); got.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("the cluster was written to: %s", r)
	}
	if got := read(t, dir, "base/web.yaml"); got != base {
		t.Errorf("the base, which green has too, was changed:\n%s", got)
	}
	onlyAdded(t, strings.NewReplacer("BLUE", blue).Replace("resources: [../../base]\nnamespace: BLUE\nnameSuffix: -blue\nimages:\n  - name: example.com/web\n    newTag: \"7\" # promoted by hand\n"), read(t, dir, "overlays/blue/kustomization.yaml"))

	flux("blue")
	flux("green")
	failing := u.scan(t, "-n", blue).failing("Deployment/web-blue")
	for _, rule := range []string{"run-as-non-root app:web", "allow-privilege-escalation app:web", "drop-all-capabilities app:web"} {
		if failing[rule] {
			t.Errorf("%s is still there after Flux applied the overlay", rule)
		}
	}
	if !strings.Contains(toJSON(t, get(t, l, blue, "deployment/web-blue")), `"example.com/web:7"`) {
		t.Error("the image of the overlay is lost")
	}
	if !u.scan(t, "-n", green).failing("Deployment/web-green")["run-as-non-root app:web"] {
		t.Error("green was changed too")
	}
	again := u.ok(t, "fix", "-n", blue, "--only", "run-as-non-root,allow-privilege-escalation,drop-all-capabilities", allClasses, "--source", dir, "--yes")
	if !strings.Contains(again.stderr, "Nothing to write") {
		t.Errorf("the second run changes something: %s", again)
	}
}

// Two places that bring the same object: none is chosen.
func TestAmbiguousSourcesAreNamed(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	dir := checkout(t, "-- one/web.yaml --"+restrictedFailing+"-- two/web.yaml --"+restrictedFailing)
	r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", allClasses, "--source", dir, "--yes")
	if r.code != 2 || !strings.Contains(r.stderr, "one/web.yaml") || !strings.Contains(r.stderr, "two/web.yaml") {
		t.Errorf("both places should be named: %s", r)
	}
	if got := read(t, dir, "one/web.yaml") + read(t, dir, "two/web.yaml"); strings.Contains(got, "runAsNonRoot") {
		t.Errorf("a place was guessed:\n%s", got)
	}
	r = u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", allClasses, "--source", t.TempDir(), "--yes")
	if r.code != 2 || !strings.Contains(r.stderr, "no manifests, kustomizations or charts") {
		t.Errorf("an empty folder should be named: %s", r)
	}
	other := checkout(t, "-- other.yaml --"+strings.ReplaceAll(restrictedFailing, "name: web", "name: other"))
	r = u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", allClasses, "--source", other, "--yes")
	if r.code != 2 || !strings.Contains(r.stderr, "Deployment/web") {
		t.Errorf("an object that nothing brings should be named: %s", r)
	}
	r = u.ok(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", allClasses, "--source", filepath.Join(dir, "two"), "--yes")
	onlyAdded(t, strings.TrimPrefix(restrictedFailing, "\n"), read(t, dir, "two/web.yaml"))
	kubectl(t, l, "apply", "-n", ns, "-f", filepath.Join(dir, "two/web.yaml"))
	if u.scan(t, "-n", ns).failing("Deployment/web")["run-as-non-root app:web"] {
		t.Errorf("the finding is still there: %s", r)
	}
}

// Patches for a kustomization that somebody has: a component.
func TestComponentOfPatches(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	web(t, l, ns)
	dir := checkout(t, "-- kustomization.yaml --\nnamespace: "+ns+"\nresources: [web.yaml]\ncomponents: [harden]\n-- web.yaml --"+restrictedFailing)
	out := filepath.Join(dir, "harden")
	u.ok(t, "fix", "-n", ns, "--only", "run-as-non-root,drop-all-capabilities", allClasses, "-o", "kustomize", "--out", out, "--yes")
	kubectl(t, l, "apply", "-k", dir)
	failing := u.scan(t, "-n", ns).failing("Deployment/web")
	if failing["run-as-non-root app:web"] || failing["drop-all-capabilities app:web"] {
		t.Errorf("the findings are still there:\n%s", kubectl(t, l, "kustomize", dir))
	}
}

// A chart whose values have a key for it.
func TestValuesOfAChart(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	u := admin(t, l)
	dir := checkout(t, `
-- chart/Chart.yaml --
apiVersion: v2
name: web
version: 1.0.0
-- chart/values.yaml --
# How many.
replicas: 1

# What the container may do.
securityContext: {}
-- chart/templates/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app.kubernetes.io/managed-by: {{ .Release.Service }}}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        securityContext: {{- toYaml .Values.securityContext | nindent 10 }}
`)
	installed := strings.Replace(restrictedFailing, "  name: web\n", "  name: web\n  labels: {app.kubernetes.io/managed-by: Helm}\n  annotations: {meta.helm.sh/release-name: web, meta.helm.sh/release-namespace: "+ns+"}\n", 1)
	installed = strings.Replace(strings.Replace(installed, "          runAsUser: 1001\n", "", 1), "        securityContext:\n", "", 1)
	kubectlApply(t, l, ns, strings.Replace(installed, "replicas: 2", "replicas: 1", 1), "--field-manager=helm")
	values := read(t, dir, "chart/values.yaml")
	u.ok(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root,allow-privilege-escalation", allClasses, "--source", dir, "--yes")
	got := read(t, dir, "chart/values.yaml")
	onlyAdded(t, strings.Replace(values, "securityContext: {}\n", "", 1), got)
	for _, want := range []string{"runAsNonRoot: true", "allowPrivilegeEscalation: false"} {
		if !strings.Contains(got, want) {
			t.Errorf("the values do not say %s:\n%s", want, got)
		}
	}
}

// Manifests are edited byte for byte, and the API server takes them.
func TestFilesInPlace(t *testing.T) {
	l := labtest.Shared(t)
	u := admin(t, l)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/shop")); err != nil {
		t.Fatal(err)
	}
	args := []string{"fix", "-f", dir, "--in-place", allClasses, "--skip", "netpol-missing-ingress,netpol-missing-egress"}
	dry := u.ok(t, append(args, "--dry-run")...)
	if strings.Contains(read(t, dir, "20-web.yaml"), "runAsNonRoot: true") || !strings.Contains(dry.stdout, "+++ b/") {
		t.Fatalf("a dry run wrote, or shows no diff: %s", dry)
	}
	if r := u.harden(t, append(args, "--yes")...); !strings.Contains(r.stderr, " 0 still there") {
		t.Errorf("what was fixed is still found: %s", r.stderr)
	}
	for _, name := range []string{"20-web.yaml", "21-api.yaml", "24-postgres.yaml"} {
		var comments []string
		for line := range strings.Lines(read(t, "../../examples/shop", name)) {
			if strings.Contains(line, "#") {
				comments = append(comments, line)
			}
		}
		onlyAdded(t, strings.Join(comments, ""), read(t, dir, name))
	}
	// Some fixes wait for others: a container that is no longer privileged may lose its capabilities.
	u.harden(t, append(args, "--yes")...)
	if r := u.harden(t, append(args, "--yes")...); !strings.Contains(r.stderr, "Nothing to write") {
		t.Errorf("it does not come to an end: %s", r)
	}
	kubectl(t, l, "apply", "-f", dir, "--dry-run=client")
}
