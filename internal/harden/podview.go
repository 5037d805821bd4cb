package harden

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A PodView is one form of a workload's pods, as a fixer judges it: the
// template under the declared lens, or the parts of a live Pod that no template
// declares under the injected lens.
type PodView struct {
	Lens   Lens
	Object Ref // what carries the spec: the workload, or the Pod
	Meta   *metav1.ObjectMeta
	Spec   *corev1.PodSpec
	// PodLevel is false under the injected lens: only containers are judged.
	PodLevel bool

	prefix     string
	containers []Container
	windows    osName
}

// A Container is one container of a PodView. For ephemeral containers the
// common fields are copied into a Container value.
type Container struct {
	*corev1.Container
	Ref   ContainerRef
	Field string // path for people, such as spec.template.spec.containers[web]
}

type osName int

const (
	osLinux osName = iota
	osWindowsInferred
	osWindows
)

// NewPodView makes the view of a spec. Keep selects the containers that are
// judged; nil keeps all. Nodes help to infer the operating system of a pod that
// is bound to one.
func NewPodView(lens Lens, object Ref, meta *metav1.ObjectMeta, spec *corev1.PodSpec, keep func(ContainerRef) bool, nodes []*corev1.Node) *PodView {
	prefix := strings.Join(append(TemplatePath(object.Kind), "spec"), ".")
	v := &PodView{Lens: lens, Object: object, Meta: meta, Spec: spec, PodLevel: lens != Injected, prefix: prefix, windows: inferOS(spec, nodes)}
	add := func(kind ContainerKind, c *corev1.Container) {
		ref := ContainerRef{Kind: kind, Name: c.Name}
		if keep != nil && !keep(ref) {
			return
		}
		v.containers = append(v.containers, Container{Container: c, Ref: ref, Field: prefix + "." + ref.List() + "[" + c.Name + "]"})
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		kind := InitContainer
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			kind = SidecarContainer
		}
		add(kind, c)
	}
	for i := range spec.Containers {
		add(AppContainer, &spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		c := corev1.Container(spec.EphemeralContainers[i].EphemeralContainerCommon)
		add(EphemeralContainer, &c)
	}
	return v
}

// Containers are all containers that are to be judged: init, sidecar, app, ephemeral.
func (v *PodView) Containers() []Container { return v.containers }

// Container finds a container of the view.
func (v *PodView) Container(ref ContainerRef) (Container, bool) {
	for _, c := range v.containers {
		if c.Ref == ref {
			return c, true
		}
	}
	return Container{}, false
}

// Field is the path of a field of the pod spec for people.
func (v *PodView) Field(path string) string {
	if path == "" {
		return v.prefix
	}
	return v.prefix + "." + path
}

// Windows reports whether the pod runs on Windows: by spec.os, by nodeSelector
// or required affinity, or by the node that it runs on. Linux-only rules do not
// apply then and Linux fields must not be proposed.
func (v *PodView) Windows() bool { return v.windows != osLinux }

// WindowsUndeclared reports whether Windows is only inferred: Pod Security
// admission exempts Windows pods by spec.os alone.
func (v *PodView) WindowsUndeclared() bool { return v.windows == osWindowsInferred }

func inferOS(spec *corev1.PodSpec, nodes []*corev1.Node) osName {
	if spec.OS != nil {
		if spec.OS.Name == corev1.Windows {
			return osWindows
		}
		return osLinux
	}
	const label = corev1.LabelOSStable
	if os, ok := spec.NodeSelector[label]; ok {
		if os == string(corev1.Windows) {
			return osWindowsInferred
		}
		return osLinux
	}
	if a := spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		terms := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		windows := 0
		for _, t := range terms {
			for _, e := range t.MatchExpressions {
				if e.Key == label && e.Operator == corev1.NodeSelectorOpIn && len(e.Values) == 1 && e.Values[0] == string(corev1.Windows) {
					windows++
					break
				}
			}
		}
		// Terms are alternatives: only when each demands Windows is it certain.
		if len(terms) > 0 && windows == len(terms) {
			return osWindowsInferred
		}
	}
	for _, n := range nodes {
		if n.Name == spec.NodeName && n.Labels[label] == string(corev1.Windows) {
			return osWindowsInferred
		}
	}
	return osLinux
}
