package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var shop = harden.Scope{Namespaces: []string{"shop"}}

const barePod = `{"metadata": {"name": "bare", "namespace": "shop", "uid": "p", "resourceVersion": "1", "managedFields": [{"manager": "m"}],
	"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}`

func TestRead(t *testing.T) {
	s := newServer(t)
	s.on("/api/v1/namespaces/shop/pods", answer(listOf("1", barePod)))
	s.on("/api/v1/nodes", forbidden(`nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope`))
	s.on("/apis/batch/v1/namespaces/shop/cronjobs", refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource"))
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	want := harden.Cluster{UID: "cluster-1", Context: "test", Server: s.URL, Version: "v1.37.2", Minor: 37, Groups: map[string]bool{}}
	if diff := cmp.Diff(want, inv.Cluster); diff != "" {
		t.Error(diff)
	}
	unread := []harden.Unread{
		{Resource: "cronjobs.batch", Namespace: "shop", Why: "this API server does not serve it"},
		{Resource: "nodes", Why: `User "jane" cannot list resource "nodes" in API group "" at the cluster scope`},
	}
	if diff := cmp.Diff(unread, inv.Unread); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"shop"}, inv.Scope); diff != "" {
		t.Error(diff)
	}
	if len(inv.Workloads) != 1 || inv.Workloads[0].Ref != (harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "bare", UID: "p"}) {
		t.Fatalf("got workloads %v", inv.Workloads)
	}
	m := inv.Workloads[0].Meta
	if last, ok := m.Annotations["kubectl.kubernetes.io/last-applied-configuration"]; m.ManagedFields != nil || last != "" || !ok {
		t.Errorf("managedFields %v and annotations %v were not trimmed", m.ManagedFields, m.Annotations)
	}
	if inv.Objects != 2 || inv.Namespaces["shop"] == nil || !inv.Now.Equal(time.Unix(1, 0)) {
		t.Errorf("got %d objects, namespaces %v, time %v", inv.Objects, inv.Namespaces, inv.Now)
	}
}

func TestReadGoesThroughPagesAndBeginsAnewWhenTheyExpire(t *testing.T) {
	s := newServer(t)
	expired := false
	s.on("/api/v1/namespaces/shop/pods", func(w http.ResponseWriter, req *http.Request) {
		q := req.URL.Query()
		if q.Get("limit") != "500" {
			t.Errorf("asked for %q pods", q.Get("limit"))
		}
		switch {
		case q.Get("continue") == "":
			fmt.Fprintf(w, `{"metadata": {"resourceVersion": "1", "continue": "more"}, "items": [%s]}`, barePod)
		case !expired:
			expired = true
			refuse(http.StatusGone, metav1.StatusReasonExpired, "the continue token is too old")(w, req)
		default:
			fmt.Fprint(w, listOf("1", strings.ReplaceAll(strings.ReplaceAll(barePod, "bare", "other"), `"uid": "p"`, `"uid": "q"`)))
		}
	})
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(inv); got != "Pod/bare Pod/other" {
		t.Errorf("got %s", got)
	}
}

func names(inv *harden.Inventory) string {
	var out []string
	for _, w := range inv.Workloads {
		out = append(out, w.Ref.String())
	}
	return strings.Join(out, " ")
}

func TestReadErrors(t *testing.T) {
	allForbidden := func(s *server) {
		for _, p := range []string{
			"/api/v1/%spods", "/api/v1/%sserviceaccounts", "/api/v1/%sreplicationcontrollers", "/apis/apps/v1/%sdeployments", "/apis/apps/v1/%sreplicasets",
			"/apis/apps/v1/%sstatefulsets", "/apis/apps/v1/%sdaemonsets", "/apis/batch/v1/%sjobs", "/apis/batch/v1/%scronjobs", "/apis/networking.k8s.io/v1/%snetworkpolicies",
		} {
			s.on(fmt.Sprintf(p, "namespaces/shop/"), forbidden("x is forbidden: no"))
			s.on(fmt.Sprintf(p, ""), forbidden("x is forbidden: no"))
		}
	}
	for _, test := range []struct {
		name   string
		set    func(*server)
		scope  harden.Scope
		want   error
		saying string
	}{
		{"everything is refused", allForbidden, shop, ErrForbidden, `reading namespace "shop": nothing here may be read`},
		{"everything is refused everywhere", allForbidden, harden.Scope{All: true}, ErrForbidden, "reading all namespaces: nothing here may be read"},
		{
			"expired credentials", func(s *server) {
				s.on("/api/v1/namespaces/shop/pods", refuse(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"))
			}, shop, ErrUnauthorized, "expired",
		},
		{
			"no such namespace", func(s *server) {
				s.on("/api/v1/namespaces/shop", refuse(http.StatusNotFound, metav1.StatusReasonNotFound, `namespaces "shop" not found`))
			}, shop, ErrNamespaceNotFound, `reading namespace "shop": the namespace does not exist`,
		},
		{"no such object", func(*server) {}, harden.Scope{Namespaces: []string{"shop"}, Names: []harden.Ref{{Kind: "Deployment", Namespace: "shop", Name: "web"}}}, ErrNotFound, "shop/Deployment/web"},
		{
			"a named object of a kind that may not be read", func(s *server) {
				s.on("/apis/apps/v1/namespaces/shop/deployments", forbidden(`deployments.apps is forbidden: User "jane" cannot list`))
			},
			harden.Scope{Namespaces: []string{"shop"}, Names: []harden.Ref{{Kind: "Deployment", Namespace: "shop", Name: "web"}}},
			ErrForbidden, `User "jane" cannot list`,
		},
		{
			"a server that hangs", func(s *server) {
				s.on("/api/v1/namespaces/shop/pods", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
			}, shop, ErrUnreachable, "does not answer",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			test.set(s)
			r := newReader(t, s)
			if errors.Is(test.want, ErrUnreachable) {
				r.timeout = 300 * time.Millisecond
			}
			_, err := r.Read(t.Context(), test.scope)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.saying) {
				t.Errorf("%q does not say %q", err, test.saying)
			}
		})
	}
}

func TestConnectionErrors(t *testing.T) {
	s := newServer(t)
	tls := newServer(t)
	tls.Server.Close()
	for _, test := range []struct {
		name string
		cfg  rest.Config
		want error
	}{
		{"nobody listens", rest.Config{Host: tls.URL}, ErrUnreachable},
		{"not TLS", rest.Config{Host: strings.Replace(s.URL, "http", "https", 1)}, ErrUnreachable},
		{"no such host", rest.Config{Host: "https://does-not-exist.invalid"}, ErrUnreachable},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := New(&test.cfg, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(t.Context(), shop); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestReadStopsWhenTheContextEnds(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.on("/api/v1/namespaces/shop/pods", func(_ http.ResponseWriter, req *http.Request) {
		cancel()
		<-req.Context().Done()
	})
	if _, err := newReader(t, s).Read(ctx, shop); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestAnEmptyAnswerMayMeanThatTheNamespaceDoesNotExist(t *testing.T) {
	s := newServer(t)
	s.on("/api/v1/namespaces/shop", forbidden(`namespaces "shop" is forbidden: User "jane" cannot get`))
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	want := []harden.Unread{{Resource: "namespaces", Namespace: "shop", Why: `nothing was found in namespace "shop", and whether it exists may not be asked: User "jane" cannot get`}}
	if diff := cmp.Diff(want, inv.Unread); diff != "" {
		t.Error(diff)
	}
}

func TestAllNamespacesWithRightsInOne(t *testing.T) {
	s := newServer(t)
	s.on("/api/v1/namespaces", answer(listOf("1", `{"metadata": {"name": "shop", "uid": "n"}}`, `{"metadata": {"name": "other", "uid": "o"}}`)))
	s.on("/api/v1/pods", forbidden("pods is forbidden: everywhere"))
	s.on("/api/v1/namespaces/other/pods", forbidden("pods is forbidden: in other"))
	s.on("/api/v1/namespaces/shop/pods", answer(listOf("1", barePod)))
	s.on("/apis/apps/v1/deployments", forbidden("deployments.apps is forbidden: everywhere"))
	for _, ns := range []string{"shop", "other"} {
		s.on("/apis/apps/v1/namespaces/"+ns+"/deployments", forbidden("deployments.apps is forbidden: in "+ns))
	}
	inv, err := newReader(t, s).Read(t.Context(), harden.Scope{All: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []harden.Unread{
		{Resource: "deployments.apps", Why: "everywhere"},
		{Resource: "pods", Namespace: "other", Why: "in other"},
	}
	if diff := cmp.Diff(want, inv.Unread); diff != "" {
		t.Error(diff)
	}
	if got := names(inv); got != "Pod/bare" {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"other", "shop"}, inv.Scope); diff != "" {
		t.Error(diff)
	}
}

func TestWarningsAreCollected(t *testing.T) {
	s := newServer(t)
	s.on("/apis/apps/v1/namespaces/shop/deployments", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Warning", `299 - "old API"`)
		fmt.Fprint(w, listOf("1"))
	})
	r := newReader(t, s)
	if _, err := r.Read(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"old API"}, r.Warnings()); diff != "" {
		t.Error(diff)
	}
}
