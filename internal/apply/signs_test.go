package apply

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// podWith is a pod with one container in a state.
func podWith(status corev1.ContainerStatus) *corev1.Pod {
	status.Name = "web"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1"},
		Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{Name: "web", Image: "example.com/web:1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{status}},
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func ended(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}}
}

var running = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

func TestSignsOfAPod(t *testing.T) {
	evicted := podWith(corev1.ContainerStatus{State: running})
	evicted.Status.Phase, evicted.Status.Reason, evicted.Status.Message = corev1.PodFailed, "Evicted", `Usage of EmptyDir volume "tmp" exceeds the limit "1Mi".`
	shutDown := podWith(corev1.ContainerStatus{State: running})
	shutDown.Status.Phase, shutDown.Status.Reason = corev1.PodFailed, "NodeShutdown"
	for _, test := range []struct {
		name      string
		pod       *corev1.Pod
		tolerated map[string]int32
		kind      harden.SymptomKind // empty: no sign
		line      string
	}{
		{"runs", podWith(corev1.ContainerStatus{State: running}), map[string]int32{}, "", ""},
		{"is being made", podWith(corev1.ContainerStatus{State: waiting("ContainerCreating", "")}), map[string]int32{}, "", ""},
		{"pull fails once", podWith(corev1.ContainerStatus{State: waiting("ErrImagePull", "no such host")}), map[string]int32{}, "", ""},
		{"pull fails", podWith(corev1.ContainerStatus{State: waiting("ImagePullBackOff", "back-off")}), map[string]int32{}, harden.SymptomImage, "ImagePullBackOff: back-off"},
		{"user", podWith(corev1.ContainerStatus{State: waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")}), map[string]int32{}, harden.SymptomUser, "runAsNonRoot"},
		{"runtime refuses", podWith(corev1.ContainerStatus{State: waiting("RunContainerError", `exec: "/run.sh": permission denied: unknown`)}), map[string]int32{}, harden.SymptomDenied, "/run.sh"},
		{"crash loop", podWith(corev1.ContainerStatus{RestartCount: 2, State: waiting("CrashLoopBackOff", "back-off 20s"), LastTerminationState: ended(1, "Error", "")}), nil, harden.SymptomCrash, "CrashLoopBackOff: back-off 20s (last exit code 1)"},
		{"crash with a message", podWith(corev1.ContainerStatus{RestartCount: 2, State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended(1, "Error", "open /data/x: read-only file system\n")}), nil, harden.SymptomReadOnly, "read-only file system"},
		{"OOM", podWith(corev1.ContainerStatus{RestartCount: 1, State: running, LastTerminationState: ended(137, "OOMKilled", "")}), map[string]int32{}, harden.SymptomMemory, "OOMKilled"},
		{"killed by a system call", podWith(corev1.ContainerStatus{RestartCount: 1, State: running, LastTerminationState: ended(159, "Error", "")}), map[string]int32{}, harden.SymptomSeccomp, "159: killed for a system call"},
		{"not executable", podWith(corev1.ContainerStatus{State: ended(126, "Error", "")}), map[string]int32{}, harden.SymptomCrash, "126: the program may not be executed"},
		{"not found", podWith(corev1.ContainerStatus{State: ended(127, "Error", "")}), map[string]int32{}, harden.SymptomCrash, "127: the program was not found"},
		{"segmentation fault", podWith(corev1.ContainerStatus{State: ended(139, "Error", "")}), map[string]int32{}, harden.SymptomCrash, "139: segmentation fault"},
		{"restarted once", podWith(corev1.ContainerStatus{RestartCount: 1, State: running, LastTerminationState: ended(1, "Error", "")}), map[string]int32{}, harden.SymptomCrash, "it ended: last exit code 1"},
		{"restarted as often as before", podWith(corev1.ContainerStatus{RestartCount: 1, State: running, LastTerminationState: ended(1, "Error", "")}), map[string]int32{"web": 1}, "", ""},
		{"restarted more often than before", podWith(corev1.ContainerStatus{RestartCount: 2, State: running, LastTerminationState: ended(1, "Error", "")}), map[string]int32{"web": 1}, harden.SymptomCrash, "it ended"},
		{"a pod of before may have restarted", podWith(corev1.ContainerStatus{RestartCount: 9, State: running, LastTerminationState: ended(1, "Error", "")}), nil, "", ""},
		{"evicted", evicted, map[string]int32{}, harden.SymptomCrash, `Evicted: Usage of EmptyDir volume "tmp"`},
		{"evicted, a pod of before", evicted, nil, "", ""},
		{"node shuts down", shutDown, map[string]int32{}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			signs := signsOf(test.pod, test.tolerated)
			if test.kind == "" {
				if len(signs) > 0 {
					t.Errorf("signs %+v, want none", signs)
				}
				return
			}
			if len(signs) != 1 || signs[0].Kind != test.kind || !strings.Contains(signs[0].Line, test.line) {
				t.Errorf("signs %+v, want one of kind %q with %q", signs, test.kind, test.line)
			}
		})
	}
}

func TestSignNamesTheImageThatRuns(t *testing.T) {
	const digest = "example.com/web@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	p := podWith(corev1.ContainerStatus{State: waiting("CrashLoopBackOff", ""), ImageID: digest})
	if got := signsOf(p, nil)[0].Image; got != digest {
		t.Errorf("image %q, want %q", got, digest)
	}
	p.Status.ContainerStatuses[0].ImageID = ""
	if got := signsOf(p, nil)[0].Image; got != "example.com/web:1" {
		t.Errorf("image %q, want that of the spec", got)
	}
}

func TestPersistentEvents(t *testing.T) {
	now := time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }
	for _, test := range []struct {
		name  string
		event corev1.Event
		want  bool
	}{
		{"once", corev1.Event{Count: 1, FirstTimestamp: at(0), LastTimestamp: at(0)}, false},
		{"often, at once", corev1.Event{Count: 5, FirstTimestamp: at(0), LastTimestamp: at(5 * time.Second)}, false},
		{"often, for long", corev1.Event{Count: 5, FirstTimestamp: at(0), LastTimestamp: at(time.Minute)}, true},
		{"series", corev1.Event{EventTime: metav1.NewMicroTime(now), Series: &corev1.EventSeries{Count: 4, LastObservedTime: metav1.NewMicroTime(now.Add(time.Minute))}}, true},
	} {
		if got := persistent(&test.event); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSoakIsAsLongAsProbesNeed(t *testing.T) {
	probe := func(delay, period int32) *corev1.Probe {
		return &corev1.Probe{InitialDelaySeconds: delay, PeriodSeconds: period}
	}
	for _, test := range []struct {
		name     string
		asked    time.Duration
		minReady time.Duration
		probe    *corev1.Probe
		want     time.Duration
	}{
		{"default", 0, 0, nil, 30 * time.Second},
		{"asked for less", time.Second, 0, nil, time.Second},
		{"short probe", 0, 0, probe(0, 10), 30 * time.Second},
		{"long probe", 0, 0, probe(30, 10), 80 * time.Second},
		{"asked for less than the probe needs", time.Second, 0, probe(0, 10), 20 * time.Second},
		{"minReadySeconds", 0, time.Minute, probe(0, 10), time.Minute},
	} {
		spec := &corev1.PodSpec{InitContainers: []corev1.Container{{StartupProbe: test.probe}}, Containers: []corev1.Container{{}}}
		if got := soakFor(test.asked, &rollout{minReady: test.minReady, template: spec}); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestNewFindingsAtPlacesOfTheChange(t *testing.T) {
	o := recordOf(t, map[string]any{"securityContext": map[string]any{"runAsUser": int64(0)}})
	o.Baseline.Findings = []string{}
	find := func(field string, status harden.Status) *harden.Finding {
		return &harden.Finding{Fixer: &harden.Fixer{ID: field}, Field: field, Status: status}
	}
	got := openedBy(o, []*harden.Finding{
		find("spec.template.spec.containers[web].securityContext.runAsUser", harden.StatusFail),
		find("spec.template.spec.containers[web].securityContext", harden.StatusFail),
		find("spec.template.spec.containers[web].securityContext.runAsUser", harden.StatusWaived),
		find("spec.template.spec.containers[web].securityContext.seccompProfile", harden.StatusFail), // it had nothing to say before
		find("spec.template.spec.containers[sidecar].securityContext.runAsUser", harden.StatusFail),
		find("", harden.StatusFail),
	})
	if len(got) != 2 || slices.ContainsFunc(got, func(f *harden.Finding) bool { return f.Status != harden.StatusFail }) {
		t.Errorf("opened %v, want those at and around runAsUser of web", names(got))
	}
	o.Baseline.Findings = nil
	if got := openedBy(o, got); len(got) > 0 {
		t.Errorf("opened %v, want none: what was wrong before is not known", names(got))
	}
}
