package harden

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOutOfReach(t *testing.T) {
	web := &Workload{Ref: Ref{Kind: "Deployment", Name: "web"}}
	static := &Workload{Ref: Ref{Kind: "Pod", Name: "etcd"}, Meta: metav1.ObjectMeta{Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "hash"}}}
	for _, test := range []struct {
		name    string
		finding Finding
		says    string // empty: a change can repair it
	}{
		{"declared container", Finding{Workload: web, Container: ContainerRef{AppContainer, "web"}}, ""},
		{"ephemeral container", Finding{Workload: web, Lens: Injected, Container: ContainerRef{EphemeralContainer, "debug"}}, "kubectl delete pod"},
		{"injected container", Finding{Workload: web, Lens: Injected, Container: ContainerRef{SidecarContainer, "proxy"}}, "Deployment/web does not declare container"},
		{"static pod", Finding{Workload: static}, "In that file: set x"},
		{"namespace", Finding{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fix, ok := test.finding.OutOfReach("set x")
			if ok != (test.says != "") || !strings.Contains(fix.Manual, test.says) || len(fix.Changes) > 0 {
				t.Errorf("OutOfReach() = %+v, %v; want a text with %q and no changes", fix, ok, test.says)
			}
		})
	}
}
