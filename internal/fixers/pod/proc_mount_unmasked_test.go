package pod

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestProcMount(t *testing.T) {
	const unmasked = "containers: [{name: a, image: a, securityContext: {procMount: Unmasked}}]"
	for _, test := range []struct {
		name, spec string
		minor      int
		want       []string
	}{
		{"unset", "containers: [{name: a, image: a}]", 0, nil},
		{"Default", "containers: [{name: a, image: a, securityContext: {procMount: Default}}]", 0, nil},
		{"Unmasked", unmasked, 0, []string{"high//app:a/procMount is Unmasked"}},
		{"hostUsers: true", "hostUsers: true, " + unmasked, 37, []string{"high//app:a/procMount is Unmasked"}},
		{"in a user namespace", "hostUsers: false, " + unmasked, 35, []string{"medium/user-namespace/app:a/procMount is Unmasked"}},
		{"in a user namespace, old policy", "hostUsers: false, " + unmasked, 34, []string{"high//app:a/procMount is Unmasked"}},
		{"Windows", "os: {name: windows}, " + unmasked, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := withTemplate("", test.spec)
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, ProcMountUnmasked, yaml, fixtest.Minor(test.minor)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantRepaired(t, ProcMountUnmasked, yaml)
		})
	}
}
