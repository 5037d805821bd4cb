package image

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
)

func TestPullSecretBroad(t *testing.T) {
	account := func(name string) string {
		return "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: " + name + ", namespace: shop}\nimagePullSecrets: [{name: registry}]\n"
	}
	secrets := func(n int, typ string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Secret\nmetadata: {name: registry, namespace: team-%d}\ntype: %s\n", i, typ)
		}
		return b.String()
	}
	pod := func(account, image string) string {
		return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {serviceAccountName: " + account + ", containers: [{name: web, image: \"" + image + "\"}]}\n"
	}
	const ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1"
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"the account default", account("default"), []string{"default"}},
		{"an account of its own", account("web"), nil},
		{"in five namespaces", account("web") + secrets(5, "kubernetes.io/dockerconfigjson"), []string{"copied"}},
		{"in four", account("web") + secrets(4, "kubernetes.io/dockerconfigjson"), nil},
		{"other Secrets of that name", account("web") + secrets(9, "Opaque"), nil},
		{"for ECR", account("web") + pod("web", ecr), []string{"static"}},
		{"for ECR, of another account", account("web") + pod("api", ecr), nil},
		{"for another registry", account("web") + pod("web", "registry.example.com/web:1"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, PullSecretBroad, test.yaml) {
				got = append(got, f.Verdict)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPublicRegistry(t *testing.T) {
	for image, want := range map[string]int{
		"nginx:1": 1, "ghcr.io/team/web:1": 1, "docker.io/library/nginx:1": 1, "registry.k8s.io/pause:3.10": 0, "registry.example.com/web:1": 0, "localhost:5000/web:1": 0,
	} {
		if found := fixtest.Run(t, PublicRegistry, deployment(image)); len(found) != want {
			t.Errorf("%s: got %v, want %d findings", image, fixtest.Reasons(found), want)
		}
	}
}
