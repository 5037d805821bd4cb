package harden

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// Names of Facts.
const (
	FactDiscriminator = "discriminator"
	FactVerdict       = "verdict"
	FactImage         = "image"        // repository of the container's image, such as docker.io/library/redis
	FactCapabilities  = "capabilities" // those that the container adds, sorted, with commas
	FactPrivileged    = "privileged"   // true, if so
	FactUser          = "user"         // runAsUser in force, if any is set
	FactPath          = "path"         // of the hostPath volume that the finding is about
	FactReadOnly      = "read-only"    // whether all mounts of that volume are
)

// FactNames are the names of all facts.
func FactNames() []string {
	return []string{FactDiscriminator, FactVerdict, FactImage, FactCapabilities, FactPrivileged, FactUser, FactPath, FactReadOnly}
}

// Facts are what the finding says about its object in words that can be compared:
// a decision about it holds as long as they stay. Only those that there are.
func (f *Finding) Facts() map[string]string {
	facts := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			facts[name] = value
		}
	}
	set(FactDiscriminator, f.Discriminator)
	set(FactVerdict, f.Verdict)
	spec := f.PodSpec()
	if spec == nil {
		return facts
	}
	if c := containerNamed(spec, f.Container); c != nil {
		set(FactImage, ImageRepository(c.Image))
		if s := c.SecurityContext; s != nil {
			if s.Privileged != nil && *s.Privileged {
				set(FactPrivileged, "true")
			}
			if s.Capabilities != nil {
				set(FactCapabilities, capabilityList(s.Capabilities.Add))
			}
		}
		if u := runAsUser(spec, c); u != nil {
			set(FactUser, strconv.FormatInt(*u, 10))
		}
	}
	volume, _, _ := strings.Cut(f.Discriminator, " ")
	for i := range spec.Volumes {
		if v := &spec.Volumes[i]; v.Name == volume && v.HostPath != nil {
			set(FactPath, path.Clean("/"+v.HostPath.Path))
			set(FactReadOnly, strconv.FormatBool(allReadOnly(spec, v.Name)))
		}
	}
	return facts
}

// PodSpec is the spec of the pods that the finding is about: the template, or the
// live Pod under another lens than the declared one. Nil: it is about no pods.
func (f *Finding) PodSpec() *corev1.PodSpec {
	if f.Workload == nil {
		return nil
	}
	if f.Lens != Declared {
		for _, p := range f.Workload.Pods {
			if f.Object.Kind == "Pod" && p.Name == f.Object.Name {
				return &p.Spec
			}
		}
	}
	return &f.Workload.Template.Spec
}

// ImageRepository is an image reference without tag and digest, with what it
// leaves out filled in; empty for one that no runtime can pull.
func ImageRepository(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return named.Name()
}

func containerNamed(spec *corev1.PodSpec, ref ContainerRef) *corev1.Container {
	if ref.Kind != EphemeralContainer {
		return containerOf(spec, ref)
	}
	for i := range spec.EphemeralContainers {
		if e := &spec.EphemeralContainers[i]; e.Name == ref.Name {
			c := corev1.Container(e.EphemeralContainerCommon)
			return &c
		}
	}
	return nil
}

func capabilityList(add []corev1.Capability) string {
	names := make([]string, 0, len(add))
	for _, c := range add {
		names = append(names, strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_"))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

func runAsUser(spec *corev1.PodSpec, c *corev1.Container) *int64 {
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		return s.RunAsUser
	}
	if s := spec.SecurityContext; s != nil {
		return s.RunAsUser
	}
	return nil
}

func allReadOnly(spec *corev1.PodSpec, volume string) bool {
	writable := func(c *corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume && !m.ReadOnly }) ||
			slices.ContainsFunc(c.VolumeDevices, func(d corev1.VolumeDevice) bool { return d.Name == volume })
	}
	for _, c := range AllContainers(spec) {
		if writable(&c) {
			return false
		}
	}
	return true
}

// AllContainers are the containers of a spec of all kinds, in the order init,
// app, ephemeral.
func AllContainers(spec *corev1.PodSpec) []corev1.Container {
	all := slices.Concat(spec.InitContainers, spec.Containers)
	for i := range spec.EphemeralContainers {
		all = append(all, corev1.Container(spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}
