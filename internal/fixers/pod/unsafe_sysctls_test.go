package pod

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestUnsafeSysctls(t *testing.T) {
	sysctls := func(list string) string {
		return withTemplate("", "securityContext: {sysctls: ["+list+"]}, containers: [{name: a, image: a}]")
	}
	const (
		syn   = `{name: net.ipv4.tcp_syncookies, value: "1"}`
		rmem  = `{name: net.ipv4.tcp_rmem, value: "4096 8192 16384"}`
		msg   = `{name: kernel.msgmax, value: "65536"}`
		queue = `{name: net.core.somaxconn, value: "1024"}`
	)
	for _, test := range []struct {
		name, yaml string
		minor      int
		want       []string
	}{
		{"none", withTemplate("", "containers: [{name: a, image: a}]"), 0, nil},
		{"safe", sysctls(syn), 0, nil},
		{"safe since 1.32", sysctls(rmem), 32, nil},
		{"not safe before", sysctls(rmem), 31, []string{"medium///sets net.ipv4.tcp_rmem"}},
		{"one finding for all", sysctls(msg + "," + syn + "," + queue), 0, []string{"medium///sets kernel.msgmax, net.core.somaxconn"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, UnsafeSysctls, test.yaml, fixtest.Minor(test.minor)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantRepaired(t, UnsafeSysctls, test.yaml, fixtest.Minor(test.minor))
		})
	}

	fix := onlyFix(t, UnsafeSysctls, sysctls(msg+","+syn))
	want := map[string]any{"securityContext": map[string]any{"sysctls": []any{map[string]any{"name": "net.ipv4.tcp_syncookies", "value": "1"}}}}
	if diff := cmp.Diff(want, podSpecOf(fix)); diff != "" {
		t.Errorf("the safe ones stay (-want +got):\n%s", diff)
	}
}

// podSpecOf is what the first change of a fix sets in the pod spec of a Deployment.
func podSpecOf(fix harden.Fix) any {
	return fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"]
}
