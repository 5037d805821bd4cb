package pod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestSELinuxOptions(t *testing.T) {
	options := func(o string) string { return "securityContext: {seLinuxOptions: {" + o + "}}" }
	for _, test := range []struct {
		name, spec string
		minor      int
		want       []string
	}{
		{"unset", "containers: [{name: a, image: a}]", 0, nil},
		{"level only", options(`level: "s0:c1,c2"`) + ", containers: [{name: a, image: a}]", 0, nil},
		{"allowed type", options("type: container_init_t") + ", containers: [{name: a, image: a}]", 0, nil},
		{"engine, new server", options("type: container_engine_t") + ", containers: [{name: a, image: a}]", 31, nil},
		{"engine, unknown server", options("type: container_engine_t") + ", containers: [{name: a, image: a}]", 0, nil},
		{"engine, old server", options("type: container_engine_t") + ", containers: [{name: a, image: a}]", 30, []string{"medium///SELinux type container_engine_t"}},
		{"pod", options("type: spc_t, user: u, level: s0") + ", containers: [{name: a, image: a}]", 0, []string{"medium///SELinux type spc_t, user u"}},
		{"container", "initContainers: [{name: a, image: a, " + options("role: r") + "}], containers: [{name: b, image: b}]", 0, []string{"medium//init:a/SELinux role r"}},
		{"Windows", "nodeSelector: {kubernetes.io/os: windows}, " + options("type: spc_t") + ", containers: [{name: a, image: a}]", 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := withTemplate("", test.spec)
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, SELinuxOptionsCustom, yaml, fixtest.Minor(test.minor)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			after := wantRepaired(t, SELinuxOptionsCustom, yaml, fixtest.Minor(test.minor))
			if strings.Contains(yaml, "level") && !strings.Contains(after, "level") {
				t.Errorf("the level, which is allowed, is gone:\n%s", after)
			}
		})
	}
}
