package harden

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestMountsToken(t *testing.T) {
	yes, no := true, false
	accounts := map[string]map[string]*corev1.ServiceAccount{"shop": {
		"default": {}, "off": {AutomountServiceAccountToken: &no}, "on": {AutomountServiceAccountToken: &yes},
	}}
	container := []corev1.Container{{Name: "a"}}
	token := func(audience string) []corev1.Volume {
		return []corev1.Volume{{Name: "own", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience}}},
		}}}}
	}
	for _, test := range []struct {
		name          string
		spec          corev1.PodSpec
		mounts, known bool
	}{
		{"nothing said", corev1.PodSpec{Containers: container}, true, true},
		{"T71 pod true, account false", corev1.PodSpec{Containers: container, ServiceAccountName: "off", AutomountServiceAccountToken: &yes}, true, true},
		{"T71 pod false, account says nothing", corev1.PodSpec{Containers: container, AutomountServiceAccountToken: &no}, false, true},
		{"account false", corev1.PodSpec{Containers: container, ServiceAccountName: "off"}, false, true},
		{"account true", corev1.PodSpec{Containers: container, DeprecatedServiceAccount: "on"}, true, true},
		{"account not read", corev1.PodSpec{Containers: container, ServiceAccountName: "other"}, false, false},
		{"a token of its own", corev1.PodSpec{Containers: container, AutomountServiceAccountToken: &no, Volumes: token("")}, true, true},
		{"a token for somebody else", corev1.PodSpec{Containers: container, AutomountServiceAccountToken: &no, Volumes: token("vault")}, false, true},
		{"a mount in its place", corev1.PodSpec{Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "none", MountPath: TokenPath}}}}}, false, true},
	} {
		inv := &Inventory{ServiceAccounts: accounts}
		w := &Workload{Ref: Ref{Kind: "Deployment", Namespace: "shop", Name: "a"}, Template: corev1.PodTemplateSpec{Spec: test.spec}}
		if mounts, known := inv.MountsToken(w); mounts != test.mounts || known != test.known {
			t.Errorf("%s: mounts %t, known %t", test.name, mounts, known)
		}
	}
}
