package plan

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A regime is how an owner treats what others change.
type regime int

const (
	regimeOperator regime = iota // generates the object: undoes changes within seconds
	regimeKubelet                // runs the pod from a file on its node
	regimeAddOn                  // the cloud provider keeps the object as it is
	regimeFlux                   // a Kustomization of Flux
	regimeRelease                // a HelmRelease of Flux
	regimeArgo
	regimeHelm
	regimeReverts // sets the object back at its next run, as far as is known
	regimeApplier // server-side apply under a name that says nothing more
)

// An owner is a harden.Owner with what is needed to judge a change.
type owner struct {
	harden.Owner
	regime   regime
	managers []string // field managers under which it writes
	applier  string   // the manager that applies the pod template; maybe another one than the owner
	template bool     // the pod template is applied server-side, or will be
	paused   string   // what tells it to leave the object alone, such as an annotation
	replaces string   // what makes it replace the object as a whole, such as Replace=true
	// putsBack says when and how it sets again a field that it sets, such as "it
	// re-applies it within 10m"; nil where contestedWhy knows.
	putsBack func(harden.Path) string
	// keeps reports whether it is told to leave the field as others set it; nil: no field.
	keeps func(harden.Path) bool
}

// A writer is one entry of managedFields.
type writer struct {
	manager string
	applies bool
	fields  *fieldpath.Set
}

// writersOf are the others that wrote the object itself, not a subresource.
// Entries that cannot be read count as owning nothing.
func writersOf(object *unstructured.Unstructured) []writer {
	var writers []writer
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource != "" || entry.Manager == harden.Manager {
			continue
		}
		fields, err := entrySet(entry)
		if err != nil {
			fields = fieldpath.NewSet()
		}
		writers = append(writers, writer{entry.Manager, entry.Operation == metav1.ManagedFieldsOperationApply, fields})
	}
	return writers
}

// holds reports whether the writer has something at, below or (as an atomic
// leaf) above the path.
func (w writer) holds(path harden.Path) bool {
	for _, p := range Paths(w.fields.Leaves()) {
		if within(p, path) || within(path, p) && len(p) > 0 {
			return true
		}
	}
	return false
}

type seen struct {
	object      *unstructured.Unstructured
	labels      map[string]string
	annotations map[string]string
	writers     []writer
	told        told
}

// manager is the first manager for which match is true.
func (s seen) manager(match func(string) bool) string {
	for _, w := range s.writers {
		if match(w.manager) {
			return w.manager
		}
	}
	return ""
}

// marked reports whether a label or annotation starts with the prefix.
func (s seen) marked(prefix string) bool {
	for _, m := range []map[string]string{s.labels, s.annotations} {
		for k := range m {
			if strings.HasPrefix(k, prefix) {
				return true
			}
		}
	}
	return false
}

// value is the label or annotation.
func (s seen) value(key string) string { return cmp.Or(s.labels[key], s.annotations[key]) }

// findOwner says who else manages the object, with what the facts tell of it; nil
// when nobody is seen.
//
// The detectors go from those who would undo anything to those who only own a part;
// the first that recognises its mark wins. Sources: the projects' documentation
// of the labels and annotations that they put on what they manage.
func findOwner(object *unstructured.Unstructured, w *harden.Workload, facts harden.OwnerFacts) *owner {
	detectors := []func(seen) *owner{
		detectKubelet, detectOLM, detectController, detectAddOn, detectFlux, detectArgo, detectHelm, detectOthers, detectApplier,
	}
	s := seen{object, object.GetLabels(), object.GetAnnotations(), writersOf(object), told{facts}}
	var found *owner
	if w != nil && w.Controller != nil {
		found = operator(w.Controller.Kind, w.Controller.Name)
	}
	for _, detect := range detectors {
		if found != nil {
			break
		}
		found = detect(s)
	}
	if found == nil {
		return nil
	}
	found.applier = s.templateApplier()
	found.Manager = s.manager(func(m string) bool { return slices.Contains(found.managers, m) })
	found.template = found.Applies || found.applier != ""
	found.Applies = found.template || slices.ContainsFunc(s.writers, func(w writer) bool { return w.applies && slices.Contains(found.managers, w.manager) })
	return found
}

// templateApplier is the manager that writes the pod template by server-side apply.
func (s seen) templateApplier() string {
	template, ok := templatePath(s.object.GetKind())
	if !ok {
		return ""
	}
	if len(template) == 0 {
		template = fieldpath.MakePathOrDie("spec")
	}
	for _, w := range s.writers {
		if w.applies && w.holds(template) {
			return w.manager
		}
	}
	return ""
}

func operator(kind, name string) *owner {
	return &owner{Owner: harden.Owner{Name: kind, What: kind + "/" + name, Next: "within seconds, whenever the object differs from what it generates"}, regime: regimeOperator}
}

func detectKubelet(s seen) *owner {
	_, mirror := s.annotations[corev1.MirrorPodAnnotationKey]
	node := s.object.GetKind() == "Pod" && slices.ContainsFunc(s.object.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.Kind == "Node" })
	if !mirror && !node {
		return nil
	}
	name, _, _ := unstructured.NestedString(s.object.Object, "spec", "nodeName")
	return &owner{Owner: harden.Owner{Name: "kubelet", What: "node " + cmp.Or(name, "of the pod"), Next: "when the file on the node changes"}, regime: regimeKubelet}
}

func detectOLM(s seen) *owner {
	name := s.value("olm.owner")
	if name == "" {
		return nil
	}
	o := operator(cmp.Or(s.value("olm.owner.kind"), "ClusterServiceVersion"), name)
	o.Name = "Operator Lifecycle Manager"
	return o
}

// nativeGroups have controllers whose objects roll up to a workload; a
// controller of another group is a custom resource.
var nativeGroups = []string{"", "apps", "batch"}

func detectController(s seen) *owner {
	for _, ref := range s.object.GetOwnerReferences() {
		group := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).Group
		if ref.Controller != nil && *ref.Controller && !slices.Contains(nativeGroups, group) {
			return operator(ref.Kind, ref.Name)
		}
	}
	return nil
}

func detectAddOn(s seen) *owner {
	addOn := func(name, what string, managers ...string) *owner {
		return &owner{Owner: harden.Owner{Name: name, What: what, Next: "whenever the add-on is reconciled"}, regime: regimeAddOn, managers: managers}
	}
	switch {
	case s.labels["addonmanager.kubernetes.io/mode"] == "Reconcile":
		return addOn("addon-manager", "add-on", "kubectl")
	case s.manager(func(m string) bool { return m == "eks" }) != "" || s.marked("eks.amazonaws.com/component"):
		return addOn("Amazon EKS", cmp.Or(s.value("eks.amazonaws.com/component"), "add-on"), "eks")
	case s.marked("components.gke.io/"):
		return addOn("GKE", cmp.Or(s.value("components.gke.io/component-name"), "component"))
	case s.value("kubernetes.azure.com/managedby") != "":
		return addOn("AKS", cmp.Or(s.value("kubernetes.azure.com/managedby"), "add-on"))
	default:
		return nil
	}
}

func detectHelm(s seen) *owner {
	const release, namespace = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
	if s.labels["app.kubernetes.io/managed-by"] != "Helm" || s.annotations[release] == "" || s.annotations[namespace] == "" {
		return nil
	}
	what := "release " + s.annotations[namespace] + "/" + s.annotations[release]
	return &owner{
		Owner:  harden.Owner{Name: "Helm", What: what, Next: "at the next helm upgrade or rollback", Origin: chartOf(what, s.labels["helm.sh/chart"])},
		regime: regimeHelm, managers: []string{"helm", "Helm"},
	}
}

func detectOthers(s seen) *owner {
	reverts := func(name, what string, managers ...string) *owner {
		return &owner{Owner: harden.Owner{Name: name, What: what, Next: "at its next run"}, regime: regimeReverts, managers: managers}
	}
	switch {
	case s.value("kapp.k14s.io/app") != "":
		return reverts("kapp", "app "+s.value("kapp.k14s.io/app"), "kapp")
	case s.marked("objectset.rio.cattle.io/"):
		return reverts("Fleet", strings.TrimSuffix("bundle "+s.value("objectset.rio.cattle.io/id"), " "), "fleetagent", "fleet-agent")
	case s.marked("configsync.gke.io/"), s.marked("configmanagement.gke.io/"):
		return reverts("Config Sync", cmp.Or(s.value("configsync.gke.io/resource-id"), "repository"), "configsync")
	case s.marked("tanka.dev/"):
		return reverts("Tanka", "environment "+s.value("tanka.dev/environment"), "tanka")
	case s.marked("app.oam.dev/"):
		return reverts("KubeVela", "application "+s.value("app.oam.dev/name"), "kubevela")
	}
	for _, m := range []struct{ prefix, name string }{{"terraform", "Terraform"}, {"pulumi-kubernetes", "Pulumi"}, {"crossplane", "Crossplane"}} {
		if manager := s.manager(func(n string) bool { return strings.HasPrefix(strings.ToLower(n), m.prefix) }); manager != "" {
			return reverts(m.name, "configuration", manager)
		}
	}
	return nil
}

// detectApplier finds who applies the pod template server-side; for an object
// without one, who applies the object.
func detectApplier(s seen) *owner {
	manager := s.templateApplier()
	if _, ok := templatePath(s.object.GetKind()); !ok {
		for _, w := range s.writers {
			if w.applies && manager == "" {
				manager = w.manager
			}
		}
	}
	if manager == "" {
		return nil
	}
	return &owner{
		Owner:  harden.Owner{Name: manager, What: "server-side apply", Applies: true, Next: nextOf(manager)},
		regime: regimeApplier, managers: []string{manager},
	}
}

func nextOf(manager string) string {
	if strings.HasPrefix(manager, "kubectl") {
		return "at the next kubectl apply --server-side"
	}
	return "at its next apply"
}
