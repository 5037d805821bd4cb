package namespace

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A judgement is what a rule must say of some objects.
type judgement struct {
	name, yaml string
	opts       []fixtest.Option
	want       []string // STATUS SEVERITY OBJECT VERDICT DISCRIMINATOR
}

func judge(t *testing.T, fixer *harden.Fixer, tests []judgement) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range fixtest.Run(t, fixer, test.yaml, test.opts...) {
				got = append(got, strings.Join(strings.Fields(fmt.Sprint(f.Status, " ", f.Severity, " ", f.Object, " ", f.Verdict, " ", f.Discriminator)), " "))
				if f.Reason == "" || f.Detail == "" {
					t.Errorf("says too little: %+v", f)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func live(opts ...fixtest.Option) []fixtest.Option {
	return append([]fixtest.Option{fixtest.Live()}, opts...)
}

func groups(names ...string) fixtest.Option {
	return func(i *harden.Inventory) {
		i.Cluster.Groups = map[string]bool{}
		for _, n := range names {
			i.Cluster.Groups[n] = true
		}
	}
}

// runsImage is a workload of one container.
func runsImage(kind, namespace, name, image string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: {selector: {matchLabels: {app: %s}}, template: {metadata: {labels: {app: %s}}, spec: {containers: [{name: c, image: '%s'}]}}}\n", kind, name, namespace, name, name, image)
}

func onNode(owner, node string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s-%s, namespace: agents, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: %s, uid: u, controller: true}]}\nspec: {nodeName: %s, containers: [{name: c, image: i}]}\n", owner, node, owner, node)
}

func node(name, labels string) string {
	return "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name + ", labels: {" + labels + "}}\n"
}
