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
	// mayBeArgo says that the object may belong to an Application that may not be
	// read; empty otherwise.
	mayBeArgo string
}

// A verdict is what becomes of a live patch, and what to do.
type verdict struct {
	delivery harden.Delivery
	fate     harden.Fate
	why      string
	final    bool // PlanOptions.Live does not override it
}

// decide sets Fate, Delivery and DeliveryWhy. An object in a file and an object
// that is made anew have no owner to ask: DeliverLive then means that the change
// goes to the output, or to the cluster.
func (r route) decide(live bool) {
	r.op.Delivery, r.op.DeliveryWhy = harden.DeliverLive, ""
	if !live || r.op.Verb == harden.Create {
		return
	}
	v := r.judge()
	out := ""
	if v.delivery == harden.DeliverSource {
		out = r.wayOut()
	}
	switch {
	case v.delivery == harden.DeliverLive || !r.force:
		v.why += out
	case v.final:
		v.why += "; --live does not override that" + out
	default:
		v.delivery, v.why = harden.DeliverLive, "live by your choice, although "+v.why
	}
	if note := r.noteForPods(); note != "" && v.delivery == harden.DeliverLive {
		v.why = strings.TrimPrefix(v.why+"; "+note, "; ")
	}
	r.op.Fate, r.op.Delivery, r.op.DeliveryWhy = v.fate, v.delivery, v.why
}

func (r route) judge() verdict {
	switch {
	case r.immutable():
		return r.insteadOfImmutable()
	case r.owner != nil:
		return r.byOwner()
	}
	if note := r.noteForKubectl(); note != "" {
		return verdict{delivery: harden.DeliverLive, fate: harden.Contested, why: note}
	}
	return verdict{delivery: harden.DeliverLive, fate: harden.Durable, why: r.mayBeArgo}
}

// wayOut says where the change belongs and how to bring it there.
func (r route) wayOut() string {
	const how = "change it in a checkout with 'kubectl harden fix --source CHECKOUT', or write patches for it with '-o kustomize --out DIR'"
	if r.owner == nil || r.owner.Origin == nil {
		return "; " + how
	}
	if place := r.owner.Origin.String(); place != "" {
		return "; it comes from " + place + ": " + how
	}
	return "; " + how
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

func (r route) insteadOfImmutable() verdict {
	if r.owner != nil && slices.Contains([]regime{regimeOperator, regimeKubelet, regimeAddOn}, r.owner.regime) {
		return r.byOwner()
	}
	why := "the spec of a Pod cannot be changed: change its manifest, then delete the pod and create it anew"
	if r.op.Target.Kind == "Job" {
		why = "the pod template of a Job cannot be changed: change what creates the Job (CronJob, pipeline, chart), or delete it and create it anew"
	}
	return verdict{harden.DeliverSource, harden.Futile, why, true}
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
