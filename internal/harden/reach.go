package harden

import "fmt"

// OutOfReach is what to do by hand where no change to the workload can repair
// the finding: on an ephemeral container, on a container that admission injects,
// and on the mirror of a static pod. Want is a verb phrase, such as
// "set runAsNonRoot: true".
func (f *Finding) OutOfReach(want string) (instead Fix, ok bool) {
	by := func(format string, args ...any) (Fix, bool) {
		return Fix{Title: want, Class: Review, Manual: fmt.Sprintf(format, args...)}, true
	}
	switch {
	case f.Container.Kind == EphemeralContainer:
		note := ""
		if f.Workload != nil && f.Workload.Ref.Kind == "Pod" {
			note = " (nothing recreates this Pod: keep its manifest)"
		}
		return by("Ephemeral container %q can be neither changed nor removed. When the debugging is over, replace the Pod: kubectl delete pod %s -n %s%s", f.Container.Name, f.Object.Name, f.Object.Namespace, note)
	case f.Lens == Injected:
		return by("%s does not declare container %q: something adds it when Pods are created, such as a sidecar injector. In its configuration: %s.", f.Workload.Ref, f.Container.Name, want)
	case f.Workload != nil && f.Workload.IsStatic():
		return by("The kubelet of node %q runs this Pod from a file there (the staticPodPath of its configuration); what the API shows is a copy. In that file: %s.", f.Workload.Template.Spec.NodeName, want)
	}
	return Fix{}, false
}
