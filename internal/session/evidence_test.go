package session

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// lookerStub answers with the same facts for everything, and remembers what it was asked for.
type lookerStub struct {
	user     string
	asked    []harden.ImageKey
	workload []string
}

func (l *lookerStub) images(_ context.Context, wanted map[harden.ImageKey][]*harden.Workload, _ harden.EvidenceOptions, progress func(done, total int)) map[harden.ImageKey]*harden.ImageFacts {
	found := map[harden.ImageKey]*harden.ImageFacts{}
	for key, workloads := range wanted {
		l.asked = append(l.asked, key)
		for _, w := range workloads {
			l.workload = append(l.workload, w.Ref.Name)
		}
		found[key] = &harden.ImageFacts{Known: true, User: l.user, Files: &harden.ImageFiles{}}
	}
	progress(len(found), len(found))
	return found
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
