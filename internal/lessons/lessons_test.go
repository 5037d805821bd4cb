package lessons

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const image = "registry.example.com/shop/web@sha256:0123"

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func planned(fixers ...string) *harden.ObjectPlan {
	op := &harden.ObjectPlan{Target: harden.Ref{Kind: "Deployment", Namespace: "shop", Name: "web"}}
	for _, id := range fixers {
		op.Fixes = append(op.Fixes, harden.PlannedFix{Finding: &harden.Finding{Fixer: &harden.Fixer{ID: id}, Container: harden.ContainerRef{Kind: harden.AppContainer, Name: "web"}}})
	}
	return op
}

func TestFrom(t *testing.T) {
	type want struct {
		kind         harden.LessonKind
		value, fixer string
	}
	for _, test := range []struct {
		name     string
		made     []string
		symptoms []harden.Symptom
		want     []want
	}{
		{
			"a path that is written to",
			[]string{readOnlyRoot, dropAll},
			[]harden.Symptom{{Kind: harden.SymptomReadOnly, Path: "/var/cache/app/index", Line: "open /var/cache/app/index: read-only file system"}},
			[]want{{kind: harden.LessonWrites, value: "/var/cache/app/index"}},
		},
		{
			"a write that names no path",
			[]string{readOnlyRoot},
			[]harden.Symptom{{Kind: harden.SymptomReadOnly, Line: "EROFS"}},
			[]want{{kind: harden.LessonBreaks, fixer: readOnlyRoot}},
		},
		{
			"the crash after a write says nothing more",
			[]string{readOnlyRoot, nonRoot},
			[]harden.Symptom{{Kind: harden.SymptomCrash, Line: "CrashLoopBackOff"}, {Kind: harden.SymptomReadOnly, Path: "/x/y", Line: "open /x/y: read-only file system"}},
			[]want{{kind: harden.LessonWrites, value: "/x/y"}},
		},
		{
			"a crash without a word: the riskiest change is suspected",
			[]string{seccomp, dropAll, nonRoot},
			[]harden.Symptom{{Kind: harden.SymptomCrash, Line: "CrashLoopBackOff"}},
			[]want{{kind: harden.LessonBreaks, fixer: nonRoot}},
		},
		{
			"chown",
			[]string{dropAll},
			[]harden.Symptom{{Kind: harden.SymptomOwner, Line: "chown: changing ownership of '/data': Operation not permitted"}},
			[]want{{kind: harden.LessonNeedsCapability, value: "CHOWN"}},
		},
		{
			"setgroups",
			[]string{dropAll},
			[]harden.Symptom{{Kind: harden.SymptomOwner, Line: "error: failed switching to \"redis\": setgroups: operation not permitted"}},
			[]want{{kind: harden.LessonNeedsCapability, value: "SETGID"}},
		},
		{
			"chown by another user than root",
			[]string{nonRoot},
			[]harden.Symptom{{Kind: harden.SymptomOwner, Line: "chown: Operation not permitted"}},
			[]want{{kind: harden.LessonBreaks, fixer: nonRoot}},
		},
		{
			"a port",
			[]string{dropAll, seccomp},
			[]harden.Symptom{{Kind: harden.SymptomBind, Line: "bind() to 0.0.0.0:80 failed (13: Permission denied)"}},
			[]want{{kind: harden.LessonNeedsCapability, value: "NET_BIND_SERVICE"}},
		},
		{
			"T23",
			[]string{seccomp, dropAll},
			[]harden.Symptom{{Kind: harden.SymptomSeccomp, Line: "pthread_create failed: Operation not permitted"}},
			[]want{{kind: harden.LessonBreaks, fixer: seccomp}},
		},
		{
			"a token",
			[]string{token},
			[]harden.Symptom{{Kind: harden.SymptomToken, Line: "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory"}},
			[]want{{kind: harden.LessonNeedsToken}},
		},
		{
			"a file that only root may read, root without capabilities",
			[]string{dropAll},
			[]harden.Symptom{{Kind: harden.SymptomDenied, Path: "/data/x", Line: "open /data/x: permission denied"}},
			[]want{{kind: harden.LessonNeedsCapability, value: "DAC_OVERRIDE"}},
		},
		{
			"the kubelet refuses the user",
			[]string{nonRoot, dropAll},
			[]harden.Symptom{{Kind: harden.SymptomUser, Line: "container has runAsNonRoot and image will run as root"}},
			[]want{{kind: harden.LessonBreaks, fixer: nonRoot}},
		},
		{"quota is nothing that an image does", []string{nonRoot}, []harden.Symptom{{Kind: harden.SymptomRefusedPod, Line: "exceeded quota"}}, nil},
		{"an image that cannot be pulled", []string{nonRoot}, []harden.Symptom{{Kind: harden.SymptomImage, Line: "ImagePullBackOff"}}, nil},
		{"a write though nothing was made read-only", []string{nonRoot}, []harden.Symptom{{Kind: harden.SymptomReadOnly, Path: "/etc/x", Line: "read-only file system"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range test.symptoms {
				test.symptoms[i].Image, test.symptoms[i].Container = image, "web"
			}
			var got []want
			for _, l := range From(planned(test.made...), harden.Outcome{Symptoms: test.symptoms}, now) {
				if l.Image != "sha256:0123" || l.Container != "web" || l.Workload != "shop/Deployment/web" || l.Symptom == "" || !l.Time.Equal(now) {
					t.Errorf("lesson without its origin: %+v", l)
				}
				got = append(got, want{l.Kind, l.Value, l.Fixer})
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A sidecar that fails does not speak against what was done to another container.
func TestFromAnotherContainer(t *testing.T) {
	s := harden.Symptom{Kind: harden.SymptomReadOnly, Path: "/x", Line: "read-only file system", Container: "proxy", Image: image}
	if got := From(planned(readOnlyRoot), harden.Outcome{Symptoms: []harden.Symptom{s}}, now); len(got) != 0 {
		t.Errorf("learnt %+v from a container that was not changed", got)
	}
}

func TestStore(t *testing.T) {
	store := Open(t.TempDir())
	if all, err := store.Load(); err != nil || len(all) != 0 {
		t.Fatalf("a new store holds %v, %v", all, err)
	}
	first := harden.Lesson{Image: "sha256:0123", Kind: harden.LessonWrites, Value: "/var/cache/app", Symptom: "old", Time: now}
	other := harden.Lesson{Image: "sha256:0123", Kind: harden.LessonBreaks, Fixer: nonRoot, Time: now}
	if _, err := store.Add(first, other); err != nil {
		t.Fatal(err)
	}
	again := first
	again.Symptom = "new"
	if _, err := store.Add(again); err != nil {
		t.Fatal(err)
	}
	all, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]harden.Lesson{"sha256:0123": {other, again}}, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, err := os.Stat(store.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: %v, %v; want 0600", info, err)
	}
}

func TestStoreDamaged(t *testing.T) {
	for name, text := range map[string]string{"torn": `{"apiVersion":`, "newer": `{"apiVersion": "kubectl-harden.github.io/lessons/v9"}`} {
		t.Run(name, func(t *testing.T) {
			store := Open(t.TempDir())
			if err := os.WriteFile(store.Path(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Load(); err == nil || !strings.Contains(err.Error(), store.Path()) {
				t.Errorf("Load() = %v, want an error that names the file", err)
			}
			if _, err := store.Add(harden.Lesson{Image: "x"}); err == nil {
				t.Error("Add() replaced a file that it could not read")
			}
			if got, _ := os.ReadFile(store.Path()); string(got) != text {
				t.Error("the file was changed")
			}
		})
	}
}
