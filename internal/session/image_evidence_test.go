package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// A memory is a cluster that is only its inventory, with reports of a scanner in it.
type memory struct {
	inv     *harden.Inventory
	found   []cluster.Report
	unread  []harden.Unread
	namings []string // namespaces that reports were asked for
}

func (m *memory) title() string { return "memory" }
func (m *memory) live() bool    { return true }
func (m *memory) close()        {}
func (m *memory) read(context.Context, harden.Scope) (*harden.Inventory, error) {
	return m.inv, nil
}

func (m *memory) watch(context.Context, harden.Scope, *harden.Inventory) <-chan update { return nil }

func (m *memory) whole(context.Context, []string, func(done, total int)) (*harden.Inventory, error) {
	return nil, errors.New("there is no network")
}

func (m *memory) object(context.Context, harden.Ref) (*unstructured.Unstructured, error) {
	return nil, errors.New("there are no objects")
}

func (m *memory) reports(_ context.Context, namespaces []string, wanted func(repository, digest string) bool) ([]cluster.Report, []harden.Unread) {
	m.namings = namespaces
	return slices.DeleteFunc(slices.Clone(m.found), func(r cluster.Report) bool { return !wanted(r.Repository, r.Scan.Digest) }), m.unread
}

func sha(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

const repository = "registry.corp/team/app"

// running is a Deployment with a live pod on an amd64 node.
func running(name, image, digest string) string {
	return fmt.Sprintf(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: web, image: "%[2]s"}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: %[1]s-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: %[1]s, uid: u, controller: true}]
spec: {nodeName: a, containers: [{name: web, image: "%[2]s"}]}
status: {containerStatuses: [{name: web, image: x, imageID: "%[3]s", ready: true, restartCount: 0}]}
`, name, image, repository+"@"+digest)
}

const amdNode = `
---
apiVersion: v1
kind: Node
metadata: {name: a, labels: {kubernetes.io/os: linux}}
status: {nodeInfo: {architecture: amd64, operatingSystem: linux, bootID: "", containerRuntimeVersion: "", kernelVersion: "", kubeProxyVersion: "", kubeletVersion: "", machineID: "", osImage: "", systemUUID: ""}}
`

func key(digest string) harden.ImageKey {
	return harden.ImageKey{Reference: repository + "@" + digest, Platform: "linux/amd64"}
}

// trivial is a scan that found the vulnerabilities, all of them fixable.
func trivial(digest string, ids ...string) *harden.ImageScan {
	s := &harden.ImageScan{Known: true, SecretsKnown: true, Digest: digest, Platform: "linux/amd64", Source: harden.ScanSource{Kind: harden.ScanTrivy}, Time: fixtest.Now}
	for _, id := range ids {
		s.Vulnerabilities = append(s.Vulnerabilities, harden.Vulnerability{ID: id, Package: "p", Fixed: "2", Severity: harden.High})
	}
	return s
}

// sessionOver is a session over a cluster with these objects.
func sessionOver(t *testing.T, yaml string, look *lookerStub, source *memory) *Session {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	source.inv = fixtest.Load(t, yaml, fixtest.Live())
	s := newSession(source, look, nil, func() time.Time { return fixtest.Now })
	if _, err := s.Load(t.Context(), harden.Scope{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func statusOf(snap *harden.Snapshot, workload, fixer string) string {
	for _, f := range snap.Findings {
		if f.Object.Name == workload && f.Fixer.ID == fixer {
			return f.Status.String()
		}
	}
	return "pass"
}

// Each digest is scanned once, results come one by one, and stay.
func TestGatherScans(t *testing.T) {
	look := &lookerStub{scans: map[harden.ImageKey]*harden.ImageScan{key(sha("a")): trivial(sha("a"), "CVE-1"), key(sha("b")): trivial(sha("b"))}}
	yaml := running("one", repository+":1", sha("a")) + running("two", repository+":1", sha("a")) + running("three", repository+":3", sha("b")) + running("four", repository+":4", sha("c")) + amdNode
	s := sessionOver(t, yaml, look, &memory{})
	var told []string
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true, PullSecrets: true}, func(p harden.GatherProgress) {
		told = append(told, fmt.Sprintf("%s %d/%d %d", p.What, p.Done, p.Total, len(p.Facts.Scans)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]harden.ImageKey{key(sha("a")), key(sha("b")), key(sha("c"))}, look.scanned); diff != "" {
		t.Errorf("scanned (-want +got)\n%s", diff)
	}
	for _, want := range []string{"vulnerability database 5/10 0", "images 0/3 0", "images 1/3 1", "images 2/3 2", "images 3/3 3"} {
		if !slices.Contains(told, want) {
			t.Errorf("%q was not told, only %q", want, told)
		}
	}
	for name, want := range map[string]string{"one": "fail", "two": "fail", "three": "pass", "four": "unknown"} {
		if got := statusOf(snap, name, "image-vulnerabilities"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := statusOf(snap, "four", "image-not-scanned"); got != "fail" {
		t.Errorf("an image that could not be scanned: image-not-scanned is %s", got)
	}
	if why := snap.Inventory.Scans[key(sha("c"))].Why; !strings.Contains(why, "broken; no rights to read Secrets") {
		t.Errorf("why it was not scanned: %q", why)
	}
	look.scanned = nil
	if _, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]harden.ImageKey{key(sha("c"))}, look.scanned); diff != "" {
		t.Errorf("scanned again (-want +got)\n%s", diff)
	}
	if !slices.Contains(look.secrets, "two") {
		t.Errorf("pull secrets were read of %q, not of all who run the image", look.secrets)
	}
}

// What can be reached from outside is ranked up.
func TestGatherExposed(t *testing.T) {
	const open = "---\napiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {type: LoadBalancer, selector: {app: one}, ports: [{port: 80}]}\n"
	for _, test := range []struct {
		service string
		want    harden.Severity
		why     string
	}{{open, harden.High, "Service one of type LoadBalancer"}, {"", harden.Medium, ""}} {
		look := &lookerStub{scans: map[harden.ImageKey]*harden.ImageScan{key(sha("a")): trivial(sha("a"), "CVE-1")}}
		s := sessionOver(t, running("one", repository+":1", sha("a"))+amdNode+test.service, look, &memory{})
		snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(snap.Findings, func(f *harden.Finding) bool { return f.Fixer.ID == "image-vulnerabilities" })
		if f := snap.Findings[i]; f.Severity != test.want || !strings.Contains(f.SeverityWhy, test.why) {
			t.Errorf("with %q: %s, %s", test.why, f.Severity, f.SeverityWhy)
		}
	}
}

// Who stops a look keeps what was found until then, and learns nothing from what was not.
func TestGatherStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	look := &lookerStub{scans: map[harden.ImageKey]*harden.ImageScan{key(sha("a")): trivial(sha("a"), "CVE-1")}}
	s := sessionOver(t, running("one", repository+":1", sha("a"))+running("two", repository+":2", sha("b"))+amdNode, look, &memory{})
	_, err := s.Gather(ctx, nil, harden.EvidenceOptions{Vulnerabilities: true}, func(p harden.GatherProgress) {
		if p.What == "images" && p.Done == 1 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a look that was stopped: %v", err)
	}
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	if scans := snap.Inventory.Scans; len(scans) != 1 || !scans[key(sha("a"))].Known {
		t.Errorf("scans %v", scans)
	}
}

func TestGatherAsksNothingMore(t *testing.T) {
	look := &lookerStub{}
	s := sessionOver(t, running("one", repository+":1", sha("a"))+amdNode, look, &memory{found: []cluster.Report{{Repository: repository, Scan: trivial(sha("a"))}}})
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Images: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(look.scanned) > 0 || len(look.secrets) > 0 || len(snap.Inventory.Scans) > 0 || len(snap.Inventory.Signatures) > 0 || len(snap.Inventory.Updates) > 0 {
		t.Errorf("a look at images scanned %v, read pull secrets of %v, or asked more: %+v", look.scanned, look.secrets, snap.Inventory.Facts)
	}
	look.err = errors.New("no child process")
	if _, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil); err != nil {
		t.Errorf("a fresh report makes a scanner needless: %v", err)
	}
	s = sessionOver(t, running("one", repository+":1", sha("a"))+amdNode, look, &memory{})
	if _, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil); err == nil || !strings.Contains(err.Error(), "no child process") {
		t.Errorf("a scanner that cannot be: %v", err)
	}
}

// What was scanned weeks ago and kept holds as long as the database is the same.
func TestKeptScansHold(t *testing.T) {
	kept := trivial(sha("a"), "CVE-1")
	kept.Time = fixtest.Now.Add(-30 * 24 * time.Hour)
	look := &lookerStub{scans: map[harden.ImageKey]*harden.ImageScan{key(sha("a")): kept}}
	s := sessionOver(t, running("one", repository+":1", sha("a"))+amdNode, look, &memory{})
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := statusOf(snap, "one", "image-vulnerabilities"); got != "fail" {
		t.Errorf("got %s, want fail", got)
	}
}

// What a scanner in the cluster says is taken where it is about the running
// digest and of this week.
func TestGatherReports(t *testing.T) {
	report := func(digest string, age time.Duration) cluster.Report {
		scan := trivial(digest, "CVE-1")
		scan.Time, scan.Source = fixtest.Now.Add(-age), harden.ScanSource{Kind: harden.ScanVulnerabilityReport, Name: "default/r"}
		return cluster.Report{Repository: repository, Scan: scan}
	}
	day := 24 * time.Hour
	arm := strings.NewReplacer("name: a,", "name: b,", "amd64", "arm64").Replace(amdNode)
	onArm := strings.Replace(running("two", repository+":1", sha("a")), "nodeName: a", "nodeName: b", 1)
	for _, test := range []struct {
		name    string
		yaml    string
		reports []cluster.Report
		configs map[harden.ImageKey]string
		tags    map[string]*harden.ImageTag
		scanned int
	}{
		{"fresh", "", []cluster.Report{report(sha("a"), day)}, nil, nil, 0},
		{"old", "", []cluster.Report{report(sha("a"), 8*day)}, nil, nil, 1},
		{"the newest counts", "", []cluster.Report{report(sha("a"), 8*day), report(sha("a"), day)}, nil, nil, 0},
		{"another digest", "", []cluster.Report{report(sha("b"), day)}, nil, nil, 1},
		{"by the digest of the config", "", []cluster.Report{report(sha("c"), day)}, map[harden.ImageKey]string{key(sha("a")): sha("c")}, nil, 0},
		{"an index on two platforms", onArm + arm, []cluster.Report{report(sha("a"), day)}, nil, nil, 2},
		{"one platform of two", "", []cluster.Report{report(sha("a"), day)}, nil, map[string]*harden.ImageTag{repository + ":1": {Known: true, Platforms: map[string]string{"linux/amd64": sha("a")}}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			look := &lookerStub{configs: test.configs, tags: test.tags}
			source := &memory{found: test.reports, unread: []harden.Unread{{Resource: harden.VulnerabilityManifests, Why: "forbidden"}}}
			s := sessionOver(t, running("one", repository+":1", sha("a"))+test.yaml+amdNode, look, source)
			snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(look.scanned) != test.scanned {
				t.Errorf("scanned %v, want %d", look.scanned, test.scanned)
			}
			scan := snap.Inventory.Scans[key(sha("a"))]
			if test.scanned == 0 && (scan == nil || scan.Source.Name != "default/r" || scan.Platform != "linux/amd64" || scan.Digest != sha("a")) {
				t.Errorf("scan %+v", scan)
			}
			if test.name == "old" && (scan == nil || !scan.Known) {
				t.Errorf("where the image cannot be had, the old report is more than nothing: %+v", scan)
			}
			if snap.Inventory.Unreadable(harden.VulnerabilityManifests, "default") == "" || !snap.Inventory.NoWorkloads("elsewhere") {
				t.Errorf("unread: %v", snap.Inventory.Unread)
			}
		})
	}
}

func TestGatherSBOM(t *testing.T) {
	s := sessionOver(t, running("one", repository+":1", sha("a"))+amdNode, &lookerStub{}, &memory{})
	for range 2 { // what is known already is made anew
		got := ""
		if _, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{SBOM: harden.SBOMSPDX}, func(p harden.GatherProgress) {
			got += string(p.SBOMs[key(sha("a"))].Document)
		}); err != nil || got != "spdx" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// A signature may be that of the index while the runtime tells the platform.
func TestGatherSignatures(t *testing.T) {
	tag := map[string]*harden.ImageTag{repository + ":1": {Known: true, Digest: sha("e"), Platforms: map[string]string{"linux/amd64": sha("a")}}}
	for _, test := range []struct {
		name, runs string
		signed     string
		want       string
	}{
		{"nobody", sha("a"), sha("f"), "fail"},
		{"what runs", sha("a"), sha("a"), "pass"},
		{"the index of what runs", sha("a"), sha("e"), "pass"},
		{"the platform of what runs", sha("e"), sha("a"), "pass"},
		{"the tag moved on and is signed now", sha("c"), sha("e"), "fail"},
	} {
		t.Run(test.name, func(t *testing.T) {
			look := &lookerStub{tags: tag, signed: map[string][]string{test.signed: {"cosign"}}}
			s := sessionOver(t, running("one", repository+":1", test.runs)+amdNode, look, &memory{})
			snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Signatures: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := statusOf(snap, "one", "image-unsigned"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Newer tags are scanned before they are proposed; the one that clears the most
// comes first, and of two that clear the same the nearest.
func TestGatherUpdates(t *testing.T) {
	tag := func(index, platform string) *harden.ImageTag {
		return &harden.ImageTag{Known: true, Digest: sha(index), Platforms: map[string]string{"linux/amd64": sha(platform)}}
	}
	const current = repository + ":1.2.0"
	fresh := func() *lookerStub {
		return &lookerStub{
			list: map[string][]string{current: {"1.2.0", "1.2.1", "1.2.5", "1.9.0", "2.0.0", "latest"}},
			tags: map[string]*harden.ImageTag{
				current: tag("e", "a"), repository + ":1.2.1": tag("1", "1"), repository + ":1.2.5": tag("5", "5"), repository + ":1.9.0": tag("9", "9"), repository + ":2.0.0": tag("2", "2"),
			},
			scans: map[harden.ImageKey]*harden.ImageScan{
				key(sha("a")): trivial(sha("a"), "CVE-1", "CVE-2"), key(sha("1")): trivial(sha("1"), "CVE-1"), key(sha("5")): trivial(sha("5")), key(sha("9")): trivial(sha("9")),
			},
		}
	}
	for _, test := range []struct {
		name   string
		change func(*lookerStub)
		want   string // tags of the candidates; "unknown"
	}{
		{"the most first, then the nearest", func(*lookerStub) {}, "1.2.5 1.9.0 1.2.1"},
		{"what makes it worse comes last", func(l *lookerStub) {
			l.scans[key(sha("5"))] = &harden.ImageScan{Known: true, Vulnerabilities: []harden.Vulnerability{{ID: "CVE-9", Package: "q", Severity: harden.Critical}}}
		}, "1.9.0 1.2.1 1.2.5"},
		{"what cannot be scanned is not proposed", func(l *lookerStub) { delete(l.scans, key(sha("5"))) }, "1.9.0 1.2.1"},
		{"nor what is not there for the nodes", func(l *lookerStub) {
			l.tags[repository+":1.2.5"].Platforms = map[string]string{"linux/arm64": sha("5")}
		}, "1.9.0 1.2.1"},
		{"nor what is gone", func(l *lookerStub) { delete(l.tags, repository+":1.2.5") }, "1.9.0 1.2.1"},
		{"a new build of the same tag", func(l *lookerStub) {
			l.tags[current] = tag("d", "d")
			l.scans[key(sha("d"))] = trivial(sha("d"))
		}, "1.2.0 1.2.5 1.9.0 1.2.1"},
		{"the tags cannot be listed", func(l *lookerStub) { l.list = nil }, "unknown"},
		{"nothing to mend", func(l *lookerStub) { l.scans[key(sha("a"))] = trivial(sha("a")) }, "not looked for"},
	} {
		t.Run(test.name, func(t *testing.T) {
			look := fresh()
			test.change(look)
			// Scans are by the digest that is asked for: that of the index.
			for _, tag := range look.tags {
				if platform := tag.Platforms["linux/amd64"]; look.scans[key(platform)] != nil {
					look.scans[key(tag.Digest)] = look.scans[key(platform)]
				}
			}
			s := sessionOver(t, running("one", current, sha("a"))+amdNode, look, &memory{})
			snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Updates: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			switch u := snap.Inventory.Updates[current]; {
			case u == nil:
				got = []string{"not looked for"}
			case !u.Known:
				got = []string{"unknown"}
			default:
				for _, c := range u.Candidates {
					got = append(got, c.Tag)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Containers that are injected into pods are looked into as well.
func TestGatherInjected(t *testing.T) {
	yaml := strings.Replace(running("one", repository+":1", sha("a")), `spec: {nodeName: a, containers: [`, `spec: {nodeName: a, containers: [{name: proxy, image: "mesh.corp/proxy:1"}, `, 1)
	yaml = strings.Replace(yaml, "containerStatuses: [", `containerStatuses: [{name: proxy, image: x, imageID: "mesh.corp/proxy@`+sha("f")+`", ready: true, restartCount: 0}, `, 1)
	look := &lookerStub{scans: map[harden.ImageKey]*harden.ImageScan{{Reference: "mesh.corp/proxy@" + sha("f"), Platform: "linux/amd64"}: trivial(sha("f"), "CVE-1"), key(sha("a")): trivial(sha("a"))}}
	s := sessionOver(t, yaml+amdNode, look, &memory{})
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Vulnerabilities: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(snap.Findings, func(f *harden.Finding) bool { return f.Fixer.ID == "image-vulnerabilities" })
	if i < 0 || snap.Findings[i].Container.Name != "proxy" || snap.Findings[i].Lens != harden.Injected {
		t.Errorf("findings %v", fixtest.Reasons(snap.Findings))
	}
}

// askingRegistry asks a real registry, and makes up the rest.
type askingRegistry struct {
	*lookerStub
	reader *images.Reader
}

func (a askingRegistry) registry() registry { return a.reader }

// The runtime tells the digest of its platform; the registry knows the index
// that holds it, and with that the tag is pinned on evidence.
func TestPinsWhatTheRegistrySays(t *testing.T) {
	server := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	repository := strings.TrimPrefix(server.URL, "http://") + "/team/app"
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	ref, err := name.ParseReference(repository + ":main")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	platform, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	top, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	yaml := strings.ReplaceAll(running("one", repository+":main", platform.String())+amdNode, "registry.corp/team/app@", repository+"@")
	s := sessionOver(t, yaml, nil, &memory{})
	s.looker = askingRegistry{&lookerStub{}, images.New(images.Options{Keychain: authn.NewMultiKeychain()})}
	snap, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Images: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range snap.Findings {
		if f.Fixer.ID != "image-tag-mutable" {
			continue
		}
		fix := s.Fixes(f)[0]
		if fix.Class != harden.Evidence || !strings.Contains(fmt.Sprint(fix.Changes[0].Set.Object), repository+":main@"+top.String()) {
			t.Errorf("class %s, changes %v, evidence %v", fix.Class, fix.Changes, fix.Evidence)
		}
		return
	}
	t.Error("image-tag-mutable finds nothing")
}
