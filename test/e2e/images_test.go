package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
	testscans "github.com/kubectl-harden/kubectl-harden/test/scans"
)

const deploymentOf = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - {name: app, image: "%[2]s"}
---
`

// A scannedImages is what images -o json says, as far as tests read it.
type scannedImages struct {
	Images []struct {
		References []string
		Facts      struct {
			Known bool
			Why   string
		}
		Scan struct {
			Known           bool
			OS              struct{ EndOfLife bool }
			Source          struct{ Kind string }
			Vulnerabilities []struct{ ID, Severity, Fixed string }
			Secrets         []struct{ Rule, Path string }
		}
	}
}

func (u *user) images(t *testing.T, code int, args ...string) (scannedImages, result) {
	t.Helper()
	r := u.harden(t, append([]string{"images", "-o", "json"}, args...)...)
	if r.code != code {
		t.Fatalf("kubectl harden images %s: %s", strings.Join(args, " "), r)
	}
	var found scannedImages
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, r)
	}
	return found, r
}

// From a namespace to the images that matter; one that is not there keeps no
// other from being looked into, and everything is known without the registry
// afterwards.
func TestImagesOfANamespace(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	registry := testscans.Serve(t)
	refs := registry.PushCorpus(t)
	database := registry.PushDatabase(t, time.Now())
	manifests := fmt.Sprintf(deploymentOf, "absent", registry.Host+"/absent:1")
	for _, name := range []string{"alpine", "alpine-secrets", "end-of-life"} {
		manifests += fmt.Sprintf(deploymentOf, name, refs[name])
	}
	manifests += fmt.Sprintf(deploymentOf, "alpine-again", refs["alpine"])
	kubectlApply(t, l, ns, manifests)

	u := admin(t, l)
	found, r := u.images(t, 2, "-n", ns, "--db-repository", database)
	if !strings.Contains(r.stderr, "1 of 4 images") || !strings.Contains(r.stderr, "/absent:1") {
		t.Errorf("what could not be looked into is not named: %s", r)
	}
	if len(found.Images) != 4 {
		t.Fatalf("%d images, want 4: one runs twice", len(found.Images))
	}
	expected := testscans.Expectation(t)
	for _, i := range found.Images {
		ref := i.References[0]
		if strings.Contains(ref, "/absent:1") {
			if i.Facts.Known || i.Scan.Known || !strings.Contains(i.Facts.Why, "absent") {
				t.Errorf("%s: %+v", ref, i)
			}
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(ref, registry.Host+"/"), ":")
		want := expected[name+" linux/amd64"]
		if !i.Facts.Known || !i.Scan.Known || len(i.Scan.Vulnerabilities) != len(want.Vulnerabilities) || len(i.Scan.Secrets) != len(want.Secrets) || i.Scan.OS.EndOfLife != want.EndOfLife {
			t.Errorf("%s: got %+v, want %+v", name, i, want)
		}
	}

	t.Run("rules", func(t *testing.T) {
		failing := map[string]bool{}
		for _, f := range u.scan(t, "-n", ns, "--vulnerabilities", "--db-repository", database, "--only", "image-vulnerabilities,image-secrets,image-end-of-life").Findings {
			failing[f.Object.Name+" "+f.ID+" "+f.Status] = true
		}
		for _, want := range []string{
			"alpine image-vulnerabilities fail", "alpine-again image-vulnerabilities fail", "alpine-secrets image-secrets fail",
			"end-of-life image-end-of-life fail", "absent image-vulnerabilities unknown",
		} {
			if !failing[want] {
				t.Errorf("no %q in %v", want, failing)
			}
		}
	})

	t.Run("offline", func(t *testing.T) {
		registry.Fetched()
		again, _ := u.images(t, 2, "-n", ns, "--offline")
		if times, bytes := registry.Fetched(); bytes > 0 {
			t.Logf("%v", times)
			t.Errorf("%d bytes were fetched", bytes)
		}
		known := 0
		for _, i := range again.Images {
			if i.Scan.Known {
				known++
			}
		}
		if known != 3 {
			t.Errorf("%d images are known without a network, want 3", known)
		}
	})

	t.Run("no database", func(t *testing.T) {
		u := admin(t, l)
		found, r := u.images(t, 2, "-n", ns, "--offline")
		for _, i := range found.Images {
			if i.Scan.Known || len(i.Scan.Vulnerabilities) > 0 {
				t.Errorf("without a database: %+v", i)
			}
		}
		if !strings.Contains(r.stderr, "could not be looked into") {
			t.Errorf("%s", r)
		}
	})
}

// Without images being asked for, neither registry nor database is touched.
func TestScanTouchesNoRegistry(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	registry := testscans.Serve(t)
	kubectlApply(t, l, ns, fmt.Sprintf(deploymentOf, "alpine", registry.PushCorpus(t)["alpine"]))
	u := admin(t, l)
	registry.Fetched()
	u.ok(t, "scan", "-n", ns)
	u.ok(t, "fix", "-n", ns, "--dry-run")
	if times, _ := registry.Fetched(); len(times) > 0 {
		t.Errorf("the registry was asked for %v", times)
	}
	if _, err := os.Stat(filepath.Join(u.home, ".cache")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cache was made (%v)", err)
	}
}

// The nearest tag that clears most is proposed, scanned and pinned; another
// major version is not.
func TestNewerTagIsProposed(t *testing.T) {
	t.Parallel()
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	registry := testscans.Serve(t)
	database := registry.PushDatabase(t, time.Now())
	digest := ""
	for _, i := range testscans.Corpus(t) {
		switch i.Name {
		case "alpine":
			registry.Push(t, "shop/web:1.2.3", i.Image)
		case "alpine-upgraded":
			registry.Push(t, "shop/web:1.2.4", i.Image)
			hash, err := i.Image.Digest()
			if err != nil {
				t.Fatal(err)
			}
			digest = hash.String()
		case "nothing":
			registry.Push(t, "shop/web:2.0.0", i.Image)
		}
	}
	kubectlApply(t, l, ns, fmt.Sprintf(deploymentOf, "web", registry.Host+"/shop/web:1.2.3"))
	kubectl(t, l, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	u := admin(t, l)
	args := []string{"fix", "deployment/web", "-n", ns, "--only", "image-vulnerabilities", "--updates", "--vulnerabilities", "--db-repository", database}
	r := u.ok(t, append(args, "--dry-run", "-o", "yaml")...)
	if want := registry.Host + "/shop/web:1.2.4@" + digest; !strings.Contains(r.stdout, want) {
		t.Fatalf("%s is not proposed: %s", want, r)
	}
	if r := u.ok(t, append(args, "--yes")...); strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), digest) {
		t.Errorf("a newer tag was applied though nobody reviewed it: %s", r)
	}
	u.ok(t, append(args, "--yes", "--class", "review", "--force-conflicts")...)
	if !strings.Contains(toJSON(t, get(t, l, ns, "deployment/web")), digest) {
		t.Error("the newer tag was not applied")
	}
}

// An image that is pinned by evidence goes on to run as it ran, under the
// digest of what the tag names.
func TestPinningKeepsWhatRuns(t *testing.T) {
	t.Parallel()
	l := labtest.Containers(t)
	ns := labtest.Namespace(t, l)
	w := run(t, l, ns, "numeric")["numeric"]
	running := func() string {
		return kubectl(t, l, "get", "pods", "-n", ns, "-l", "app="+w.Name, "--field-selector", "status.phase=Running", "-o", `jsonpath={.items[*].status.containerStatuses[*].imageID}`)
	}
	before := strings.Fields(running())
	u := admin(t, l)
	u.ok(t, "fix", w.object(), "-n", ns, "--only", "image-not-pinned", "--images", "--insecure-registry", l.Registry(), "--yes", "--class", "evidence", "--force-conflicts")
	if image := w.template(t, l, ns).Spec.Containers[0].Image; !strings.Contains(image, "/numeric:v1@sha256:") {
		t.Fatalf("the image is not pinned: %s", image)
	}
	kubectl(t, l, "rollout", "status", "-n", ns, w.object(), "--timeout=2m")
	for _, id := range strings.Fields(running()) {
		if id != before[0] {
			t.Errorf("a pod runs %s, and ran %s", id, before[0])
		}
	}
}
