package pod

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// allowedUpstream asks the check that API servers of the cluster's version run
// themselves, so that lists which grow from release to release have one source.
func allowedUpstream(p *harden.Pass, check policy.Check, sc *corev1.PodSecurityContext) bool {
	judge, minor := check.Versions[0].CheckPod, p.Inventory.Cluster.Minor
	for _, v := range check.Versions {
		if server := api.MajorMinorVersion(1, minor); minor == 0 || !server.Older(v.MinimumVersion) {
			judge = v.CheckPod
		}
	}
	return judge(&metav1.ObjectMeta{}, &corev1.PodSpec{SecurityContext: sc}).Allowed
}
