package harden

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestFacts(t *testing.T) {
	yes, root, one := true, int64(0), int64(1000)
	spec := corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: &one},
		Volumes:         []corev1.Volume{{Name: "logs", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var//log/"}}}},
		InitContainers:  []corev1.Container{{Name: "setup", Image: "busybox:1", VolumeMounts: []corev1.VolumeMount{{Name: "logs", ReadOnly: true}}}},
		Containers: []corev1.Container{{
			Name: "agent", Image: "registry.example.com:5000/team/agent@sha256:" + digest,
			SecurityContext: &corev1.SecurityContext{Privileged: &yes, RunAsUser: &root, Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE", "cap_net_raw", "NET_RAW"}}},
			VolumeMounts:    []corev1.VolumeMount{{Name: "logs"}},
		}},
	}
	w := &Workload{Ref: Ref{Kind: "DaemonSet", Name: "agent"}, Template: corev1.PodTemplateSpec{Spec: spec}}
	for name, test := range map[string]struct {
		finding Finding
		want    map[string]string
	}{
		"no pods":         {Finding{Discriminator: "x", Verdict: "y"}, map[string]string{"discriminator": "x", "verdict": "y"}},
		"container":       {Finding{Workload: w, Container: ContainerRef{AppContainer, "agent"}}, map[string]string{"image": "registry.example.com:5000/team/agent", "capabilities": "NET_RAW,SYS_PTRACE", "privileged": "true", "user": "0"}},
		"user of the pod": {Finding{Workload: w, Container: ContainerRef{InitContainer, "setup"}}, map[string]string{"image": "docker.io/library/busybox", "user": "1000"}},
		"hostPath":        {Finding{Workload: w, Discriminator: "logs /var/log writable"}, map[string]string{"discriminator": "logs /var/log writable", "path": "/var/log", "read-only": "false"}},
		"no such volume":  {Finding{Workload: w, Discriminator: "data /x"}, map[string]string{"discriminator": "data /x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.finding.Facts()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
