package pod

import (
	"fmt"
	"path"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A use is one place where a container sees a volume.
type use struct {
	container harden.Container
	mount     *corev1.VolumeMount // nil for a raw block device
}

func usesOf(pod *harden.PodView, volume string) []use {
	var uses []use
	for _, c := range pod.Containers() {
		for i := range c.VolumeMounts {
			if c.VolumeMounts[i].Name == volume {
				uses = append(uses, use{c, &c.VolumeMounts[i]})
			}
		}
		for _, d := range c.VolumeDevices {
			if d.Name == volume {
				uses = append(uses, use{container: c})
			}
		}
	}
	return uses
}

func (u use) writable() bool { return u.mount == nil || !u.mount.ReadOnly }

func (u use) String() string {
	if u.mount == nil {
		return fmt.Sprintf("container %s (as a block device)", u.container.Name)
	}
	mode := "writable"
	if u.mount.ReadOnly {
		mode = "read-only"
	}
	return fmt.Sprintf("container %s at %s (%s)", u.container.Name, u.mount.MountPath, mode)
}

func describeUses(uses []use) string {
	if len(uses) == 0 {
		return "No container mounts it."
	}
	var parts []string
	for _, u := range uses {
		parts = append(parts, u.String())
	}
	return "Mounted in " + strings.Join(parts, ", ") + "."
}

// shownPath is the part of the node that a mount shows: the path of the volume
// and, below it, the mount's subPath. A subPathExpr is known only at run time,
// so the whole volume counts.
func shownPath(v *corev1.Volume, u use) string {
	whole := cleanHostPath(v.HostPath.Path)
	if u.mount == nil || u.mount.SubPath == "" {
		return whole
	}
	return path.Join(whole, path.Join("/", u.mount.SubPath))
}

// shownPaths are the parts of the node that the volume shows; all of it when nothing mounts it.
func shownPaths(v *corev1.Volume, uses []use) []string {
	if len(uses) == 0 {
		return []string{cleanHostPath(v.HostPath.Path)}
	}
	var paths []string
	for _, u := range uses {
		paths = append(paths, shownPath(v, u))
	}
	return paths
}

// cleanHostPath makes one spelling of many: no //, no .., no slash at the end.
// Paths of Windows nodes are left alone.
func cleanHostPath(p string) string {
	if strings.Contains(p, `\`) {
		return p
	}
	return path.Clean("/" + p)
}

// realHostPath is the path behind /var/run, which is a link to /run on practically every node.
func realHostPath(p string) string {
	if within(p, "/var/run") {
		return "/run" + strings.TrimPrefix(p, "/var/run")
	}
	return p
}

// within reports whether p is dir or lies below it.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// visitVolumes calls visit for the volumes that are to be judged. Under the
// injected lens those are the ones that an injected container mounts.
func visitVolumes(pod *harden.PodView, visit func(v *corev1.Volume, uses []use)) {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		uses := usesOf(pod, v.Name)
		if pod.PodLevel || len(uses) > 0 {
			visit(v, uses)
		}
	}
}

// reportVolume reports a finding on a volume: on the pod, or under the injected
// lens on the container that brought the mount.
func reportVolume(p *harden.Pass, v *corev1.Volume, uses []use, f harden.Finding) {
	if !p.Pod.PodLevel {
		f.Container = uses[0].container.Ref
	}
	f.Field = p.Pod.Field("volumes[" + v.Name + "]")
	p.Report(f)
}

// volumeOf finds the volume that a finding is about by its discriminator, which starts with the volume's name.
func volumeOf(p *harden.Pass, f *harden.Finding) *corev1.Volume {
	name, _, _ := strings.Cut(f.Discriminator, " ")
	for i := range p.Pod.Spec.Volumes {
		if p.Pod.Spec.Volumes[i].Name == name {
			return &p.Pod.Spec.Volumes[i]
		}
	}
	return nil
}

// volumeSource is the field of the volume that holds its source, such as
// hostPath; "unknown" when there is none that this version of the API has.
func volumeSource(v *corev1.Volume) string {
	s := reflect.ValueOf(v.VolumeSource)
	for i := range s.NumField() {
		if !s.Field(i).IsNil() {
			name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
			return name
		}
	}
	return "unknown"
}

// dropUnmounted takes away a volume that no container mounts. Fixers that find
// fault with the same volume propose the same change.
func dropUnmounted(p *harden.Pass, volume string) harden.Fix {
	claims := []harden.Claim{seen(p, "E-SPEC",
		fmt.Sprintf("No container of %s mounts volume %q.", p.Object, volume),
		"a webhook or controller may expect the volume to be there")}
	if claim, ok := livePodsMount(p, volume); ok {
		claims = append(claims, claim)
	}
	return harden.Fix{
		Title:    fmt.Sprintf("remove volume %q, which no container mounts", volume),
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.RemoveFrom(p.Object, harden.PodSpecPath(p.Object, "volumes", fieldpath.KeyByFields("name", volume)))},
	}
}

// livePodsMount looks for mounts that only live pods have: webhooks like to
// mount volumes of the template into the containers that they inject.
func livePodsMount(p *harden.Pass, volume string) (claim harden.Claim, ok bool) {
	if p.Object.Kind == "Pod" || len(p.Workload.Pods) == 0 {
		return harden.Claim{}, false
	}
	for _, pod := range p.Workload.Pods {
		view := harden.NewPodView(harden.Effective, p.Object, &pod.ObjectMeta, &pod.Spec, nil, nil)
		if uses := usesOf(view, volume); len(uses) > 0 {
			return harden.Claim{
				Code: "E-LIVE", State: harden.Refutes, Time: p.Inventory.Now,
				Text: fmt.Sprintf("Pod %s mounts it in %s.", pod.Name, uses[0]),
			}, true
		}
	}
	return seen(p, "E-LIVE", fmt.Sprintf("None of its live pods mounts it (%d looked at).", len(p.Workload.Pods)), "pods that are made later"), true
}

// mountedWithin matches mounts at or below a directory.
func mountedWithin(dir string) func(corev1.VolumeMount) bool {
	return func(m corev1.VolumeMount) bool { return within(cleanHostPath(m.MountPath), dir) }
}
