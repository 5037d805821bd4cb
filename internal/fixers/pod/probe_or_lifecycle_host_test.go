package pod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestProbeOrLifecycleHost(t *testing.T) {
	container := func(fields string) string {
		return withTemplate("", "containers: [{name: a, image: a, "+fields+"}]")
	}
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"none", container("livenessProbe: {httpGet: {port: 80}}, readinessProbe: {exec: {command: [x]}}"), nil},
		{"empty host", container(`livenessProbe: {httpGet: {port: 80, host: ""}}`), nil},
		{"loopback", container("livenessProbe: {httpGet: {port: 80, host: 127.0.0.1}}"), []string{"medium//app:a/livenessProbe.httpGet goes to 127.0.0.1"}},
		{
			"a router's daemon on the network of the node asks its own loopback", withTemplate("", "hostNetwork: true, containers: [{name: a, image: a, livenessProbe: {httpGet: {port: 80, host: localhost}}, readinessProbe: {httpGet: {port: 80, host: 10.0.0.1}}}]"),
			[]string{"low//app:a/livenessProbe.httpGet goes to localhost", "medium//app:a/readinessProbe.httpGet goes to 10.0.0.1"},
		},
		{"each request is one finding", container("startupProbe: {tcpSocket: {port: 80, host: h}}, readinessProbe: {httpGet: {port: 80, host: 169.254.169.254}}, lifecycle: {postStart: {tcpSocket: {port: 1, host: t}}, preStop: {httpGet: {port: 80, host: x}}}"), []string{
			"medium//app:a/readinessProbe.httpGet goes to 169.254.169.254", "medium//app:a/startupProbe.tcpSocket goes to h",
			"medium//app:a/lifecycle.postStart.tcpSocket goes to t", "medium//app:a/lifecycle.preStop.httpGet goes to x",
		}},
		{
			"sidecar", withTemplate("", "initContainers: [{name: s, image: s, restartPolicy: Always, livenessProbe: {httpGet: {port: 80, host: h}}}], containers: [{name: a, image: a}]"),
			[]string{"medium//sidecar:s/livenessProbe.httpGet goes to h"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, ProbeOrLifecycleHost, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			after := wantRepaired(t, ProbeOrLifecycleHost, test.yaml)
			if strings.Count(after, "port:") != strings.Count(test.yaml, "port:") {
				t.Errorf("more than the host was removed:\n%s", after)
			}
		})
	}
}

func TestProbeHostFix(t *testing.T) {
	for _, test := range []struct{ host, pod, warning string }{
		{"127.0.0.1", "", "loopback of the node"},
		{"127.0.0.1", "hostNetwork: true, ", "not reached any more"},
		{"shop.example.com", "", "httpHeaders as Host"},
		{"10.0.0.1", "", "answer the request itself"},
	} {
		fix := onlyFix(t, ProbeOrLifecycleHost, withTemplate("", test.pod+"containers: [{name: a, image: a, livenessProbe: {httpGet: {port: 80, host: "+test.host+"}}}]"))
		if fix.Class != harden.Review || !strings.Contains(fix.Warning, test.warning) {
			t.Errorf("%s: class %s, warning %q; want a review that warns of %q", test.host, fix.Class, fix.Warning, test.warning)
		}
	}
}
