package tui

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A scan asks first, fills the rows as results come, and is judged at its end.
func TestScanStreams(t *testing.T) {
	f := newFake()
	drive(t, f, Options{Evidence: harden.EvidenceOptions{PullSecrets: true, Signatures: true}}, wide, high, func(d *driver) {
		gate := make(chan struct{})
		f.stream(gate)
		var asked harden.EvidenceOptions
		gather := f.gather
		f.gather = func(o harden.EvidenceOptions) (*harden.Snapshot, error) { asked = o; return gather(o) }
		d.press("ctrl+r", "i")
		d.has("0 scanned")
		d.press("s", "y")
		d.has("Scan images?", "8 images of 8 workloads", "pull secrets", "Downloads a vulnerability database")
		if len(f.looked) > 0 {
			t.Fatal("looked without a consent")
		}
		d.wait(armAfter)
		d.press("y")
		d.has("vulnerability database 12 MB of 95 MB", "x stop")
		gate <- struct{}{}
		d.settle()
		d.has("2/1", "1 scanned", "looking at images 1/5")
		d.hasNot("2 scanned")
		d.press("s")
		d.has("still looking: x stops it")
		for range 8 { // kube-proxy is not in view
			gate <- struct{}{}
		}
		d.settle()
		d.has("3 scanned", "database 5h old", "looked: 2 not possible: ", "! details")
		if want := (harden.EvidenceOptions{Images: true, Vulnerabilities: true, PullSecrets: true, Signatures: true}); asked != want {
			t.Errorf("looked with %+v, want %+v", asked, want)
		}
		// What nobody could scan is not 0.
		d.press("end")
		d.press("up")
		line := lineOf(d.screen(), "▸")
		if !strings.Contains(line, "search") || strings.Count(line, "?") < 7 || strings.Contains(line, " 0") {
			t.Errorf("image that was not scanned: %s", line)
		}
	})
}

func lineOf(screen, part string) string {
	for _, l := range strings.Split(screen, "\n") {
		if strings.Contains(l, part) {
			return l
		}
	}
	return ""
}

// A scan goes on when its screen is left, and can be stopped; what was found stays.
func TestScanIsStopped(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		gate := make(chan struct{})
		f.stream(gate)
		d.press("ctrl+r", "i", "s")
		d.wait(armAfter)
		d.press("y")
		gate <- struct{}{}
		d.settle()
		d.press("esc")
		d.has("looking at images 1/5")
		d.press("x")
		d.has("stopped looking")
		d.press("x")
		d.has("stop: nothing is being looked at")
	})
}

// The proposal of a newer tag is the same finding as on the browse screen: it is
// marked, planned and left from the image.
func TestFixFromAnImage(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("i", "enter", "f")
		d.has("fix: only findings are marked")
		d.press("shift+tab")
		d.has("[Used by 1]", "image-vulnerabilities")
		d.press("down", "space")
		d.has("1 marked")
		d.press("f")
		d.has("Plan", "shop/deploy/web", "Use tag 2.14.3")
		d.press("esc")
		d.has("[Used by 1]")
		d.press("up", "enter")
		d.has("Findings  deploy/web", "✓▲ high image-vulnerabilities", "1 marked")
		if got := d.m.current(); got == nil || got.Fixer.ID != "image-vulnerabilities" {
			t.Errorf("the cursor is on %v", got)
		}
	})
}

func TestImageLists(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		first := func() string { return lineOf(d.screen(), "▸") }
		d.press("i", "g")
		d.has("images by name")
		d.press("home")
		if !strings.Contains(first(), "identity/login") {
			t.Errorf("first by name: %s", first())
		}
		d.press("g", "home")
		if !strings.Contains(first(), "shop/web") { // the oldest
			t.Errorf("first by age: %s", first())
		}
		// The head of the list sorts, too.
		d.clickOn("size")
		d.has("images by size")
		d.press("/")
		d.typeText("cve-2026-60006")
		d.press("enter")
		d.has("1 found", "cache:2.14.0")
		d.hasNot("checkout:2.14.0")
		d.press("/")
		for range 14 {
			d.press("backspace")
		}
		d.typeText("class:safe")
		d.has(`! no term "class" here: use severity, ns, name`)
		d.press("esc")
		d.press("home", "/")
		d.typeText("ns:payments")
		d.press("enter")
		d.has("1 found", "fraud:2.14.0")
		d.press("esc", "g", "home", "enter")
		d.has("[Vulnerabilities 6]", "by severity")
		d.press("g", "home")
		if !strings.Contains(first(), "CVE-2026-10001") {
			t.Errorf("first with a fix: %s", first())
		}
		d.press("g", "home")
		if !strings.Contains(first(), "bash") {
			t.Errorf("first by package: %s", first())
		}
		d.press("/")
		d.typeText("severity:high+")
		d.press("enter")
		d.has("3 found")
		d.hasNot("bash")
		d.press("home", "enter")
		d.has("a deep document ends the process")
		d.hasNot("[Vulnerabilities 6]") // the text fills the frame
		d.press("esc", "esc", "esc")
		d.has("3 scanned")
	})
}

// The list is about the workloads that the browse screen shows.
func TestImagesInView(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("/")
		d.typeText("ns:payments")
		d.press("enter", "i")
		d.has("fraud:2.14.0", "1/1")
		d.hasNot("web:2.14.0", "cache:2.14.0")
		d.press("s")
		d.has("1 image of 1 workload")
	})
}

// Why an image could not be scanned stands where its vulnerabilities would.
func TestImageThatCouldNotBeScanned(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, 80, 24, func(d *driver) {
		d.press("i", "/")
		d.typeText("fraud")
		d.press("enter", "enter")
		d.has("[Vulnerabilities ?]  Secrets ?", "could not be scanned: timed out after 5m0s")
		d.hasNot("✓")
	})
}

// An image that is gone while it is open leads back to the list.
func TestImageThatGoesAway(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("i", "enter")
		d.has("[Vulnerabilities 6]")
		s := scanned()
		s.Generation = 3
		s.Inventory.Workloads = slices.DeleteFunc(s.Inventory.Workloads, func(w *harden.Workload) bool { return w.Ref.Name == "web" })
		f.send(s)
		d.settle()
		d.has("Images", "cache:2.14.0")
		d.hasNot("[Vulnerabilities", "shop/web:2.14.0")
	})
}

func TestUnratedIsNotInfo(t *testing.T) {
	f := newFake()
	withScans(f)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("i", "enter", "end")
		d.has("· unrated", "CVE-2026-50005")
	})
}

// The question before a scan can be read whole where there is little room.
func TestConsentFits(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, 45, 13, func(d *driver) {
		d.press("i", "s")
		d.wait(armAfter)
		d.has("Scan images?", "8 images", "credentials", "in a cache", "database", "unless a new one is", "y scan")
	})
}
