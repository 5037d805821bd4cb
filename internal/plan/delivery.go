package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A route is how one object plan reaches its object.
type route struct {
	op     *harden.ObjectPlan
	before *unstructured.Unstructured // as read, with managedFields
	owner  *owner
	paths  []harden.Path // what the plan changes: leaves of Set and Remove
	force  bool          // PlanOptions.Live
}

// decide sets Delivery and DeliveryWhy. An object in a file and an object that
// is made anew have no owner to ask: DeliverLive then means that the change goes
// to the output, or to the cluster.
func (r route) decide(live bool) {
	r.op.Delivery, r.op.DeliveryWhy = harden.DeliverLive, ""
	if !live || r.op.Verb == harden.Create {
		return
	}
	if r.immutable() {
		r.op.Delivery, r.op.DeliveryWhy = r.insteadOfImmutable()
		return
	}
	delivery, why := harden.DeliverLive, r.noteForKubectl()
	if r.owner != nil {
		delivery, why = r.byOwner()
	}
	if delivery != harden.DeliverLive && r.force {
		delivery, why = harden.DeliverLive, "live by your choice, although "+why
	}
	if note := r.noteForPods(); note != "" && delivery == harden.DeliverLive {
		why = strings.TrimPrefix(why+"; "+note, "; ")
	}
	r.op.Delivery, r.op.DeliveryWhy = delivery, why
}

// noteForPods says which pods keep the old template although the change is live.
func (r route) noteForPods() string {
	if !r.touchesTemplate() {
		return ""
	}
	switch kind := r.op.Target.Kind; {
	case kind == "ReplicaSet" || kind == "ReplicationController":
		return "running pods keep the old template until they are deleted"
	case kind == "CronJob":
		return "takes effect with the next run"
	case !r.replacesPods() && kind == "Deployment":
		return "the Deployment is paused: no pod is replaced until it is resumed"
	case !r.replacesPods():
		return "updateStrategy is OnDelete: running pods keep the old template until they are deleted"
	}
	if partition, ok := lookup(r.before.Object, partitionPath); ok && r.op.Target.Kind == "StatefulSet" && !sameScalar(int64(0), partition) {
		return fmt.Sprintf("pods with a number below the partition %v keep the old template", partition)
	}
	return ""
}

var partitionPath = fieldpath.MakePathOrDie("spec", "updateStrategy", "rollingUpdate", "partition")

// immutable reports whether the API server would refuse the change whatever we do.
func (r route) immutable() bool {
	switch r.op.Target.Kind {
	case "Pod":
		return r.touches(fieldpath.MakePathOrDie("spec"))
	case "Job":
		return r.touchesTemplate()
	default:
		return false
	}
}

func (r route) insteadOfImmutable() (harden.Delivery, string) {
	if r.owner != nil && slices.Contains([]regime{regimeOperator, regimeKubelet, regimeAddOn}, r.owner.regime) {
		return r.byOwner()
	}
	if r.op.Target.Kind == "Job" {
		return harden.DeliverSource, "the pod template of a Job cannot be changed: change what creates the Job (CronJob, pipeline, chart), or delete it and create it anew"
	}
	return harden.DeliverSource, "the spec of a Pod cannot be changed: change its manifest, then delete the pod and create it anew"
}

func (r route) byOwner() (harden.Delivery, string) {
	o := r.owner
	who := o.Name + " " + o.What
	switch o.regime {
	case regimeOperator:
		who := o.What
		if o.Name != strings.SplitN(o.What, "/", 2)[0] {
			who = o.Name + " (" + o.What + ")"
		}
		return harden.DeliverManual, who + " generates this object and would undo a live change within seconds: set it there"
	case regimeKubelet:
		return harden.DeliverManual, "the kubelet runs this pod from a file on its node (" + o.What + "): change the file there"
	case regimeAddOn:
		return harden.DeliverManual, who + " keeps this object as it is: use the configuration of the add-on"
	case regimeReverts:
		return harden.DeliverSource, who + " sets this object back at its next run: change it there"
	}
	if o.paused != "" {
		return harden.DeliverLive, o.Name + " is told to leave this object alone (" + o.paused + ")"
	}
	if o.Applies && r.touchesTemplate() {
		return harden.DeliverSource, r.applierWhy()
	}
	if path := r.contested(); path != "" {
		return harden.DeliverSource, r.contestedWhy(path)
	}
	if len(r.op.Remove) > 0 && o.regime != regimeApplier {
		return harden.DeliverSource, fmt.Sprintf("%s may put back what is taken away (%s): take it out there", who, PathString(r.op.Remove[0]))
	}
	return harden.DeliverLive, r.durableWhy()
}

// applierWhy tells what was seen on a real API server: co-owning a list item
// keeps it alive when its owner renames it.
func (r route) applierWhy() string {
	manager := r.owner.applier
	if manager == "" {
		manager = r.owner.managers[0]
	}
	return fmt.Sprintf("%s applies this pod template server-side (manager %q): a live patch would co-own its containers, volumes or mounts, "+
		"and its next apply that renames or removes one of them is refused (containers[0].image: Required value)", r.owner.Name, manager)
}

func (r route) contestedWhy(path string) string {
	o := r.owner
	switch o.regime {
	case regimeFlux:
		return fmt.Sprintf("Flux %s sets %s and re-applies it within its interval: change it in its source", o.What, path)
	case regimeArgo:
		return fmt.Sprintf("Argo CD %s sets %s: self-heal or the next sync puts it back: change it in its source", o.What, path)
	case regimeHelm:
		if o.Applies {
			return fmt.Sprintf("Helm %s sets %s by server-side apply: the next helm upgrade fails with a conflict: change its values", o.What, path)
		}
		return fmt.Sprintf("the chart of Helm %s sets %s: the next helm upgrade resets it: change its values", o.What, path)
	default:
		return fmt.Sprintf("manager %q applies %s server-side: its next apply would fail with a conflict: change its manifest", o.Name, path)
	}
}

func (r route) durableWhy() string {
	o := r.owner
	switch o.regime {
	case regimeFlux:
		return fmt.Sprintf("Flux %s does not set these fields: they stay when it reconciles", o.What)
	case regimeArgo:
		return fmt.Sprintf("Argo CD %s does not set these fields: they stay and show as Synced, unless it syncs with Replace=true", o.What)
	case regimeHelm:
		return fmt.Sprintf("Helm %s does not set these fields: they survive helm upgrade, but not --force; set them in the chart too", o.What)
	default:
		return fmt.Sprintf("manager %q does not set these fields: its next apply keeps them", o.Name)
	}
}

// contested is the first path that the owner sets to another value, or "". What
// the object has already was taken out of the plan, so every path that the
// owner holds is one. Without managedFields, whatever has a value counts.
func (r route) contested() string {
	writers := writersOf(r.before)
	manifest := lastManifest(r.before)
	for _, path := range r.paths {
		if _, ok := lookup(r.before.Object, path); !ok {
			continue
		}
		held := len(r.before.GetManagedFields()) == 0
		for _, w := range writers {
			held = held || slices.Contains(r.owner.managers, w.manager) && w.holds(path)
		}
		if _, declared := lookup(manifest, path); held || declared {
			return PathString(path)
		}
	}
	return ""
}

// noteForKubectl warns people who apply a manifest: their next apply resets
// silently what the manifest sets.
func (r route) noteForKubectl() string {
	manifest := lastManifest(r.before)
	for _, path := range r.paths {
		if _, declared := lookup(manifest, path); declared {
			return fmt.Sprintf("the manifest that was last applied with kubectl sets %s: change it too, or its next kubectl apply resets it", PathString(path))
		}
	}
	return ""
}

// lastManifest is what client-side kubectl apply (and Argo CD) last applied;
// nil when there is none or it cannot be read.
func lastManifest(object *unstructured.Unstructured) map[string]any {
	raw := object.GetAnnotations()[lastApplied]
	if raw == "" {
		return nil
	}
	var manifest map[string]any
	if err := json.Unmarshal([]byte(raw), &manifest); err != nil {
		return nil
	}
	return manifest
}

func (r route) touches(prefix harden.Path) bool {
	return slices.ContainsFunc(r.paths, func(p harden.Path) bool { return within(p, prefix) || within(prefix, p) })
}

func (r route) touchesTemplate() bool {
	template, ok := templatePath(r.op.Target.Kind)
	return ok && r.touches(template)
}

// restarts counts the rollouts of the plan. Only Deployment, StatefulSet and
// DaemonSet replace their pods when the template changes, the latter two not
// under updateStrategy OnDelete, and no paused Deployment does. A live removal
// that server-side apply cannot say is a request, and so a rollout, of its own.
func (r route) restarts(conv managedfields.TypeConverter) (int, error) {
	template, ok := templatePath(r.op.Target.Kind)
	if !ok || !r.touchesTemplate() || r.op.Verb == harden.Create || !r.replacesPods() {
		return 0, nil
	}
	if r.op.Delivery != harden.DeliverLive || !r.op.Target.Source.IsZero() {
		return 1, nil
	}
	set, rest := Requests(r.op, r.before)
	leaves, err := FieldSet(set, conv)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, path := range Paths(leaves) {
		if within(path, template) {
			n = 1
			break
		}
	}
	if slices.ContainsFunc(rest, func(p harden.Path) bool { return within(p, template) }) {
		n++
	}
	return n, nil
}

func (r route) replacesPods() bool {
	switch r.op.Target.Kind {
	case "Deployment":
		paused, _, _ := unstructured.NestedBool(r.before.Object, "spec", "paused")
		return !paused
	case "StatefulSet", "DaemonSet":
		return !r.onDelete()
	default:
		return false
	}
}

func (r route) onDelete() bool {
	strategy, _, _ := unstructured.NestedString(r.before.Object, "spec", "updateStrategy", "type")
	return strategy == "OnDelete"
}
