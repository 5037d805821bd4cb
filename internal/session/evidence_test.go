package session

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// lookerStub answers with the same facts for everything, and remembers what it was asked for.
type lookerStub struct {
	user  string
	scans map[harden.ImageKey]*harden.ImageScan // without one: unknown
	tags  map[string]*harden.ImageTag
	list  map[string][]string // tags by reference
	// configs are digests of configs.
	configs map[harden.ImageKey]string
	signed  map[string][]string // by digest
	err     error

	mu      sync.Mutex
	asked   []harden.ImageKey
	scanned []harden.ImageKey
	secrets []string // workloads whose pull secrets were read
}

func (l *lookerStub) credentials() func(context.Context, []*harden.Workload) (authn.Keychain, string) {
	return func(_ context.Context, of []*harden.Workload) (authn.Keychain, string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, w := range of {
			l.secrets = append(l.secrets, w.Ref.Name)
		}
		return nil, "no rights to read Secrets"
	}
}

func (l *lookerStub) scanner(_ context.Context, vulnerabilities bool, progress func(string, int64, int64)) (scanner, error) {
	if vulnerabilities {
		progress("vulnerability database", 5, 10)
	}
	return l, l.err
}

func (l *lookerStub) Look(ctx context.Context, wanted []images.Wanted, each func(images.Looked)) error {
	for _, w := range wanted {
		l.asked = append(l.asked, w.Key)
		looked := images.Looked{Key: w.Key, Facts: &harden.ImageFacts{Known: true, User: l.user, Files: &harden.ImageFiles{}}}
		if w.Scan {
			l.scanned = append(l.scanned, w.Key)
			if looked.Scan = l.scans[w.Key]; looked.Scan == nil {
				looked.Scan = &harden.ImageScan{Why: "broken"}
			}
		}
		if w.SBOM != "" {
			looked.SBOM = []byte(w.SBOM)
		}
		each(looked)
	}
	return ctx.Err()
}

func (l *lookerStub) flows() []harden.ObservedFlow { return nil }
func (l *lookerStub) registry() registry           { return l }

func (l *lookerStub) Resolve(_ context.Context, reference string, _ authn.Keychain) *harden.ImageTag {
	if t := l.tags[reference]; t != nil {
		return t
	}
	return &harden.ImageTag{Why: "not there"}
}

func (l *lookerStub) Tags(_ context.Context, reference string, _ authn.Keychain) ([]string, string) {
	if tags := l.list[reference]; tags != nil {
		return tags, ""
	}
	return nil, "not there"
}

func (l *lookerStub) Signatures(_ context.Context, _ string, digests []string, _ authn.Keychain) *harden.ImageSignature {
	s := &harden.ImageSignature{Known: true}
	for _, d := range digests {
		s.Found = append(s.Found, l.signed[d]...)
	}
	return s
}

func (l *lookerStub) ConfigDigest(_ context.Context, key harden.ImageKey, _ authn.Keychain) string {
	return l.configs[key]
}

func (l *lookerStub) probes(context.Context, []*corev1.Pod, func(done, total int)) map[harden.ProbeKey]*harden.Probe {
	return nil
}

func (l *lookerStub) kubelets(context.Context, []*corev1.Node) map[string]*harden.Kubelet { return nil }

func verdictOf(t *testing.T, snap *harden.Snapshot, name, fixer string) string {
	t.Helper()
	i := slices.IndexFunc(snap.Findings, func(f *harden.Finding) bool { return f.Object.Name == name && f.Fixer.ID == fixer })
	if i < 0 {
		return ""
	}
	return snap.Findings[i].Verdict
}

// What was looked at changes the verdict, for the workloads that were asked
// about only; it is looked at once, and stays when everything is read again.
func TestGather(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	look := &lookerStub{user: "1001"}
	s, err := OpenFiles([]string{"../../examples/shop"}, nil, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.looker = look
	if _, err := s.Gather(t.Context(), nil, harden.EvidenceOptions{Images: true}, nil); err == nil {
		t.Error("evidence about nothing: no error before anything was read")
	}
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(snap.Findings, func(f *harden.Finding) bool { return f.Verdict == "unknown-user" })
	if i < 0 {
		t.Fatal("the shop has no workload whose image decides the user")
	}
	f := snap.Findings[i]
	other := slices.IndexFunc(snap.Findings, func(g *harden.Finding) bool {
		return g.Verdict == "unknown-user" && g.Object.Name != f.Object.Name && g.Workload.Template.Spec.Containers[0].Image != f.Workload.Template.Spec.Containers[0].Image
	})
	if other < 0 {
		t.Fatal("the shop has no second workload of that kind")
	}
	otherName := snap.Findings[other].Object.Name

	told := 0
	snap, err = s.Gather(t.Context(), []*harden.Workload{f.Workload}, harden.EvidenceOptions{Images: true}, func(harden.GatherProgress) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if got := verdictOf(t, snap, f.Object.Name, "run-as-non-root"); got != "unenforced" {
		t.Errorf("verdict after the look: %q, want unenforced", got)
	}
	if got := verdictOf(t, snap, otherName, "run-as-non-root"); got != "unknown-user" {
		t.Errorf("verdict on a workload that was not looked at: %q, want unknown-user", got)
	}
	if told == 0 {
		t.Error("no progress was told")
	}
	asked := len(look.asked)
	if _, err := s.Gather(t.Context(), []*harden.Workload{f.Workload}, harden.EvidenceOptions{Images: true}, nil); err != nil || len(look.asked) != asked {
		t.Errorf("the same image was asked for twice: %v, %v", look.asked, err)
	}
	if snap, err = s.Load(t.Context(), harden.Scope{}); err != nil {
		t.Fatal(err)
	}
	if got := verdictOf(t, snap, f.Object.Name, "run-as-non-root"); got != "unenforced" {
		t.Errorf("verdict after reading again: %q, want unenforced", got)
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Gather(cancelled, nil, harden.EvidenceOptions{Images: true}, nil); err == nil {
		t.Error("a cancelled look is no error")
	}
}

// Of each set of images that pods run, the pod that has run longest is looked into.
func TestOneEach(t *testing.T) {
	pod := func(name, digest string, age time.Duration, phase corev1.PodPhase) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(-age))},
			Status:     corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "web", ImageID: "r.example.com/web@sha256:" + digest}}},
		}
	}
	w := &harden.Workload{Pods: []*corev1.Pod{
		pod("young", "1", time.Minute, corev1.PodRunning), pod("old", "1", time.Hour, corev1.PodRunning),
		pod("ended", "1", 2*time.Hour, corev1.PodSucceeded), pod("other", "2", time.Second, corev1.PodRunning),
	}}
	var got []string
	for _, p := range oneEach(w) {
		got = append(got, p.Name)
	}
	if want := []string{"old", "other"}; !slices.Equal(got, want) {
		t.Errorf("looked into %v, want %v", got, want)
	}
}
