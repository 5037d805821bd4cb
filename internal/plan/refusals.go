package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A refusal is a combination that the API server's validation refuses, or with
// which the kubelet starts no container. One of the paths must not be changed.
type refusal struct {
	paths []harden.Path
	why   string
}

// refusals looks at the object as it will be. Sources: pkg/apis/core/validation
// (ValidateSecurityContext, validateVolumes, validateEnv, host namespaces under
// hostUsers) and the kubelet's verifyRunAsNonRoot.
func refusals(after *unstructured.Unstructured) []refusal {
	path, ok := templatePath(after.GetKind())
	if !ok {
		return nil
	}
	data, ok := lookup(after.Object, path)
	if !ok {
		return nil
	}
	template := corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(data.(map[string]any), &template); err != nil {
		return nil // the schema has been checked; a newer server may know more
	}
	r := refOf(after)
	spec := &template.Spec
	var found []refusal
	found = append(found, hostUserRefusals(r, spec)...)
	volumes := claimTemplates(after)
	for _, v := range spec.Volumes {
		volumes = append(volumes, v.Name)
	}
	each := func(kind harden.ContainerKind, containers []corev1.Container) {
		for i := range containers {
			c := &containers[i]
			ref := harden.ContainerRef{Kind: kind, Name: c.Name}
			found = append(found, privilegeRefusals(r, ref, c)...)
			found = append(found, rootRefusals(r, ref, spec, c)...)
			found = append(found, mountRefusals(r, ref, c, volumes)...)
		}
	}
	each(harden.InitContainer, spec.InitContainers)
	each(harden.AppContainer, spec.Containers)
	return found
}

func hostUserRefusals(r harden.Ref, spec *corev1.PodSpec) []refusal {
	if spec.HostUsers == nil || *spec.HostUsers || !spec.HostNetwork && !spec.HostPID && !spec.HostIPC {
		return nil
	}
	return []refusal{{
		[]harden.Path{harden.PodSpecPath(r, "hostUsers")},
		"hostUsers: false is refused while the pod uses the network, PIDs or IPC of the host",
	}}
}

func privilegeRefusals(r harden.Ref, ref harden.ContainerRef, c *corev1.Container) []refusal {
	sc := c.SecurityContext
	if sc == nil || sc.AllowPrivilegeEscalation == nil || *sc.AllowPrivilegeEscalation {
		return nil
	}
	with := ""
	switch {
	case sc.Privileged != nil && *sc.Privileged:
		with = "privileged: true"
	case sc.Capabilities != nil && slices.Contains(sc.Capabilities.Add, "CAP_SYS_ADMIN"):
		with = "the capability CAP_SYS_ADMIN"
	default:
		return nil
	}
	return []refusal{{
		[]harden.Path{
			harden.ContainerPath(r, ref, "securityContext", "allowPrivilegeEscalation"),
			harden.ContainerPath(r, ref, "securityContext", "privileged"),
			harden.ContainerPath(r, ref, "securityContext", "capabilities", "add"),
		},
		fmt.Sprintf("the API server refuses allowPrivilegeEscalation: false next to %s in container %q", with, c.Name),
	}}
}

func rootRefusals(r harden.Ref, ref harden.ContainerRef, spec *corev1.PodSpec, c *corev1.Container) []refusal {
	var nonRoot *bool
	var user *int64
	if pod := spec.SecurityContext; pod != nil {
		nonRoot, user = pod.RunAsNonRoot, pod.RunAsUser
	}
	if sc := c.SecurityContext; sc != nil {
		if sc.RunAsNonRoot != nil {
			nonRoot = sc.RunAsNonRoot
		}
		if sc.RunAsUser != nil {
			user = sc.RunAsUser
		}
	}
	if nonRoot == nil || !*nonRoot || user == nil || *user != 0 {
		return nil
	}
	return []refusal{{
		[]harden.Path{
			harden.ContainerPath(r, ref, "securityContext", "runAsNonRoot"),
			harden.ContainerPath(r, ref, "securityContext", "runAsUser"),
			harden.PodSpecPath(r, "securityContext", "runAsNonRoot"),
			harden.PodSpecPath(r, "securityContext", "runAsUser"),
		},
		fmt.Sprintf("the kubelet starts no container with runAsNonRoot: true and runAsUser: 0 (container %q)", c.Name),
	}}
}

func mountRefusals(r harden.Ref, ref harden.ContainerRef, c *corev1.Container, volumes []string) []refusal {
	var found []refusal
	for _, m := range c.VolumeMounts {
		if slices.Contains(volumes, m.Name) {
			continue
		}
		found = append(found, refusal{
			[]harden.Path{
				harden.ContainerPath(r, ref, "volumeMounts", keyOf("mountPath", m.MountPath)),
				harden.PodSpecPath(r, "volumes", keyOf("name", m.Name)),
			},
			fmt.Sprintf("container %q would mount the volume %q that the pod does not have", c.Name, m.Name),
		})
	}
	for _, e := range c.Env {
		if e.Value != "" && e.ValueFrom != nil {
			found = append(found, refusal{
				[]harden.Path{harden.ContainerPath(r, ref, "env", keyOf("name", e.Name))},
				fmt.Sprintf("the API server refuses value next to valueFrom in the environment variable %q of container %q", e.Name, c.Name),
			})
		}
	}
	return found
}

func claimTemplates(object *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedSlice(object.Object, "spec", "volumeClaimTemplates")
	var names []string
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			name, _, _ := unstructured.NestedString(m, "metadata", "name")
			names = append(names, name)
		}
	}
	return names
}
