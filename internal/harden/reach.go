package harden

import "fmt"

// OutOfReach is what to do instead where no change to the workload can repair
// the finding: on an ephemeral container, on a container that admission injects,
// and on the mirror of a static pod.
func (f *Finding) OutOfReach() (instead Fix, ok bool) {
	switch {
	case f.Container.Kind == EphemeralContainer:
		return Fix{
			Title: "replace the Pod", Class: Review,
			Manual: fmt.Sprintf("Delete the Pod once the debugging is done, so that its controller makes a new one. Ephemeral container %q can be neither changed nor removed.", f.Container.Name),
		}, true
	case f.Lens == Injected:
		return Fix{
			Title: "change what injects the container", Class: Review,
			Manual: fmt.Sprintf("Change the configuration of the webhook or policy that adds container %q: %s does not declare it.", f.Container.Name, owner(f)),
		}, true
	case f.Workload != nil && f.Workload.IsStatic():
		return Fix{
			Title: "change the file on the node", Class: Review,
			Manual: "Change the manifest that the kubelet reads on the node. The API server only shows a mirror of this static pod, and a change of the mirror does nothing.",
		}, true
	}
	return Fix{}, false
}

func owner(f *Finding) string {
	if f.Workload == nil {
		return "the workload"
	}
	return f.Workload.Ref.String()
}
