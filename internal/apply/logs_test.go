package apply

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// recordOf is the journal's view of a change of the container web of a Deployment.
func recordOf(t *testing.T, fields map[string]any) *journal.Object {
	t.Helper()
	ref := harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	a := &Applier{converter: converter()}
	set, err := plan.FieldSet(harden.SetContainer(ref, web, fields).Set, a.converter)
	if err != nil {
		t.Fatal(err)
	}
	o := &journal.Object{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	for _, path := range plan.Paths(set) {
		if !isKeyField(path) {
			o.Leaves = append(o.Leaves, journal.Leaf{Path: journal.Path(path)})
		}
	}
	return o
}

// A logServer stands for the pods/log endpoint: one log for each pod, the newest line last.
type logServer struct {
	mu      sync.Mutex
	current map[string]string // by pod; lines with their time
	former  map[string]string
	status  int // of every answer, if not 200
	asked   int
}

var logStart = time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)

// stamped gives each line a time, a second apart.
func stamped(from int, lines ...string) string {
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%s %s\n", logStart.Add(time.Duration(from+i)*time.Second).Format(time.RFC3339Nano), line)
	}
	return b.String()
}

func (s *logServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.status != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.status)
		reason := map[int]string{403: "Forbidden", 400: "BadRequest", 500: "InternalError"}[s.status]
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"pods \"web-1\" is forbidden","code":%d}`, reason, s.status)
		return
	}
	parts := strings.Split(r.URL.Path, "/") // /api/v1/namespaces/NS/pods/POD/log
	logs := s.current
	if r.URL.Query().Get("previous") == "true" {
		logs = s.former
	}
	since, _ := time.Parse(time.RFC3339, r.URL.Query().Get("sinceTime"))
	for line := range strings.Lines(logs[parts[6]]) {
		stamp, text, _ := strings.Cut(line, " ")
		at, _ := time.Parse(time.RFC3339Nano, stamp)
		switch {
		case at.Before(since):
		case r.URL.Query().Get("timestamps") == "true":
			fmt.Fprint(w, line)
		default:
			fmt.Fprint(w, text)
		}
	}
}

func logsOf(t *testing.T, s *logServer, noise ...string) *logs {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	a, err := New(Options{Config: &rest.Config{Host: server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return a.newLogs(noise, nil)
}

func logPod(name string, restarts int32) corev1.Pod {
	p := podWith(corev1.ContainerStatus{State: running, RestartCount: restarts})
	if restarts > 0 {
		p.Status.ContainerStatuses[0].LastTerminationState = ended(1, "Error", "")
	}
	p.Name, p.Namespace, p.UID, p.Spec.NodeName = name, "shop", types.UID(name), "node"
	p.Spec.Containers[0].Image = "example.com/web:1"
	p.CreationTimestamp = metav1.NewTime(logStart)
	return *p
}

func TestLogScanFindsEachLineOnce(t *testing.T) {
	s := &logServer{current: map[string]string{"web-1": stamped(0, "starting", "open /data/x: read-only file system")}}
	l := logsOf(t, s)
	pods := []corev1.Pod{logPod("web-1", 0)}
	found := l.scan(t.Context(), pods)
	if len(found) != 1 || found[0].Kind != harden.SymptomReadOnly || found[0].Path != "/data/x" || found[0].Pod != "web-1" || found[0].Container != "web" || found[0].Image != "example.com/web:1" {
		t.Fatalf("found %+v, want the write to /data/x", found)
	}
	if again := l.scan(t.Context(), pods); len(again) > 0 {
		t.Errorf("the same line was found again: %+v", again)
	}
	s.mu.Lock()
	s.current["web-1"] += stamped(2, "ready", "chown: /data: Operation not permitted")
	s.mu.Unlock()
	if late := l.scan(t.Context(), pods); len(late) != 1 || late[0].Kind != harden.SymptomOwner {
		t.Errorf("found %+v, want the line that came since", late)
	}
}

func TestLogNoiseOfBeforeDoesNotCount(t *testing.T) {
	s := &logServer{current: map[string]string{
		"old":   stamped(0, "2026/07/30 [alert] 7#7: setgid(101) failed (1: Operation not permitted)", "open /etc/x: permission denied"),
		"web-1": stamped(0, "2026/07/31 [alert] 12#12: setgid(101) failed (1: Operation not permitted)", "stat /etc/x: permission denied"),
	}}
	noise := logsOf(t, s).before(t.Context(), []corev1.Pod{logPod("old", 0)})
	for _, n := range noise {
		if len(n) != 16 || strings.Contains(n, " ") {
			t.Errorf("the journal would hold %q, want a hash only", n)
		}
	}
	l := logsOf(t, s, noise...)
	if found := l.scan(t.Context(), []corev1.Pod{logPod("web-1", 0)}); len(found) > 0 {
		t.Errorf("noise of before was taken for a symptom: %+v", found)
	}
	s.mu.Lock()
	s.current["web-1"] += stamped(9, "open /etc/other: permission denied")
	s.mu.Unlock()
	if found := l.scan(t.Context(), []corev1.Pod{logPod("web-1", 0)}); len(found) != 1 || found[0].Path != "/etc/other" {
		t.Errorf("found %+v, want the other path", found)
	}
}

// The cause of a crash stands in the log of the instance before.
func TestCauseOfACrash(t *testing.T) {
	pods := []corev1.Pod{logPod("web-1", 1)}
	bare := harden.Symptom{Kind: harden.SymptomCrash, Pod: "web-1", Container: "web", Line: "CrashLoopBackOff"}
	for _, test := range []struct {
		name            string
		former, current []string
		first           harden.SymptomKind
		line            string
		count           int
	}{
		{"in the instance before", []string{"nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)"}, []string{"starting"}, harden.SymptomBind, "bind()", 2},
		{"in this one", nil, []string{"runtime/cgo: pthread_create failed: Operation not permitted"}, harden.SymptomSeccomp, "pthread_create", 2},
		{"nowhere", []string{"connecting", "panic: no route to host", ""}, nil, harden.SymptomCrash, "its log ends with: panic: no route to host", 1},
		{"no log", nil, nil, harden.SymptomCrash, "CrashLoopBackOff", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &logServer{former: map[string]string{"web-1": stamped(0, test.former...)}, current: map[string]string{"web-1": stamped(5, test.current...)}}
			w := &rolloutWatch{logs: logsOf(t, s)}
			got := w.explain(t.Context(), pods, []harden.Symptom{bare})
			if len(got) != test.count || got[0].Kind != test.first || !strings.Contains(got[0].Line, test.line) {
				t.Errorf("symptoms %+v, want %d, first %q with %q", got, test.count, test.first, test.line)
			}
		})
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	for _, test := range []struct {
		status int
		why    string
		asked  int // at most
	}{
		{http.StatusForbidden, "logs could not be read: ", parallelLogs},
		{http.StatusInternalServerError, "logs could not be read on node node: ", nodeFailures},
		{http.StatusBadRequest, "", 100}, // the container has not started
	} {
		s := &logServer{status: test.status}
		l := logsOf(t, s)
		pods := []corev1.Pod{logPod("web-1", 0)}
		for range 10 {
			if found := l.scan(t.Context(), pods); len(found) > 0 {
				t.Errorf("%d: found %+v", test.status, found)
			}
		}
		if why := l.unread(); !strings.HasPrefix(why, test.why) || (test.why == "") != (why == "") {
			t.Errorf("%d: why is %q, want %q", test.status, why, test.why)
		}
		if s.asked > test.asked {
			t.Errorf("%d: asked %d times", test.status, s.asked)
		}
	}
}

// A container that says more than can be read at once is read further next time.
func TestLogThatIsTooLong(t *testing.T) {
	filler := strings.Repeat("x", 1<<10)
	var lines []string
	for range 2 * maxLogBytes / len(filler) {
		lines = append(lines, filler)
	}
	s := &logServer{current: map[string]string{"web-1": stamped(0, append(lines, "open /data/x: read-only file system")...)}}
	l := logsOf(t, s)
	pods := []corev1.Pod{logPod("web-1", 0)}
	var found []harden.Symptom
	for range 4 {
		found = append(found, l.scan(t.Context(), pods)...)
	}
	if len(found) != 1 {
		t.Errorf("found %d symptoms, want the one at the end", len(found))
	}
}
