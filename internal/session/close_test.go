package session

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A quietServer has nothing in it, and lets everybody watch that.
type quietServer struct {
	*httptest.Server
	watches atomic.Int32 // that are open
}

func newQuietServer(t *testing.T) *quietServer {
	s := &quietServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case req.URL.Query().Get("watch") != "":
			s.watches.Add(1)
			defer s.watches.Add(-1)
			w.(http.Flusher).Flush()
			<-req.Context().Done()
		case req.URL.Path == "/version":
			fmt.Fprint(w, `{"major": "1", "minor": "36"}`)
		case req.URL.Path == "/apis":
			fmt.Fprint(w, `{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`)
		case strings.HasPrefix(req.URL.Path, "/api/v1/namespaces/") && strings.Count(req.URL.Path, "/") == 4:
			fmt.Fprint(w, `{"metadata": {"name": "default"}}`)
		default:
			fmt.Fprint(w, `{"metadata": {"resourceVersion": "1"}, "items": []}`)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *quietServer) open(t *testing.T) (*Session, <-chan *harden.Snapshot) {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	session, err := OpenCluster(&rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}, ClusterOptions{Context: s.URL, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	scope := harden.Scope{Namespaces: []string{"default"}}
	if _, err := session.Load(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	return session, session.Watch(t.Context(), scope)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// Another cluster may be opened, watched and closed while the first is followed.
func TestCloseEndsWatchesOfThisClusterOnly(t *testing.T) {
	one, two := newQuietServer(t), newQuietServer(t)
	first, firstWatch := one.open(t)
	eventually(t, "the first is watched", func() bool { return one.watches.Load() > 5 })
	time.Sleep(100 * time.Millisecond) // until all its watches are open
	watches := one.watches.Load()

	before := runtime.NumGoroutine()
	second, secondWatch := two.open(t)
	eventually(t, "the second is watched", func() bool { return two.watches.Load() == watches })
	second.Close()
	for range secondWatch {
	}
	eventually(t, "the watches of the second have ended", func() bool { return two.watches.Load() == 0 })
	two.CloseClientConnections()
	eventually(t, "goroutines of the second have ended", func() bool { return runtime.NumGoroutine() <= before+3 }) // those of its server's listener, and of the cache of transports
	if got := one.watches.Load(); got != watches {
		t.Errorf("%d of %d watches of the first are left", got, watches)
	}
	select {
	case _, open := <-firstWatch:
		if !open {
			t.Error("the watch of the first has ended")
		}
	default:
	}
	first.Close()
	for range firstWatch {
	}
	eventually(t, "the watches of the first have ended", func() bool { return one.watches.Load() == 0 })
	first.Close() // again, for nothing
}
