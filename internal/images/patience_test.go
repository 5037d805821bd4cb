package images

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
)

// A registry that has too much to do is asked again after the time that it
// wants, and not for ever.
func TestRegistriesWithTooMuchToDo(t *testing.T) {
	for _, test := range []struct {
		name    string
		status  int
		header  string
		refused int32 // answers with the status, before it does its work
		asked   int32 // requests to expect
		why     string
	}{
		{"once", http.StatusTooManyRequests, "", 1, 2, ""},
		{"as often as it may", http.StatusServiceUnavailable, "0", 3, 4, ""},
		{"for ever", http.StatusTooManyRequests, "0", 1000, 4, "wants no more requests for now"},
		{"for longer than anybody waits", http.StatusTooManyRequests, "3600", 1000, 1, "wants no more requests for now"},
		{"broken for ever", http.StatusInternalServerError, "", 1000, 4, "answered 500"},
		{"what is no trouble", http.StatusTeapot, "", 1000, 1, "answered 418"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int32
			r := newRegistry(t, func(inner http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if q.Method == http.MethodGet && strings.HasSuffix(q.URL.Path, "/manifests/1") && asked.Add(1) <= test.refused {
						if test.header != "" {
							w.Header().Set("Retry-After", test.header)
						}
						w.WriteHeader(test.status)
						return
					}
					inner.ServeHTTP(w, q)
				})
			})
			r.push(t, "x:1", imageOf(t, v1.Config{User: "5"}))
			reader := newReader(Options{})
			reader.patience = patience{tries: 4, first: time.Millisecond, most: time.Minute}
			got := reader.Look(t.Context(), amd64(r.host+"/x:1"), nil)
			if got.Known != (test.why == "") || !strings.Contains(got.Why, test.why) {
				t.Errorf("known %v, why %q; want %q", got.Known, got.Why, test.why)
			}
			if asked.Load() != test.asked {
				t.Errorf("it was asked %d times, want %d", asked.Load(), test.asked)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	const now = "Sat, 28 Nov 2026 12:00:00 GMT"
	for _, test := range []struct {
		header, date string
		want         time.Duration
		ok           bool
	}{
		{"7", "", 7 * time.Second, true},
		{"0", "", 0, true},
		{"99999999999", "", (1 << 20) * time.Second, true},
		{"-1", "", 0, false},
		{"", "", 0, false},
		{"soon", now, 0, false},
		{"Sat, 28 Nov 2026 12:00:30 GMT", now, 30 * time.Second, true},
		{"Sat, 28 Nov 2026 11:00:00 GMT", now, -time.Hour, true},
		{"Sat, 28 Nov 2026 12:00:30 GMT", "", 0, false},
	} {
		if got, ok := retryAfter(test.header, test.date); got != test.want || ok != test.ok {
			t.Errorf("retryAfter(%q, %q) = %v, %v; want %v, %v", test.header, test.date, got, ok, test.want, test.ok)
		}
	}
}

func TestMirrors(t *testing.T) {
	origin, mirror, other := newRegistry(t, nil), newRegistry(t, nil), newRegistry(t, nil)
	image := imageOf(t, v1.Config{User: "5"}, []any{file("x", 0o755, "")})
	digest := origin.push(t, "team/x:1", image)
	origin.push(t, "team/only:1", image)
	mirror.push(t, "team/x:1", image)
	var asked atomic.Int32
	count := roundTripper(func(q *http.Request) (*http.Response, error) {
		if q.URL.Host == origin.host {
			asked.Add(1)
		}
		return http.DefaultTransport.RoundTrip(q)
	})
	look := func(reference string, mirrors ...string) (user, why string) {
		reader := newReader(Options{Transport: count, Mirrors: map[string][]string{origin.host: mirrors}})
		got := reader.Look(t.Context(), amd64(origin.host+"/"+reference), nil)
		return got.User, got.Why + got.FilesWhy
	}
	for _, reference := range []string{"team/x:1", "team/x@" + digest} {
		if user, why := look(reference, mirror.host); user != "5" || asked.Load() != 0 {
			t.Errorf("%s: user %q, why %q, %d requests for the registry itself", reference, user, why, asked.Load())
		}
	}
	if user, why := look("team/only:1", other.host, mirror.host); user != "5" || asked.Load() == 0 {
		t.Errorf("what only the registry itself has: user %q, why %q", user, why)
	}
	_, why := look("team/nowhere:1", mirror.host)
	if want := `the registry "` + origin.host + `" has no such image; its mirror: the registry "` + mirror.host + `" has no such image`; !strings.HasSuffix(why, want) {
		t.Errorf("why %q, want %q", why, want)
	}
	if _, why = look("team/nowhere:1", "MIRROR EXAMPLE"); !strings.Contains(why, "its mirror: ") {
		t.Errorf("why %q", why)
	}
}

func TestMirrorsGetTheirOwnCredentials(t *testing.T) {
	reader := newReader(Options{Keychain: none, Mirrors: map[string][]string{"docker.io": {"mirror.example.com"}}})
	keychain, err := PullSecrets([]corev1.Secret{
		dockerConfig("ns", "a", "mirror.example.com", "me", "s3cret-word"), dockerConfig("ns", "b", "docker.io", "me", "hub-word"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := reader.resolve(t.Context(), amd64("nginx:1"), keychain)
	for repository, want := range map[string]string{"mirror.example.com/library/nginx": "s3cret-word", "index.docker.io/library/nginx": "hub-word"} {
		if found := got.For[repository]; len(found) != 1 || found[0].Password != want {
			t.Errorf("%s: %d credentials", repository, len(found))
		}
	}
}
