package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// fullPod differs from pod to pod in its name, and in one setting when told so.
func fullPod(name, setting string) *corev1.Pod {
	p := pod(name, "ReplicaSet/web")
	p.Labels = map[string]string{"app": "web"}
	p.Spec.Containers = []corev1.Container{{
		Name: "web", Image: "web:1", Args: []string{"--verbose"},
		Env: []corev1.EnvVar{{Name: "A", Value: setting}, {Name: "B", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k"},
		}}},
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("1")}},
	}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", ImageID: "sha256:1"}}
	return p
}

func TestSiblingsShareWhatIsEqualAndKeepWhatIsNot(t *testing.T) {
	s := sharer{}
	first, same, other := fullPod("a", "x"), fullPod("b", "x"), fullPod("c", "y")
	for _, p := range []*corev1.Pod{first, same, other} {
		s.see(p)
	}
	for name, diff := range map[string]string{
		"the first":       cmp.Diff(fullPod("a", "x"), first),
		"the equal one":   cmp.Diff(fullPod("b", "x"), same),
		"the unequal one": cmp.Diff(fullPod("c", "y"), other),
	} {
		if diff != "" {
			t.Errorf("%s was changed (-before +after)\n%s", name, diff)
		}
	}
	env := func(p *corev1.Pod) *corev1.EnvVar { return &p.Spec.Containers[0].Env[0] }
	if env(first) != env(same) || env(first) == env(other) {
		t.Error("equal settings are not shared, or unequal ones are")
	}
}

func TestTrimKeepsWhatRulesRead(t *testing.T) {
	p := fullPod("a", "x")
	p.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: `{"secret": 1}`, "other": "kept"}
	trim(p)
	want := fullPod("a", "x")
	want.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "", "other": "kept"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}
