package apply

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// A death is where a run ends without a further word, as by kill -9: around the
// nth request that stores something (counted from 1), or at the first event of a
// phase.
type death struct {
	request int
	after   bool // when the server has stored it; else before it is sent
	phase   harden.Phase
}

func (d death) String() string {
	switch {
	case d.request == 0:
		return "at " + d.phase.String()
	case d.after:
		return fmt.Sprintf("after request %d", d.request)
	}
	return fmt.Sprintf("before request %d", d.request)
}

// dieAt applies a plan in a goroutine that ends at the given place, and returns
// the id of its journal entry. What its deferred calls do, the kernel does for a
// process that is killed: the lock is released.
func (b *bench) dieAt(d death, p *harden.Plan, opts harden.ApplyOptions) string {
	b.Helper()
	config := rest.CopyConfig(b.config)
	requests := 0
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet || r.URL.Query().Has("dryRun") {
				return next.RoundTrip(r)
			}
			requests++
			if requests == d.request && !d.after {
				runtime.Goexit()
			}
			response, err := next.RoundTrip(r)
			if requests == d.request {
				if err == nil {
					response.Body.Close()
				}
				runtime.Goexit()
			}
			return response, err
		})
	})
	doomed := b.applier(config, b.journal.Dir())
	dead := make(chan bool)
	go func() {
		survived := false
		defer func() { dead <- !survived }()
		if _, err := doomed.Apply(b.Context(), p, opts, func(e harden.Event) {
			if d.request == 0 && e.Phase == d.phase {
				runtime.Goexit()
			}
		}); err != nil {
			b.Error(err)
		}
		survived = true
	}()
	if !<-dead {
		b.Fatalf("the run did not die %s", d)
	}
	entries, problems := b.journal.List()
	if len(problems) > 0 || len(entries) != 1 {
		b.Fatalf("journal %v %v, want one entry", entries, problems)
	}
	return entries[0].ID
}

// Wherever a run dies, the journal knows enough to go on and to take back.
func TestRunThatDies(t *testing.T) {
	good, bad := privilegedYAML, breaking(privilegedYAML, lab.PodCrashes)
	for _, test := range []struct {
		death    death
		manifest string
		resumed  harden.Phase
	}{
		{death{request: 1}, good, harden.Refused}, // it never arrived
		{death{request: 1, after: true}, good, harden.Proven},
		{death{phase: harden.RollingOut}, good, harden.Proven},
		{death{phase: harden.Soaking}, good, harden.Proven},
		{death{request: 1, after: true}, bad, harden.RolledBack},
		{death{phase: harden.RollingOut}, bad, harden.RolledBack},
		{death{phase: harden.RollingBack}, bad, harden.RolledBack},
		{death{request: 2}, bad, harden.RolledBack},              // decided, nothing taken back yet
		{death{request: 2, after: true}, bad, harden.RolledBack}, // values are back, owners are not
		{death{request: 3}, bad, harden.RolledBack},
		{death{request: 3, after: true}, bad, harden.RolledBack}, // all is back, the journal does not know
	} {
		for _, then := range []string{"resume", "undo"} {
			kind := map[bool]string{true: "good", false: "bad"}[test.manifest == good]
			t.Run(fmt.Sprintf("%s change, %s, then %s", kind, test.death, then), func(t *testing.T) {
				b := newBench(t)
				b.create(test.manifest)
				ref := b.ref("apps/v1", "Deployment", "web")
				before := b.read(ref)
				id := b.dieAt(test.death, b.forcing("rule", forced(ref)), harden.ApplyOptions{})
				b.wantInterrupted(id)
				if then == "resume" {
					b.wantPhases(b.resume(id, harden.ApplyOptions{}), test.resumed)
					b.wantInterrupted()
				}
				if then == "undo" || test.resumed == harden.Proven {
					b.wantPhases(b.undo(id), harden.Undone)
				}
				b.wantInterrupted()
				b.wantSame(before, b.read(ref))
				b.healthy(ref)
			})
		}
	}
}

// A run that dies between what it takes away and what it sets leaves a part.
func TestRunThatDiesBetweenItsTwoRequests(t *testing.T) {
	for _, then := range []string{"resume", "undo"} {
		t.Run(then, func(t *testing.T) {
			b := newBench(t)
			b.create(strings.Replace(deploymentYAML, "image: example.com/web:1", "image: example.com/web:1\n        securityContext: {runAsUser: 0}", 1))
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			change := nonRoot(ref)
			change.Remove = []harden.Path{harden.ContainerPath(ref, web, "securityContext", "runAsUser")}
			id := b.dieAt(death{request: 2}, b.forcing("rule", change), harden.ApplyOptions{})
			if then == "resume" {
				report := b.resume(id, harden.ApplyOptions{})
				b.wantPhases(report, harden.RolledBack)
				b.wantMessage(report, "only a part of the change")
			} else {
				b.wantPhases(b.undo(id), harden.Undone)
			}
			b.wantInterrupted()
			b.wantSame(before, b.read(ref))
		})
	}
}

// Whether an object was made by a request without an answer, the object shows.
func TestCreateWithoutAnAnswer(t *testing.T) {
	for _, test := range []struct {
		name    string
		death   death
		disturb func(*bench)
		resumed harden.Phase
		left    bool // after the undo
	}{
		{"not sent", death{request: 1}, nil, harden.Refused, false},
		{"made", death{request: 1, after: true}, nil, harden.Proven, false},
		{"made by somebody else", death{request: 1}, func(b *bench) { b.applyAs(policyYAML) }, harden.Refused, true},
	} {
		for _, resume := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, resume %v", test.name, resume), func(t *testing.T) {
				b := newBench(t)
				id := b.dieAt(test.death, createPlan(b), harden.ApplyOptions{})
				if test.disturb != nil {
					test.disturb(b)
				}
				if resume {
					b.wantPhases(b.resume(id, harden.ApplyOptions{}), test.resumed)
					b.wantInterrupted()
				}
				undone := b.undo(id)
				if test.left && !resume {
					b.wantPhases(undone, harden.Refused)
				} else {
					b.wantPhases(undone, harden.Undone)
				}
				if out := b.kubectl("get", "networkpolicy", "-o", "name"); (out != "") != test.left {
					t.Errorf("the cluster has %q", out)
				}
			})
		}
	}
}

// The same while the run is alive: the answer is lost on its way.
func TestCreateWhoseAnswerIsLost(t *testing.T) {
	b := newBench(t)
	config := rest.CopyConfig(b.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && r.Method == http.MethodPost && !r.URL.Query().Has("dryRun") {
				response.Body.Close()
				return nil, &lostError{}
			}
			return response, err
		})
	})
	b.Applier = b.applier(config, b.journal.Dir())
	report := b.run(createPlan(b), harden.ApplyOptions{})
	b.wantPhases(report, harden.Proven)
	b.wantPhases(b.undo(report.ID), harden.Undone)
}

func TestResumeOfAnObjectThatIsGone(t *testing.T) {
	b := newBench(t)
	b.create(deploymentYAML)
	ref := b.ref("apps/v1", "Deployment", "web")
	id := b.dieAt(death{phase: harden.Soaking}, b.plan("rule", nonRoot(ref)), harden.ApplyOptions{})
	b.kubectl("delete", "deployment", "web")
	report := b.resume(id, harden.ApplyOptions{})
	b.wantPhases(report, harden.Failed)
	b.wantMessage(report, "is gone")
	b.wantRecord(id, harden.RecordFailed, "is gone")
	b.wantInterrupted()
}
