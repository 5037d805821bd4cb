package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const webDeployment = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "d", "resourceVersion": %q, "generation": %d}, "spec": {"paused": %t}}`

const (
	podsPath        = "/api/v1/namespaces/shop/pods"
	deploymentsPath = "/apis/apps/v1/namespaces/shop/deployments"
)

// stream answers a watch with events as they come.
func stream(events <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		w.(http.Flusher).Flush()
		for {
			select {
			case e, ok := <-events:
				if !ok {
					return
				}
				fmt.Fprintln(w, e)
				w.(http.Flusher).Flush()
			case <-req.Context().Done():
				return
			}
		}
	}
}

func changed(kind, object string) string {
	return fmt.Sprintf(`{"type": %q, "object": %s}`, kind, object)
}

func watchedPod(name, uid, version string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": %q, "namespace": "shop", "uid": %q, "resourceVersion": %q}}`, name, uid, version)
}

func TestWatchFollowsChanges(t *testing.T) {
	s := newServer(t)
	podEvents, deploymentEvents := make(chan string), make(chan string)
	s.on(podsPath, answer(listOf("1", barePod)))
	s.on(deploymentsPath, answer(listOf("1", fmt.Sprintf(webDeployment, "1", 1, false))))
	s.on(podsPath+"?watch", stream(podEvents))
	s.on(deploymentsPath+"?watch", stream(deploymentEvents))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), shop, first)

	podEvents <- changed("ADDED", watchedPod("new", "q", "2"))
	u := receive(t, updates, "a pod was added", func(u Update) bool { return names(u.Inventory) == "Deployment/web Pod/bare Pod/new" })
	if u.Stale || u.Err != nil {
		t.Errorf("stale %v, error %v", u.Stale, u.Err)
	}
	if names(first) != "Deployment/web Pod/bare" {
		t.Errorf("the first inventory was changed: %s", names(first))
	}
	if u.Inventory.Workloads[0] != first.Workloads[0] || u.Inventory.Workloads[1] != first.Workloads[1] {
		t.Error("workloads that did not change are not shared")
	}

	// A status alone is nothing to tell: the next update must be that of the pod.
	deploymentEvents <- changed("MODIFIED", fmt.Sprintf(webDeployment, "3", 1, false))
	podEvents <- changed("DELETED", watchedPod("new", "q", "4"))
	u = receive(t, updates, "the pod was deleted", func(u Update) bool { return names(u.Inventory) == "Deployment/web Pod/bare" })
	if u.Inventory.Workloads[0] != first.Workloads[0] {
		t.Error("the Deployment changed by a status")
	}

	deploymentEvents <- changed("MODIFIED", fmt.Sprintf(webDeployment, "5", 2, true))
	receive(t, updates, "the Deployment was paused", func(u Update) bool { return u.Inventory.Workloads[0].Suspended })
	if n := s.count(podsPath); n != 1 {
		t.Errorf("pods were listed %d times, want once", n)
	}
}

func TestManyChangesAreOneUpdate(t *testing.T) {
	s := newServer(t)
	events := make(chan string)
	s.on(podsPath+"?watch", stream(events))
	r := newReader(t, s)
	r.timing.coalesce = time.Second
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), shop, first)
	const many = 50
	for i := range many {
		events <- changed("ADDED", watchedPod(fmt.Sprint("p", i), fmt.Sprint(i), fmt.Sprint(i+2)))
	}
	if u := receive(t, updates, "pods came", func(Update) bool { return true }); len(u.Inventory.Workloads) != many {
		t.Errorf("the first update has %d pods, want %d", len(u.Inventory.Workloads), many)
	}
}

func TestAWatchThatExpiresIsListedAnew(t *testing.T) {
	for _, test := range []struct {
		name    string
		expired func(http.ResponseWriter, *http.Request)
	}{
		{"as an answer", refuse(http.StatusGone, metav1.StatusReasonExpired, "too old resource version")},
		{"as an event", answer(changed("ERROR", `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old resource version"}`))},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on(podsPath, answer(listOf("1")))
			r := newReader(t, s)
			first, err := r.Read(t.Context(), shop)
			if err != nil {
				t.Fatal(err)
			}
			s.on(podsPath, answer(listOf("7", barePod)))
			s.on(podsPath+"?watch", func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Query().Get("resourceVersion") == "7" {
					<-req.Context().Done()
					return
				}
				test.expired(w, req)
			})
			u := receive(t, r.Watch(t.Context(), shop, first), "pods were listed again", func(u Update) bool { return names(u.Inventory) == "Pod/bare" })
			if u.Stale || u.Err != nil {
				t.Errorf("stale %v, error %v: this is no lost connection", u.Stale, u.Err)
			}
		})
	}
}

func TestWhatMayNotBeWatchedIsPolled(t *testing.T) {
	s := newServer(t)
	s.on(podsPath+"?watch", forbidden("pods is forbidden: no watch"))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), shop, first)
	s.on(podsPath, answer(listOf("2", barePod)))
	u := receive(t, updates, "pods were polled", func(u Update) bool { return names(u.Inventory) == "Pod/bare" })
	if strings.Join(u.Polled, " ") != pods {
		t.Errorf("polled %q, want pods", u.Polled)
	}
}

func TestALostConnectionMakesTheInventoryStale(t *testing.T) {
	s := newServer(t)
	s.on(podsPath, answer(listOf("1", barePod)))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	down := refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is starting")
	s.on(podsPath+"?watch", down)
	updates := r.Watch(t.Context(), shop, first)
	u := receive(t, updates, "the connection was lost", func(u Update) bool { return u.Stale })
	if !errors.Is(u.Err, ErrUnreachable) || names(u.Inventory) != "Pod/bare" {
		t.Errorf("got error %v and %s, want ErrUnreachable and what was last seen", u.Err, names(u.Inventory))
	}
	s.on(podsPath, answer(listOf("9")))
	s.on(podsPath+"?watch", nil)
	receive(t, updates, "the connection came back", func(u Update) bool { return !u.Stale && u.Err == nil })
}

func TestWatchReadsWhenTheFirstInventoryIsUnknown(t *testing.T) {
	s := newServer(t)
	s.on(podsPath, refuse(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"))
	updates := newReader(t, s).Watch(t.Context(), shop, nil)
	u := receive(t, updates, "the error", func(Update) bool { return true })
	if !u.Stale || !errors.Is(u.Err, ErrUnauthorized) || u.Inventory == nil {
		t.Errorf("got %+v", u)
	}
	s.on(podsPath, answer(listOf("1", barePod)))
	receive(t, updates, "the first inventory", func(u Update) bool { return names(u.Inventory) == "Pod/bare" && !u.Stale })
}

func TestWatchOfNamedObjects(t *testing.T) {
	s := newServer(t)
	events := make(chan string)
	s.on(podsPath, answer(listOf("1", barePod, watchedPod("other", "q", "1"))))
	s.on(podsPath+"?watch", stream(events))
	r := newReader(t, s)
	scope := harden.Scope{Namespaces: []string{"shop"}, Names: []harden.Ref{{Kind: "Pod", Name: "bare"}}}
	first, err := r.Read(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	if names(first) != "Pod/bare" {
		t.Fatalf("got %s", names(first))
	}
	updates := r.Watch(t.Context(), scope, first)
	events <- changed("DELETED", watchedPod("bare", "p", "2"))
	u := receive(t, updates, "the pod is gone", func(u Update) bool { return len(u.Inventory.Workloads) == 0 })
	if !errors.Is(u.Err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", u.Err)
	}
}

func TestANamespaceThatGoesLeavesTheScope(t *testing.T) {
	s := newServer(t)
	events := make(chan string)
	s.on("/api/v1/namespaces?watch", stream(events))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(first.Scope, "shop") {
		t.Fatalf("the scope is %v before", first.Scope)
	}
	updates := r.Watch(t.Context(), shop, first)
	s.on("/api/v1/namespaces/shop", refuse(http.StatusNotFound, metav1.StatusReasonNotFound, `namespaces "shop" not found`))
	events <- changed("DELETED", `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n", "resourceVersion": "2"}}`)
	receive(t, updates, "the namespace is gone", func(u Update) bool { return !slices.Contains(u.Inventory.Scope, "shop") && !u.Stale })
}
