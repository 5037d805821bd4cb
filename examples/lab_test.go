package examples

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// A server that decodes strictly takes all of it, in the order of the files, and every workload comes up.
func TestShopComesUp(t *testing.T) {
	l := labtest.Start(t, lab.Options{Nodes: 2})
	kubectl := func(args ...string) {
		t.Helper()
		if _, err := l.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}

	kubectl("apply", "--validate=strict", "-f", "shop")
	for _, workload := range []struct{ namespace, name string }{
		{"shop", "deployment/web"},
		{"shop", "deployment/api"},
		{"shop", "deployment/worker"},
		{"shop", "deployment/cache"},
		{"shop", "statefulset/postgres"},
		{"shop", "daemonset/node-agent"},
		{"shop", "deployment/search"},
		{"payments", "deployment/checkout"},
		{"payments", "deployment/fraud"},
		{"identity", "deployment/login"},
	} {
		kubectl("rollout", "status", workload.name, "-n", workload.namespace, "--timeout=120s")
	}
	for _, job := range []struct{ namespace, name string }{
		{"shop", "order-export"},
		{"identity", "session-cleanup"}, // its namespace enforces "restricted"
	} {
		kubectl("create", "job", "now", "--from=cronjob/"+job.name, "-n", job.namespace)
		kubectl("wait", "job/now", "-n", job.namespace, "--for=condition=Complete", "--timeout=120s")
	}

	// Applying it again would change nothing: no default and no controller rewrites what the files say.
	kubectl("diff", "-f", "shop")
}
