package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// A server answers as an API server would, from canned parts. Lists without an
// answer are empty, and those of custom resources absent; watches without one
// stay silent until the test ends.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path, with ?watch appended for watches
	asked   []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{answers: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	s.on("/version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"major": "1", "minor": "37+", "gitVersion": "v1.37.2"}`)
	})
	return s
}

func (s *server) on(path string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

// count is how often a path was asked for.
func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if a == path {
			n++
		}
	}
	return n
}

func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := req.URL.Path
	watched := req.URL.Query().Get("watch") == "true"
	if watched {
		path += "?watch"
	}
	s.mu.Lock()
	s.asked = append(s.asked, path)
	answer := s.answers[path]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case answer != nil:
		answer(w, req)
	case watched:
		w.(http.Flusher).Flush()
		<-req.Context().Done()
	case strings.Count(path, "/namespaces/") == 1 && strings.HasSuffix(path, "/shop"):
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n"}}`)
	case strings.HasSuffix(path, "/namespaces/"+kubeSystem):
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "cluster-1"}}`)
	case customPath.MatchString(path):
		refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")(w, req)
	case strings.Contains(req.Header.Get("Accept"), "as=Table"):
		fmt.Fprint(w, `{"apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": {"resourceVersion": "1"}, "columnDefinitions": [], "rows": []}`)
	default:
		fmt.Fprint(w, listOf("1"))
	}
}

// customPath is that of a group which no API server has by itself.
var customPath = regexp.MustCompile(`^/apis/([a-z.]+\.)?(cilium\.io|projectcalico\.org|antrea\.io|policy\.networking\.k8s\.io|gateway\.networking\.k8s\.io|istio\.io|coreos\.com|apiregistration\.k8s\.io)/`)

// listOf is a list of objects in JSON; the client knows their kind.
func listOf(version string, items ...string) string {
	return fmt.Sprintf(`{"metadata": {"resourceVersion": %q}, "items": [%s]}`, version, strings.Join(items, ","))
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func refuse(code int, reason metav1.StatusReason, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
		})
	}
}

func forbidden(message string) http.HandlerFunc {
	return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, message)
}

func newReader(t *testing.T, s *server) *Reader {
	t.Helper()
	r, err := New(&rest.Config{Host: s.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	r.timing = timing{coalesce: 5 * time.Millisecond, poll: 5 * time.Millisecond, backoff: 5 * time.Millisecond, most: 20 * time.Millisecond}
	r.now = func() time.Time { return time.Unix(1, 0) }
	return r
}

// receive waits for an update that satisfies want; a minute is only reached by a test that fails.
func receive(t *testing.T, updates <-chan Update, what string, want func(Update) bool) Update {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				t.Fatalf("the channel was closed before %s", what)
			}
			if want(u) {
				return u
			}
		case <-deadline:
			t.Fatalf("no update: %s", what)
		}
	}
}
