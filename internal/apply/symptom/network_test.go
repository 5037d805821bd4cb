package symptom

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Lines as the named software writes them.
func TestReadNetwork(t *testing.T) {
	for _, test := range []struct {
		from, line string
		kind       harden.SymptomKind
	}{
		{"Go", `dial tcp: lookup postgres on 10.96.0.10:53: read udp 10.244.0.7:41412->10.96.0.10:53: i/o timeout`, harden.SymptomDNS},
		{"Go, no answer", `Get "http://cart:7070/": dial tcp: lookup cart: no such host`, harden.SymptomDNS},
		{"Go, CoreDNS", `lookup redis.shop.svc.cluster.local on 10.96.0.10:53: server misbehaving`, harden.SymptomDNS},
		{"Python", `socket.gaierror: [Errno -3] Temporary failure in name resolution`, harden.SymptomDNS},
		{"psql", `psql: error: could not translate host name "postgres" to address: Name or service not known`, harden.SymptomDNS},
		{"Node", `Error: getaddrinfo EAI_AGAIN redis`, harden.SymptomDNS},
		{"Java", `Caused by: java.net.UnknownHostException: ratings`, harden.SymptomDNS},
		{"curl", `curl: (6) Could not resolve host: api`, harden.SymptomDNS},
		{"nginx at run time", `2024/05/01 10:00:00 [error] 7#7: *1 api could not be resolved (110: Operation timed out)`, harden.SymptomDNS},
		{"nginx at start", `nginx: [emerg] host not found in upstream "api" in /etc/nginx/conf.d/default.conf:4`, harden.SymptomDNS},
		{"dig", `;; connection timed out; no servers could be reached`, harden.SymptomDNS},

		{"Go", `dial tcp 10.96.12.7:6379: i/o timeout`, harden.SymptomNetwork},
		{"Go, refused", `dial tcp 10.96.12.7:6379: connect: connection refused`, harden.SymptomNetwork},
		{"gRPC", `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.96.3.4:7070: i/o timeout"`, harden.SymptomNetwork},
		{"Node", `Error: connect ETIMEDOUT 10.96.0.12:5432`, harden.SymptomNetwork},
		{"psql", `connection to server at "postgres" (10.96.9.1), port 5432 failed: Connection timed out`, harden.SymptomNetwork},
		{"Python requests", `requests.exceptions.ConnectTimeout: HTTPConnectionPool(host='api', port=8080): Max retries exceeded`, harden.SymptomNetwork},
		{"Java", `java.net.SocketTimeoutException: connect timed out`, harden.SymptomNetwork},
		{"nginx", `upstream timed out (110: Operation timed out) while connecting to upstream`, harden.SymptomNetwork},
		{"wget", `wget: can't connect to remote host (10.96.4.4): No route to host`, harden.SymptomNetwork},

		{"a read-only file is a symptom all the same", `open /data/x: read-only file system`, harden.SymptomReadOnly},
		{"innocent", `GET /timeout-settings 200 3ms`, ""},
		{"innocent", `server timeout set to 30s`, ""},
		{"innocent", `listening on :8080, connect to the admin page at /admin`, ""},
		{"innocent", `connected to postgres in 3ms`, ""},
	} {
		t.Run(test.from, func(t *testing.T) {
			got, ok := ReadNetwork(test.line)
			if ok != (test.kind != "") || got.Kind != test.kind {
				t.Errorf("%q: %q, want %q", test.line, got.Kind, test.kind)
			}
			if _, ok := Read(test.line); ok && test.kind != harden.SymptomReadOnly {
				t.Errorf("%q is a symptom without a change of the network", test.line)
			}
		})
	}
}
