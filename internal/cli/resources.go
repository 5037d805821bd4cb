package cli

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A kindName is a kind that carries findings, with the names that people use for it.
type kindName struct {
	kind    string
	group   string
	names   []string
	cluster bool // its objects have no namespace
	custom  bool
}

// kinds are known without asking a server. Where several groups have a kind of
// one name, the first counts unless the group is said.
var kinds = func() []kindName {
	all := []kindName{
		{kind: "Pod", names: []string{"pod", "pods", "po"}},
		{kind: "Deployment", group: "apps", names: []string{"deployment", "deployments", "deploy"}},
		{kind: "StatefulSet", group: "apps", names: []string{"statefulset", "statefulsets", "sts"}},
		{kind: "DaemonSet", group: "apps", names: []string{"daemonset", "daemonsets", "ds"}},
		{kind: "ReplicaSet", group: "apps", names: []string{"replicaset", "replicasets", "rs"}},
		{kind: "ReplicationController", names: []string{"replicationcontroller", "replicationcontrollers", "rc"}},
		{kind: "Job", group: "batch", names: []string{"job", "jobs"}},
		{kind: "CronJob", group: "batch", names: []string{"cronjob", "cronjobs", "cj"}},
		{kind: "Namespace", names: []string{"namespace", "namespaces", "ns"}},
		{kind: "ServiceAccount", names: []string{"serviceaccount", "serviceaccounts", "sa"}},
		{kind: "NetworkPolicy", group: "networking.k8s.io", names: []string{"networkpolicy", "networkpolicies", "netpol"}},
	}
	for _, k := range harden.ObjectKinds() {
		names := append([]string{strings.ToLower(k.Kind), k.Plural}, shortNames[k.Plural]...)
		all = append(all, kindName{kind: k.Kind, group: k.Group, names: names, cluster: k.Cluster, custom: k.Custom()})
	}
	return all
}()

// shortNames are those of kubectl.
var shortNames = map[string][]string{
	"nodes": {"no"}, "services": {"svc"}, "configmaps": {"cm"}, "persistentvolumes": {"pv"}, "persistentvolumeclaims": {"pvc"},
	"resourcequotas": {"quota"}, "limitranges": {"limits"}, "ingresses": {"ing"}, "poddisruptionbudgets": {"pdb"},
	"horizontalpodautoscalers": {"hpa"}, "storageclasses": {"sc"}, "gateways": {"gtw"}, "externalsecrets": {"es"},
}

// parseNames reads TYPE/NAME arguments, TYPE NAME..., or TYPE alone; a Ref
// without a name stands for all objects of the kind.
func parseNames(args []string) ([]harden.Ref, error) {
	if len(args) == 0 {
		return nil, nil
	}
	var refs []harden.Ref
	if !strings.Contains(args[0], "/") {
		for _, t := range strings.Split(args[0], ",") {
			kind, err := parseKind(t)
			if err != nil {
				return nil, err
			}
			if len(args) == 1 {
				refs = append(refs, harden.Ref{Kind: kind})
			}
			for _, name := range args[1:] {
				if strings.Contains(name, "/") {
					return nil, fmt.Errorf("reading argument %q: do not mix TYPE NAME with TYPE/NAME", name)
				}
				refs = append(refs, harden.Ref{Kind: kind, Name: name})
			}
		}
		return refs, nil
	}
	for _, a := range args {
		t, name, ok := strings.Cut(a, "/")
		if !ok || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("reading argument %q: expected TYPE/NAME such as deployment/web", a)
		}
		kind, err := parseKind(t)
		if err != nil {
			return nil, err
		}
		refs = append(refs, harden.Ref{Kind: kind, Name: name})
	}
	return refs, nil
}

func parseKind(s string) (string, error) {
	resource, group, hasGroup := strings.Cut(strings.ToLower(s), ".")
	if hasGroup {
		// deployments.v1.apps is as good as deployments.apps.
		if v, g, ok := strings.Cut(group, "."); ok && strings.HasPrefix(v, "v") && g != "" {
			group = g
		}
	}
	var known []string
	for _, k := range kinds {
		if !k.custom {
			known = append(known, k.names[0])
		}
		if slices.Contains(k.names, resource) && (!hasGroup || group == k.group) {
			return k.kind, nil
		}
	}
	return "", hinted(fmt.Errorf("unknown kind %q", s), "kinds with findings are: "+strings.Join(known, ", "))
}

// A filter selects findings.
type filter struct {
	names    []harden.Ref
	selector labels.Selector
	min      harden.Severity
	only     []string
	skip     []string
}

// match reports whether the user asked for the finding.
func (f *filter) match(x *harden.Finding) bool {
	if x.Severity < f.min || slices.Contains(f.skip, x.Fixer.ID) {
		return false
	}
	if len(f.only) > 0 && !slices.Contains(f.only, x.Fixer.ID) {
		return false
	}
	if f.selector != nil && !f.selector.Empty() && (x.Workload == nil || !f.selector.Matches(labels.Set(x.Workload.Meta.Labels))) {
		return false
	}
	if len(f.names) == 0 {
		return true
	}
	return slices.ContainsFunc(f.names, func(r harden.Ref) bool {
		return named(r, x.Object) || x.Workload != nil && named(r, x.Workload.Ref)
	})
}

// selects reports whether the user asked for the workload, or for a pod of it.
func (f *filter) selects(w *harden.Workload) bool {
	if f.selector != nil && !f.selector.Empty() && !f.selector.Matches(labels.Set(w.Meta.Labels)) {
		return false
	}
	return len(f.names) == 0 || slices.ContainsFunc(f.names, func(r harden.Ref) bool {
		return named(r, w.Ref) || r.Kind == "Pod" && slices.ContainsFunc(w.Pods, func(p *corev1.Pod) bool { return r.Name == "" || p.Name == r.Name })
	})
}

func named(want, have harden.Ref) bool {
	return want.Kind == have.Kind && (want.Name == "" || want.Name == have.Name)
}

// missing are the named objects that the inventory does not have.
func (f *filter) missing(inv *harden.Inventory) []harden.Ref {
	var out []harden.Ref
	for _, r := range f.names {
		if r.Name != "" && !inventoryHas(inv, r) {
			out = append(out, r)
		}
	}
	return out
}

// allThere is an error that names the objects that the inventory does not have.
func (f *filter) allThere(inv *harden.Inventory) error {
	missing := f.missing(inv)
	if len(missing) == 0 {
		return nil
	}
	where := "in the files"
	if inv.Live() {
		where = "in namespace " + strings.Join(inv.Scope, ", ")
	}
	var names []string
	for _, r := range missing {
		names = append(names, strings.ToLower(r.Kind)+"/"+r.Name)
	}
	return hinted(fmt.Errorf("%s not found %s", strings.Join(names, ", "), where), "list what is there with 'kubectl harden scan -o name'; choose a namespace with -n or all with -A")
}

func inventoryHas(inv *harden.Inventory, r harden.Ref) bool {
	switch r.Kind {
	case "Namespace":
		return inv.Namespaces[r.Name] != nil
	case "ServiceAccount":
		for _, sas := range inv.ServiceAccounts {
			if sas[r.Name] != nil {
				return true
			}
		}
		return false
	}
	for gk, list := range inv.Others {
		if gk.Kind == r.Kind && slices.ContainsFunc(list, func(o *harden.Object) bool { return named(r, o.Ref) }) {
			return true
		}
	}
	for _, policies := range inv.NetworkPolicies {
		if r.Kind == "NetworkPolicy" && slices.ContainsFunc(policies, func(p *networkingv1.NetworkPolicy) bool { return p.Name == r.Name }) {
			return true
		}
	}
	for _, w := range inv.Workloads {
		if named(r, w.Ref) {
			return true
		}
		for _, p := range w.Pods {
			if r.Kind == "Pod" && p.Name == r.Name {
				return true
			}
		}
	}
	return false
}
