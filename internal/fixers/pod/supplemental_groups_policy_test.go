package pod

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestSupplementalGroupsPolicy(t *testing.T) {
	image := fixtest.Image("web:1", harden.ImageFacts{Known: true, User: "app", Files: &harden.ImageFiles{
		Users:  []harden.ImageUserEntry{{Name: "root"}, {Name: "app", UID: 7, GID: 7}, {Name: "other", UID: 9, GID: 9}},
		Groups: []harden.ImageGroupEntry{{Name: "app", GID: 7, Members: []string{"app"}}, {Name: "shared", GID: 50, Members: []string{"other", "app"}}},
	}})
	for _, test := range []struct {
		name, spec string
		opts       []fixtest.Option
		want       []string
	}{
		{"listed by name", "", []fixtest.Option{image}, []string{"web info"}},
		{"listed, by the number of the pod", "securityContext: {runAsUser: 9}", []fixtest.Option{image}, []string{"web info"}},
		{"a number without a name", "securityContext: {runAsUser: 8}", []fixtest.Option{image}, nil},
		{"root is in no group", "securityContext: {runAsUser: 0}", []fixtest.Option{image}, nil},
		{"Merge", "securityContext: {supplementalGroupsPolicy: Merge}", []fixtest.Option{image}, []string{"web info"}},
		{"Strict", "securityContext: {supplementalGroupsPolicy: Strict}", []fixtest.Option{image}, nil},
		{"nobody looked", "", nil, nil},
		{"before the field", "", []fixtest.Option{image, fixtest.Minor(32)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			expect(t, SupplementalGroupsPolicy, deployment(test.spec+"\ncontainers: [{name: web, image: web:1}]"), test.want, test.opts...)
		})
	}

	text := deployment("containers: [{name: web, image: web:1}]")
	expectAfter(t, text, []*harden.Fixer{SupplementalGroupsPolicy}, "securityContext: {supplementalGroupsPolicy: Strict}\ncontainers: [{name: web, image: web:1}]", image)
	supported := func(i *harden.Inventory) {
		i.Nodes[0].Status.Features = &corev1.NodeFeatures{SupplementalGroupsPolicy: ptr.To(true)}
	}
	for _, test := range []struct {
		opts  []fixtest.Option
		state harden.ClaimState
	}{
		{[]fixtest.Option{image}, harden.Missing},
		{[]fixtest.Option{image, fixtest.Runtime("containerd://1.7.1")}, harden.Refutes},
		{[]fixtest.Option{image, fixtest.Runtime("containerd://2.2.0"), supported}, harden.Holds},
	} {
		fixes := fixtest.Fixes(t, SupplementalGroupsPolicy, text, test.opts...)
		expectClasses(t, fixes, "review")
		if got := fixes[0].Evidence[0]; got.State != test.state || !strings.Contains(got.Text, "supplementalGroupsPolicy") {
			t.Errorf("the nodes: %s %q, want %s", got.State, got.Text, test.state)
		}
	}
}
