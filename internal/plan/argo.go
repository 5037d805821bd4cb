package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	trackingID     = "argocd.argoproj.io/tracking-id"
	argoOptions    = "argocd.argoproj.io/sync-options"
	argoSkip       = "argocd.argoproj.io/skip-reconcile"
	instanceLabel  = "app.kubernetes.io/instance"
	inThisCluster  = "https://kubernetes.default.svc"
	replaceOption  = "Replace=true"
	serverOption   = "ServerSideApply=true"
	respectsOption = "RespectIgnoreDifferences=true"
)

// argoManagers write as Argo CD.
var argoManagers = []string{"argocd-controller", "argocd-application-controller"}

// applicationOf is the application that the marks on the object name. A tracking
// id is APPLICATION:GROUP/KIND:NAMESPACE/NAME, where an Application outside of Argo
// CD's namespace is NAMESPACE_NAME (argo-cd, docs/user-guide/resource_tracking.md).
func applicationOf(object *unstructured.Unstructured) (namespace, name string) {
	name, _, tracked := strings.Cut(object.GetAnnotations()[trackingID], ":")
	if !tracked {
		return "", object.GetLabels()[instanceLabel]
	}
	if ns, n, ok := strings.Cut(name, "_"); ok {
		return ns, n
	}
	return "", name
}

// detectArgo does not take the label app.kubernetes.io/instance alone for a sign:
// many charts set it. It is one next to one of Argo CD's managers, or when the
// Application of that name lists the object among its resources.
func detectArgo(s seen) *owner {
	namespace, name := applicationOf(s.object)
	app, unknown := s.told.application(namespace, name, s.object)
	listed := app != nil && lists(app, s.object) && isLocal(app)
	tracked := s.annotations[trackingID] != ""
	if !tracked && !listed && s.manager(func(m string) bool { return slices.Contains(argoManagers, m) }) == "" {
		return nil
	}
	o := &owner{Owner: harden.Owner{Name: "Argo CD", Unknown: unknown}, regime: regimeArgo, managers: argoManagers}
	o.What = strings.TrimSuffix("application "+line(strings.TrimPrefix(namespace+"/"+name, "/")), " ")
	if app == nil {
		o.byOptions(options(s.object), "")
		o.Next = "with its next sync, and within seconds where self-heal is on"
		o.putsBack = func(harden.Path) string { return "self-heal or the next sync puts it back" }
		return o
	}
	o.Origin = s.told.originOf(app)
	o.byApplication(app, s.object)
	return o
}

// mayBeArgo says that the label on the object could be Argo CD's, where only
// somebody else may read the Application that it names; empty otherwise.
func mayBeArgo(object *unstructured.Unstructured, facts harden.OwnerFacts) string {
	namespace, name := applicationOf(object)
	for _, m := range facts.Missing {
		if m.Forbidden && isMeant(harden.Ref{APIVersion: argoVersion, Kind: "Application", Namespace: namespace, Name: name}, m.Ref) {
			return "whether Argo CD manages this is not known: its label " + instanceLabel + " may name an Application, and who may read those could tell"
		}
	}
	return ""
}

// application is the one that is named. Of several with one name it is that which
// lists the object. The text says why there is none, as that of told.object.
func (t told) application(namespace, name string, object *unstructured.Unstructured) (*unstructured.Unstructured, string) {
	if name == "" {
		return nil, ""
	}
	ref := harden.Ref{APIVersion: argoVersion, Kind: "Application", Namespace: namespace, Name: name}
	var all []*unstructured.Unstructured
	for _, o := range t.facts.Objects {
		if !isMeant(ref, refOf(o)) {
			continue
		}
		if lists(o, object) {
			return o, ""
		}
		all = append(all, o)
	}
	if len(all) > 1 {
		return nil, fmt.Sprintf("%d Applications are called %s, and none says that it has this object", len(all), line(name))
	}
	return t.object(ref)
}

// lists reports whether the Application has the object among its resources.
func lists(app, object *unstructured.Unstructured) bool {
	resources, _, _ := unstructured.NestedSlice(app.Object, "status", "resources")
	gvk := object.GroupVersionKind()
	return slices.ContainsFunc(resources, func(r any) bool {
		m, _ := r.(map[string]any)
		field := func(name string) string { s, _ := m[name].(string); return s }
		return field("kind") == gvk.Kind && field("group") == gvk.Group && field("name") == object.GetName() && field("namespace") == object.GetNamespace()
	})
}

// isLocal reports whether the Application writes to the cluster that it is in.
func isLocal(app *unstructured.Unstructured) bool {
	server, name := said(app, "spec", "destination", "server"), said(app, "spec", "destination", "name")
	return server == inThisCluster || server == "" && (name == "" || name == "in-cluster")
}

// options are the sync options of the Application or object.
func options(object *unstructured.Unstructured) []string {
	if object.GetKind() == "Application" {
		all, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "syncPolicy", "syncOptions")
		return all
	}
	var all []string
	for _, o := range strings.Split(object.GetAnnotations()[argoOptions], ",") {
		all = append(all, strings.TrimSpace(o))
	}
	return all
}

func (o *owner) byOptions(all []string, where string) {
	if slices.Contains(all, replaceOption) {
		o.replaces = replaceOption + where
	}
	if slices.Contains(all, serverOption) {
		o.Applies = true
	}
}

// byApplication says when Argo CD writes and what it does then
// (argo-cd, docs/user-guide/auto_sync.md, sync-options.md, diffing.md).
func (o *owner) byApplication(app, object *unstructured.Unstructured) {
	all := options(app)
	o.byOptions(all, " in its syncOptions")
	o.byOptions(options(object), " on the object")
	automated, isAutomated, _ := unstructured.NestedMap(app.Object, "spec", "syncPolicy", "automated")
	if enabled, given := automated["enabled"].(bool); given && !enabled {
		isAutomated = false
	}
	heals := isAutomated && automated["selfHeal"] == true
	respects := slices.Contains(all, respectsOption)
	o.keeps = func(p harden.Path) bool { return respects && ignoresDifference(app, object, p) }
	sync := "the next sync puts it back"
	switch {
	case app.GetAnnotations()[argoSkip] == "true":
		o.Next = "not while " + argoSkip + " is true"
		sync = "the sync after " + argoSkip + " is taken away puts it back"
		heals = false
	case heals:
		o.Next = "within seconds when it differs from its source (selfHeal), and with each new revision"
	case isAutomated:
		o.Next = "with each new revision of its source (automated, no selfHeal)"
	default:
		o.Next = "when somebody syncs it (no automated sync)"
	}
	if automated["prune"] == true && isAutomated {
		o.Next += "; what its source no longer has is deleted (prune)"
	}
	if o.Applies {
		o.Next += "; it forces conflicts (" + serverOption + ")"
	}
	o.putsBack = func(p harden.Path) string {
		switch {
		case ignoresDifference(app, object, p):
			return "though it ignores differences there, " + sync
		case heals:
			return "self-heal puts it back within seconds"
		default:
			return sync
		}
	}
}

// ignoresDifference reports whether ignoreDifferences covers the field, by a JSON
// pointer or by trusting our manager. jq expressions are not evaluated.
func ignoresDifference(app, object *unstructured.Unstructured, path harden.Path) bool {
	rules, _, _ := unstructured.NestedSlice(app.Object, "spec", "ignoreDifferences")
	gk := object.GroupVersionKind().GroupKind()
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		field := func(name string) string { s, _ := rule[name].(string); return s }
		is := schema.GroupKind{Group: field("group"), Kind: field("kind")}
		if is.Group != "*" && is.Group != gk.Group || is.Kind != "*" && is.Kind != gk.Kind ||
			field("name") != "" && field("name") != object.GetName() || field("namespace") != "" && field("namespace") != object.GetNamespace() {
			continue
		}
		managers, _, _ := unstructured.NestedStringSlice(rule, "managedFieldsManagers")
		pointers, _, _ := unstructured.NestedStringSlice(rule, "jsonPointers")
		if slices.Contains(managers, harden.Manager) || covers(pointers, object, path) {
			return true
		}
	}
	return false
}

// covers reports whether one of the JSON pointers is to the path of the object or
// to what holds it.
func covers(pointers []string, object *unstructured.Unstructured, path harden.Path) bool {
	place, ok := pointerTo(object.Object, path)
	return ok && slices.ContainsFunc(pointers, func(p string) bool { return p == place || strings.HasPrefix(place, p+"/") })
}

// pointerTo is the path as a JSON pointer (RFC 6901), as the lists of the data are ordered.
func pointerTo(data any, path harden.Path) (string, bool) {
	var b strings.Builder
	for i, pe := range path {
		b.WriteByte('/')
		if pe.FieldName != nil {
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(*pe.FieldName))
			continue
		}
		parent, _ := lookup(data, path[:i])
		list, _ := parent.([]any)
		n := index(list, pe)
		if n < 0 {
			return "", false
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String(), true
}

// originOfApplication reads its source, its sources or what is hydrated into them.
func (t told) originOfApplication(app *unstructured.Unstructured) *harden.Origin {
	spec, _, _ := unstructured.NestedMap(app.Object, "spec")
	var sources []any
	switch {
	case spec["sourceHydrator"] != nil:
		hydrator, _ := spec["sourceHydrator"].(map[string]any)
		sources = []any{hydrator["drySource"]}
	case spec["sources"] != nil:
		sources, _ = spec["sources"].([]any)
	default:
		sources = []any{spec["source"]}
	}
	var all []harden.Origin
	for _, s := range sources {
		source, _ := s.(map[string]any)
		field := func(name string) string { s, _ := source[name].(string); return line(s) }
		origin := harden.Origin{Repository: repository(field("repoURL")), Path: field("path"), Chart: field("chart")}
		if origin.Chart != "" {
			origin.Version = field("targetRevision")
		} else {
			origin.Revision = field("targetRevision")
		}
		all = append(all, origin)
	}
	slices.SortStableFunc(all, func(a, b harden.Origin) int { return rendered(b) - rendered(a) })
	if len(all) == 0 {
		all = []harden.Origin{{}}
	}
	origin := &all[0]
	origin.Teller, origin.Applied, origin.More = nameOf(app), said(app, "status", "sync", "revision"), all[1:]
	if origin.Chart != "" {
		origin.More = append(origin.More, t.parents(app)...)
	}
	return origin
}

// rendered is 1 for a source that has objects of its own, 0 for one that only has values.
func rendered(o harden.Origin) int {
	if o.Path != "" || o.Chart != "" {
		return 1
	}
	return 0
}
