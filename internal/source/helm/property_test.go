package helm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A field is something that a fix may want of an object.
type field struct {
	path  string // CONTAINER stands for the name of a container
	value any
}

var podFields = []field{
	{"pod.securityContext.runAsNonRoot", true},
	{"pod.securityContext.seccompProfile.type", "RuntimeDefault"},
	{"pod.securityContext.fsGroup", int64(3000)},
	{"pod.hostNetwork", nil},
	{"pod.automountServiceAccountToken", false},
	{"pod.volumes[tmp]", map[string]any{"name": "tmp", "emptyDir": map[string]any{}}},
	{"pod.containers[CONTAINER].securityContext.allowPrivilegeEscalation", false},
	{"pod.containers[CONTAINER].securityContext.capabilities.drop", []any{"ALL"}},
	{"pod.containers[CONTAINER].securityContext.readOnlyRootFilesystem", true},
	{"pod.containers[CONTAINER].securityContext.privileged", nil},
	{"pod.containers[CONTAINER].securityContext.runAsUser", int64(1000)},
	{"pod.containers[CONTAINER].volumeMounts[/tmp]", map[string]any{"name": "tmp", "mountPath": "/tmp"}},
	{"pod.containers[CONTAINER].resources.limits.memory", "64Mi"},
}

// someFixes are random wants for some of the objects.
func someFixes(rnd *rand.Rand, objects []Object) []harden.ObjectChange {
	share := rnd.Float64() * rnd.Float64()
	var out []harden.ObjectChange
	for _, o := range objects {
		after := o.DeepCopy()
		set := func(path harden.Path, v any) {
			if rnd.Float64() > share {
				return
			}
			if v != nil {
				plan.Put(after, path, v)
			} else if err := plan.Drop(after, path); err != nil {
				panic(err)
			}
		}
		if o.Ref.Kind == "ServiceAccount" {
			set(pathOf("", "automountServiceAccountToken"), false)
		}
		list, _ := plan.Lookup(o.Unstructured, pathOf(o.Ref.Kind, "pod.containers"))
		containers, _ := list.([]any)
		for _, f := range podFields {
			if len(containers) > 0 && !strings.Contains(f.path, "CONTAINER") {
				set(pathOf(o.Ref.Kind, f.path), f.value)
			}
		}
		for _, c := range containers {
			name, _ := c.(map[string]any)["name"].(string)
			for _, f := range podFields {
				if strings.Contains(f.path, "CONTAINER") {
					set(pathOf(o.Ref.Kind, strings.ReplaceAll(f.path, "CONTAINER", name)), f.value)
				}
			}
		}
		if len(diff(o.Object, after.Object)) > 0 {
			out = append(out, harden.ObjectChange{Target: o.Ref, Before: o.Unstructured, After: after})
		}
	}
	return out
}

// TestWhatIsFoundIsRight wants anything of anybody: whatever is found must bring
// exactly what was wanted, and whatever is left must have a reason.
func TestWhatIsFoundIsRight(t *testing.T) {
	brought := 0
	for _, name := range []string{"", "shared", "parent", "fixed", "list", "strict"} {
		c := chartOf(t, name)
		objects, err := c.Objects(testRelease)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(12) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				wanted := someFixes(rand.New(rand.NewPCG(seed, 1)), objects)
				found, err := c.Find(testRelease, wanted)
				if err != nil {
					t.Fatal(err)
				}
				prove(t, c, testRelease, wanted, found)
				for key, why := range found.Left {
					if why == "" {
						t.Errorf("%v is left without a reason", key)
					}
				}
				brought += len(wanted) - len(found.Left)
			})
		}
	}
	if brought < 10 {
		t.Errorf("only %d changes were brought", brought)
	}
}
